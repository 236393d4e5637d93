import { rm } from "node:fs/promises";
import path from "node:path";
import { partitionPath } from "../../plan/partition-path.ts";
import { duckdbText } from "../../sql/spark/literals.ts";
import type { Database } from "./database.ts";

/** A Parquet file that a load has written. */
export interface OutputFile {
  readonly path: string;
  /** `year=2001/origin=AMS/`, or empty: where it belongs under the dataset's data. */
  readonly partition: string;
  /** Rows by the number of the file they came from. */
  readonly rows: ReadonlyMap<number, number>;
}

/** What Athena and Spark both read; Spark's Parquet writer has it too. */
export const COMPRESSION = "zstd";

/** Without partitions a file is closed when it has about this size, so that readers can share the work. */
const FILE_BYTES = "512MB";

/**
 * Writes the rows of a select to Parquet files in `directory`, one or a few for each partition.
 * `observed` must be the statement's runner, so that the caller gets its counts.
 */
export function copyStatement(select: string, directory: string, partitionBy: readonly string[]): string {
  const options = [
    "FORMAT parquet",
    `COMPRESSION ${COMPRESSION}`,
    "RETURN_STATS true",
    partitionBy.length > 0
      ? `PARTITION_BY (${partitionBy.map((column) => `"${column}"`).join(", ")}), FILENAME_PATTERN 'part-{i}', OVERWRITE_OR_IGNORE true`
      : `FILE_SIZE_BYTES '${FILE_BYTES}'`,
  ];
  return `COPY (${select}) TO ${duckdbText(directory)} (${options.join(", ")})`;
}

interface Written {
  readonly path: string;
  readonly rows: number;
  readonly partition: string;
}

/** Reads what `COPY … RETURN_STATS` answered: the files that have rows. */
export function writtenFiles(rows: readonly (readonly unknown[])[], partitionBy: readonly string[]): Written[] {
  return rows
    .map(([file, count, , , , keys]) => ({
      path: String(file),
      rows: Number(count),
      partition: partitionPath(partitionBy, partitionValues(keys, partitionBy)),
    }))
    .filter((written) => written.rows > 0);
}

/** DuckDB's map of partition keys, as `[{key, value}]`. */
function partitionValues(keys: unknown, partitionBy: readonly string[]): (string | null)[] {
  const values = new Map(
    ((keys ?? []) as { key: string; value: string | null }[]).map(({ key, value }) => [key, value] as const),
  );
  return partitionBy.map((column) => values.get(column) ?? null);
}

/** Counts the rows of each source in each written file. `numbers` are the numbers of the files that were read, by key. */
export async function countSources(
  database: Database,
  written: readonly Written[],
  numbers: ReadonlyMap<string, number>,
): Promise<OutputFile[]> {
  const [only] = numbers.values();
  if (numbers.size === 1 && only !== undefined) {
    return written.map((file) => ({ ...file, rows: new Map([[only, file.rows]]) }));
  }
  if (written.length === 0) return [];
  const rows = await database.rows(
    `SELECT "millrace:path", "_source", count(*) FROM ${parquet(written.map((file) => file.path))} GROUP BY ALL`,
  );
  const counts = new Map(written.map((file) => [file.path, new Map<number, number>()]));
  for (const [file, source, count] of rows) {
    const number = numbers.get(String(source));
    if (number === undefined)
      throw new Error(`rows of ${String(source)} were written, which is not a file of this run`);
    counts.get(String(file))?.set(number, Number(count));
  }
  return written.map((file) => ({ ...file, rows: counts.get(file.path) ?? new Map() }));
}

/** The same outputs without the rows of some sources: files are written anew, or dropped when nothing is left. */
export async function withoutSources(
  database: Database,
  outputs: readonly OutputFile[],
  removed: ReadonlyMap<number, string>,
): Promise<OutputFile[]> {
  if (removed.size === 0) return [...outputs];
  const kept: OutputFile[] = [];
  for (const output of outputs) {
    const left = new Map([...output.rows].filter(([source]) => !removed.has(source)));
    if (left.size === output.rows.size) {
      kept.push(output);
      continue;
    }
    if (left.size > 0) {
      const keys = [...output.rows.keys()].flatMap((source) => removed.get(source) ?? []);
      const file = path.join(path.dirname(output.path), `kept-${path.basename(output.path)}`);
      await copyWithoutSources(database, output.path, keys, file);
      kept.push({ path: file, partition: output.partition, rows: left });
    }
    await rm(output.path);
  }
  return kept;
}

/** Copies a Parquet file without the rows of some source keys; the copy may have no rows. Returns how many it has. */
export async function copyWithoutSources(
  database: Database,
  file: string,
  keys: readonly string[],
  target: string,
): Promise<number> {
  const list = keys.map(duckdbText).join(", ");
  const [counted] = await database.rows(
    `COPY (SELECT * FROM read_parquet([${duckdbText(file)}], hive_partitioning = false) WHERE "_source" NOT IN (${list})) ` +
      `TO ${duckdbText(target)} (FORMAT parquet, COMPRESSION ${COMPRESSION})`,
  );
  return Number(counted?.[0]);
}

function parquet(paths: readonly string[]): string {
  const list = paths.map(duckdbText).join(", ");
  return `read_parquet([${list}], filename = 'millrace:path', hive_partitioning = false)`;
}
