import type { DatabaseSync } from "node:sqlite";
import type { Database, Partition, Table } from "@aws-sdk/client-glue";
import { transaction } from "../../../sqlite.ts";

/** Members that are dates in the SDK's shapes; everything else in a document is as JSON has it. */
const DATES = new Set(["CreateTime", "UpdateTime", "CreationTime", "LastAccessTime", "LastAnalyzedTime"]);

/**
 * The catalog's durable state: databases, tables with all their versions, partitions. Names arrive in lower case.
 * Documents are the SDK's shapes as JSON.
 */
export class CatalogStore {
  readonly #db: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#db = database;
    database.exec(`
      CREATE TABLE IF NOT EXISTS databases (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS tables (
        database TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (database, name)
      ) STRICT;
      CREATE TABLE IF NOT EXISTS table_versions (
        database TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (database, name, version)
      ) STRICT;
      CREATE TABLE IF NOT EXISTS partitions (
        database TEXT NOT NULL, tbl TEXT NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL,
        PRIMARY KEY (database, tbl, key)
      ) STRICT;
    `);
  }

  transaction<T>(work: () => T): T {
    return transaction(this.#db, work);
  }

  database(name: string): Database | undefined {
    const row = this.#db.prepare("SELECT document FROM databases WHERE name = ?").get(name);
    return row && (document(row) as Database);
  }

  databases(): Database[] {
    return this.#db
      .prepare("SELECT document FROM databases ORDER BY name")
      .all()
      .map((row) => document(row) as Database);
  }

  putDatabase(database: Database): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO databases VALUES (?, ?)")
      .run(database.Name ?? "", JSON.stringify(database));
  }

  /** With everything in it. */
  deleteDatabase(name: string): void {
    this.transaction(() => {
      for (const table of ["table_versions", "partitions", "tables"]) {
        this.#db.prepare(`DELETE FROM ${table} WHERE database = ?`).run(name);
      }
      this.#db.prepare("DELETE FROM databases WHERE name = ?").run(name);
    });
  }

  table(database: string, name: string): Table | undefined {
    const row = this.#db.prepare("SELECT document FROM tables WHERE database = ? AND name = ?").get(database, name);
    return row && (document(row) as Table);
  }

  tables(database: string): Table[] {
    return this.#db
      .prepare("SELECT document FROM tables WHERE database = ? ORDER BY name")
      .all(database)
      .map((row) => document(row) as Table);
  }

  putTable(table: Table): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO tables VALUES (?, ?, ?)")
      .run(table.DatabaseName ?? "", table.Name ?? "", JSON.stringify(table));
  }

  /** Keeps `table` as its `VersionId` in the table's history. */
  putVersion(table: Table): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO table_versions VALUES (?, ?, ?, ?)")
      .run(table.DatabaseName ?? "", table.Name ?? "", Number(table.VersionId), JSON.stringify(table));
  }

  /** Newest first. */
  versions(database: string, name: string): Table[] {
    return this.#db
      .prepare("SELECT document FROM table_versions WHERE database = ? AND name = ? ORDER BY version DESC")
      .all(database, name)
      .map((row) => document(row) as Table);
  }

  deleteVersion(database: string, name: string, version: number): boolean {
    const result = this.#db
      .prepare("DELETE FROM table_versions WHERE database = ? AND name = ? AND version = ?")
      .run(database, name, version);
    return result.changes > 0;
  }

  /** With its versions and partitions. */
  deleteTable(database: string, name: string): boolean {
    return this.transaction(() => {
      this.#db.prepare("DELETE FROM table_versions WHERE database = ? AND name = ?").run(database, name);
      this.#db.prepare("DELETE FROM partitions WHERE database = ? AND tbl = ?").run(database, name);
      return this.#db.prepare("DELETE FROM tables WHERE database = ? AND name = ?").run(database, name).changes > 0;
    });
  }

  partition(database: string, table: string, values: readonly string[]): Partition | undefined {
    const row = this.#db
      .prepare("SELECT document FROM partitions WHERE database = ? AND tbl = ? AND key = ?")
      .get(database, table, partitionKey(values));
    return row && (document(row) as Partition);
  }

  /** In the order of their keys, beginning after `after`; lazily, so that a page reads only what it gives. */
  *partitions(database: string, table: string, after = ""): Generator<{ key: string; partition: Partition }> {
    const rows = this.#db
      .prepare("SELECT key, document FROM partitions WHERE database = ? AND tbl = ? AND key > ? ORDER BY key")
      .iterate(database, table, after);
    for (const row of rows) yield { key: String(row["key"]), partition: document(row) as Partition };
  }

  putPartition(database: string, table: string, partition: Partition): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO partitions VALUES (?, ?, ?, ?)")
      .run(database, table, partitionKey(partition.Values ?? []), JSON.stringify(partition));
  }

  deletePartition(database: string, table: string, values: readonly string[]): boolean {
    const result = this.#db
      .prepare("DELETE FROM partitions WHERE database = ? AND tbl = ? AND key = ?")
      .run(database, table, partitionKey(values));
    return result.changes > 0;
  }
}

/** A partition's identity is its values, in the order of the partition keys. */
export function partitionKey(values: readonly string[]): string {
  return JSON.stringify(values);
}

function document(row: Record<string, unknown>): unknown {
  return JSON.parse(String(row["document"]), (key, value: unknown) =>
    DATES.has(key) && typeof value === "string" ? new Date(value) : value,
  );
}
