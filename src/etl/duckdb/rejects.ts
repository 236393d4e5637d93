import type { DuckDBAppender } from "@duckdb/node-api";
import { duckdbText } from "../../sql/spark/literals.ts";
import type { Database } from "./database.ts";
import { COMPRESSION } from "./outputs.ts";

/** One row of the `rejects` table, without what is the same for the whole run. */
export interface Reject {
  /** Number of the file among the run's files. */
  readonly file: number;
  readonly key: string;
  readonly version: string;
  /** From 1, the header not counted; null when the whole file is rejected. */
  readonly record: number | null;
  readonly column: string | null;
  readonly reason: string;
  readonly message: string;
  readonly raw: string | null;
}

/** Longer raw texts are cut: a reject is to be looked at, the object itself is still in its bucket. */
export const MAX_RAW = 64 * 1024;

/** Collects the rejects of a run in DuckDB, which may spill them, and writes them to one Parquet file. */
export class Rejects {
  readonly #database: Database;
  readonly #appender: DuckDBAppender;
  #rows = 0;

  private constructor(database: Database, appender: DuckDBAppender) {
    this.#database = database;
    this.#appender = appender;
  }

  static async create(database: Database): Promise<Rejects> {
    await database.rows(
      `CREATE OR REPLACE TABLE millrace_rejects (file INTEGER, source_key VARCHAR, version VARCHAR, record BIGINT, ` +
        `column_name VARCHAR, reason VARCHAR, message VARCHAR, raw VARCHAR)`,
    );
    return new Rejects(database, await database.appender("millrace_rejects"));
  }

  add(reject: Reject): void {
    const appender = this.#appender;
    appender.appendInteger(reject.file);
    appender.appendVarchar(reject.key);
    appender.appendVarchar(reject.version);
    if (reject.record === null) appender.appendNull();
    else appender.appendBigInt(BigInt(reject.record));
    for (const text of [reject.column, reject.reason, reject.message, cut(reject.raw)]) {
      if (text === null) appender.appendNull();
      else appender.appendVarchar(text);
    }
    appender.endRow();
    this.#rows++;
  }

  /** Forgets the rejects of a file that is read again, or all but the first records of it. */
  async forget(file: number, keep = 0): Promise<void> {
    this.#appender.flushSync();
    const kept =
      `SELECT record FROM millrace_rejects WHERE file = ${file} AND record IS NOT NULL ` +
      `GROUP BY record ORDER BY record LIMIT ${keep}`;
    const condition = `file = ${file} AND record IS NOT NULL AND record NOT IN (${kept})`;
    const [deleted] = await this.#database.rows(`DELETE FROM millrace_rejects WHERE ${condition}`);
    this.#rows -= Number(deleted?.[0]);
  }

  /** Writes the file, unless there is nothing to write. */
  async write(target: string, run: string, rejectedAt: Date): Promise<{ path: string; rows: number } | undefined> {
    this.#appender.closeSync();
    if (this.#rows === 0) return undefined;
    const at = `CAST(${duckdbText(rejectedAt.toISOString())} AS TIMESTAMPTZ)`;
    await this.#database.rows(
      `COPY (SELECT source_key, version, ${duckdbText(run)} AS run, record, column_name, reason, message, raw, ` +
        `${at} AS rejected_at FROM millrace_rejects ORDER BY source_key, record) ` +
        `TO ${duckdbText(target)} (FORMAT parquet, COMPRESSION ${COMPRESSION})`,
    );
    await this.#database.rows("DROP TABLE millrace_rejects");
    return { path: target, rows: this.#rows };
  }
}

function cut(raw: string | null): string | null {
  return raw !== null && raw.length > MAX_RAW ? `${raw.slice(0, MAX_RAW)}…` : raw;
}
