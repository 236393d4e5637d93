import type { Partition, Table } from "@aws-sdk/client-glue";
import type { Bus } from "../../bus.ts";
import { AwsError } from "../../service.ts";
import type { Principal } from "../../service.ts";
import type { TableColumn, TableEntry } from "../../../sql/trino/catalog.ts";
import { parseHiveType } from "../../../sql/trino/hive-type.ts";
import { BIGINT, resolveType, timestampWithZone, VARCHAR } from "../../../sql/trino/types.ts";
import { Cursor } from "../../../sql/trino/cursor.ts";
import { ExpressionParser } from "../../../sql/trino/expression-parser.ts";
import { QueryFailure } from "./errors.ts";

/** The Data Catalog as one caller sees it. */
export class CatalogAccess {
  readonly #bus: Bus;
  readonly #principal: Principal;

  constructor(bus: Bus, principal: Principal) {
    this.#bus = bus;
    this.#principal = principal;
  }

  /** Undefined when there is no such table; a missing database is a `SCHEMA_NOT_FOUND`. */
  async table(database: string, name: string): Promise<Table | undefined> {
    try {
      const { Table: table } = await this.#bus.call(
        "glue:GetTable",
        { DatabaseName: database, Name: name },
        this.#principal,
      );
      return table;
    } catch (error) {
      if (!(error instanceof AwsError) || error.code !== "EntityNotFoundException") throw error;
      if (error.message.startsWith("Database ")) {
        throw new QueryFailure(`SCHEMA_NOT_FOUND: Schema '${database}' does not exist`, 1301);
      }
      return undefined;
    }
  }

  async tables(database: string): Promise<Table[]> {
    const tables: Table[] = [];
    for (let token: string | undefined; ;) {
      const page = await this.#bus.call(
        "glue:GetTables",
        { DatabaseName: database, NextToken: token },
        this.#principal,
      );
      tables.push(...(page.TableList ?? []));
      token = page.NextToken;
      if (!token) return tables;
    }
  }

  async databases(): Promise<string[]> {
    const names: string[] = [];
    for (let token: string | undefined; ;) {
      const page = await this.#bus.call("glue:GetDatabases", { NextToken: token }, this.#principal);
      names.push(...(page.DatabaseList ?? []).map((database) => database.Name ?? ""));
      token = page.NextToken;
      if (!token) return names;
    }
  }

  async partitions(database: string, table: string): Promise<Partition[]> {
    const partitions: Partition[] = [];
    for (let token: string | undefined; ;) {
      const input = { DatabaseName: database, TableName: table, NextToken: token };
      const page = await this.#bus.call("glue:GetPartitions", input, this.#principal);
      partitions.push(...(page.Partitions ?? []));
      token = page.NextToken;
      if (!token) return partitions;
    }
  }
}

/** Columns that every table on S3 has without declaring them. https://trino.io/docs/current/connector/hive.html#extra-hidden-columns */
const HIDDEN: readonly TableColumn[] = [
  { name: "$path", type: VARCHAR, hidden: true },
  { name: "$file_size", type: BIGINT, hidden: true },
  { name: "$file_modified_time", type: timestampWithZone(), hidden: true },
];

/** A table or view of the catalog as the translation wants it. */
export function tableEntry(table: Table): TableEntry {
  const name: [string, string, string] = ["awsdatacatalog", table.DatabaseName ?? "", table.Name ?? ""];
  const view = viewDefinition(table);
  if (view) return { kind: "view", name, ...view };
  const columns = (list: Table["PartitionKeys"], partitionKey: boolean): TableColumn[] =>
    (list ?? []).map((column) => {
      const type = parseHiveType(column.Type ?? "string");
      if (!type) {
        throw new QueryFailure(
          `HIVE_INVALID_METADATA: Glue table '${name[1]}.${name[2]}' column '${column.Name}' has invalid data type: ${column.Type}`,
          1004,
        );
      }
      return { name: column.Name ?? "", type, partitionKey };
    });
  const all = [...columns(table.StorageDescriptor?.Columns, false), ...columns(table.PartitionKeys, true)];
  if (new Set(all.map((column) => column.name)).size < all.length) {
    throw new QueryFailure(
      `HIVE_INVALID_METADATA: Hive metadata for table ${name[2]} is invalid: Table descriptor contains duplicate columns`,
      1004,
    );
  }
  return { kind: "table", name, columns: [...all, ...HIDDEN] };
}

const VIEW = /^\/\* Presto View: (?<json>[A-Za-z0-9+/=]+) \*\/$/u;

interface StoredView {
  originalSql: string;
  catalog: string;
  schema: string;
  columns: { name: string; type: string }[];
}

/** The view in `ViewOriginalText`, as Presto and Trino store it in a Hive catalog. */
function viewDefinition(table: Table): { sql: string; database: string; columns: TableColumn[] } | undefined {
  if (table.TableType !== "VIRTUAL_VIEW") return undefined;
  const json = VIEW.exec(table.ViewOriginalText ?? "")?.groups?.["json"];
  if (!json) {
    throw new QueryFailure(
      `HIVE_INVALID_VIEW_DATA: '${table.DatabaseName}.${table.Name}' is not a view that Athena can read`,
      1004,
    );
  }
  const stored = JSON.parse(Buffer.from(json, "base64").toString()) as StoredView;
  const columns = stored.columns.map(({ name, type }) => {
    const cursor = new Cursor(type);
    const parser = new ExpressionParser(cursor, () => {
      throw cursor.unexpected("<type>");
    });
    return { name: name.toLowerCase(), type: resolveType(parser.type()) };
  });
  return { sql: stored.originalSql, database: stored.schema, columns };
}

export function encodeView(view: StoredView): string {
  return `/* Presto View: ${Buffer.from(JSON.stringify(view)).toString("base64")} */`;
}
