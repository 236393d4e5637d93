import {
  CreateBucketCommand,
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type LocalServices, startLocalServices } from "../../test/support/local-services.ts";
import { createS3 } from "../local/services/s3/service.ts";
import { applyDecision } from "./apply.ts";
import { type PublishDecision, decide, readDecision } from "./decision.ts";
import { type ManifestDocument, commitLine, manifestDocument } from "./documents.ts";
import { giveUp } from "./give-up.ts";
import { ledgerKeys } from "./keys.ts";
import { type Ledger, createLedger } from "./ledger.ts";
import { type Staged, openRun, publish } from "./publish.ts";

const TARGET = "target";
const AT = "2026-11-24T08:00:00.000Z";

let local: LocalServices;
let s3: S3Client;
let ledger: Ledger;
let manifest: ManifestDocument;
let runs = 0;
beforeAll(async () => {
  local = await startLocalServices({ services: [createS3] });
  s3 = local.client(S3Client);
  await s3.send(new CreateBucketCommand({ Bucket: TARGET }));
  ledger = createLedger({ client: s3, sourceBucket: "source", targetBucket: TARGET, now: () => new Date(AT) });
});
afterAll(() => local.close());
beforeEach(async () => {
  const run = String(++runs).padStart(6, "0");
  const file = {
    key: "in/a.csv",
    version: "v1",
    try: 1,
    size: 3,
    eTag: "e",
    receivedAt: AT,
    pending: "p",
    replaces: [],
  };
  manifest = { dataset: "orders", run, claimedAt: AT, plan: "hash", sourceBucket: "source", files: [file] };
  await ledger.store.create(ledgerKeys.manifest("orders", run), manifestDocument, manifest);
});

async function put(Key: string, Body: string): Promise<string> {
  return (await s3.send(new PutObjectCommand({ Bucket: TARGET, Key, Body }))).ETag ?? "";
}

async function read(Key: string): Promise<string | undefined> {
  return (await ledger.store.getText(Key))?.value;
}

const dataKey = (index: number) => ledgerKeys.dataFile("orders", "", manifest.run, index);
const marker = () => ledgerKeys.marker("orders", "2026-11-24", manifest.run);

/** What an attempt has staged: one new file, and one that replaces `old`. */
async function stage(attempt: number, content: string, old?: { key: string; ifMatch: string }): Promise<Staged> {
  const jobRunId = `jr_${attempt}`;
  const staging = ledgerKeys.staging("orders", manifest.run, jobRunId);
  await put(`${staging}new`, content);
  if (old) await put(`${staging}old`, `${content} without`);
  const [file] = manifest.files;
  if (!file) throw new Error("the manifest has a file");
  return {
    attempt,
    jobRunId,
    additions: [{ key: dataKey(0), staged: `${staging}new` }],
    replacements: old ? [{ ...old, staged: `${staging}old` }] : [],
    lines: [
      {
        dataset: "orders",
        key: file.key,
        version: file.version,
        try: file.try,
        outcome: "committed",
        run: manifest.run,
        attempt,
        job_run_id: jobRunId,
        plan: "hash",
        bytes: 3,
        rows_in: 1,
        rows_out: 1,
        rows_rejected: 0,
        received_at: AT,
        claimed_at: AT,
        error_reason: null,
        error_message: null,
        outputs: [dataKey(0)],
      },
    ],
  };
}

describe("publishing", () => {
  test("replaces, adds and writes the marker", async () => {
    const old = {
      key: `data/orders/old-${manifest.run}.parquet`,
      ifMatch: await put(`data/orders/old-${manifest.run}.parquet`, "with"),
    };
    const publication = await publish(ledger, manifest, await stage(1, "rows", old));
    expect(publication).toMatchObject({ outcome: "published", by: "this attempt" });
    expect([await read(dataKey(0)), await read(old.key)]).toEqual(["rows", "rows without"]);
    expect(await ledger.store.getLines(marker(), commitLine)).toMatchObject([{ outcome: "committed", decided_at: AT }]);
  });

  test("twice publishes what was decided first, whole, whoever comes", async () => {
    const first = await stage(1, "first");
    const decision = await decide(ledger, "orders", manifest.run, {
      ...first,
      kind: "publish",
      decidedAt: AT,
      day: "2026-11-24",
      lines: first.lines.map((line) => ({ ...line, decided_at: AT })),
    });
    expect(decision.first).toBe(true);
    const publication = await publish(ledger, manifest, await stage(2, "second"));
    expect(publication).toMatchObject({ outcome: "published", by: "another", decision: { jobRunId: "jr_1" } });
    expect(await read(dataKey(0))).toBe("first");
    expect(await openRun(ledger, "orders", manifest.run)).toMatchObject({ outcome: "published", by: "another" });
  });

  test("late finds the replaced file replaced, or swept, and changes nothing", async () => {
    const key = `data/orders/old-${manifest.run}.parquet`;
    await publish(ledger, manifest, await stage(1, "rows", { key, ifMatch: await put(key, "with") }));
    const decision = (await readDecision(ledger, "orders", manifest.run)) as PublishDecision;
    await put(key, "a later run's");
    await s3.send(new DeleteObjectCommand({ Bucket: TARGET, Key: marker() }));
    await applyDecision(ledger, "orders", manifest.run, decision);
    expect(await read(key)).toBe("a later run's");
    await s3.send(new DeleteObjectCommand({ Bucket: TARGET, Key: key }));
    await s3.send(new DeleteObjectCommand({ Bucket: TARGET, Key: marker() }));
    await applyDecision(ledger, "orders", manifest.run, decision);
    expect(await read(key)).toBeUndefined();
  });

  test("without its staged file fails loudly, unless the run is committed", async () => {
    const staged = await stage(1, "rows");
    await s3.send(new DeleteObjectCommand({ Bucket: TARGET, Key: staged.additions[0]?.staged ?? "" }));
    await expect(publish(ledger, manifest, staged)).rejects.toThrow(/staging\/orders\/.*new is missing/);
    expect(await read(marker())).toBeUndefined();
    await ledger.store.createText(marker(), "\n", "application/x-ndjson");
    await expect(publish(ledger, manifest, staged)).resolves.toMatchObject({ outcome: "published" });
  });

  test("that does not account for every file is refused before anything is written", async () => {
    const staged = await stage(1, "rows");
    await expect(publish(ledger, manifest, { ...staged, lines: [] })).rejects.toThrow(
      "0 lines do not account for its 1 files",
    );
    const other = staged.lines.map((line) => ({ ...line, version: "v2" }));
    await expect(publish(ledger, manifest, { ...staged, lines: other })).rejects.toThrow("do not account for");
    expect(await readDecision(ledger, "orders", manifest.run)).toBeUndefined();
  });
});

describe("giving up", () => {
  const failed = { attempt: 3, jobRunId: "jr_3", reason: "the job failed 3 times: out of memory" };

  test("fails every version, and stops an attempt that comes late", async () => {
    expect(await giveUp(ledger, manifest, failed)).toMatchObject({ kind: "give-up" });
    expect(await ledger.store.getLines(marker(), commitLine)).toMatchObject([
      { key: "in/a.csv", outcome: "failed", error_message: failed.reason, rows_out: 0, outputs: [] },
    ]);
    const publication = await publish(ledger, manifest, await stage(3, "late"));
    expect(publication).toMatchObject({ outcome: "stopped", decision: { kind: "give-up" } });
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: TARGET, Prefix: dataKey(0) }));
    expect(Contents).toEqual([]);
  });

  test("changes nothing about a run that somebody decided to publish", async () => {
    const first = await stage(1, "rows");
    await publish(ledger, manifest, first);
    const lines = await read(marker());
    expect(await giveUp(ledger, manifest, failed)).toMatchObject({ kind: "publish", jobRunId: "jr_1" });
    expect(await read(marker())).toBe(lines);
    await s3.send(new DeleteObjectCommand({ Bucket: TARGET, Key: marker() }));
    await giveUp(ledger, manifest, failed);
    expect(await read(marker())).toBeUndefined();
  });
});
