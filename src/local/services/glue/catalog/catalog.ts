import type {
  Column,
  CreateDatabaseCommandInput,
  CreateTableCommandInput,
  Database,
  DeleteDatabaseCommandInput,
  DeleteTableCommandInput,
  GetDatabaseCommandInput,
  GetDatabasesCommandInput,
  GetTableCommandInput,
  GetTablesCommandInput,
  GetTableVersionCommandInput,
  GetTableVersionsCommandInput,
  DeleteTableVersionCommandInput,
  BatchDeleteTableCommandInput,
  Table,
  TableError,
  TableInput,
  TableVersion,
  UpdateDatabaseCommandInput,
  UpdateTableCommandInput,
} from "@aws-sdk/client-glue";
import { AwsError } from "../../../service.ts";
import type { CallContext, ServiceDeps } from "../../../service.ts";
import * as errors from "./errors.ts";
import type { Announce } from "./events.ts";
import type { CatalogStore } from "./store.ts";

const PAGE = 100;

/** Databases and tables of the Data Catalog. Names are folded to lower case, as Glue folds them. */
export class Catalog {
  readonly #deps: ServiceDeps;
  readonly #store: CatalogStore;
  readonly #announce: Announce;

  constructor(deps: ServiceDeps, store: CatalogStore, announce: Announce) {
    this.#deps = deps;
    this.#store = store;
    this.#announce = announce;
  }

  createDatabase(input: CreateDatabaseCommandInput): object {
    this.ownCatalog(input.CatalogId);
    const database = this.#checkedDatabase("CreateDatabase", input.DatabaseInput);
    const name = database.Name ?? "";
    if (this.#store.database(name)) throw errors.databaseExists();
    this.#store.putDatabase({ ...database, CreateTime: this.#now(), CatalogId: this.#deps.environment.account });
    this.#announce({ typeOfChange: "CreateDatabase", databaseName: name, changedTables: [] });
    return {};
  }

  updateDatabase(input: UpdateDatabaseCommandInput): object {
    this.ownCatalog(input.CatalogId);
    const existing = this.database(input.Name);
    const database = this.#checkedDatabase("UpdateDatabase", input.DatabaseInput);
    if (database.Name !== existing.Name) throw errors.invalidInput("Database name cannot be changed.");
    this.#store.putDatabase({ ...database, CreateTime: existing.CreateTime, CatalogId: existing.CatalogId });
    return {};
  }

  deleteDatabase(input: DeleteDatabaseCommandInput): object {
    this.ownCatalog(input.CatalogId);
    const { Name = "" } = this.database(input.Name);
    const tables = this.#store.tables(Name).map((table) => table.Name ?? "");
    this.#store.deleteDatabase(Name);
    this.#announce({ typeOfChange: "DeleteDatabase", databaseName: Name, changedTables: tables });
    return {};
  }

  getDatabase(input: GetDatabaseCommandInput): { Database: Database } {
    this.ownCatalog(input.CatalogId);
    return { Database: this.database(input.Name) };
  }

  getDatabases(input: GetDatabasesCommandInput): { DatabaseList: Database[]; NextToken?: string } {
    this.ownCatalog(input.CatalogId);
    const page = pageOf(this.#store.databases(), (database) => database.Name ?? "", input);
    return { DatabaseList: page.items, NextToken: page.next };
  }

  createTable(input: CreateTableCommandInput, context: CallContext): object {
    this.ownCatalog(input.CatalogId);
    refuse("CreateTable", input, ["PartitionIndexes", "TransactionId", "OpenTableFormatInput"]);
    const { Name: database = "" } = this.database(input.DatabaseName);
    const table = checkedTable("CreateTable", input.TableInput);
    const name = table.Name ?? "";
    if (this.#store.table(database, name)) throw errors.tableExists();
    const now = this.#now();
    const created: Table = {
      Retention: 0,
      ...table,
      DatabaseName: database,
      CreateTime: now,
      UpdateTime: now,
      CreatedBy: context.principal.kind === "service" ? context.principal.service : context.principal.arn,
      IsRegisteredWithLakeFormation: false,
      CatalogId: this.#deps.environment.account,
      VersionId: "0",
      IsMultiDialectView: false,
    };
    this.#store.transaction(() => {
      this.#store.putTable(created);
      this.#store.putVersion(created);
    });
    this.#announce({ typeOfChange: "CreateTable", databaseName: database, changedTables: [name] });
    return {};
  }

  /** Replaces the whole definition. With a `VersionId` that is not the current one somebody else was faster. */
  updateTable(input: UpdateTableCommandInput): object {
    this.ownCatalog(input.CatalogId);
    refuse("UpdateTable", input, ["TransactionId", "ViewUpdateAction", "Force", "UpdateOpenTableFormatInput"]);
    const table = checkedTable("UpdateTable", input.TableInput);
    const existing = this.table(input.DatabaseName, input.Name ?? table.Name, "UpdateTable");
    if (table.Name !== existing.Name) throw errors.invalidInput("Table name cannot be changed.");
    if (input.VersionId !== undefined && input.VersionId !== existing.VersionId) throw errors.concurrentUpdate();
    const updated: Table = {
      Retention: 0,
      ...table,
      DatabaseName: existing.DatabaseName,
      CreateTime: existing.CreateTime,
      UpdateTime: this.#now(),
      CreatedBy: existing.CreatedBy,
      IsRegisteredWithLakeFormation: false,
      CatalogId: existing.CatalogId,
      VersionId: String(Number(existing.VersionId) + 1),
      IsMultiDialectView: false,
    };
    this.#store.transaction(() => {
      // SkipArchive keeps the new definition out of the history by overwriting the entry of the one it replaces.
      if (input.SkipArchive) {
        this.#store.deleteVersion(existing.DatabaseName ?? "", existing.Name ?? "", Number(existing.VersionId));
      }
      this.#store.putTable(updated);
      this.#store.putVersion(updated);
    });
    this.#announce({
      typeOfChange: "UpdateTable",
      databaseName: existing.DatabaseName ?? "",
      tableName: existing.Name ?? "",
      changedPartitions: [],
    });
    return {};
  }

  getTable(input: GetTableCommandInput): { Table: Table } {
    this.ownCatalog(input.CatalogId);
    refuse("GetTable", input, ["TransactionId", "QueryAsOfTime", "AttributesToGet"]);
    return { Table: this.table(input.DatabaseName, input.Name, "GetTable") };
  }

  /** `Expression` is a regular expression that matches from the start of the name to its end. */
  getTables(input: GetTablesCommandInput): { TableList: Table[]; NextToken?: string } {
    this.ownCatalog(input.CatalogId);
    refuse("GetTables", input, ["TransactionId", "QueryAsOfTime", "AttributesToGet", "ResourceShareType"]);
    const { Name: database = "" } = this.database(input.DatabaseName);
    const pattern = namePattern(input.Expression);
    const tables = this.#store.tables(database).filter((table) => pattern.test(table.Name ?? ""));
    const page = pageOf(tables, (table) => table.Name ?? "", input);
    return { TableList: page.items, NextToken: page.next };
  }

  deleteTable(input: DeleteTableCommandInput): object {
    this.ownCatalog(input.CatalogId);
    refuse("DeleteTable", input, ["TransactionId"]);
    const { DatabaseName = "", Name = "" } = this.table(input.DatabaseName, input.Name, "DeleteTable");
    this.#store.deleteTable(DatabaseName, Name);
    this.#announce({ typeOfChange: "DeleteTable", databaseName: DatabaseName, changedTables: [Name] });
    return {};
  }

  batchDeleteTable(input: BatchDeleteTableCommandInput): { Errors: TableError[] } {
    this.ownCatalog(input.CatalogId);
    refuse("BatchDeleteTable", input, ["TransactionId"]);
    const { Name: database = "" } = this.database(input.DatabaseName);
    const failed: TableError[] = [];
    const deleted: string[] = [];
    for (const name of input.TablesToDelete ?? []) {
      if (this.#store.deleteTable(database, fold(name))) deleted.push(fold(name));
      else failed.push({ TableName: name, ErrorDetail: detail(errors.tableNotFound(name)) });
    }
    this.#announce({ typeOfChange: "BatchDeleteTable", databaseName: database, changedTables: deleted });
    return { Errors: failed };
  }

  getTableVersion(input: GetTableVersionCommandInput): { TableVersion: TableVersion } {
    this.ownCatalog(input.CatalogId);
    const versions = this.#versions(input.DatabaseName, input.TableName);
    const found = versions.find((version) => version.VersionId === (input.VersionId ?? versions[0]?.VersionId));
    if (!found) throw errors.tableVersionNotFound();
    return { TableVersion: { Table: found, VersionId: found.VersionId } };
  }

  getTableVersions(input: GetTableVersionsCommandInput): { TableVersions: TableVersion[]; NextToken?: string } {
    this.ownCatalog(input.CatalogId);
    const versions = this.#versions(input.DatabaseName, input.TableName);
    // Newest first: the page's order is that of the numbers counted down.
    const order = (table: Table) => String(Number.MAX_SAFE_INTEGER - Number(table.VersionId)).padStart(16, "0");
    const page = pageOf(versions, order, input);
    return {
      TableVersions: page.items.map((table) => ({ Table: table, VersionId: table.VersionId })),
      NextToken: page.next,
    };
  }

  deleteTableVersion(input: DeleteTableVersionCommandInput): object {
    this.ownCatalog(input.CatalogId);
    const table = this.table(input.DatabaseName, input.TableName, "DeleteTableVersion");
    const deleted = this.#store.deleteVersion(table.DatabaseName ?? "", table.Name ?? "", Number(input.VersionId));
    if (!deleted) throw errors.tableVersionNotFound();
    return {};
  }

  database(name: string | undefined): Database {
    const database = this.#store.database(fold(name));
    if (!database) throw errors.databaseNotFound(name ?? "");
    return database;
  }

  table(databaseName: string | undefined, name: string | undefined, operation: string): Table {
    const { Name: database = "" } = this.database(databaseName);
    const table = this.#store.table(database, fold(name));
    if (!table) throw operation === "GetTable" ? errors.entityNotFound() : errors.tableNotFound(name ?? "");
    return table;
  }

  /** There is one catalog: the account's own. */
  ownCatalog(id: string | undefined): void {
    if (id !== undefined && id !== this.#deps.environment.account) {
      throw new AwsError("EntityNotFoundException", `Catalog ${id} not found.`);
    }
  }

  #versions(database: string | undefined, name: string | undefined): Table[] {
    const table = this.table(database, name, "GetTableVersions");
    return this.#store.versions(table.DatabaseName ?? "", table.Name ?? "");
  }

  #checkedDatabase(operation: string, input: CreateDatabaseCommandInput["DatabaseInput"]): Database {
    if (!input?.Name) throw errors.invalidInput("Database name cannot be empty.");
    refuse(operation, input, ["TargetDatabase", "FederatedDatabase"]);
    return { ...input, Name: fold(input.Name) };
  }

  #now(): Date {
    // The catalog keeps whole seconds.
    return new Date(Math.floor(this.#deps.clock.now() / 1000) * 1000);
  }
}

function checkedTable(operation: string, input: TableInput | undefined): TableInput {
  if (!input?.Name) throw errors.invalidInput("Table name cannot be empty.");
  refuse(operation, input, ["TargetTable", "ViewDefinition"]);
  const descriptor = input.StorageDescriptor;
  const keys = foldColumns(input.PartitionKeys);
  const columns = foldColumns(descriptor?.Columns);
  return {
    ...input,
    Name: fold(input.Name),
    PartitionKeys: keys,
    StorageDescriptor: descriptor && { ...descriptor, Columns: columns },
  };
}

function foldColumns(columns: Column[] | undefined): Column[] {
  return (columns ?? []).map((column) => ({ ...column, Name: fold(column.Name) }));
}

export function fold(name: string | undefined): string {
  return (name ?? "").toLowerCase();
}

/** Refuses members that would change the answer and that this catalog does not know. */
export function refuse<T extends object>(operation: string, input: T, members: readonly (keyof T & string)[]): void {
  for (const member of members) {
    const value: unknown = input[member];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    throw errors.unsupportedMember(operation, member);
  }
}

export function detail(error: AwsError): { ErrorCode: string; ErrorMessage: string } {
  return { ErrorCode: error.code, ErrorMessage: error.message };
}

function namePattern(expression: string | undefined): RegExp {
  if (expression === undefined) return /(?:)/;
  try {
    return new RegExp(`^(?:${expression})$`, "u");
  } catch {
    throw errors.invalidInput(`Invalid expression: ${expression}`);
  }
}

/** A page of `items`, which are in the order of `key`. The token is the last key given, so pages survive changes. */
export function pageOf<T>(
  items: readonly T[],
  key: (item: T) => string,
  request: { NextToken?: string | undefined; MaxResults?: number | undefined },
): { items: T[]; next: string | undefined } {
  const after = decodeToken(request.NextToken);
  const rest = after === undefined ? items : items.filter((item) => key(item) > after);
  const page = rest.slice(0, request.MaxResults ?? PAGE);
  const last = page.at(-1);
  return {
    items: [...page],
    next: last !== undefined && page.length < rest.length ? encodeToken(key(last)) : undefined,
  };
}

export function encodeToken(key: string): string {
  return Buffer.from(key).toString("base64url");
}

export function decodeToken(token: string | undefined): string | undefined {
  return token === undefined ? undefined : Buffer.from(token, "base64url").toString();
}
