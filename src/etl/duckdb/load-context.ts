import type { DatasetPlan } from "../../plan/plan.ts";
import type { RecordReason } from "../../plan/reject-reasons.ts";
import type { Database } from "./database.ts";
import type { FileProblem, SourceFile } from "./input.ts";
import type { Readable } from "./inspect.ts";
import type { Rejects } from "./rejects.ts";

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

/** What the steps of one execution share. */
export interface LoadContext {
  readonly database: Database;
  readonly plan: DatasetPlan;
  readonly run: string;
  readonly files: readonly SourceFile[];
  /** One for each file. */
  readonly tallies: readonly Tally[];
  readonly rejects: Rejects;
  /** A directory of this execution's own; copies of its inputs are in `inputs` below it. */
  readonly directory: string;
  /** Of a file that is rejected for its many bad records, this many are shown. */
  readonly shownRejects: number;
}

export function tallyOf(context: LoadContext, { file }: Pick<Readable, "file">): Tally {
  const tally = context.tallies[file];
  if (!tally) throw new Error(`there is no file ${file}`);
  return tally;
}

export function sourceOf(context: LoadContext, { file }: Pick<Readable, "file">): SourceFile {
  const source = context.files[file];
  if (!source) throw new Error(`there is no file ${file}`);
  return source;
}

/** The file has more bad records than its dataset allows. */
export function isOverLimit({ plan }: LoadContext, { rows, bad, broken }: Tally): boolean {
  return bad + broken > plan.rejectLimit * (rows + broken);
}
