import type { DatasetPlan } from "../../plan/plan.ts";
import { CsvWalk, Disagreement } from "./csv-walk.ts";
import type { Readable } from "./inspect.ts";
import { type LoadContext, isOverLimit, sourceOf, tallyOf } from "./load-context.ts";
import { type RecordProblem, badJson, badValue, brokenRule, missingValue } from "./messages.ts";
import type { Scan } from "./scan.ts";
import { type BadRecord, badRecord, badRecordsSelect } from "./statements.ts";

/**
 * Reads the files that have bad records once more, to name each record with its number, its text and what is wrong
 * with it. Returns the files that DuckDB does not read as the tokenizer does.
 */
export async function secondLook(context: LoadContext, scan: Scan, files: readonly Readable[]): Promise<Readable[]> {
  const bad = files.filter((file) => tallyOf(context, file).bad > 0);
  // Of a file that will be rejected whole, the first bad records are enough.
  const over = bad.filter((file) => isOverLimit(context, tallyOf(context, file)));
  const within = bad.filter((file) => !over.includes(file));
  if (bad.length === 0) return [];
  return await context.database.inOrder(async () => {
    const disagreed = within.length === 0 ? [] : await look(context, scan, within, undefined);
    for (const file of over) disagreed.push(...(await look(context, scan, [file], context.shownRejects)));
    return disagreed;
  });
}

async function look(
  context: LoadContext,
  scan: Scan,
  files: readonly Readable[],
  limit: number | undefined,
): Promise<Readable[]> {
  // Cleaned CSV files carry the records' numbers; others are numbered through all the files of the scan.
  const numbered = scan.cleaned && context.plan.source.format === "csv";
  const looks = new Map<number, FileLook>();
  let before = 0;
  for (const file of files) {
    looks.set(file.file, new FileLook(context, scan, file, numbered ? 0 : before));
    before += tallyOf(context, file).rows;
  }
  const select = badRecordsSelect(scan.records(files), limit);
  const result = await context.database.connection.stream(select);
  for await (const rows of result.yieldRowsJson()) {
    for (const row of rows) {
      const record = badRecord(row);
      await looks.get(record.file)?.take(record);
    }
  }
  await scan.misread();
  const disagreed: Readable[] = [];
  for (const file of files) {
    if (!(await looks.get(file.file)?.finish(limit === undefined))) disagreed.push(file);
  }
  return disagreed;
}

/** The second look at one file. */
class FileLook {
  readonly #context: LoadContext;
  readonly #scan: Scan;
  readonly #file: Readable;
  /** Records of the scan before this file's first. */
  readonly #before: number;
  readonly #walk: CsvWalk | undefined;
  #found = 0;
  #disagreement: Disagreement | undefined;

  constructor(context: LoadContext, scan: Scan, file: Readable, before: number) {
    this.#context = context;
    this.#scan = scan;
    this.#file = file;
    this.#before = before;
    const { source } = context.plan;
    this.#walk = source.format === "csv" ? new CsvWalk({ key: file.key, path: file.text }, source) : undefined;
  }

  async take(bad: BadRecord): Promise<void> {
    if (this.#disagreement) return;
    const { key, version } = sourceOf(this.#context, this.#file);
    const record = bad.record - this.#before;
    const tally = tallyOf(this.#context, this.#file);
    this.#found++;
    try {
      const raw = this.#walk ? await this.#walk.find(record, bad.raw as string[]) : String(bad.raw);
      for (const problem of problemsOf(this.#context.plan, key, record, bad)) {
        if (!tally.first || record < tally.first.record) {
          tally.first = { record, reason: problem.reason, message: problem.message };
        }
        this.#context.rejects.add({ file: this.#file.file, key, version, record, ...problem, raw });
      }
    } catch (error) {
      this.#disagree(error);
    }
  }

  /** Whether everything agreed: the records, their number, and (unless the look was limited) how many are bad. */
  async finish(whole: boolean): Promise<boolean> {
    const { rows, bad, broken } = tallyOf(this.#context, this.#file);
    try {
      if (whole && !this.#disagreement) {
        if (this.#found !== bad) {
          throw new Disagreement(`${this.#file.key}: ${bad} bad records were counted, and ${this.#found} found`);
        }
        await this.#walk?.finish(rows + broken);
      }
    } catch (error) {
      this.#disagree(error);
    } finally {
      await this.#walk?.close();
    }
    return this.#disagreement === undefined;
  }

  /** A cleaned copy has no second chance: then one of the two readers does not do what is specified. */
  #disagree(error: unknown): void {
    if (!(error instanceof Disagreement) || this.#scan.cleaned || this.#context.plan.source.format === "parquet")
      throw error;
    this.#disagreement = error;
  }
}

/** Everything that is wrong with a record, in the order of the columns; the rules only when every column is right. */
function problemsOf(plan: DatasetPlan, key: string, record: number, bad: BadRecord): RecordProblem[] {
  if (bad.broken) return [badJson(key, record)];
  const problems: RecordProblem[] = [];
  for (const [index, column] of plan.columns.entries()) {
    const text = bad.texts[index] ?? null;
    if (text === null) {
      if (!column.nullable) problems.push(missingValue(key, record, column));
    } else if (bad.untyped[index]) {
      problems.push(badValue(key, record, column, text));
    }
  }
  if (problems.length > 0) return problems;
  return plan.rules.filter((_, index) => bad.unmet[index]).map((rule) => brokenRule(key, record, rule.name));
}
