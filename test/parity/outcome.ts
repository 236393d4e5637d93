import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { openDatabase } from "../../src/etl/duckdb/database.ts";
import type { Database } from "../../src/etl/duckdb/database.ts";
import { commitLine } from "../../src/ledger/documents.ts";
import type { CommitLine } from "../../src/ledger/documents.ts";
import type { DroppedFile } from "../../src/cli/outcome.ts";
import type { TestPipeline } from "../support/pipeline.ts";

/** Everything that a pipeline has published, copied into a directory below the keys. */
export interface Published {
  readonly directory: string;
  readonly markers: readonly CommitLine[];
  /** Keys under data/ and rejects/. */
  readonly files: readonly string[];
}

export async function fetchPublished({ target }: TestPipeline, directory: string): Promise<Published> {
  const Bucket = target.stack.targetBucket;
  const markers: CommitLine[] = [];
  const files: string[] = [];
  for (const Prefix of ["data/", "rejects/", "ledger/commits/"]) {
    let token: string | undefined;
    do {
      const page = await target.s3.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken: token }));
      for (const { Key = "" } of page.Contents ?? []) {
        const { Body } = await target.s3.send(new GetObjectCommand({ Bucket, Key }));
        const bytes = await Body?.transformToByteArray();
        if (!bytes) throw new Error(`${Key} has no body`);
        if (Prefix === "ledger/commits/") {
          const lines = Buffer.from(bytes).toString().trimEnd().split("\n");
          markers.push(...lines.map((line) => commitLine.parse(JSON.parse(line))));
          continue;
        }
        files.push(Key);
        const file = path.join(directory, String(files.length - 1).padStart(5, "0"));
        await mkdir(directory, { recursive: true });
        await writeFile(`${file}.parquet`, bytes);
      }
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }
  return { directory, markers, files };
}

/** The dataset of Parquet files. */
export const PARQUET_DATASET = "records";

/** Waits until every dropped version has a line in a marker, without depending on what comes after: crawler and catalog. */
export async function committed(pipeline: TestPipeline, files: readonly DroppedFile[]): Promise<void> {
  const { local, target } = pipeline;
  const { trace } = local.runtime;
  const Bucket = target.stack.targetBucket;
  const read = new Map<string, string>();
  for (;;) {
    const next = trace.waitFor(
      (event) =>
        event.type === "call" &&
        event.operation === "PutObject" &&
        event.resource !== undefined &&
        event.resource.includes("ledger/commits/"),
    );
    const page = await target.s3.send(new ListObjectsV2Command({ Bucket, Prefix: "ledger/commits/" }));
    for (const { Key = "" } of page.Contents ?? []) {
      if (read.has(Key)) continue;
      const { Body } = await target.s3.send(new GetObjectCommand({ Bucket, Key }));
      read.set(Key, (await Body?.transformToString()) ?? "");
    }
    const lines = [...read.values()].join("");
    const missing = files.filter(({ version }) => !lines.includes(JSON.stringify(version)));
    if (missing.length === 0) return;
    await next;
  }
}

/** What must be the same in the markers: everything but times, names of runs and of versions. */
export function comparableMarkers({ markers }: Published): unknown[] {
  return markers
    .map((line) => ({
      dataset: line.dataset,
      key: line.key,
      try: line.try,
      outcome: line.outcome,
      bytes: line.bytes,
      rows: [line.rows_in, line.rows_out, line.rows_rejected],
      error: [line.error_reason, withoutReaderMessage(line.error_message)],
      partitions: [...new Set(line.outputs.map((key) => path.posix.dirname(key)))].sort(),
    }))
    .sort((a, b) => (`${a.key}#${a.try}` < `${b.key}#${b.try}` ? -1 : 1));
}

/** What a reader of Parquet says of a file that it cannot read is its own. */
function withoutReaderMessage(message: string | null): string | null {
  return message?.replace(READER_MESSAGE, "$1") ?? null;
}

const READER_MESSAGE = /(it is not readable as Parquet: ).*/;

/** Compares published Parquet files with DuckDB, which wrote one side of them only. */
export class Comparison implements Disposable {
  readonly #database: Database;

  private constructor(database: Database) {
    this.#database = database;
  }

  static async open(directory: string): Promise<Comparison> {
    return new Comparison(await openDatabase({ memoryBytes: 1e9, temporaryDirectory: directory }));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /**
   * Rows that are on one side only, at most twenty of each. Partition directories are a column; versions are left out
   * of it, but each must be the one that the marker names for the row's source.
   */
  async difference(a: Published, b: Published, prefix: string): Promise<unknown[]> {
    const left = this.#rows(a, prefix);
    const right = this.#rows(b, prefix);
    if (left === undefined || right === undefined) return left === right ? [] : [left, right];
    const only = (one: string, other: string, side: string) =>
      `(SELECT '${side}' AS side, * FROM (${one} EXCEPT ALL ${other}) LIMIT 20)`;
    const sql = `${only(left, right, "first")} UNION ALL ${only(right, left, "second")}`;
    return [...(await this.#database.rows(sql))];
  }

  /** The values that the texts of rejected records hold, by source and record. */
  async rejectedValues(published: Published, prefix: string): Promise<unknown[]> {
    const files = this.#paths(published, prefix).map(({ file }) => literal(file));
    const rows = await this.#database.rows(
      `SELECT source_key, record, column_name, raw FROM read_parquet([${files.join(", ")}]) WHERE raw IS NOT NULL ORDER BY ALL`,
    );
    return rows.map(([key, record, column, raw]) => [key, record, column, JSON.parse(String(raw)) as unknown]);
  }

  async count(published: Published, prefix: string): Promise<number> {
    const rows = this.#rows(published, prefix);
    return rows === undefined ? 0 : Number((await this.#database.rows(`SELECT count(*) FROM (${rows})`))[0]?.[0]);
  }

  /** Rows of data/ whose lineage is not what the markers say. */
  async strayLineage(published: Published, dataset: string): Promise<number> {
    const paths = this.#paths(published, `data/${dataset}/`);
    if (paths.length === 0) return 0;
    const known = published.markers
      .filter((line) => line.dataset === dataset && line.outcome === "committed")
      .map((line) => `(${[line.key, line.version, line.run].map(literal).join(", ")})`);
    const [row] = await this.#database.rows(
      `SELECT count(*) FROM read_parquet([${paths.map(({ file }) => literal(file)).join(", ")}], union_by_name = false) AS rows ` +
        `WHERE NOT EXISTS (SELECT 1 FROM (VALUES ${known.join(", ")}) AS known(k, v, r) WHERE k = _source AND v = _version AND r = _run)`,
    );
    return Number(row?.[0]);
  }

  /**
   * Columns as they stand in the files: name, physical type, converted type (without those that say what the physical
   * type says). One list, if all files agree.
   */
  async types(published: Published, prefix: string): Promise<unknown[]> {
    const lists = new Map<string, unknown[]>();
    for (const { file } of this.#paths(published, prefix)) {
      const rows = await this.#database.rows(
        `SELECT name, type, CASE WHEN converted_type NOT IN ('INT_32', 'INT_64') THEN converted_type END, num_children, scale, precision,
           coalesce(logical_type, '') LIKE '%isAdjustedToUTC=1%' OR coalesce(logical_type, '') LIKE '%true%' AS utc
         FROM parquet_schema(${literal(file)}) WHERE parquet_schema.name NOT IN ('schema', 'duckdb_schema', 'spark_schema')`,
      );
      lists.set(JSON.stringify(rows), [...rows]);
    }
    return [...lists.values()];
  }

  #rows(published: Published, prefix: string): string | undefined {
    const paths = this.#paths(published, prefix);
    if (paths.length === 0) return undefined;
    const rejects = prefix.startsWith("rejects/");
    const hidden = rejects ? "version, run, rejected_at, message, raw" : "_version, _run";
    // The text of a Parquet record is made by the engine that read it: 2.00 or 2.0.
    const raw = rejects ? `, ${prefix.includes(PARQUET_DATASET) ? "raw IS NULL" : "raw"} AS raw` : "";
    const message = rejects ? ", regexp_replace(message, '(it is not readable as Parquet: ).*', '\\1') AS message" : "";
    const directories = paths.map(({ file, key }) => `(${literal(file)}, ${literal(directoryOf(key))})`);
    return (
      `SELECT directory, rows.* EXCLUDE (${hidden}, file)${raw}${message} FROM ` +
      `read_parquet([${paths.map(({ file }) => literal(file)).join(", ")}], filename = 'file', union_by_name = false) AS rows ` +
      `JOIN (VALUES ${directories.join(", ")}) AS names(file, directory) USING (file)`
    );
  }

  #paths(published: Published, prefix: string): { key: string; file: string }[] {
    return published.files.flatMap((key, index) => {
      const file = path.join(published.directory, `${String(index).padStart(5, "0")}.parquet`);
      return key.startsWith(prefix) ? [{ key, file }] : [];
    });
  }
}

/** The day of the rejects is the day of the run: the same on both sides, unless midnight passes between them. */
function directoryOf(key: string): string {
  return key.startsWith("rejects/") ? "rejects" : path.posix.dirname(key);
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
