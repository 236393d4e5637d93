import { CreateTableCommand, DeleteTableCommand } from "@aws-sdk/client-glue";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readCrawlBit } from "../../src/ledger/crawl-bit.ts";
import { csvPlan } from "../support/small-plans.ts";
import { DATABASE, type Pipeline, TARGET, startPipeline } from "./pipeline.ts";

const [orders, returns] = ["orders", "returns"].map((name) =>
  csvPlan({ name, prefix: `${name}/`, table: name, output: [{ name: "value", type: "int" }] }),
);

let pipeline: Pipeline;
beforeEach(async () => {
  pipeline = await startPipeline({ orders: orders ?? csvPlan(), returns: returns ?? csvPlan() });
});
afterEach(() => pipeline.local.close());

/** Loads one more file. */
async function load(key: string): Promise<void> {
  await pipeline.announce(await pipeline.put(key, { rows: [["x", 1]] }));
  await pipeline.settle();
}

async function makeTable(name: string, columns: readonly string[] = ["value"]): Promise<void> {
  const Columns = [...columns, "_source", "_version", "_run"].map((Name) => ({
    Name,
    Type: Name === "value" ? "int" : "string",
  }));
  const StorageDescriptor = { Columns, Location: `s3://${TARGET}/data/${name}/` };
  const TableInput = { Name: name, TableType: "EXTERNAL_TABLE", StorageDescriptor };
  await pipeline.glue.send(new CreateTableCommand({ DatabaseName: DATABASE, TableInput }));
}

/** Runs of a dataset that are said to be queryable. */
async function published(dataset: string): Promise<string[]> {
  return (await pipeline.keys(`ledger/published/${dataset}/`)).map((key) => key.slice(-12, -6));
}

async function crawl(status: "SUCCEEDED" | "FAILED" = "SUCCEEDED"): Promise<void> {
  pipeline.crawler.end(status);
  await pipeline.crawlEnded();
}

test("a table that does not exist is crawled, and its rows can be queried when the crawl has succeeded", async () => {
  await load("orders/1");
  expect(pipeline.crawler).toMatchObject({ state: "RUNNING", starts: 1 });
  expect(await published("orders")).toEqual([]);
  await makeTable("orders");
  await crawl();
  expect(await published("orders")).toEqual(["000001"]);
  expect((await readCrawlBit(pipeline.ledger, "orders"))?.value).toMatchObject({
    waiting: [],
    crawled: { run: "000001" },
  });
});

test("what commits while a crawl runs has the next one, and only one", async () => {
  await load("orders/1");
  await load("orders/2");
  await load("returns/1");
  expect(pipeline.crawler.starts).toBe(1);
  await crawl();
  expect(await published("orders")).toEqual(["000001"]);
  expect(pipeline.crawler).toMatchObject({ state: "RUNNING", starts: 2 });
  await crawl();
  expect(await published("orders")).toEqual(["000001", "000002"]);
  expect(await published("returns")).toEqual(["000001"]);
  expect(pipeline.crawler).toMatchObject({ state: "READY", starts: 2 });
});

test("a table that has every column needs no crawl, but for one a day", async () => {
  await makeTable("orders");
  await load("orders/1");
  expect(await published("orders")).toEqual(["000001"]);
  expect(pipeline.crawler.starts).toBe(1);
  await crawl();
  await load("orders/2");
  expect(await published("orders")).toEqual(["000001", "000002"]);
  expect(pipeline.crawler.starts).toBe(1);
  const tomorrow = Date.now() + 25 * 60 * 60_000;
  pipeline.ledger.now = () => new Date(tomorrow);
  await load("orders/3");
  expect(pipeline.crawler.starts).toBe(2);
});

test("a table that lacks a column of the plan is crawled", async () => {
  await makeTable("orders");
  await load("orders/1");
  await crawl();
  await pipeline.glue.send(new DeleteTableCommand({ DatabaseName: DATABASE, Name: "orders" }));
  await makeTable("orders", []);
  await load("orders/2");
  expect(await published("orders")).toEqual(["000001"]);
  expect(pipeline.crawler.starts).toBe(2);
});

test("a crawl that failed is told of, and tried again with the next commit", async () => {
  await load("orders/1");
  await crawl("FAILED");
  expect(pipeline.crawler).toMatchObject({ state: "READY", starts: 1 });
  expect(await pipeline.alerts()).toMatchObject([{ kind: "crawl", status: "FAILED", message: "Access Denied" }]);
  await load("orders/2");
  await crawl();
  expect(await published("orders")).toEqual(["000001", "000002"]);
});

test("the event of an earlier crawl's end, coming late or twice, clears nothing", async () => {
  await load("orders/1");
  await crawl();
  await load("orders/2");
  expect(pipeline.crawler).toMatchObject({ state: "RUNNING", starts: 2 });
  await pipeline.crawlEnded();
  expect(await published("orders")).toEqual(["000001"]);
  await crawl();
  await pipeline.crawlEnded();
  expect(await published("orders")).toEqual(["000001", "000002"]);
  expect(pipeline.crawler.starts).toBe(2);
});

test("an end that comes while the crawler is still writing is tried again later", async () => {
  await load("orders/1");
  pipeline.crawler.state = "STOPPING";
  await expect(pipeline.crawlEnded()).rejects.toThrow("has not finished");
  await crawl();
  expect(await published("orders")).toEqual(["000001"]);
});
