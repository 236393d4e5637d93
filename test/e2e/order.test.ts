import { setTimeout } from "node:timers/promises";
import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import { GetQueueAttributesCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DroppedFile } from "../../src/cli/outcome.ts";
import { configOf, findRuntime } from "../../src/cli/target.ts";
import { type TestPipeline, startPipeline } from "../support/pipeline.ts";

const DATASETS = ["orders", "returns", "visits"] as const;

let pipeline: TestPipeline;
let sqs: SQSClient;
beforeAll(async () => {
  pipeline = await startPipeline({
    name: "order",
    datasets: Object.fromEntries(DATASETS.map((name) => [name, { columns: { id: "int", note: "string" } }])),
  });
  const runtime = await findRuntime(pipeline.project.stateDirectory);
  if (!runtime) throw new Error("the runtime is not found");
  sqs = new SQSClient(configOf(runtime));
});
afterAll(async () => {
  sqs.destroy();
  await pipeline[Symbol.asyncDispose]();
});

const csv = (...rows: readonly (readonly [number, string])[]) =>
  `id,note\n${rows.map(([id, note]) => `${id},${note}\n`).join("")}`;

/** An event as S3 sends it, which the test brings out of order. */
const eventOf = ({ key, version }: DroppedFile) => ({
  Records: [
    {
      eventVersion: "2.1",
      eventSource: "aws:s3",
      eventName: "ObjectCreated:Put",
      s3: {
        bucket: { name: pipeline.target.stack.sourceBucket },
        object: { key: encodeURIComponent(key), size: 1, eTag: "x", versionId: version, sequencer: "00" },
      },
    },
  ],
});

const queueUrl = () => `${pipeline.local.runtime.endpoint}/111122223333/order-test-ingest`;

/** Brings events into the real queue, and waits until EtlFunction has worked off everything in there. */
async function announce(files: readonly DroppedFile[]): Promise<void> {
  const Entries = files.map((file, index) => ({ Id: String(index), MessageBody: JSON.stringify(eventOf(file)) }));
  const { Failed = [] } = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl(), Entries }));
  expect(Failed).toEqual([]);
  await workedOff();
}

/** A message that was handled is deleted: then the queue is empty, and nothing is in flight. */
async function workedOff(): Promise<void> {
  const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl(), AttributeNames: ["All"] });
  for (let left = 1; left > 0; await setTimeout(20)) {
    const { Attributes: found = {} } = await sqs.send(command);
    const { ApproximateNumberOfMessages: visible, ApproximateNumberOfMessagesNotVisible: inFlight } = found;
    left = Number(visible) + Number(inFlight);
  }
}

const jobRuns = () =>
  pipeline.events.filter((event) => event.type === "call" && event.operation === "StartJobRun").length;

/** Outcomes in `loads`, oldest run first. */
const history = (key: string) =>
  pipeline.rows(`select version, outcome from loads where key = '${key}' order by run, attempt`);

describe("order comes from S3, not from events:", () => {
  test("the event of an older version changes nothing when it arrives after the newer one", async () => {
    const older = await pipeline.drop("orders/stale.csv", csv([1, "old"], [2, "old"]));
    await pipeline.settled(older);
    const newer = await pipeline.drop("orders/stale.csv", csv([1, "new"]));
    await pipeline.settled(newer);
    const before = jobRuns();
    await announce([older, older]);
    expect(await pipeline.rows("select id, note from orders where _source = 'orders/stale.csv'")).toEqual([
      ["1", "new"],
    ]);
    expect(await history("orders/stale.csv")).toEqual([
      [older.version, "committed"],
      [newer.version, "committed"],
    ]);
    expect(jobRuns()).toBe(before);
  });

  test("events of one key in the wrong order, and more than once, load its current version once", async () => {
    const versions: DroppedFile[] = [];
    for (let number = 1; number <= 5; number++) {
      versions.push(await pipeline.drop("orders/quick.csv", csv([100 + number, `version ${number}`])));
    }
    await announce([...versions.toReversed(), ...versions.toReversed()]);
    const last = versions.at(-1);
    if (!last) throw new Error("nothing was dropped");
    const outcomes = await pipeline.settled(...versions);
    expect(outcomes.map(({ state }) => state)).toEqual([...Array.from({ length: 4 }, () => "superseded"), "committed"]);
    expect(await pipeline.rows("select id, note, _version from orders where _source = 'orders/quick.csv'")).toEqual([
      ["105", "version 5", last.version],
    ]);
  });

  test("the event of an object that was deleted before it could be looked at loads nothing", async () => {
    const kept = await pipeline.drop("orders/deleted.csv", csv([1, "kept"]));
    await pipeline.settled(kept);
    const { s3, stack } = pipeline.target;
    await s3.send(new DeleteObjectCommand({ Bucket: stack.sourceBucket, Key: kept.key }));
    const before = jobRuns();
    await announce([kept]);
    expect(jobRuns()).toBe(before);
    // As the guide says: who deletes an object does not delete its rows.
    expect(await pipeline.rows("select note from orders where _source = 'orders/deleted.csv'")).toEqual([["kept"]]);
    expect((await pipeline.account()).datasets["orders"]).toMatchObject({ deleted: 1, pending: 0 });
  });
});

describe("an object that is written again while its first version is being loaded", () => {
  test("has the rows of the second version, once", async () => {
    const running = pipeline.local.runtime.trace.waitFor(
      (event) => event.type === "state" && event.kind === "job-run" && event.to === "RUNNING",
    );
    const first = await pipeline.drop("orders/busy.csv", csv([1, "first"], [2, "first"]));
    await running;
    const second = await pipeline.drop("orders/busy.csv", csv([2, "second"], [3, "second"]));
    await pipeline.settled(first, second);
    expect(await pipeline.rows("select id, note from orders where _source = 'orders/busy.csv' order by id")).toEqual([
      ["2", "second"],
      ["3", "second"],
    ]);
    // The first was read as it was claimed: a run never looks at whatever is newest.
    expect(await history("orders/busy.csv")).toEqual([
      [first.version, "committed"],
      [second.version, "committed"],
    ]);
  });

  test("keeps the rows it has when the new version is bad, and status says which are served", async () => {
    const good = await pipeline.drop("orders/worse.csv", csv([1, "good"]));
    await pipeline.settled(good);
    const bad = await pipeline.drop("orders/worse.csv", "");
    const [outcome] = await pipeline.settled(bad);
    expect(outcome?.state).toBe("rejected");
    expect(await pipeline.rows("select note from orders where _source = 'orders/worse.csv'")).toEqual([["good"]]);
    const { exceptions } = await pipeline.account();
    expect(exceptions.find(({ key }) => key === "orders/worse.csv")).toMatchObject({
      version: bad.version,
      state: "rejected",
      serves: good.version,
    });
  });
});

describe("several datasets at once", () => {
  test("each load what is theirs, once, though every event arrives three times", async () => {
    const contents: Record<string, string> = {};
    for (const name of DATASETS) {
      for (let file = 0; file < 4; file++) {
        contents[`${name}/many/${file}.csv`] = csv(...[1, 2, 3].map((id) => [1000 + 10 * file + id, name] as const));
      }
    }
    const dropped = await pipeline.dropAll(contents);
    for (let start = 0; start < dropped.length; start += 5) {
      const some = dropped.slice(start, start + 5);
      await announce([...some, ...some.toReversed()]);
    }
    const outcomes = await pipeline.settled(...dropped);
    expect(outcomes.map(({ state, rowsOut }) => [state, rowsOut])).toEqual(dropped.map(() => ["committed", 3]));
    for (const name of DATASETS) {
      expect(
        await pipeline.rows(`select count(*), count(distinct id), min(note), max(note) from ${name} where id > 1000`),
      ).toEqual([["12", "12", name, name]]);
    }
  });

  test("never two runs of one dataset at once, and nothing waits in the end", async () => {
    await workedOff();
    const { datasets } = await pipeline.account();
    for (const dataset of Object.values(datasets)) expect(dataset).toMatchObject({ active: null, pending: 0 });
    const committed = await pipeline.rows("select distinct dataset, run from loads");
    // As many job runs as committed runs: none was started twice.
    expect(jobRuns()).toBe(committed.length);
  });
});
