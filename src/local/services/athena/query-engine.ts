import type { Table } from "@aws-sdk/client-glue";
import type { ServiceDeps, Principal } from "../../service.ts";
import { DuckDbProcess } from "../../../sql/duckdb/process.ts";
import { TableNeeded } from "../../../sql/trino/catalog.ts";
import type { TableEntry } from "../../../sql/trino/catalog.ts";
import { formatValue } from "../../../sql/trino/format.ts";
import { MACROS, SETTINGS } from "../../../sql/trino/macros.ts";
import { translateQuery } from "../../../sql/trino/translate.ts";
import type { Translation } from "../../../sql/trino/translate.ts";
import type { Type } from "../../../sql/trino/types.ts";
import { CatalogAccess, tableEntry } from "./catalog-access.ts";
import { QueryFailure } from "./errors.ts";
import { JSON_MACROS } from "./formats/json.ts";
import { ParquetFooters } from "./formats/parquet-schema.ts";
import { informationSchema } from "./information-schema.ts";
import { buildScan } from "./scan.ts";

export interface QueryRequest {
  readonly sql: string;
  readonly database: string | undefined;
  readonly parameters: readonly string[];
  readonly principal: Principal;
  /** When the query was submitted: its `current_timestamp`. */
  readonly now: Date;
  readonly signal: AbortSignal;
}

export interface RunningQuery {
  readonly columns: readonly { name: string; type: Type }[];
  readonly bytesScanned: number;
  /** The result's rows, as Athena writes values; null is NULL. */
  rows(): AsyncIterable<(string | null)[][]>;
}

/** Runs queries over the catalog's tables in one warm DuckDB process. */
export class QueryEngine {
  readonly #deps: ServiceDeps;
  readonly #footers = new ParquetFooters();
  #duckdb: Promise<DuckDbProcess> | undefined;

  constructor(deps: ServiceDeps) {
    this.#deps = deps;
  }

  /** Translates, finds the files and is ready to stream rows. Rejects with what `failureOf` understands. */
  async prepare(request: QueryRequest): Promise<RunningQuery> {
    const { principal, now, signal } = request;
    const { bus } = this.#deps;
    const catalog = new CatalogAccess(bus, principal);
    const { translation, tables } = await translateWithCatalog(request, catalog);
    const duckdb = await this.duckdb();
    const scans = await Promise.all(
      translation.scans.map((scan) => {
        const table = tables.get(scan.table.name.join("."));
        if (!table) throw new Error(`${scan.table.name.join(".")} was translated and not looked up`);
        return buildScan(scan, table, { bus, principal, catalog, duckdb, footers: this.#footers, now });
      }),
    );
    signal.throwIfAborted();
    const sql = translation.sql((scan) => `(${scans[scan]?.sql})`);
    return {
      columns: translation.columns,
      bytesScanned: scans.reduce((sum, scan) => sum + scan.bytes, 0),
      async *rows() {
        for await (const chunk of duckdb.stream(sql, [], { signal })) {
          yield chunk.map((row) =>
            row.map((value, at) => formatValue(value, translation.columns[at]?.type ?? { kind: "varchar" })),
          );
        }
      },
    };
  }

  /** Checks that a view's query can be translated, and tells its columns. */
  async describe(request: QueryRequest): Promise<Translation["columns"]> {
    const { translation } = await translateWithCatalog(request, new CatalogAccess(this.#deps.bus, request.principal));
    return translation.columns;
  }

  /** The warm process; a new one when the last has died. */
  async duckdb(): Promise<DuckDbProcess> {
    this.#duckdb ??= this.#start();
    return this.#duckdb;
  }

  async close(): Promise<void> {
    const running = this.#duckdb;
    this.#duckdb = undefined;
    await (await running)?.close();
  }

  async #start(): Promise<DuckDbProcess> {
    try {
      const { state } = this.#deps;
      const duckdb = await DuckDbProcess.start({
        memoryLimit: "2GB",
        tempDirectory: state.directory("athena", "tmp"),
        allowedDirectories: [state.path],
        setup: [...SETTINGS, ...MACROS, ...JSON_MACROS],
      });
      void duckdb.exited.then(() => (this.#duckdb = undefined));
      return duckdb;
    } catch (error) {
      this.#duckdb = undefined;
      throw error;
    }
  }
}

/** Translates again and again, each time with one table more, until no table is missing. */
async function translateWithCatalog(
  request: QueryRequest,
  catalog: CatalogAccess,
): Promise<{ translation: Translation; tables: Map<string, Table> }> {
  const entries = new Map<string, TableEntry | null>();
  const tables = new Map<string, Table>();
  for (;;) {
    try {
      const translation = translateQuery(request.sql, {
        database: request.database,
        now: request.now,
        parameters: request.parameters,
        lookup: (name, database) =>
          entries.get(
            fullName(
              name.map((part) => part.text),
              database,
            ).join("."),
          ),
      });
      return { translation, tables };
    } catch (error) {
      if (!(error instanceof TableNeeded)) throw error;
      const [, database, name] = fullName(
        error.table.map((part) => part.text),
        error.database,
      );
      const key = ["awsdatacatalog", database, name].join(".");
      if (database === "information_schema") {
        entries.set(key, await informationSchema(name, catalog));
        continue;
      }
      const table = await catalog.table(database, name);
      entries.set(key, table ? tableEntry(table) : null);
      if (table) tables.set(key, table);
    }
  }
}

/** Catalog, database and table of a name as a query writes it. */
export function fullName(parts: readonly string[], database: string | undefined): [string, string, string] {
  const [name = "", schema = database ?? "default", catalog = "awsdatacatalog", extra] = parts
    .map((part) => part.toLowerCase())
    .toReversed();
  if (extra !== undefined)
    throw new QueryFailure(`SYNTAX_ERROR: Too many dots in table name: ${parts.join(".")}`, 1006);
  if (catalog !== "awsdatacatalog" && catalog !== "hive") {
    throw new QueryFailure(`CATALOG_NOT_FOUND: Catalog '${catalog}' does not exist`, 1301);
  }
  return ["awsdatacatalog", schema, name];
}
