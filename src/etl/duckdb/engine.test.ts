import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startLocalServices, type LocalServices } from "../../../test/support/local-services.ts";
import { csvPlan } from "../../../test/support/small-plans.ts";
import type { RoleSession } from "../../local/bus.ts";
import { createS3 } from "../../local/services/s3/service.ts";
import { type CommitLine, type DecisionDocument, commitLine, manifestDocument } from "../../ledger/documents.ts";
import { readDecision } from "../../ledger/decision.ts";
import { ledgerKeys } from "../../ledger/keys.ts";
import { type Ledger, createLedger } from "../../ledger/ledger.ts";
import { keepPlan, planCopy } from "../../ledger/plans.ts";
import type { DatasetPlan } from "../../plan/plan.ts";
import { type Database, openDatabase } from "./database.ts";
import { type DuckDbEngine, type DuckDbRunResult, createDuckDbEngine } from "./engine.ts";

const SOURCE = "the-source";
const TARGET = "the-target";

let directory: string;
let local: LocalServices;
let s3: S3Client;
let ledger: Ledger;
let session: RoleSession;
let database: Database;
let runs = 0;

beforeAll(async () => {
  directory = mkdtempSync(path.join(os.tmpdir(), "millrace-engine-"));
  local = await startLocalServices({ services: [createS3] });
  s3 = local.client(S3Client);
  session = await local.session(await local.role("job", "glue.amazonaws.com"), "job");
  ledger = createLedger({ client: s3, sourceBucket: SOURCE, targetBucket: TARGET });
  database = await openDatabase({ memoryBytes: 1e9, temporaryDirectory: path.join(directory, "spill") });
  for (const Bucket of [SOURCE, TARGET]) await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutBucketVersioningCommand({ Bucket: SOURCE, VersioningConfiguration: { Status: "Enabled" } }));
});
afterAll(async () => {
  database.close();
  await local.close();
  rmSync(directory, { recursive: true });
});
let run: string;
beforeEach(() => {
  run = String(++runs).padStart(6, "0");
});

async function drop(Key: string, Body: string): Promise<{ key: string; version: string; size: number }> {
  const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: SOURCE, Key, Body }));
  return { key: Key, version: VersionId ?? "", size: Buffer.byteLength(Body) };
}

/** Writes a manifest as a claim would. */
async function claim(
  files: readonly { key: string; version: string; size: number; replaces?: string[] }[],
  dataset: DatasetPlan = csvPlan(),
): Promise<void> {
  const plan = planCopy(JSON.stringify({ version: 1, pipeline: "test", datasets: { orders: dataset } }));
  await keepPlan(ledger, plan);
  const at = new Date(0).toISOString();
  await ledger.store.create(ledgerKeys.manifest("orders", run), manifestDocument, {
    dataset: "orders",
    run,
    claimedAt: at,
    plan: plan.hash,
    sourceBucket: SOURCE,
    files: files.map((file) => ({ replaces: [], ...file, try: 1, eTag: "e", receivedAt: at, pending: "p" })),
  });
}

async function attempt(
  number = 1,
  change: { signal?: AbortSignal; memoryMiB?: number; credentials?: RoleSession; engine?: DuckDbEngine } = {},
): Promise<{ result: DuckDbRunResult; log: string[] }> {
  const workDirectory = path.join(directory, `${run}-${number}`);
  mkdirSync(workDirectory);
  const log: string[] = [];
  const { accessKeyId, secretAccessKey, sessionToken } = change.credentials ?? session;
  const result = await (change.engine ?? createDuckDbEngine()).run({
    jobRunId: `jr_${run}_${number}`,
    arguments: {
      "--source-bucket": SOURCE,
      "--target-bucket": TARGET,
      "--dataset": "orders",
      "--run": run,
      "--attempt": String(number),
      "--enable-metrics": "true",
    },
    environment: {
      AWS_ENDPOINT_URL: local.endpoint,
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    },
    clockOffset: 0,
    workDirectory,
    memoryMiB: change.memoryMiB ?? 1024,
    log: (stream, line) => log.push(`${stream}: ${line}`),
    signal: change.signal ?? new AbortController().signal,
  });
  return { result, log };
}

async function marker(): Promise<CommitLine[]> {
  const decision = (await readDecision(ledger, "orders", run)) as Extract<DecisionDocument, { kind: "publish" }>;
  return (await ledger.store.getLines(ledgerKeys.marker("orders", decision.day, run), commitLine)) ?? [];
}

async function keys(Prefix: string): Promise<string[]> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: TARGET, Prefix }));
  return Contents.map(({ Key }) => Key ?? "");
}

/** The rows of a Parquet object. */
async function rows(Key: string, select = "*"): Promise<unknown[][]> {
  const { path: file } = await local.deps.bus.objectFile({ bucket: TARGET, key: Key }, ADMINISTRATOR);
  const read = await database.rows(
    `SELECT ${select} FROM read_parquet('${file}', hive_partitioning = false) ORDER BY ALL`,
  );
  return read.map((row) => [...row]);
}
const ADMINISTRATOR = { kind: "user", arn: "arn:aws:iam::111122223333:user/local", userId: "local" } as const;

test("a run's files become data, rejects and a marker; a version that is gone does not stop its neighbours", async () => {
  const good = await drop("orders/a b+ü.csv", "id,name,at\n1,Ann,\n2,Bob,\nx,Cid,\n");
  const bad = await drop("orders/b.csv", "nothing,like,it\n1,2,3\n");
  const gone = await drop("orders/gone.csv", "id,name,at\n9,Zoe,\n");
  await s3.send(new DeleteObjectCommand({ Bucket: SOURCE, Key: gone.key, VersionId: gone.version }));
  await claim([good, bad, gone]);

  const { result, log } = await attempt();

  expect({ result, log }).toMatchObject({ result: { succeeded: true } });
  const lines = await marker();
  expect(
    lines.map((line) => [line.key, line.outcome, line.rows_in, line.rows_out, line.rows_rejected, line.error_reason]),
  ).toEqual([
    ["orders/a b+ü.csv", "committed", 3, 2, 1, "bad-value"],
    ["orders/b.csv", "rejected", 0, 0, 0, "header"],
    ["orders/gone.csv", "rejected", 0, 0, 0, "gone"],
  ]);
  const [data] = lines[0]?.outputs ?? [];
  expect(data).toBe(`data/orders/${run}-00000.parquet`);
  expect(await rows(data ?? "")).toEqual([
    [1, "Ann", null, good.key, good.version, run],
    [2, "Bob", null, good.key, good.version, run],
  ]);
  const [rejects] = await keys("rejects/orders/");
  expect(rejects).toMatch(new RegExp(`^rejects/orders/day=\\d{4}-\\d\\d-\\d\\d/${run}.parquet$`));
  expect(await rows(rejects ?? "", "source_key, version, run, record, column_name, reason")).toEqual([
    ["orders/a b+ü.csv", good.version, run, "3", "id", "bad-value"],
    ["orders/b.csv", bad.version, run, null, null, "header"],
    ["orders/gone.csv", gone.version, run, null, null, "gone"],
  ]);
});

test("a rewritten object's old rows go, its neighbours' rows in the same file stay", async () => {
  const old = [await drop("orders/a.csv", "id,name,at\n1,Ann,\n"), await drop("orders/b.csv", "id,name,at\n2,Bob,\n")];
  await claim(old);
  await attempt();
  const shared = `data/orders/${run}-00000.parquet`;
  run = String(++runs).padStart(6, "0");
  await claim([{ ...(await drop("orders/a.csv", "id,name,at\n3,Cid,\n")), replaces: [shared] }]);

  expect((await attempt()).result).toEqual({ succeeded: true });

  expect(await rows(shared, "id")).toEqual([[2]]);
  expect(await rows(`data/orders/${run}-00000.parquet`, "id")).toEqual([[3]]);
});

test("a file that loses its last row keeps its place and its columns", async () => {
  await claim([await drop("orders/a.csv", "id,name,at\n1,Ann,2024-01-01\n")]);
  await attempt();
  const alone = `data/orders/${run}-00000.parquet`;
  run = String(++runs).padStart(6, "0");
  await claim([
    { ...(await drop("orders/a.csv", "id,name,at\n3,Cid,\n")), replaces: [alone, "data/orders/swept.parquet"] },
  ]);

  expect((await attempt()).result).toEqual({ succeeded: true });

  expect(await rows(alone, "count(*)")).toEqual([["0"]]);
  const { path: file } = await local.deps.bus.objectFile({ bucket: TARGET, key: alone }, ADMINISTRATOR);
  expect((await database.rows(`DESCRIBE SELECT * FROM '${file}'`)).map(([name, type]) => [name, type])).toEqual([
    ["id", "INTEGER"],
    ["name", "VARCHAR"],
    ["at", "TIMESTAMP WITH TIME ZONE"],
    ["_source", "VARCHAR"],
    ["_version", "VARCHAR"],
    ["_run", "VARCHAR"],
  ]);
});

test("a rewrite that is rejected leaves the old rows", async () => {
  await claim([await drop("orders/a.csv", "id,name,at\n1,Ann,\n")]);
  await attempt();
  const alone = `data/orders/${run}-00000.parquet`;
  run = String(++runs).padStart(6, "0");
  await claim([{ ...(await drop("orders/a.csv", "no header of ours\n")), replaces: [alone] }]);

  expect((await attempt()).result).toEqual({ succeeded: true });

  expect((await marker()).map((line) => line.outcome)).toEqual(["rejected"]);
  expect(await rows(alone, "id")).toEqual([[1]]);
});

test("attempts at once and later leave the rows of one", async () => {
  await claim([await drop("orders/a.csv", "id,name,at\n1,Ann,\n2,Bob,\n")]);

  const both = await Promise.all([attempt(1), attempt(2)]);
  const late = await attempt(3);

  expect([...both, late].map(({ result }) => result)).toEqual([
    { succeeded: true },
    { succeeded: true },
    { succeeded: true },
  ]);
  expect(late.log.join()).toContain("decided already: published");
  const written = (await keys("data/orders/")).filter((key) => key.includes(run));
  expect(written).toHaveLength(1);
  expect(await rows(written[0] ?? "", "id")).toEqual([[1], [2]]);
});

test("a plan that cannot be executed fails the run, with the reason as its last words", async () => {
  const plan = csvPlan({
    transform: {
      spark: "",
      duckdb: `SELECT error('no such luck') AS id, name, "at", "_source", "_version" FROM source`,
    },
  });
  await claim([await drop("orders/a.csv", "id,name,at\n1,Ann,\n")], plan);

  const { result, log } = await attempt();

  expect(result).toEqual({ succeeded: false, errorMessage: expect.stringContaining("no such luck") });
  expect(log.at(-1)).toContain("no such luck");
  expect(await readDecision(ledger, "orders", run)).toBeUndefined();
});

test("an aborted run's process is gone, and says so", async () => {
  await claim([await drop("orders/a.csv", "id,name,at\n1,Ann,\n")]);
  const controller = new AbortController();
  const running = attempt(1, { signal: controller.signal });
  controller.abort();

  expect((await running).result).toEqual({ succeeded: false, errorMessage: expect.stringMatching(/stopped/) });
  expect(await readDecision(ledger, "orders", run)).toBeUndefined();
});

test("objects that the job's role may not read are an error, not an empty run", async () => {
  await claim([await drop("orders/a.csv", "id,name,at\n1,Ann,\n")]);
  const credentials = { ...session, secretAccessKey: "wrong" };

  expect((await attempt(1, { credentials })).result).toMatchObject({ succeeded: false });
  expect(await keys(`ledger/runs/orders/${run}/decision`)).toEqual([]);
});

test("the object's own bytes are read, wherever its key leads", async () => {
  const body = "id,name,at\n1,Ann,\n";
  const dropped = await drop("orders/x=1/[a]*?.csv", body);
  await claim([dropped]);

  expect((await attempt()).result).toEqual({ succeeded: true });
  expect((await marker())[0]).toMatchObject({ outcome: "committed", rows_out: 1 });
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: SOURCE, Key: dropped.key }));
  expect(Body instanceof Readable && (await Body.toArray()).join("")).toBe(body);
});

/** Job processes that this one has started and that live. */
function jobProcesses(): number[] {
  return execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,args="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, state = "", ...args]) => {
      return Number(parent) === process.pid && !state.startsWith("Z") && args.some((arg) => arg.endsWith("/job.ts"));
    })
    .map(([pid]) => Number(pid));
}

describe("a process that was made ready", () => {
  let engine: DuckDbEngine;
  beforeEach(() => void (engine = createDuckDbEngine()));
  afterEach(() => engine.close());

  test("takes the next run, and only one", async () => {
    engine.prepare(1024);
    const [spare] = jobProcesses();
    const body = "id,name,at\n1,Ann,\n";
    await claim([await drop("orders/a.csv", body)]);

    const running = attempt(1, { engine });
    expect(jobProcesses()).toEqual([spare]);
    expect((await running).result).toEqual({ succeeded: true });

    expect(jobProcesses()).toEqual([]);
    expect((await attempt(2, { engine })).log.join()).toContain("decided already: published");
  });

  test("is not used for a run with other memory, which it would not be limited to", async () => {
    engine.prepare(1024);
    await claim([await drop("orders/a.csv", "id,name,at\n1,Ann,\n")]);

    const running = attempt(1, { engine, memoryMiB: 2048 });

    expect(jobProcesses()).toHaveLength(2);
    expect((await running).result).toEqual({ succeeded: true });
  });

  test("that died is replaced", async () => {
    engine.prepare(1024);
    for (const spare of jobProcesses()) process.kill(spare, "SIGKILL");
    await expect.poll(jobProcesses).toEqual([]);
    await claim([await drop("orders/a.csv", "id,name,at\n1,Ann,\n")]);

    expect((await attempt(1, { engine })).result).toEqual({ succeeded: true });
  });

  test("is gone when the engine is closed", async () => {
    engine.prepare(1024);
    expect(jobProcesses()).toHaveLength(1);

    await engine.close();

    expect(jobProcesses()).toEqual([]);
  });
});
