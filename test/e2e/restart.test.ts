import { createServer } from "node:net";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import path from "node:path";
import { GetJobRunsCommand } from "@aws-sdk/client-glue";
import { ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { queryAthena } from "../../src/cli/athena-query.ts";
import { type DroppedFile, followFiles, ledgerOf } from "../../src/cli/outcome.ts";
import { openProject } from "../../src/cli/project.ts";
import type { Target } from "../../src/cli/target.ts";
import { accountFor } from "../../src/ledger/status.ts";
import { type DevProcess, millrace, shareAssemblies, startDev } from "../support/dev-process.ts";
import { definitionDirectory, startPipeline } from "../support/pipeline.ts";

const definition = {
  name: "restart",
  datasets: { orders: { columns: { id: "int", note: "string" }, partitionBy: "note" } },
};

let directory: string;
let state: string;
beforeEach(async () => {
  directory = await definitionDirectory(definition);
  state = await mkdtemp(path.join(tmpdir(), "millrace-state-"));
  await shareAssemblies(state);
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
  await rm(state, { recursive: true, force: true });
});

async function drop({ s3, stack }: Target, key: string, ids: readonly number[]): Promise<DroppedFile> {
  const Body = `id,note\n${ids.map((id) => `${id},n${id % 2}\n`).join("")}`;
  const { VersionId = "" } = await s3.send(new PutObjectCommand({ Bucket: stack.sourceBucket, Key: key, Body }));
  return { key, version: VersionId, dataset: "orders" };
}

/** Three files with the ids 1 to 30. */
function dropFiles(target: Target): Promise<DroppedFile[]> {
  const ids = (file: number) => Array.from({ length: 10 }, (_, index) => 10 * file + index + 1);
  return Promise.all([0, 1, 2].map((file) => drop(target, `orders/${file}.csv`, ids(file))));
}

async function keysOf({ s3, stack }: Target, Prefix: string): Promise<string[]> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: stack.targetBucket, Prefix }));
  return Contents.map(({ Key = "" }) => Key);
}

/** Where the runtime is killed: as soon as the condition holds, asked over and over. */
const POINTS = {
  "the run's manifest appears": async (target: Target) =>
    (await keysOf(target, "ledger/runs/orders/")).some((key) => key.endsWith("/manifest.json")),
  "its job runs": async (target: Target) => {
    const { JobRuns = [] } = await target.glue.send(new GetJobRunsCommand({ JobName: "restart-test-etl" }));
    return JobRuns.some(({ JobRunState }) => JobRunState === "RUNNING");
  },
  "its decision is written": async (target: Target) =>
    (await keysOf(target, "ledger/runs/orders/")).some((key) => key.endsWith("/decision.json")),
} satisfies Record<string, (target: Target) => Promise<boolean>>;

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition()));
}

/** Every row once, every object with its outcome, nothing under way and nothing left lying. */
async function expectWhole(target: Target, files: readonly DroppedFile[], rows: number): Promise<void> {
  const outcomes = await followFiles(target, files, () => {});
  expect(outcomes.map(({ state: found }) => found)).toEqual(files.map(() => "committed"));
  const found = await queryAthena(target, "select count(*), count(distinct id), min(id), max(id) from orders");
  expect(found.rows).toEqual([[rows, rows, 1, rows].map(String)]);
  const project = await openProject({ config: directory, stage: "test", state });
  // The lease is released after the rows can be queried.
  await until(async () => (await accountFor(ledgerOf(target), project.plan)).datasets["orders"]?.active === null);
  const { datasets } = await accountFor(ledgerOf(target), project.plan);
  expect(datasets["orders"]).toMatchObject({ objects: files.length, committed: files.length, pending: 0, rows });
  expect(await keysOf(target, "ledger/pending/")).toEqual([]);
  expect(await keysOf(target, "staging/")).toEqual([]);
}

describe("the runtime is killed", { timeout: 180_000 }, () => {
  test("right after the puts were answered: it goes on by itself when it is started again", async () => {
    const before = await startDev(directory, state);
    const files = await dropFiles(before.target);
    await before.kill();
    await using after = await startDev(directory, state);
    await expectWhole(after.target, files, 30);
  });

  test("right after the marker was written: it goes on by itself when it is started again", async () => {
    const before = await startDev(directory, state);
    const files = await dropFiles(before.target);
    await until(async () => (await keysOf(before.target, "ledger/commits/orders/")).length > 0);
    await before.kill();
    await using after = await startDev(directory, state);
    await expectWhole(after.target, files, 30);
  });

  test.each(Object.entries(POINTS))("when %s: the next file brings the run on", async (point, reached) => {
    const before = await startDev(directory, state);
    const files = await dropFiles(before.target);
    await until(() => reached(before.target));
    await before.kill();
    // In this process, so that its clock can be moved: whoever began an attempt is given a minute.
    await using after = await startPipeline(definition, { state });
    await after.local.runtime.clock.advance(61_000);
    const next = await drop(after.target, "orders/next.csv", [31]);
    await expectWhole(after.target, [...files, next], 31);
    // A job that was killed before it could decide was started once more, and the second time loaded everything.
    if (point === "its job runs") {
      const attempts = await queryAthena(after.target, "select distinct attempt from loads where run = '000001'");
      expect(attempts.rows).toEqual([["2"]]);
    }
  });
});

describe("dev is refused, with what to do", { timeout: 120_000 }, () => {
  const dev = (...more: string[]) =>
    millrace(["dev", "--config", directory, "--stage", "test", "--state", state, ...more]);

  test("when another runtime has the state, by its process", async () => {
    await using running: DevProcess = await startDev(directory, state);
    const result = await dev("--port", "0");
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(`Another runtime (process ${running.pid}) is using the state in ${state}.`);
    const fresh = await dev("--port", "0", "--fresh");
    expect(fresh.code).toBe(2);
    expect(fresh.stderr).toContain(`a runtime (process ${running.pid}) is using ${state}.\nStop it first`);
    // The one that runs is still found by other commands.
    const status = await millrace(["status", "--json", "--config", directory, "--stage", "test", "--state", state]);
    expect(status).toMatchObject({ code: 0, stderr: "" });
  });

  test("when the port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const result = await dev("--port", String(port));
    other.close();
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(`Port ${port} is taken by another program.\nChoose another with --port`);
  });

  test("when the state was written in another format", async () => {
    const database = new DatabaseSync(path.join(state, "runtime.db"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    const result = await dev("--port", "0");
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/has format 99, this version reads format \d+\. Start empty, or use the version/);
    expect(result.stderr).toContain("--fresh");
  });
});
