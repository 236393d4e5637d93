import type { DatasetPlan } from "../../plan/plan.ts";
import { duckdbText } from "../../sql/spark/literals.ts";
import { csvRaw } from "./csv-input.ts";
import type { FileProblem } from "./input.ts";
import type { Readable } from "./inspect.ts";
import { jsonRaw } from "./json-input.ts";
import { type LoadContext, sourceOf } from "./load-context.ts";
import { parquetFault, parquetRaw, planForParquet, unreadableParquet } from "./parquet-input.ts";
import { FILE, type RawSql } from "./statements.ts";

/** How the files of one group are read: they have the same fields, or the same columns. */
export interface Scan {
  /** The dataset's plan, as it is for these files. */
  readonly plan: DatasetPlan;
  readonly cleaned: boolean;
  /** The `raw` relation of some of the files; see `RawSql`. */
  raw(files: readonly Readable[], records: boolean): RawSql;
  /** After a scan: the paths in which DuckDB found records that it cannot read, with its message. */
  misread(): Promise<Map<string, string>>;
  /**
   * Which files made a scan fail, when it was files: those that only the tokenizer may be able to read, and those that
   * nothing can. Both are empty when the cause is another.
   */
  blame(
    error: unknown,
  ): Promise<{ readonly again: readonly Readable[]; readonly bad: ReadonlyMap<Readable, FileProblem> }>;
}

export async function openScan(context: LoadContext, files: readonly Readable[], cleaned: boolean): Promise<Scan> {
  const { database } = context;
  const { source } = context.plan;
  const table = database.unique("millrace_files");
  const rejectsTable = database.unique("millrace_misread");
  await database.rows(
    `CREATE TEMP TABLE ${table} AS SELECT * FROM (VALUES ${files.map(row).join(", ")}) AS files(${COLUMNS})`,
  );
  const columns = files[0]?.columns ?? [];
  const plan = source.format === "parquet" ? planForParquet(context.plan, columns) : context.plan;
  return {
    plan,
    cleaned,
    raw(some, records) {
      const common = { paths: some.map((file) => file.path), files: table, rejectsTable };
      if (source.format === "parquet") return parquetRaw({ columns, ...common }, records);
      if (source.format === "json") return jsonRaw(common, records);
      return csvRaw({ plan, source, layout: some[0]?.layout ?? [], cleaned, ...common }, records);
    },
    async misread() {
      if (source.format === "parquet") return new Map();
      const rows = await database.rows(
        `SELECT scans.file_path, any_value(misread.error_message) FROM ${rejectsTable} AS misread ` +
          `JOIN ${rejectsTable}_scans AS scans USING (scan_id, file_id) GROUP BY ALL`,
      );
      await database.rows(`DROP TABLE ${rejectsTable}`);
      await database.rows(`DROP TABLE ${rejectsTable}_scans`);
      return new Map(rows.map(([file, message]) => [String(file), String(message)]));
    },
    async blame(error) {
      return source.format === "parquet" ? await blameParquet() : blameText(error);
    },
  };

  function row(file: Readable): string {
    const { key, version } = sourceOf(context, file);
    return `(${duckdbText(file.path)}, ${file.file}, ${duckdbText(key)}, ${duckdbText(version)})`;
  }

  function blameText(error: unknown) {
    const message = error instanceof Error ? error.message : String(error);
    if (cleaned || !/CSV|state machine/i.test(message)) return { again: [], bad: new Map() };
    const named = files.filter((file) => message.includes(file.path));
    return { again: named.length > 0 ? named : files, bad: new Map() };
  }

  /** DuckDB's errors about the inside of a Parquet file do not name it: each is read alone. */
  async function blameParquet() {
    const bad = new Map<Readable, FileProblem>();
    for (const file of files) {
      const fault = await parquetFault(database, file.path);
      if (fault !== undefined) bad.set(file, unreadableParquet(file.key, fault, file.path));
    }
    return { again: [], bad };
  }
}

const COLUMNS = `"millrace:path", "${FILE}", "_source", "_version"`;
