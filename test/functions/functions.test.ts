import { BatchGetPartitionCommand, CreateTableCommand } from "@aws-sdk/client-glue";
import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { objectDocument, publishedLine } from "../../src/ledger/documents.ts";
import { ledgerKeys } from "../../src/ledger/keys.ts";
import { readHead } from "../../src/ledger/lease.ts";
import { replay } from "../../src/ledger/replay.ts";
import { accountFor } from "../../src/ledger/status.ts";
import type { Plan } from "../../src/plan/plan.ts";
import type { Row } from "../protocol/model-executor.ts";
import { csvPlan } from "../support/small-plans.ts";
import { DATABASE, type Pipeline, SOURCE, TARGET, startPipeline } from "./pipeline.ts";

const orders = csvPlan({
  output: [
    { name: "value", type: "int" },
    { name: "p", type: "string" },
  ],
  partitionBy: ["p"],
});
const plan: Plan = { version: 1, pipeline: "shop", datasets: { orders } };

let pipeline: Pipeline;
beforeEach(async () => {
  pipeline = await startPipeline(plan.datasets);
  const column = (Name: string, Type = "string") => ({ Name, Type });
  await pipeline.glue.send(
    new CreateTableCommand({
      DatabaseName: DATABASE,
      TableInput: {
        Name: "orders",
        TableType: "EXTERNAL_TABLE",
        PartitionKeys: [column("p")],
        StorageDescriptor: {
          Columns: [column("value", "int"), column("_source"), column("_version"), column("_run")],
          Location: `s3://${TARGET}/data/orders/`,
        },
      },
    }),
  );
});
afterEach(() => pipeline.local.close());

async function objectOf(key: string) {
  return (await pipeline.ledger.store.get(ledgerKeys.object("orders", key), objectDocument))?.value;
}

/** Rows under data/, as `key value`. */
async function rows(): Promise<string[]> {
  const files = await Promise.all(
    (await pipeline.keys(ledgerKeys.data("orders"))).map((key) => pipeline.ledger.store.getText(key)),
  );
  return files
    .flatMap((file) => (JSON.parse(file?.value ?? "") as Row[]).map((row) => `${row.source} ${row.value}`))
    .sort();
}

const good = (...values: number[]) => ({ rows: values.map((value) => [value % 2 ? "odd" : "even", value] as const) });

describe("a file that is dropped", () => {
  test("becomes rows once, whatever is announced twice, and is queryable in registered partitions", async () => {
    const file = await pipeline.put("orders/a b+ü.csv", good(1, 2));
    expect(await pipeline.announce(file, file)).toEqual({ batchItemFailures: [] });
    await pipeline.announce(file);
    await pipeline.settle();
    await pipeline.announce(file);
    expect(await pipeline.jobsEnded()).toHaveLength(1);
    expect(await rows()).toEqual([`${file.key} 1`, `${file.key} 2`]);
    expect(await objectOf(file.key)).toMatchObject({ newest: { state: "committed", try: 1, run: "000001" } });
    expect(await pipeline.keys("ledger/pending/")).toEqual([]);
    expect(await pipeline.keys("staging/")).toEqual([]);
    const day = (await pipeline.keys(ledgerKeys.commitsPrefix))[0]?.split("day=")[1]?.slice(0, 10) ?? "";
    const published = await pipeline.ledger.store.getLines(
      ledgerKeys.published("orders", day, "000001"),
      publishedLine,
    );
    expect(published).toHaveLength(1);
    const { Partitions } = await pipeline.glue.send(
      new BatchGetPartitionCommand({
        DatabaseName: DATABASE,
        TableName: "orders",
        PartitionsToGet: [{ Values: ["odd"] }, { Values: ["even"] }],
      }),
    );
    expect(Partitions?.map((partition) => partition.StorageDescriptor?.Location).sort()).toEqual([
      `s3://${TARGET}/data/orders/p=even/`,
      `s3://${TARGET}/data/orders/p=odd/`,
    ]);
  });

  test("again, with other content, replaces its rows; an event of the old version changes nothing", async () => {
    const before = await pipeline.put("orders/a.csv", good(1, 2));
    await pipeline.announce(before, await pipeline.put("orders/b.csv", good(3)));
    await pipeline.settle();
    const after = await pipeline.put("orders/a.csv", good(5));
    await pipeline.announce(after);
    await pipeline.announce(before);
    await pipeline.settle();
    expect(await rows()).toEqual(["orders/a.csv 5", "orders/b.csv 3"]);
    expect(await objectOf("orders/a.csv")).toMatchObject({ loaded: { version: after.version, run: "000002" } });
  });

  test("again, and is bad then, keeps its old rows; the alert and the account say so", async () => {
    const before = await pipeline.put("orders/a.csv", good(1));
    await pipeline.announce(before);
    await pipeline.settle();
    const after = await pipeline.put("orders/a.csv", { bad: true });
    await pipeline.announce(after);
    await pipeline.settle();
    expect(await rows()).toEqual(["orders/a.csv 1"]);
    expect(await pipeline.alerts()).toMatchObject([
      { kind: "run", id: "shop/orders/000002", files: { rejected: 1 }, problems: [{ reason: "unreadable", ...after }] },
    ]);
    const account = await accountFor(pipeline.ledger, plan);
    expect(account.datasets["orders"]).toMatchObject({ objects: 1, rejected: 1, committed: 0, superseded: 1 });
    expect(account.exceptions).toEqual([
      { ...after, dataset: "orders", state: "rejected", reason: "it is unreadable", serves: before.version },
    ]);
  });

  test("and replayed is loaded again, by the next try", async () => {
    const file = await pipeline.put("orders/a.csv", good(1));
    await pipeline.announce(file);
    await pipeline.settle();
    expect(await replay(pipeline.ledger, "orders", file.key)).toBe("committed");
    await pipeline.announce(file);
    await pipeline.settle();
    expect(await rows()).toEqual(["orders/a.csv 1"]);
    expect(await objectOf(file.key)).toMatchObject({
      newest: { state: "committed", try: 2 },
      loaded: { run: "000002" },
    });
    expect(await replay(pipeline.ledger, "orders", "orders/none.csv")).toBeUndefined();
  });
});

describe("a batch of messages", () => {
  test("becomes one run; what comes meanwhile waits, and is the next", async () => {
    const first = await Promise.all([1, 2, 3].map((n) => pipeline.put(`orders/${n}.csv`, good(n))));
    await pipeline.announce(...first);
    const second = await Promise.all([4, 5].map((n) => pipeline.put(`orders/${n}.csv`, good(n))));
    await Promise.all(second.map((file) => pipeline.announce(file)));
    expect((await readHead(pipeline.ledger, "orders"))?.value.active?.run).toBe("000001");
    await pipeline.settle();
    expect(await rows()).toHaveLength(5);
    expect(await pipeline.jobsEnded()).toHaveLength(2);
    expect((await readHead(pipeline.ledger, "orders"))?.value).toMatchObject({ nextRun: 3, active: null });
  });

  test("gives back alone what cannot be handled, and does the rest", async () => {
    const file = await pipeline.put("orders/a.csv", good(1));
    const answer = await pipeline.announce("no JSON", file, JSON.stringify({ Records: [{ eventSource: "aws:sqs" }] }));
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: "m0" }, { itemIdentifier: "m2" }] });
    await pipeline.settle();
    expect(await rows()).toEqual(["orders/a.csv 1"]);
  });

  test("with files of no dataset, or deleted again, loads nothing and accounts for them", async () => {
    const stray = await pipeline.put("elsewhere/a.csv", "x");
    const deleted = await pipeline.put("orders/gone.csv", good(1));
    await pipeline.s3.send(new DeleteObjectCommand({ Bucket: SOURCE, Key: deleted.key }));
    expect(await pipeline.announce(stray, deleted)).toEqual({ batchItemFailures: [] });
    expect(await pipeline.jobsEnded()).toEqual([]);
    await pipeline.put("orders/late.csv", good(1));
    const account = await accountFor(pipeline.ledger, plan);
    expect(account.ignored).toBe(1);
    expect(account.datasets["orders"]).toMatchObject({
      objects: 1,
      pending: 1,
      unannounced: 1,
      deleted: 1,
      superseded: 1,
    });
    expect(account.exceptions.map(({ key, state, reason }) => [key, state, reason])).toEqual([
      ["elsewhere/a.csv", "ignored", "no dataset takes it: prefixes are orders/"],
      ["orders/late.csv", "pending", null],
    ]);
  });

  test("whose run could not be started brings one message back, and that one starts it", async () => {
    const files = await Promise.all([1, 2, 3].map((n) => pipeline.put(`orders/${n}.csv`, good(n))));
    const refused = vi.spyOn(pipeline.glue, "send").mockRejectedValue(new Error("Rate exceeded"));
    expect((await pipeline.announce(...files)).batchItemFailures).toHaveLength(1);
    refused.mockRestore();
    // Whoever began the attempt is given a minute; the message comes back after its visibility timeout.
    pipeline.ledger.now = () => new Date(Date.now() + 6 * 60_000);
    await pipeline.announce(...files.slice(0, 1));
    await pipeline.settle();
    expect(await rows()).toHaveLength(3);
    expect(await pipeline.jobsEnded()).toHaveLength(1);
  });
});

describe("a run whose job fails", () => {
  let minutes = 0;
  /** The next message, two minutes later, finds the run as it is. */
  async function nextMessage(): Promise<void> {
    minutes += 2;
    const at = Date.now() + minutes * 60_000;
    pipeline.ledger.now = () => new Date(at);
    await pipeline.announce(await pipeline.put(`orders/later-${minutes}.csv`, good(1)));
    await pipeline.jobsEnded();
  }

  test("is tried again, and then has its rows once", async () => {
    pipeline.failing = true;
    const file = await pipeline.put("orders/a.csv", good(1, 2));
    await pipeline.announce(file);
    await pipeline.jobsEnded();
    pipeline.failing = false;
    await nextMessage();
    await pipeline.settle();
    expect((await rows()).filter((row) => row.startsWith(file.key))).toEqual(["orders/a.csv 1", "orders/a.csv 2"]);
    expect((await objectOf(file.key))?.newest).toMatchObject({ state: "committed", run: "000001" });
  });

  test("three times is given up: its versions have failed, with the reason, and the dataset goes on", async () => {
    pipeline.failing = true;
    const file = await pipeline.put("orders/a.csv", good(1));
    await pipeline.announce(file);
    for (let attempt = 2; attempt <= 3; attempt++) await nextMessage();
    pipeline.failing = false;
    await nextMessage();
    await pipeline.settle();
    expect((await objectOf(file.key))?.newest).toMatchObject({
      state: "failed",
      error: "the job failed 3 times: out of memory",
    });
    expect(await rows()).toHaveLength(3);
    expect(await pipeline.alerts()).toMatchObject([
      { run: "000001", files: { failed: 1 }, problems: [{ key: file.key }] },
    ]);
    await replay(pipeline.ledger, "orders", file.key);
    await nextMessage();
    await pipeline.settle();
    expect((await objectOf(file.key))?.newest.state).toBe("committed");
  });
});

test("many small files cost few S3 requests each", async () => {
  const count = 60;
  const files = await Promise.all(Array.from({ length: count }, (_, n) => pipeline.put(`orders/${n}.csv`, good(n))));
  const requests: string[] = [];
  const stop = pipeline.local.trace.on((event) => {
    if (event.type === "call" && event.service === "s3") requests.push(`${event.operation} ${event.resource ?? ""}`);
  });
  for (let start = 0; start < count; start += 10) await pipeline.announce(...files.slice(start, start + 10));
  await pipeline.settle();
  stop();
  expect(await rows()).toHaveLength(count);
  const perFile = requests.filter((request) => /the-source|ledger\/(objects|pending)|staging\/.*source/.test(request));
  // objects read and written when received and when settled, and read when claimed; HEAD; pending; two by the job.
  expect(perFile.length / count).toBeLessThan(9.5);
  // The rest is for batches and runs, however many files they have. How many runs there are is up to the machine.
  const runs = (await pipeline.jobsEnded()).length;
  expect(requests.length - perFile.length).toBeLessThan(6 * 5 + runs * 35);
});
