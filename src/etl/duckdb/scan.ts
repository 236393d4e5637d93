import { csvRecordRows, csvRows } from "./csv-input.ts";
import type { FileProblem } from "./input.ts";
import type { Readable } from "./inspect.ts";
import { jsonRaw } from "./json-input.ts";
import { type LoadContext, sourceOf } from "./load-context.ts";
import { parquetFault, parquetRaw, planForParquet, unreadableParquet } from "./parquet-input.ts";
import { createLineageTypes, createSources } from "./sources.ts";
import type { LineageTypes, Relation } from "./statements.ts";

/** How the files of one group are read: they have the same fields, or the same columns. */
export interface Scan {
  readonly cleaned: boolean;
  /** The rows of all the files. */
  rows(): Relation;
  /** The rows of some of the files, with the number and the text of their records. */
  records(files: readonly Readable[]): Relation;
  /** The type that the lineage columns are written as. */
  readonly lineage: LineageTypes;
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
  const { database, plan, run } = context;
  const { source } = plan;
  const rejectsTable = database.unique("millrace_misread");
  const columns = files[0]?.columns ?? [];
  const all = files.map((file) => {
    const { key, version } = sourceOf(context, file);
    return { file: file.file, key, version, path: file.path };
  });
  const sources = await createSources(database, all);
  return {
    cleaned,
    lineage: await createLineageTypes(database, sources, run),
    rows: () => relation(files, false),
    records: (some) => relation(some, true),
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

  function relation(some: readonly Readable[], records: boolean): Relation {
    const common = { paths: some.map((file) => file.path), sources, rejectsTable };
    if (source.format === "csv") {
      const scan = { plan, source, layout: some[0]?.layout ?? [], cleaned, ...common };
      return records ? csvRecordRows(scan) : csvRows(scan);
    }
    if (source.format === "json") return { raw: jsonRaw(common, records), plan };
    return { raw: parquetRaw({ columns, ...common }, records), plan: planForParquet(plan, columns) };
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
