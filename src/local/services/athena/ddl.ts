import type { ColumnInfo } from "@aws-sdk/client-athena";
import type { Column, Table } from "@aws-sdk/client-glue";
import { AwsError } from "../../service.ts";
import type { ServiceDeps } from "../../service.ts";
import { parseDdl } from "../../../sql/trino/ddl.ts";
import type { DdlStatement, TableName } from "../../../sql/trino/ddl.ts";
import { TrinoError } from "../../../sql/trino/errors.ts";
import { parseHiveType } from "../../../sql/trino/hive-type.ts";
import { typeText } from "../../../sql/trino/types.ts";
import { CatalogAccess, encodeView } from "./catalog-access.ts";
import { describeLines, patternOf, showCreateTable, storedSql } from "./ddl-output.ts";
import { partitionFolder, repairTable } from "./ddl-partitions.ts";
import { QueryFailure } from "./errors.ts";
import { parseLocation } from "./location.ts";
import type { QueryEngine, QueryRequest } from "./query-engine.ts";
import { textColumn } from "./results.ts";
import { tableInputOf, withoutReadOnly } from "./table-definition.ts";

export interface DdlResult {
  readonly columns: ColumnInfo[];
  readonly lines: readonly string[];
}

/** Runs one statement of DDL (or SHOW, DESCRIBE) against the catalog, as the caller. */
export async function runDdl(
  request: QueryRequest,
  environment: { deps: ServiceDeps; engine: QueryEngine },
): Promise<DdlResult> {
  let statement: DdlStatement;
  try {
    statement = parseDdl(request.sql);
  } catch (error) {
    if (!(error instanceof TrinoError) || error.code === "NOT_SUPPORTED") throw error;
    throw new QueryFailure(`FAILED: ParseException ${error.message}`, 1006);
  }
  return new DdlRunner(request, environment).run(statement);
}

const NOTHING: DdlResult = { columns: [], lines: [] };

class DdlRunner {
  readonly #request: QueryRequest;
  readonly #deps: ServiceDeps;
  readonly #engine: QueryEngine;
  readonly #catalog: CatalogAccess;

  constructor(request: QueryRequest, { deps, engine }: { deps: ServiceDeps; engine: QueryEngine }) {
    this.#request = request;
    this.#deps = deps;
    this.#engine = engine;
    this.#catalog = new CatalogAccess(deps.bus, request.principal);
  }

  async run(statement: DdlStatement): Promise<DdlResult> {
    switch (statement.kind) {
      case "createDatabase":
        await this.#unless(statement.ifNotExists, "AlreadyExistsException", () =>
          this.#deps.bus.call(
            "glue:CreateDatabase",
            {
              DatabaseInput: {
                Name: statement.name,
                Description: statement.comment,
                LocationUri: statement.location,
                Parameters: { ...statement.properties },
              },
            },
            this.#request.principal,
          ),
        );
        return NOTHING;
      case "dropDatabase":
        return this.#dropDatabase(statement);
      case "createTable":
        return this.#createTable(statement);
      case "createView":
        return this.#createView(statement);
      case "drop":
        return this.#drop(statement);
      case "addPartitions":
        return this.#addPartitions(statement);
      case "dropPartitions":
        return this.#dropPartitions(statement);
      case "renamePartition":
        return this.#renamePartition(statement);
      case "addColumns":
      case "replaceColumns":
        return this.#setColumns(statement);
      case "setLocation":
        return this.#setLocation(statement);
      case "setProperties": {
        const table = await this.#table(statement.table);
        await this.#update({ ...table, Parameters: { ...table.Parameters, ...statement.properties } });
        return NOTHING;
      }
      case "repair": {
        const table = await this.#table(statement.table);
        return {
          columns: [textColumn("result")],
          lines: await repairTable(table, this.#catalog, this.#deps.bus, this.#request.principal),
        };
      }
      default:
        return this.#show(statement);
    }
  }

  async #show(statement: DdlStatement): Promise<DdlResult> {
    switch (statement.kind) {
      case "showDatabases": {
        const pattern = patternOf(statement.pattern);
        return {
          columns: [textColumn("database_name")],
          lines: (await this.#catalog.databases()).filter((name) => pattern.test(name)),
        };
      }
      case "showTables":
      case "showViews": {
        const pattern = patternOf(statement.pattern);
        const tables = await this.#catalog.tables(statement.database ?? this.#database());
        const names = tables
          .filter((table) => statement.kind === "showTables" || table.TableType === "VIRTUAL_VIEW")
          .map((table) => table.Name ?? "")
          .filter((name) => pattern.test(name));
        return { columns: [textColumn(statement.kind === "showTables" ? "tab_name" : "views")], lines: names };
      }
      case "showColumns": {
        const table = await this.#table(statement.table);
        return {
          columns: [textColumn("field")],
          lines: allColumns(table).map((column) => (column.Name ?? "").padEnd(20)),
        };
      }
      case "showPartitions": {
        const table = await this.#table(statement.table);
        const keys = table.PartitionKeys ?? [];
        if (keys.length === 0) {
          throw new QueryFailure(
            `FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. Table ${table.DatabaseName}.${table.Name} is not a partitioned table`,
            1003,
          );
        }
        const partitions = await this.#catalog.partitions(table.DatabaseName ?? "", table.Name ?? "");
        return {
          columns: [textColumn("partition")],
          lines: partitions.map(({ Values = [] }) => partitionFolder(keys, Values)),
        };
      }
      case "showCreateTable": {
        const table = await this.#table(statement.table);
        return { columns: [textColumn("createtab_stmt")], lines: showCreateTable(table) };
      }
      case "showCreateView": {
        const table = await this.#table(statement.table);
        return {
          columns: [textColumn("create view")],
          lines: [`CREATE VIEW ${table.DatabaseName}.${table.Name} AS`, ...storedSql(table).split("\n")],
        };
      }
      case "showProperties": {
        const { Parameters = {} } = await this.#table(statement.table);
        const { property } = statement;
        const lines =
          property === undefined
            ? Object.entries(Parameters).map(([name, value]) => `${name}\t${value}`)
            : [Parameters[property] ?? `Table does not have property: ${property}`];
        return { columns: [textColumn("prpt_name"), textColumn("prpt_value")], lines };
      }
      case "describe": {
        const table = await this.#table(statement.table);
        return {
          columns: ["col_name", "data_type", "comment"].map(textColumn),
          lines: describeLines(table, statement.mode),
        };
      }
      default:
        throw new Error(`${statement.kind} is not a SHOW statement`);
    }
  }

  async #dropDatabase({
    name,
    ifExists,
    cascade,
  }: Extract<DdlStatement, { kind: "dropDatabase" }>): Promise<DdlResult> {
    await this.#unless(ifExists, "EntityNotFoundException", async () => {
      await this.#deps.bus.call("glue:GetDatabase", { Name: name }, this.#request.principal);
      if (!cascade && (await this.#catalog.tables(name)).length > 0) {
        throw new QueryFailure(
          `FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. InvalidOperationException(message:Database ${name} is not empty. One or more tables exist.)`,
          1003,
        );
      }
      await this.#deps.bus.call("glue:DeleteDatabase", { Name: name }, this.#request.principal);
    });
    return NOTHING;
  }

  async #createTable({
    table,
    ifNotExists,
    definition,
  }: Extract<DdlStatement, { kind: "createTable" }>): Promise<DdlResult> {
    const DatabaseName = this.#database(table);
    const TableInput = tableInputOf(table.name, definition, this.#request.now);
    await this.#unless(ifNotExists, "AlreadyExistsException", () =>
      this.#deps.bus.call("glue:CreateTable", { DatabaseName, TableInput }, this.#request.principal),
    );
    return NOTHING;
  }

  /** A view is checked, and its columns are kept, when it is created. */
  async #createView({ table, replace, sql }: Extract<DdlStatement, { kind: "createView" }>): Promise<DdlResult> {
    const database = this.#database(table);
    const context = this.#database();
    const columns = await this.#engine.describe({ ...this.#request, sql, parameters: [] });
    const Columns = columns.map((column): Column => ({ Name: column.name, Type: hiveTypeOf(typeText(column.type)) }));
    const view = {
      originalSql: sql,
      catalog: "awsdatacatalog",
      schema: context,
      columns: columns.map((column) => ({ name: column.name, type: typeText(column.type) })),
    };
    const TableInput = {
      Name: table.name,
      TableType: "VIRTUAL_VIEW",
      Parameters: { presto_view: "true", comment: "Presto View" },
      ViewOriginalText: encodeView(view),
      ViewExpandedText: "/* Presto View */",
      PartitionKeys: [],
      StorageDescriptor: { Columns, Location: "", SerdeInfo: {} },
    };
    const existing = await this.#catalog.table(database, table.name);
    if (!existing) {
      await this.#deps.bus.call("glue:CreateTable", { DatabaseName: database, TableInput }, this.#request.principal);
    } else if (replace && existing.TableType === "VIRTUAL_VIEW") {
      await this.#deps.bus.call("glue:UpdateTable", { DatabaseName: database, TableInput }, this.#request.principal);
    } else {
      const what = existing.TableType === "VIRTUAL_VIEW" ? "View" : "Table";
      throw new QueryFailure(
        `ALREADY_EXISTS: line 1:1: ${what} already exists: awsdatacatalog.${database}.${table.name}`,
        1006,
      );
    }
    return NOTHING;
  }

  async #drop({ what, table: name, ifExists }: Extract<DdlStatement, { kind: "drop" }>): Promise<DdlResult> {
    const DatabaseName = this.#database(name);
    const table = await this.#catalog.table(DatabaseName, name.name);
    if (!table) {
      if (ifExists) return NOTHING;
      throw missing(DatabaseName, name.name);
    }
    const isView = table.TableType === "VIRTUAL_VIEW";
    if (isView !== (what === "VIEW")) {
      throw new QueryFailure(
        `FAILED: SemanticException [Error 10295]: Cannot ${what === "VIEW" ? "drop a base table with DROP VIEW" : "drop a view with DROP TABLE"}`,
        1003,
      );
    }
    await this.#deps.bus.call("glue:DeleteTable", { DatabaseName, Name: name.name }, this.#request.principal);
    return NOTHING;
  }

  async #addPartitions({
    table: name,
    ifNotExists,
    partitions,
  }: Extract<DdlStatement, { kind: "addPartitions" }>): Promise<DdlResult> {
    const table = await this.#table(name);
    const at = { DatabaseName: table.DatabaseName, TableName: table.Name };
    const PartitionInputList = partitions.map(({ spec, location }) => {
      const values = valuesOf(table, spec);
      const folder = `${(table.StorageDescriptor?.Location ?? "").replace(/\/$/u, "")}/${partitionFolder(table.PartitionKeys ?? [], values)}`;
      if (location !== undefined) parseLocation(location);
      return { Values: values, StorageDescriptor: { ...table.StorageDescriptor, Location: location ?? folder } };
    });
    const { Errors: failed = [] } = await this.#deps.bus.call(
      "glue:BatchCreatePartition",
      { ...at, PartitionInputList },
      this.#request.principal,
    );
    for (const { ErrorDetail, PartitionValues } of failed) {
      if (ifNotExists && ErrorDetail?.ErrorCode === "AlreadyExistsException") continue;
      throw new QueryFailure(
        `FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. ${ErrorDetail?.ErrorMessage} (${PartitionValues?.join(",")})`,
        1003,
      );
    }
    return NOTHING;
  }

  async #dropPartitions({
    table: name,
    ifExists,
    specs,
  }: Extract<DdlStatement, { kind: "dropPartitions" }>): Promise<DdlResult> {
    const table = await this.#table(name);
    for (const spec of specs) {
      const PartitionValues = valuesOf(table, spec);
      const request = { DatabaseName: table.DatabaseName, TableName: table.Name, PartitionValues };
      await this.#unless(ifExists, "EntityNotFoundException", () =>
        this.#deps.bus.call("glue:DeletePartition", request, this.#request.principal),
      );
    }
    return {
      columns: [],
      lines: specs.map(
        (spec) => `Dropped the partition ${partitionFolder(table.PartitionKeys ?? [], valuesOf(table, spec))}`,
      ),
    };
  }

  async #renamePartition({
    table: name,
    from,
    to,
  }: Extract<DdlStatement, { kind: "renamePartition" }>): Promise<DdlResult> {
    const table = await this.#table(name);
    const old = valuesOf(table, from);
    const partitions = await this.#catalog.partitions(table.DatabaseName ?? "", table.Name ?? "");
    const partition = partitions.find(({ Values }) => JSON.stringify(Values) === JSON.stringify(old));
    if (!partition)
      throw new QueryFailure(
        `FAILED: SemanticException Partition not found ${partitionFolder(table.PartitionKeys ?? [], old)}`,
        1003,
      );
    const { StorageDescriptor, Parameters } = partition;
    const PartitionInput = { Values: valuesOf(table, to), StorageDescriptor, Parameters };
    const at = { DatabaseName: table.DatabaseName, TableName: table.Name, PartitionValueList: old };
    await this.#deps.bus.call("glue:UpdatePartition", { ...at, PartitionInput }, this.#request.principal);
    return NOTHING;
  }

  async #setColumns(statement: Extract<DdlStatement, { kind: "addColumns" | "replaceColumns" }>): Promise<DdlResult> {
    const table = await this.#table(statement.table);
    const added = statement.columns.map((column) => {
      if (!parseHiveType(column.type))
        throw new QueryFailure(`FAILED: ParseException unknown type ${column.type} of column ${column.name}`, 1006);
      return { Name: column.name, Type: column.type, Comment: column.comment };
    });
    const before = statement.kind === "addColumns" ? (table.StorageDescriptor?.Columns ?? []) : [];
    await this.#update({ ...table, StorageDescriptor: { ...table.StorageDescriptor, Columns: [...before, ...added] } });
    return NOTHING;
  }

  async #setLocation({
    table: name,
    partition: spec,
    location,
  }: Extract<DdlStatement, { kind: "setLocation" }>): Promise<DdlResult> {
    parseLocation(location);
    const table = await this.#table(name);
    if (!spec) {
      await this.#update({ ...table, StorageDescriptor: { ...table.StorageDescriptor, Location: location } });
      return NOTHING;
    }
    const values = valuesOf(table, spec);
    const partitions = await this.#catalog.partitions(table.DatabaseName ?? "", table.Name ?? "");
    const partition = partitions.find(({ Values }) => JSON.stringify(Values) === JSON.stringify(values));
    if (!partition)
      throw new QueryFailure(
        `FAILED: SemanticException Partition not found ${partitionFolder(table.PartitionKeys ?? [], values)}`,
        1003,
      );
    const PartitionInput = {
      Values: values,
      Parameters: partition.Parameters,
      StorageDescriptor: { ...partition.StorageDescriptor, Location: location },
    };
    const at = { DatabaseName: table.DatabaseName, TableName: table.Name, PartitionValueList: values };
    await this.#deps.bus.call("glue:UpdatePartition", { ...at, PartitionInput }, this.#request.principal);
    return NOTHING;
  }

  async #update(table: Table): Promise<void> {
    const request = {
      DatabaseName: table.DatabaseName,
      TableInput: withoutReadOnly(table),
      VersionId: table.VersionId,
    };
    await this.#deps.bus.call("glue:UpdateTable", request, this.#request.principal);
  }

  async #table(name: TableName): Promise<Table> {
    const database = this.#database(name);
    const table = await this.#catalog.table(database, name.name);
    if (!table) throw missing(database, name.name);
    return table;
  }

  #database(name?: TableName): string {
    return (name?.database ?? this.#request.database ?? "default").toLowerCase();
  }

  /** `IF [NOT] EXISTS` makes nothing of one error. */
  async #unless(condition: boolean, code: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      if (condition && error.code === code) return;
      throw new QueryFailure(
        `FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. ${error.message} (Service: AWSGlue; Error Code: ${error.code})`,
        1003,
      );
    }
  }
}

function missing(database: string, name: string): QueryFailure {
  return new QueryFailure(`FAILED: SemanticException [Error 10001]: Table not found ${database}.${name}`, 1003);
}

function allColumns(table: Table): Column[] {
  return [...(table.StorageDescriptor?.Columns ?? []), ...(table.PartitionKeys ?? [])];
}

function valuesOf(table: Table, spec: Readonly<Record<string, string>>): string[] {
  const keys = (table.PartitionKeys ?? []).map((key) => key.Name ?? "");
  const unknown = Object.keys(spec).find((key) => !keys.includes(key));
  if (unknown !== undefined || Object.keys(spec).length !== keys.length) {
    throw new QueryFailure(
      `FAILED: SemanticException Partition spec {${Object.entries(spec)
        .map(([key, value]) => `${key}=${value}`)
        .join(", ")}} does not name exactly the partition columns (${keys.join(", ")})`,
      1003,
    );
  }
  return keys.map((key) => spec[key] ?? "");
}

/** A view's columns also stand in the table, as Hive types. */
function hiveTypeOf(trino: string): string {
  return trino
    .replaceAll(/varchar(?:\(\d+\))?/gu, "string")
    .replaceAll("integer", "int")
    .replaceAll("real", "float")
    .replaceAll("varbinary", "binary")
    .replaceAll(/timestamp\(\d+\)(?: with time zone)?/gu, "timestamp")
    .replaceAll("json", "string");
}
