import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { RecordReason } from "../../plan/reject-reasons.ts";
import { duckdbText } from "../../sql/spark/literals.ts";
import { type CsvScan, cleanCsv, csvRaw } from "./csv-input.ts";
import type { Database } from "./database.ts";
import type { ExecuteRequest } from "./execute.ts";
import type { FileProblem } from "./input.ts";
import type { Readable } from "./inspect.ts";
import { cleanJson, jsonRaw } from "./json-input.ts";
import { badQuoting, fieldCount } from "./messages.ts";
import { type OutputFile, copyStatement, countSources, writtenFiles } from "./outputs.ts";
import type { Rejects } from "./rejects.ts";
import { CsvWalk, Disagreement, problemsOf } from "./second-look.ts";
import { FILE, type RawSql, badRecord, badRecordsSelect, outputSelect } from "./statements.ts";

/** What is known of a file so far. */
export interface Tally {
  /** Records that DuckDB has read, and those of them that are bad. */
  rows: number;
  bad: number;
  /** Records that the tokenizer took out because their structure is bad. */
  broken: number;
  /** The first bad record. */
  first: { record: number; reason: RecordReason; message: string } | undefined;
  /** Why all of the file is rejected. */
  problem: FileProblem | undefined;
}

export interface LoadContext extends ExecuteRequest {
  readonly database: Database;
  readonly rejects: Rejects;
  readonly tallies: readonly Tally[];
  readonly shownRejects: number;
}

export interface Loaded {
  readonly outputs: readonly OutputFile[];
  /** Files that only the tokenizer reads as specified: to be loaded again, cleaned; what `outputs` has of them is void. */
  readonly again: readonly Readable[];
}

/**
 * Loads files that have one layout with one scan, and takes the second look at those that have bad records.
 * `cleaned`: the tokenizer writes copies first, which DuckDB must then read as the tokenizer did.
 */
export async function load(
  context: LoadContext,
  group: readonly Readable[],
  { cleaned }: { cleaned: boolean },
): Promise<Loaded> {
  const files = cleaned ? await cleanAll(context, group) : group;
  if (files.length === 0) return { outputs: [], again: [] };
  const scan = await openScan(context, files, cleaned);
  const directory = await outputDirectory(context);
  const { database, plan, run } = context;
  const select = outputSelect(plan, scan.raw(files, false), run);
  let observed;
  try {
    observed = await database.observed(copyStatement(select, directory, plan.partitionBy), context.files.length);
  } catch (error) {
    const culprits = unreadable(error, files);
    if (culprits.length === 0 || cleaned) throw error;
    const rest = files.filter((file) => !culprits.includes(file));
    const loaded = rest.length === 0 ? { outputs: [], again: [] } : await load(context, rest, { cleaned });
    return { outputs: loaded.outputs, again: [...loaded.again, ...culprits] };
  }

  const misread = await scan.misread();
  if (cleaned && misread.size > 0)
    throw new Disagreement(`DuckDB cannot read what the tokenizer wrote: ${[...misread.values()].join("; ")}`);
  const again = new Set(files.filter((file) => misread.has(file.path)));
  for (const file of files) {
    const tally = tallyOf(context, file);
    const rows = observed.counts.rows[file.file] ?? 0;
    if (cleaned && rows !== tally.rows) {
      throw new Disagreement(`${file.key}: DuckDB reads ${rows} records, and the tokenizer wrote ${tally.rows}`);
    }
    tally.rows = rows;
    tally.bad = observed.counts.bad[file.file] ?? 0;
  }
  for (const file of await secondLook(
    context,
    scan,
    files.filter((file) => !again.has(file)),
    cleaned,
  ))
    again.add(file);
  for (const file of again) {
    await context.rejects.forget(file.file);
    Object.assign(tallyOf(context, file), { rows: 0, bad: 0, broken: 0, first: undefined });
  }

  const numbers = new Map(files.map((file) => [file.key, file.file]));
  const written = writtenFiles(observed.rows, plan.partitionBy);
  const outputs = await countSources(database, written, [...numbers.values()], numbers);
  return { outputs, again: group.filter((file) => again.has(file)) };
}

interface Scan {
  /** The `raw` relation of some of the files. */
  raw(files: readonly Readable[], records: boolean): RawSql;
  /** Paths that DuckDB found records in that it cannot read, with its message. */
  misread(): Promise<Map<string, string>>;
}

let scans = 0;

async function openScan(context: LoadContext, files: readonly Readable[], cleaned: boolean): Promise<Scan> {
  const { database, plan } = context;
  const id = scans++;
  const table = `millrace_files_${id}`;
  const rejectsTable = `millrace_misread_${id}`;
  await database.rows(
    `CREATE TEMP TABLE ${table} AS SELECT * FROM (VALUES ${files
      .map((file) => {
        const source = context.files[file.file];
        const texts = [file.path, source?.key ?? "", source?.version ?? ""].map(duckdbText);
        return `(${texts[0]}, ${file.file}, ${texts[1]}, ${texts[2]})`;
      })
      .join(", ")}) AS files("millrace:path", "${FILE}", "_source", "_version")`,
  );
  const { source } = plan;
  return {
    raw(some, records) {
      const common = { paths: some.map((file) => file.path), files: table, rejectsTable };
      if (source.format === "csv") {
        const scan: CsvScan = { plan, source, layout: some[0]?.layout ?? [], cleaned, ...common };
        return csvRaw(scan, records);
      }
      if (source.format === "json") return jsonRaw(common, records);
      throw new Error("Parquet sources are read elsewhere");
    },
    async misread() {
      const rows = await database.rows(
        `SELECT scans.file_path, any_value(misread.error_message) FROM ${rejectsTable} AS misread ` +
          `JOIN ${rejectsTable}_scans AS scans USING (scan_id, file_id) GROUP BY ALL`,
      );
      await database.rows(`DROP TABLE ${rejectsTable}`);
      await database.rows(`DROP TABLE ${rejectsTable}_scans`);
      return new Map(rows.map(([file, message]) => [String(file), String(message)]));
    },
  };
}

/** The files that DuckDB's error is about, when it is one of its CSV reader; all of them when it does not say. */
function unreadable(error: unknown, files: readonly Readable[]): Readable[] {
  const message = error instanceof Error ? error.message : String(error);
  if (!/CSV|state machine/i.test(message)) return [];
  const named = files.filter((file) => message.includes(file.path));
  return named.length > 0 ? named : [...files];
}

function tallyOf(context: LoadContext, file: Readable): Tally {
  const tally = context.tallies[file.file];
  if (!tally) throw new Error(`there is no file ${file.file}`);
  return tally;
}

async function outputDirectory(context: LoadContext): Promise<string> {
  const directory = path.join(context.directory, `outputs-${scans++}`);
  await mkdir(directory, { recursive: true });
  return directory;
}

/** Writes cleaned copies; what cannot be read at all is a problem of its file, and is left out. */
async function cleanAll(context: LoadContext, files: readonly Readable[]): Promise<Readable[]> {
  const { plan, rejects } = context;
  const cleaned: Readable[] = [];
  for (const file of files) {
    const tally = tallyOf(context, file);
    const target = `${path.join(context.directory, "inputs", String(file.file))}.clean`;
    const { key, version } = context.files[file.file] ?? { key: "", version: "" };
    const { source } = plan;
    if (source.format === "parquet") throw new Error("a Parquet file has no text to be cleaned");
    const result =
      source.format === "json"
        ? await cleanJson(source, { key, path: file.text }, target)
        : await cleanCsv(
            source,
            file.layout.length,
            { key, path: file.text },
            target,
            ({ record, reason, fieldCount: found, raw }) => {
              const problem =
                reason === "bad-quoting" ? badQuoting(key, record) : fieldCount(key, record, found, file.layout.length);
              tally.broken++;
              tally.first ??= { record, reason, message: problem.message };
              rejects.add({ file: file.file, key, version, record, ...problem, raw });
            },
          );
    if ("reason" in result) {
      tally.problem = result;
      continue;
    }
    tally.rows = result.records - tally.broken;
    if (tally.rows > 0) cleaned.push({ ...file, path: target });
  }
  return cleaned;
}

/** Names what is wrong with each bad record. Returns the files that DuckDB does not read as the tokenizer does. */
async function secondLook(
  context: LoadContext,
  scan: Scan,
  files: readonly Readable[],
  cleaned: boolean,
): Promise<Readable[]> {
  const { plan } = context;
  const bad = files.filter((file) => tallyOf(context, file).bad > 0);
  const over = bad.filter((file) => {
    const tally = tallyOf(context, file);
    return tally.bad + tally.broken > plan.rejectLimit * (tally.rows + tally.broken);
  });
  const within = bad.filter((file) => !over.includes(file));
  const disagreed: Readable[] = [];
  if (within.length > 0) disagreed.push(...(await look(within, undefined)));
  for (const file of over) disagreed.push(...(await look([file], context.shownRejects)));
  if (cleaned && disagreed.length > 0) throw new Disagreement(`${disagreed[0]?.key}: its cleaned copy reads otherwise`);
  return disagreed;

  async function look(some: readonly Readable[], limit: number | undefined): Promise<Readable[]> {
    const select = badRecordsSelect(plan, scan.raw(some, true), limit);
    const looks = new Map(some.map((file) => [file.file, new FileLook(context, file)]));
    // DuckDB numbers the records of an uncleaned scan through all of its files.
    let before = 0;
    for (const file of some) {
      if (cleaned && plan.source.format === "csv") break;
      looks.get(file.file)?.startAfter(before);
      before += tallyOf(context, file).rows;
    }
    const result = await context.database.connection.stream(select);
    for await (const rows of result.yieldRowsJson()) {
      for (const row of rows) {
        const record = badRecord(row);
        await looks.get(record.file)?.take(record);
      }
    }
    await scan.misread();
    const wrong: Readable[] = [];
    for (const file of some) {
      const agreed = await looks.get(file.file)?.finish(limit === undefined, cleaned);
      if (!agreed) wrong.push(file);
    }
    return wrong;
  }
}

/** The second look at one file. */
class FileLook {
  readonly #context: LoadContext;
  readonly #file: Readable;
  readonly #walk: CsvWalk | undefined;
  #before = 0;
  #found = 0;
  #disagreement: Disagreement | undefined;

  constructor(context: LoadContext, file: Readable) {
    this.#context = context;
    this.#file = file;
    const { source } = context.plan;
    this.#walk = source.format === "csv" ? new CsvWalk({ key: file.key, path: file.text }, source) : undefined;
  }

  startAfter(records: number): void {
    this.#before = records;
  }

  async take(bad: ReturnType<typeof badRecord>): Promise<void> {
    if (this.#disagreement) return;
    const { plan, rejects, files } = this.#context;
    const { file } = this.#file;
    const { key, version } = files[file] ?? { key: "", version: "" };
    const record = bad.record - this.#before;
    try {
      const raw = this.#walk ? await this.#walk.find(record, bad.raw as string[]) : String(bad.raw);
      const tally = tallyOf(this.#context, this.#file);
      this.#found++;
      for (const problem of problemsOf(plan, key, record, bad)) {
        if (!tally.first || record < tally.first.record) {
          tally.first = { record, reason: problem.reason, message: problem.message };
        }
        rejects.add({ file, key, version, record, ...problem, raw });
      }
    } catch (error) {
      if (!(error instanceof Disagreement)) throw error;
      this.#disagreement = error;
    }
  }

  /** Whether everything agreed: the records, their number, and (unless the look was limited) how many are bad. */
  async finish(whole: boolean, cleaned: boolean): Promise<boolean> {
    const tally = tallyOf(this.#context, this.#file);
    try {
      if (this.#disagreement) throw this.#disagreement;
      if (!whole) return true;
      if (this.#found !== tally.bad) {
        throw new Disagreement(`${this.#file.key}: ${tally.bad} bad records were counted, and ${this.#found} found`);
      }
      await this.#walk?.finish(tally.rows + tally.broken);
      return true;
    } catch (error) {
      if (!(error instanceof Disagreement) || cleaned) throw error;
      return false;
    } finally {
      await this.#walk?.close();
    }
  }
}
