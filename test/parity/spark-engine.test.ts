import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSparkEngine } from "../../src/etl/glue/engine.ts";
import { SparkMissingError, findSpark } from "../../src/etl/glue/spark-environment.ts";
import { sparkForTests } from "../support/spark/setup.ts";

const spark = await sparkForTests();
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "millrace-spark-engine-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Runs a script of a few lines; resolves to the result and what was logged. */
async function runScript(script: string, change: { signal?: AbortSignal; onLine?: (line: string) => void } = {}) {
  const workDirectory = await mkdtemp(path.join(directory, "run-"));
  const scriptPath = path.join(workDirectory, "job.py");
  await writeFile(scriptPath, script);
  const lines: string[] = [];
  const result = await createSparkEngine().run({
    jobRunId: "jr_1",
    scriptPath,
    arguments: { "--dataset": "orders with a blank" },
    environment: { AWS_REGION: "eu-west-1" },
    clockOffset: 3_600_000,
    workDirectory,
    memoryMiB: 1024,
    log(stream, line) {
      lines.push(`${stream}: ${line}`);
      change.onLine?.(line);
    },
    signal: change.signal ?? new AbortController().signal,
  });
  return { result, lines };
}

describe.runIf(spark)("the Spark engine", () => {
  test("runs the script with its arguments and the runtime's clock, and says what it said", async () => {
    const before = Date.now() / 1000;
    const { result, lines } = await runScript("import sys, time\nprint(sys.argv[1:], int(time.time()))\n");
    expect(result).toEqual({ succeeded: true });
    const [line] = lines.filter((each) => each.startsWith("output: ["));
    expect(line).toMatch(/^output: \['--dataset', 'orders with a blank', '--JOB_RUN_ID', 'jr_1'\] \d+$/);
    expect(Number(line?.split(" ").at(-1))).toBeGreaterThan(before + 3500);
  }, 120_000);

  test("tells a script's error by its last line", async () => {
    const { result } = await runScript("raise ValueError('no such thing')\n");
    expect(result).toEqual({ succeeded: false, errorMessage: "ValueError: no such thing" });
  }, 120_000);

  test("kills the script and all its processes when the run is stopped", async () => {
    const controller = new AbortController();
    const pids: number[] = [];
    const { result } = await runScript("import os, time\nprint('pid', os.getpid(), flush=True)\ntime.sleep(600)\n", {
      signal: controller.signal,
      onLine(line) {
        if (!line.startsWith("pid ")) return;
        pids.push(Number(line.slice(4)));
        controller.abort();
      },
    });
    expect(result).toEqual({ succeeded: false, errorMessage: "The run was stopped." });
    expect(pids).toHaveLength(1);
    expect(() => process.kill(pids[0] ?? 0, 0)).toThrow("ESRCH");
  }, 120_000);
});

test("without Spark, says how to set it up", async () => {
  const error: unknown = await findSpark(path.join(directory, "nowhere")).catch((each: unknown) => each);
  expect(error).toBeInstanceOf(SparkMissingError);
  expect(String(error)).toMatch(/set-up-spark\.ts|Java/);
});
