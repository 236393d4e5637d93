import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { flightsData } from "../../examples/flights/make-data.ts";
import { evaluateModule } from "../../src/definition/evaluate.ts";
import type { PipelineDefinition } from "../../src/index.ts";
import { type TestPipeline, startPipeline } from "../support/pipeline.ts";
import { sparkForTests } from "../support/spark/setup.ts";
import { SharedSparkEngine } from "../support/spark/shared-engine.ts";
import { NASTY, NASTY_FILES, NASTY_REWRITES } from "./nasty.ts";
import {
  Comparison,
  PARQUET_DATASET,
  type Published,
  committed,
  comparableMarkers,
  fetchPublished,
} from "./outcome.ts";
import { writeParquetFiles } from "./parquet-files.ts";

const spark = await sparkForTests();
const FLIGHT_DAYS = ["2001-01-01", "2001-01-02"];

describe.runIf(spark)("the Glue script on Spark and the local engine publish the same", () => {
  let directory: string;
  let comparison: Comparison;
  let local: Published;
  let glue: Published;
  let datasets: string[];
  let lines: string[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "millrace-parity-"));
    comparison = await Comparison.open(path.join(directory, "spill"));
    const { datasets: examples } = (await evaluateModule(
      path.resolve(import.meta.dirname, "../../examples/flights/millrace.config.ts"),
    )) as PipelineDefinition;
    const definition = { name: "parity", datasets: { ...examples, ...NASTY } };
    datasets = Object.keys(definition.datasets);
    const data = await flightsData();
    const examplesOf = async (key: string) => [key, await readFile(path.join(data, key))] as const;
    const files = [
      ...(await Promise.all(FLIGHT_DAYS.map((day) => examplesOf(`flights/${day}.csv`)))),
      await examplesOf("airports/airports.csv"),
      await examplesOf("earthquakes/all-week.json"),
      ...NASTY_FILES,
      ...(await writeParquetFiles(directory)),
    ];
    if (!spark) return;
    await using engine = new SharedSparkEngine(spark);
    // One after the other: Spark takes what the machine has.
    await using first = await startPipeline(definition, { engine: "duckdb" });
    local = await publish(first, files, path.join(directory, "local"));
    await using second = await startPipeline(definition, { engine });
    try {
      glue = await publish(second, files, path.join(directory, "glue"));
    } finally {
      lines = second.events.flatMap((event) =>
        event.type === "log" && event.logGroup.startsWith("/aws-glue") ? [event.message] : [],
      );
    }
  }, 900_000);

  afterAll(async () => {
    comparison[Symbol.dispose]();
    await rm(directory, { recursive: true, force: true });
  });

  test("outcomes, counts, reasons, sentences and partitions in the markers", () => {
    expect(comparableMarkers(glue)).toEqual(comparableMarkers(local));
    expect(glue.markers.length).toBeGreaterThan(NASTY_FILES.length);
  });

  test.each(["flights", "airports", "earthquakes", ...Object.keys(NASTY)])("rows of %s", async (dataset) => {
    expect(await comparison.difference(local, glue, `data/${dataset}/`)).toEqual([]);
    expect(await comparison.count(glue, `data/${dataset}/`)).toBeGreaterThan(1);
    expect(await comparison.strayLineage(glue, dataset)).toBe(0);
  });

  test.each(Object.keys(NASTY))("rejects of %s", async (dataset) => {
    expect(await comparison.difference(local, glue, `rejects/${dataset}/`)).toEqual([]);
  });

  test("rejected Parquet records by their values", async () => {
    const prefix = `rejects/${PARQUET_DATASET}/`;
    expect(await comparison.rejectedValues(glue, prefix)).toEqual(await comparison.rejectedValues(local, prefix));
  });

  test("physical types of data and rejects", async () => {
    for (const prefix of [...datasets.map((dataset) => `data/${dataset}/`), "rejects/"]) {
      const [types, ...others] = await comparison.types(local, prefix);
      expect([prefix, others]).toEqual([prefix, []]);
      expect([prefix, await comparison.types(glue, prefix)]).toEqual([prefix, [types]]);
    }
  });

  test("without Spark reading anything else than the tokenizer", () => {
    expect(lines.filter((line) => line.includes("other records"))).toEqual([]);
  });
});

async function publish(
  pipeline: TestPipeline,
  files: readonly (readonly [string, string | Buffer])[],
  directory: string,
): Promise<Published> {
  // Together, so that most of a dataset's files are one run.
  for (const drops of [files, NASTY_REWRITES]) {
    await committed(pipeline, await Promise.all(drops.map(([key, body]) => pipeline.drop(key, body))));
  }
  return await fetchPublished(pipeline, directory);
}
