import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configOf, findRuntime } from "../../src/cli/target.ts";
import type { TraceEvent } from "../../src/local/trace.ts";
import { startPipeline, type TestPipeline } from "../support/pipeline.ts";

let pipeline: TestPipeline;
beforeAll(async () => {
  pipeline = await startPipeline({
    name: "orders",
    datasets: {
      orders: {
        columns: { id: "int", customer: "string", amount: "decimal(10,2)", placed: "timestamp" },
        rules: { "amount is positive": "amount > 0" },
        transform: "select *, year(placed) as year from source",
        partitionBy: "year",
      },
    },
  });
});
afterAll(() => pipeline[Symbol.asyncDispose]());

const csv = (...rows: string[]) => ["id,customer,amount,placed", ...rows, ""].join("\n");
const calls = (events: readonly TraceEvent[], service: string, operation: string) =>
  events.filter((event) => event.type === "call" && event.service === service && event.operation === operation);

describe("a file dropped in SourceBucket", () => {
  test("becomes rows in a table, through every box, each acting as itself", async () => {
    const outcome = await pipeline.load(
      "orders/first.csv",
      csv("1,ann,10.50,2026-01-02 03:04:05", '2,"bob, the second",7,2025-12-31T23:59:59Z'),
    );
    expect(outcome).toMatchObject({ state: "committed", rowsIn: 2, rowsOut: 2, rowsRejected: 0, error: null });

    expect(await pipeline.rows("select id, customer, amount, placed, year from orders order by id")).toEqual([
      ["1", "ann", "10.50", "2026-01-02 03:04:05.000", "2026"],
      ["2", "bob, the second", "7.00", "2025-12-31 23:59:59.000", "2025"],
    ]);
    const { events } = pipeline;
    const who = (service: string, operation: string) => [
      ...new Set(calls(events, service, operation).map((event) => (event.type === "call" ? event.principal : ""))),
    ];
    expect(who("sns", "Publish")).toEqual(["s3.amazonaws.com"]);
    expect(who("sqs", "SendMessage")).toEqual(["sns.amazonaws.com"]);
    expect(who("glue", "StartJobRun")).toEqual([
      expect.stringMatching(/assumed-role\/.*EtlFunctionRole.*\/orders-test-etl$/),
    ]);
    expect(who("lambda", "Invoke")).toEqual(expect.arrayContaining(["s3.amazonaws.com"]));
    expect(who("glue", "StartCrawler")).toEqual([expect.stringMatching(/assumed-role\/.*CrawlerFunctionRole/)]);
    expect(who("glue", "CreateTable")).toContainEqual(expect.stringMatching(/assumed-role\/.*CrawlerRole/));
  });

  test("says in loads when it was received, claimed, committed and could be queried", async () => {
    const [row] = await pipeline.rows(
      `select outcome, rows_in, rows_out, rows_rejected, run, error_reason,
         received_at <= claimed_at and claimed_at <= committed_at and committed_at <= queryable_at as in_order
       from loads where key = 'orders/first.csv'`,
    );
    expect(row).toEqual(["committed", "2", "2", "0", expect.stringMatching(/^\d{6}$/), null, "true"]);
  });

  test("is loaded once, however often its event arrives", async () => {
    const dropped = await pipeline.drop("orders/twice.csv", csv("10,carl,1,2026-02-01 00:00:00"));
    await pipeline.settled(dropped);
    const runtime = await findRuntime(pipeline.project.stateDirectory);
    if (!runtime) throw new Error("the runtime is not found");
    const sqs = new SQSClient(configOf(runtime));
    const event = {
      Records: [
        {
          eventVersion: "2.1",
          eventSource: "aws:s3",
          eventName: "ObjectCreated:Put",
          s3: {
            bucket: { name: pipeline.target.stack.sourceBucket },
            object: { key: "orders/twice.csv", size: 1, eTag: "x", versionId: dropped.version, sequencer: "00" },
          },
        },
      ],
    };
    const QueueUrl = `${runtime.endpoint}/111122223333/orders-test-ingest`;
    for (let time = 0; time < 3; time++) {
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(event) }));
    }
    // A later file settles after the copies of the event were worked off: one run at a time, messages in order or not.
    await pipeline.load("orders/after.csv", csv("11,dora,1,2026-02-01 00:00:00"));
    sqs.destroy();
    expect(await pipeline.rows("select count(*) from orders where id = 10")).toEqual([["1"]]);
  });

  test("replaces its rows when it is written again, and only its own", async () => {
    await pipeline.load("orders/kept.csv", csv("20,kept,5,2026-03-01 00:00:00"));
    await pipeline.load("orders/rewritten.csv", csv("21,old,5,2026-03-01 00:00:00", "22,old,6,2026-03-02 00:00:00"));
    const outcome = await pipeline.load("orders/rewritten.csv", csv("21,new,9,2026-03-01 00:00:00"));
    expect(outcome).toMatchObject({ state: "committed", rowsOut: 1 });
    expect(await pipeline.rows("select id, customer from orders where id between 20 and 29 order by id")).toEqual([
      ["20", "kept"],
      ["21", "new"],
    ]);
  });

  test("has the same rows once when the same bytes are dropped again", async () => {
    const body = csv("30,same,5,2026-03-01 00:00:00");
    await pipeline.load("orders/same.csv", body);
    await pipeline.load("orders/same.csv", body);
    expect(await pipeline.rows("select count(*) from orders where id = 30")).toEqual([["1"]]);
  });

  test("loads what is good and tells of each bad record where it stood and why", async () => {
    const good = Array.from({ length: 20 }, (_, index) => `${100 + index},eve,1.00,2026-04-01 00:00:00`);
    const outcome = await pipeline.load(
      "orders/dirty.csv",
      csv(
        ...good.slice(0, 10),
        "x,frank,1.00,2026-04-01 00:00:00",
        ...good.slice(10),
        "121,gus,-1,2026-04-01 00:00:00",
      ),
    );
    expect(outcome).toMatchObject({ state: "committed", rowsIn: 22, rowsOut: 20, rowsRejected: 2 });
    expect(
      await pipeline.rows(
        "select record, column_name, reason, raw from rejects where source_key = 'orders/dirty.csv' order by record",
      ),
    ).toEqual([
      ["11", "id", "bad-value", "x,frank,1.00,2026-04-01 00:00:00"],
      ["22", null, "rule", "121,gus,-1,2026-04-01 00:00:00"],
    ]);
  });

  test("is ignored with a reason when no dataset takes it", async () => {
    const outcome = await pipeline.load("somewhere/else.txt", "hello");
    expect(outcome).toMatchObject({ state: "ignored", error: expect.stringContaining("no dataset takes it") });
  });
});
