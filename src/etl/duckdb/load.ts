import { mkdir } from "node:fs/promises";
import path from "node:path";
import { clean } from "./clean.ts";
import { mayEndInQuotes } from "./csv-doubts.ts";
import { Disagreement } from "./csv-walk.ts";
import type { Readable } from "./inspect.ts";
import { type LoadContext, tallyOf } from "./load-context.ts";
import { type OutputFile, copyStatement, countSources, writtenFiles } from "./outputs.ts";
import { openScan } from "./scan.ts";
import { secondLook } from "./second-look.ts";
import { outputSelect } from "./statements.ts";

export interface Loaded {
  readonly outputs: readonly OutputFile[];
  /** Files that only the tokenizer reads as specified: to be loaded again, cleaned. `outputs` may have rows of them. */
  readonly again: readonly Readable[];
}

/**
 * Loads files of one shape with one scan, and takes the second look at those that have bad records.
 * `cleaned`: the tokenizer writes copies first, and DuckDB must then read what the tokenizer read.
 */
export async function load(
  context: LoadContext,
  group: readonly Readable[],
  { cleaned }: { cleaned: boolean },
): Promise<Loaded> {
  const doubtful = cleaned ? [] : doubtfulFiles(context, group);
  const files = cleaned ? await clean(context, group) : group.filter((file) => !doubtful.includes(file));
  if (files.length === 0) return { outputs: [], again: doubtful };
  const { database, plan, run } = context;
  const scan = await openScan(context, files, cleaned);
  const directory = path.join(context.directory, database.unique("outputs"));
  await mkdir(directory, { recursive: true });
  const select = outputSelect(scan.rows(), run, scan.lineage);
  let observed;
  try {
    observed = await database.observed(copyStatement(select, directory, plan.partitionBy), context.files.length);
  } catch (error) {
    const { again, bad } = await scan.blame(error);
    if (again.length === 0 && bad.size === 0) throw error;
    for (const [file, problem] of bad) tallyOf(context, file).problem = problem;
    const rest = files.filter((file) => !again.includes(file) && !bad.has(file));
    const loaded = await load(context, rest, { cleaned });
    return { outputs: loaded.outputs, again: [...doubtful, ...loaded.again, ...again] };
  }

  const misread = await scan.misread();
  const again = new Set(files.filter((file) => misread.has(file.path)));
  for (const file of files) {
    const tally = tallyOf(context, file);
    const rows = observed.counts.rows[file.file] ?? 0;
    if (cleaned && (rows !== tally.rows || again.has(file))) {
      const why = misread.get(file.path);
      const message = `${file.key}: DuckDB reads ${rows} records, and the tokenizer wrote ${tally.rows}`;
      throw new Disagreement(why === undefined ? message : `${message} (${why})`);
    }
    tally.rows = rows;
    tally.bad = observed.counts.bad[file.file] ?? 0;
  }
  const settled = files.filter((file) => !again.has(file));
  for (const file of await secondLook(context, scan, settled)) again.add(file);
  for (const file of again) {
    await context.rejects.forget(file.file);
    Object.assign(tallyOf(context, file), { rows: 0, bad: 0, broken: 0, first: undefined });
  }

  const numbers = new Map(files.map((file) => [file.key, file.file]));
  const written = writtenFiles(observed.rows, plan.partitionBy);
  return { outputs: await countSources(database, written, numbers), again: [...doubtful, ...again] };
}

/** Files that DuckDB may read wrongly, and not say so, when they are one scan. */
function doubtfulFiles({ plan }: LoadContext, files: readonly Readable[]): Readable[] {
  const { source } = plan;
  // A scan of one file is not "many" on any machine.
  if (source.format !== "csv" || files.length < 2) return [];
  return files.filter((file) => mayEndInQuotes(file.path, source));
}
