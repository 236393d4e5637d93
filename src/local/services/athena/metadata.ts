import type {
  Column,
  DataCatalog,
  Database,
  GetDatabaseCommandInput,
  GetDataCatalogCommandInput,
  GetTableMetadataCommandInput,
  ListDatabasesCommandInput,
  ListDataCatalogsCommandInput,
  ListTableMetadataCommandInput,
  TableMetadata,
} from "@aws-sdk/client-athena";
import type { Column as GlueColumn, Database as GlueDatabase, Table } from "@aws-sdk/client-glue";
import { AwsError } from "../../service.ts";
import type { CallContext, Operations, ServiceDeps } from "../../service.ts";
import { invalidRequest } from "./errors.ts";

/** What Athena's API tells of the Data Catalog, asked as the caller. */
export function createMetadataOperations(deps: ServiceDeps) {
  const catalog: DataCatalog = {
    Name: "AwsDataCatalog",
    Type: "GLUE",
    Parameters: { "catalog-id": deps.environment.account },
    Status: "CREATE_COMPLETE",
  };
  return {
    ListDataCatalogs(_input: ListDataCatalogsCommandInput) {
      return {
        DataCatalogsSummary: [
          { CatalogName: "AwsDataCatalog", Type: "GLUE" as const, Status: "CREATE_COMPLETE" as const },
        ],
      };
    },

    GetDataCatalog(input: GetDataCatalogCommandInput): { DataCatalog: DataCatalog } {
      own(input.Name);
      return { DataCatalog: catalog };
    },

    async GetDatabase(input: GetDatabaseCommandInput, { principal }: CallContext): Promise<{ Database: Database }> {
      own(input.CatalogName);
      const found = await translated(() => deps.bus.call("glue:GetDatabase", { Name: input.DatabaseName }, principal));
      return { Database: databaseOf(found.Database) };
    },

    async ListDatabases(input: ListDatabasesCommandInput, { principal }: CallContext) {
      own(input.CatalogName);
      const page = await translated(() =>
        deps.bus.call(
          "glue:GetDatabases",
          { NextToken: input.NextToken, MaxResults: input.MaxResults ?? 50 },
          principal,
        ),
      );
      return { DatabaseList: (page.DatabaseList ?? []).map(databaseOf), NextToken: page.NextToken };
    },

    async GetTableMetadata(input: GetTableMetadataCommandInput, { principal }: CallContext) {
      own(input.CatalogName);
      const request = { DatabaseName: input.DatabaseName, Name: input.TableName };
      const found = await translated(() => deps.bus.call("glue:GetTable", request, principal));
      return { TableMetadata: tableOf(found.Table) };
    },

    async ListTableMetadata(input: ListTableMetadataCommandInput, { principal }: CallContext) {
      own(input.CatalogName);
      const request = {
        DatabaseName: input.DatabaseName,
        Expression: input.Expression,
        NextToken: input.NextToken,
        MaxResults: input.MaxResults ?? 50,
      };
      const page = await translated(() => deps.bus.call("glue:GetTables", request, principal));
      return { TableMetadataList: (page.TableList ?? []).map(tableOf), NextToken: page.NextToken };
    },
  } satisfies Operations;
}

function own(name: string | undefined): void {
  if (name?.toLowerCase() === "awsdatacatalog") return;
  throw invalidRequest(`Data catalog ${name} was not found`, "DATA_CATALOG_NOT_FOUND");
}

/** Errors of the catalog come as Athena's MetadataException. */
async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new AwsError("MetadataException", `${error.message} (Service: AmazonDataCatalog; Error Code: ${error.code})`);
  }
}

function databaseOf(database: GlueDatabase | undefined): Database {
  return { Name: database?.Name, Description: database?.Description, Parameters: database?.Parameters };
}

function tableOf(table: Table | undefined): TableMetadata {
  const descriptor = table?.StorageDescriptor;
  const serde = descriptor?.SerdeInfo;
  const storage = {
    inputformat: descriptor?.InputFormat,
    outputformat: descriptor?.OutputFormat,
    location: descriptor?.Location,
    "serde.serialization.lib": serde?.SerializationLibrary,
  };
  const parameters: Record<string, string> = { ...table?.Parameters };
  for (const [name, value] of Object.entries(storage)) if (value) parameters[name] = value;
  for (const [name, value] of Object.entries(serde?.Parameters ?? {})) parameters[`serde.param.${name}`] = value;
  return {
    Name: table?.Name,
    CreateTime: table?.CreateTime,
    LastAccessTime: table?.LastAccessTime,
    TableType: table?.TableType,
    Columns: columnsOf(descriptor?.Columns),
    PartitionKeys: columnsOf(table?.PartitionKeys),
    Parameters: parameters,
  };
}

function columnsOf(columns: GlueColumn[] | undefined): Column[] {
  return (columns ?? []).map(({ Name, Type, Comment }) => ({ Name, Type, Comment }));
}
