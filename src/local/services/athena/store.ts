import type { DatabaseSync } from "node:sqlite";
import type { ColumnInfo, NamedQuery, PreparedStatement, QueryExecution, WorkGroup } from "@aws-sdk/client-athena";
import type { Principal } from "../../service.ts";

/** A query execution as it is kept: what GetQueryExecution tells, and what running it needs. */
export interface StoredExecution {
  readonly execution: QueryExecution;
  readonly principal: Principal;
  /** Of the result, once it succeeded. */
  readonly columns?: ColumnInfo[];
  /** Rows come with a first row of column names: results of queries, not of DDL. */
  readonly hasHeader?: boolean;
}

const DATES = new Set(["SubmissionDateTime", "CompletionDateTime", "CreationTime", "LastModifiedTime"]);

/** Athena's durable state: executions, workgroups, named queries, prepared statements, as the SDK's shapes in JSON. */
export class AthenaStore {
  readonly #db: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#db = database;
    database.exec(`
      CREATE TABLE IF NOT EXISTS executions (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, workgroup TEXT NOT NULL,
        state TEXT NOT NULL, document TEXT NOT NULL
      ) STRICT;
      CREATE INDEX IF NOT EXISTS executions_by_state ON executions (state);
      CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, request TEXT NOT NULL, id TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS workgroups (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS named_queries (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, workgroup TEXT NOT NULL, document TEXT NOT NULL
      ) STRICT;
      CREATE TABLE IF NOT EXISTS prepared_statements (
        workgroup TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (workgroup, name)
      ) STRICT;
    `);
  }

  putExecution(stored: StoredExecution): void {
    const { QueryExecutionId = "", WorkGroup = "", Status } = stored.execution;
    this.#db
      .prepare(
        `INSERT INTO executions (id, workgroup, state, document) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, document = excluded.document`,
      )
      .run(QueryExecutionId, WorkGroup, Status?.State ?? "", JSON.stringify(stored));
  }

  execution(id: string): StoredExecution | undefined {
    const row = this.#db.prepare("SELECT document FROM executions WHERE id = ?").get(id);
    return row && (parse(row) as StoredExecution);
  }

  /** Neither succeeded, failed nor cancelled. */
  unfinished(): StoredExecution[] {
    const rows = this.#db
      .prepare("SELECT document FROM executions WHERE state IN ('QUEUED', 'RUNNING') ORDER BY number")
      .all();
    return rows.map((row) => parse(row) as StoredExecution);
  }

  /** Ids, newest first, with numbers below `before`. */
  executionIds(workgroup: string, limit: number, before = Number.MAX_SAFE_INTEGER): { number: number; id: string }[] {
    return this.#db
      .prepare("SELECT number, id FROM executions WHERE workgroup = ? AND number < ? ORDER BY number DESC LIMIT ?")
      .all(workgroup, before, limit)
      .map((row) => ({ number: Number(row["number"]), id: String(row["id"]) }));
  }

  token(token: string): { request: string; id: string } | undefined {
    const row = this.#db.prepare("SELECT request, id FROM tokens WHERE token = ?").get(token);
    return row && { request: String(row["request"]), id: String(row["id"]) };
  }

  putToken(token: string, request: string, id: string): void {
    this.#db.prepare("INSERT INTO tokens VALUES (?, ?, ?)").run(token, request, id);
  }

  workgroup(name: string): WorkGroup | undefined {
    const row = this.#db.prepare("SELECT document FROM workgroups WHERE name = ?").get(name);
    return row && (parse(row) as WorkGroup);
  }

  workgroups(): WorkGroup[] {
    return this.#db
      .prepare("SELECT document FROM workgroups ORDER BY name")
      .all()
      .map((row) => parse(row) as WorkGroup);
  }

  putWorkgroup(workgroup: WorkGroup): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO workgroups VALUES (?, ?)")
      .run(workgroup.Name ?? "", JSON.stringify(workgroup));
  }

  /** With its queries, named queries and prepared statements. */
  deleteWorkgroup(name: string): void {
    for (const table of ["executions", "named_queries", "prepared_statements"]) {
      this.#db.prepare(`DELETE FROM ${table} WHERE workgroup = ?`).run(name);
    }
    this.#db.prepare("DELETE FROM workgroups WHERE name = ?").run(name);
  }

  workgroupIsEmpty(name: string): boolean {
    const tables = ["executions", "named_queries", "prepared_statements"];
    return tables.every(
      (table) => this.#db.prepare(`SELECT 1 FROM ${table} WHERE workgroup = ? LIMIT 1`).get(name) === undefined,
    );
  }

  putNamedQuery(query: NamedQuery): void {
    this.#db
      .prepare(
        `INSERT INTO named_queries (id, workgroup, document) VALUES (?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
      )
      .run(query.NamedQueryId ?? "", query.WorkGroup ?? "", JSON.stringify(query));
  }

  namedQuery(id: string): NamedQuery | undefined {
    const row = this.#db.prepare("SELECT document FROM named_queries WHERE id = ?").get(id);
    return row && (parse(row) as NamedQuery);
  }

  namedQueryIds(workgroup: string, limit: number, after = 0): { number: number; id: string }[] {
    return this.#db
      .prepare("SELECT number, id FROM named_queries WHERE workgroup = ? AND number > ? ORDER BY number LIMIT ?")
      .all(workgroup, after, limit)
      .map((row) => ({ number: Number(row["number"]), id: String(row["id"]) }));
  }

  deleteNamedQuery(id: string): boolean {
    return this.#db.prepare("DELETE FROM named_queries WHERE id = ?").run(id).changes > 0;
  }

  putPreparedStatement(statement: PreparedStatement): void {
    this.#db
      .prepare("INSERT OR REPLACE INTO prepared_statements VALUES (?, ?, ?)")
      .run(statement.WorkGroupName ?? "", statement.StatementName ?? "", JSON.stringify(statement));
  }

  preparedStatement(workgroup: string, name: string): PreparedStatement | undefined {
    const row = this.#db
      .prepare("SELECT document FROM prepared_statements WHERE workgroup = ? AND name = ?")
      .get(workgroup, name);
    return row && (parse(row) as PreparedStatement);
  }

  preparedStatements(workgroup: string): PreparedStatement[] {
    return this.#db
      .prepare("SELECT document FROM prepared_statements WHERE workgroup = ? ORDER BY name")
      .all(workgroup)
      .map((row) => parse(row) as PreparedStatement);
  }

  deletePreparedStatement(workgroup: string, name: string): boolean {
    return (
      this.#db.prepare("DELETE FROM prepared_statements WHERE workgroup = ? AND name = ?").run(workgroup, name)
        .changes > 0
    );
  }
}

function parse(row: Record<string, unknown>): unknown {
  return JSON.parse(String(row["document"]), (key, value: unknown) =>
    DATES.has(key) && typeof value === "string" ? new Date(value) : value,
  );
}
