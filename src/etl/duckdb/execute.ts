import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { DatasetPlan } from "../../plan/plan.ts";
import type { FileReason, RecordReason } from "../../plan/reject-reasons.ts";
import { mapConcurrently } from "../../ledger/concurrency.ts";
import type { Database } from "./database.ts";
import { type Readable, inspect } from "./inspect.ts";
import { type LoadContext, type Tally, isOverLimit, tallyOf } from "./load-context.ts";
import { load } from "./load.ts";
import type { SourceFile } from "./input.ts";
import { tooManyRejects } from "./messages.ts";
import { type OutputFile, withoutSources } from "./outputs.ts";
import { Rejects } from "./rejects.ts";

export interface ExecuteRequest {
  readonly plan: DatasetPlan;
  readonly run: string;
  readonly files: readonly SourceFile[];
  /** A directory of this run's own, for everything that is written. */
  readonly directory: string;
  readonly now: () => Date;
}

export interface FileResult {
  readonly outcome: "committed" | "rejected";
  /** Records of the file, good and bad. */
  readonly rowsIn: number;
  /** Rows written, after the transform. None when the file is rejected. */
  readonly rowsOut: number;
  /** Bad records. */
  readonly rowsRejected: number;
  /** The first thing that is wrong with the file, or why all of it is rejected. */
  readonly error: { readonly reason: FileReason | RecordReason; readonly message: string } | undefined;
}

export interface Execution {
  /** One for each file asked for, in the same order. */
  readonly files: readonly FileResult[];
  readonly outputs: readonly OutputFile[];
  readonly rejects: { readonly path: string; readonly rows: number } | undefined;
}

/** Files that are looked at and converted at once. */
const FILES_AT_A_TIME = 4;

/** Of a file that is rejected for its many bad records, this many are shown. */
const SHOWN_REJECTS = 100;

/**
 * Loads files by a dataset's plan: Parquet files of the good rows by partition, one Parquet file of the rejects, and
 * what became of each file. A bad file is a result; it throws when the plan itself cannot be executed.
 */
export async function executePlan(database: Database, request: ExecuteRequest): Promise<Execution> {
  const { plan, run, files, directory } = request;
  await mkdir(directory, { recursive: true });
  const tallies: Tally[] = files.map(() => ({ rows: 0, bad: 0, broken: 0, first: undefined, problem: undefined }));
  const rejects = await Rejects.create(database);
  const context: LoadContext = {
    database,
    plan,
    run,
    files,
    directory,
    rejects,
    tallies,
    shownRejects: SHOWN_REJECTS,
  };

  const readable = await inspectAll(context);
  let outputs: OutputFile[] = [];
  let again: Readable[] = readable.filter((file) => file.mustClean);
  for (const group of byLayout(readable.filter((file) => !file.mustClean))) {
    const loaded = await load(context, group, { cleaned: false });
    outputs.push(...loaded.outputs);
    again = [...again, ...loaded.again];
  }
  // What DuckDB could not read, or not as specified, goes through the tokenizer. Its rows of the first scan go.
  outputs = await withoutSources(database, outputs, new Map(again.map(({ file, key }) => [file, key])));
  for (const group of byLayout(again)) {
    outputs.push(...(await load(context, group, { cleaned: true })).outputs);
  }

  const rejected = files.flatMap((_, file) => (judge(context, file) ? [file] : []));
  for (const file of rejected) await rejects.forget(file, SHOWN_REJECTS);
  outputs = await withoutSources(database, outputs, new Map(rejected.map((file) => [file, files[file]?.key ?? ""])));

  const rowsOut = files.map(() => 0);
  for (const { rows } of outputs) for (const [file, count] of rows) rowsOut[file] = (rowsOut[file] ?? 0) + count;
  return {
    files: tallies.map((tally, file) => resultOf(tally, rowsOut[file] ?? 0)),
    outputs,
    rejects: await rejects.write(path.join(directory, "rejects.parquet"), run, request.now()),
  };
}

/** Decides about a file as a whole, now that its records are counted; true when it is rejected. */
function judge(context: LoadContext, file: number): boolean {
  const { plan, files, rejects } = context;
  const tally = tallyOf(context, { file });
  const { key, version } = files[file] ?? { key: "", version: "" };
  const records = tally.rows + tally.broken;
  if (!tally.problem && records === 0) {
    tally.problem = { reason: "no-records", message: `${key}: it has no records` };
  }
  if (!tally.problem && isOverLimit(context, tally)) {
    const message = tooManyRejects(key, plan, { bad: tally.bad + tally.broken, records }, tally.first?.message);
    tally.problem = { reason: "too-many-rejects", message };
  }
  if (!tally.problem) return false;
  rejects.add({ file, key, version, record: null, column: null, ...tally.problem, raw: null });
  return true;
}

async function inspectAll(context: LoadContext): Promise<Readable[]> {
  const { database, plan, files, directory } = context;
  const found: (Readable | undefined)[] = files.map(() => undefined);
  const inputs = path.join(directory, "inputs");
  await mkdir(inputs, { recursive: true });
  await mapConcurrently(files, FILES_AT_A_TIME, async (source, file) => {
    const result = await inspect(database, plan, source, file, inputs);
    if ("reason" in result) tallyOf(context, { file }).problem = result;
    else found[file] = result;
  });
  return found.filter((file) => file !== undefined);
}

/** Files with the same fields in the same order, or the same columns, can be one scan. */
function byLayout(files: readonly Readable[]): Readable[][] {
  const groups = new Map<string, Readable[]>();
  for (const file of files) {
    const layout = JSON.stringify([file.layout, file.columns]);
    const group = groups.get(layout);
    if (group) group.push(file);
    else groups.set(layout, [file]);
  }
  return [...groups.values()];
}

function resultOf(tally: Tally, rowsOut: number): FileResult {
  const { problem, first, rows, bad, broken } = tally;
  return {
    outcome: problem ? "rejected" : "committed",
    rowsIn: rows + broken,
    rowsOut: problem ? 0 : rowsOut,
    rowsRejected: bad + broken,
    error: problem ?? (first && { reason: first.reason, message: first.message }),
  };
}
