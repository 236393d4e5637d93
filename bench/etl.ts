import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { availableParallelism, tmpdir, totalmem } from "node:os";
import path from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { openDatabase } from "../src/etl/duckdb/database.ts";
import { executePlan } from "../src/etl/duckdb/execute.ts";
import { COMPRESSION } from "../src/etl/duckdb/outputs.ts";
import type { DatasetPlan } from "../src/plan/plan.ts";
import { duckdbText } from "../src/sql/spark/literals.ts";
import { SPARK_MACROS } from "../src/sql/spark/macros.ts";
import { alternate, ratioFigures, timed } from "./support/measure.ts";
import { benchProject } from "./support/pipeline.ts";
import type { Figure, Question } from "./support/question.ts";
import { TRIPS_PIPELINE, writeTrips } from "./support/trips.ts";

const MEMORY_BYTES = Math.floor(totalmem() * 0.5);
const THREADS = availableParallelism();
const KEY = "trips/all.csv";
const VERSION = "bench-version";
const RUN = "000001";

/** A file with so many bad rows: one of each `badEach`, 0 for none. */
const CASES = [
  { name: "clean", badEach: 0 },
  { name: "1 % bad rows", badEach: 100 },
];

export const question: Question = {
  asks: "How much longer does a load by a plan take than the same typed COPY in bare DuckDB?",
  async ask({ small, megabytes = small ? 100 : 1000, rounds = 3 }) {
    const directory = await mkdtemp(path.join(tmpdir(), "millrace-bench-etl-"));
    const project = await benchProject(TRIPS_PIPELINE);
    const plan = project.plan.datasets["trips"];
    if (!plan) throw new Error("the plan has no trips");
    const figures: Figure[] = [];
    try {
      for (const { name, badEach } of CASES) {
        const file = path.join(directory, "trips.csv");
        const rows = await writeTrips(file, megabytes * 1e6, badEach);
        const loaded = rows - (badEach > 0 ? Math.ceil(rows / badEach) : 0);
        const output = path.join(directory, "output");
        const sides = await alternate(
          rounds,
          () => withPlan(plan, file, output, loaded),
          () => withBareDuckDb(file, output, loaded),
        );
        figures.push(...ratioFigures(`${megabytes} MB CSV, ${name}`, "ms", "bare COPY", sides));
        await rm(file);
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
      await rm(project.directory, { recursive: true, force: true });
    }
    return figures;
  },
};

/** The executor's core, from the file to Parquet, with rejects and counts. Not the process around it, and no S3. */
async function withPlan(plan: DatasetPlan, file: string, output: string, expected: number): Promise<number> {
  const database = await openDatabase({
    memoryBytes: MEMORY_BYTES,
    temporaryDirectory: path.join(output, "spill"),
    threads: THREADS,
    setup: [SPARK_MACROS],
  });
  try {
    const files = [{ key: KEY, version: VERSION, content: { path: file, size: (await stat(file)).size } }];
    const now = () => new Date();
    let written = 0;
    const ms = await timed(async () => {
      const execution = await executePlan(database, { plan, run: RUN, files, directory: output, now });
      written = execution.files[0]?.rowsOut ?? 0;
    });
    assertRows(written, expected);
    return ms;
  } finally {
    database.close();
    await rm(output, { recursive: true, force: true });
  }
}

/** What DuckDB's reader itself does with these columns, told everything; bad rows go to its own rejects table. */
async function withBareDuckDb(file: string, output: string, expected: number): Promise<number> {
  await mkdir(output, { recursive: true });
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: `${Math.floor(MEMORY_BYTES / 1024 ** 2)}MiB`,
    temp_directory: path.join(output, "spill"),
    threads: String(THREADS),
  });
  const connection = await instance.connect();
  try {
    await connection.run("SET TimeZone = 'UTC'");
    const columns = `{'id': 'BIGINT', 'at': 'TIMESTAMP', 'origin': 'VARCHAR', 'destination': 'VARCHAR', 'distance': 'INTEGER',
      'delay': 'DOUBLE', 'fare': 'DECIMAL(10,2)', 'note': 'VARCHAR'}`;
    const reader = `read_csv(${duckdbText(file)}, auto_detect = false, header = true, delim = ',', quote = '"',
      escape = '"', columns = ${columns}, store_rejects = true, rejects_limit = 0)`;
    const lineage = `${duckdbText(KEY)} AS _source, ${duckdbText(VERSION)} AS _version, ${duckdbText(RUN)} AS _run`;
    const select = `SELECT * REPLACE (CAST("at" AS TIMESTAMP WITH TIME ZONE) AS "at"), ${lineage} FROM ${reader}`;
    const target = duckdbText(path.join(output, "trips.parquet"));
    let written = 0;
    const ms = await timed(async () => {
      const result = await connection.run(`COPY (${select}) TO ${target} (FORMAT parquet, COMPRESSION ${COMPRESSION})`);
      written = result.rowsChanged;
    });
    assertRows(written, expected);
    return ms;
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(output, { recursive: true, force: true });
  }
}

function assertRows(written: number, expected: number): void {
  if (written !== expected) throw new Error(`${written} rows were written instead of ${expected}`);
}
