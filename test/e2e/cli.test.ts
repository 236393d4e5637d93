import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DevProcess, millrace, shareAssemblies, startDev } from "../support/dev-process.ts";
import { definitionDirectory } from "../support/pipeline.ts";

const definition = {
  name: "shop",
  datasets: {
    orders: {
      columns: { id: "int", amount: "decimal(10,2)", express: "boolean" },
      rules: { "amount is positive": "amount > 0" },
    },
    visits: { source: { format: "json" as const }, columns: { page: "string" } },
  },
};

let directory: string;
let files: Record<"good" | "dirty" | "bad" | "visits" | "other", string>;
beforeAll(async () => {
  directory = await definitionDirectory(definition);
  await shareAssemblies(path.join(directory, ".millrace"));
  for (const folder of ["orders", "visits", "other"])
    await mkdir(path.join(directory, "drop", folder), { recursive: true });
  const file = async (name: string, text: string) => {
    const full = path.join(directory, "drop", name);
    await writeFile(full, text);
    return full;
  };
  const good = Array.from({ length: 12 }, (_, index) => `${index + 1},${index + 1}.50,${index % 2 === 0}`);
  const header = "id,amount,express";
  files = {
    good: await file("orders/good.csv", `${[header, ...good].join("\n")}\n`),
    dirty: await file("orders/dirty.csv", `${[header, ...good, "13,-1,true"].join("\n")}\n`),
    bad: await file("orders/bad.csv", "id,amount\n1,2\n"),
    visits: await file("visits/v.json", '{"page":"/"}\n{"page":null}\n'),
    other: await file("other/readme.txt", "hello\n"),
  };
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const config = () => ["--config", directory, "--stage", "test"];
const json = (text: string): unknown => JSON.parse(text);

describe("run", { timeout: 120_000 }, () => {
  test("exits 0 when everything was loaded whole, and prints files and answer as JSON", async () => {
    const sql = "select express, count(*) as n, sum(amount) as total from orders group by 1 order by 1";
    const result = await millrace(["run", files.good, files.visits, ...config(), "--json", "--query", sql]);
    expect(result.code).toBe(0);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
    const committed = { state: "committed", rowsRejected: 0, error: null, run: "000001", receivedAt: time };
    expect(json(result.stdout)).toEqual({
      files: [
        {
          key: "orders/good.csv",
          version: expect.any(String) as string,
          dataset: "orders",
          ...committed,
          rowsIn: 12,
          rowsOut: 12,
          queryableAt: time,
        },
        {
          key: "visits/v.json",
          version: expect.any(String) as string,
          dataset: "visits",
          ...committed,
          rowsIn: 2,
          rowsOut: 2,
          queryableAt: time,
        },
      ],
      query: {
        columns: [
          { name: "express", type: "boolean" },
          { name: "n", type: "bigint" },
          { name: "total", type: "decimal" },
        ],
        // Whole numbers as numbers, decimals as text, so that no digit is lost.
        rows: [
          [false, 6, "45.00"],
          [true, 6, "39.00"],
        ],
      },
    });
  });

  test("exits 1 when something was not, and says of each file what became of it", async () => {
    const result = await millrace(["run", path.join(directory, "drop"), ...config()]);
    expect(result.code).toBe(1);
    expect(result.stdout).toBe("");
    const lines = result.stderr.split("\n");
    for (const line of [
      /^✓ orders\/good\.csv {2}12 rows/,
      /^✓ orders\/dirty\.csv {2}12 rows, 1 record rejected/,
      /^ {4}orders\/dirty\.csv, record 13: the rule "amount is positive" is not true$/,
      /^✗ orders\/bad\.csv {2}rejected/,
      /^ {4}orders\/bad\.csv: its header lacks the column "express"$/,
      /^✓ visits\/v\.json {2}2 rows/,
      /^– drop\/other\/readme\.txt ignored: no dataset takes it: prefixes are orders\/, visits\/$/,
      /^2 of 5 files loaded whole, 26 rows$/,
    ]) {
      expect(lines).toContainEqual(expect.stringMatching(line));
    }
    // Nothing of a terminal in a pipe.
    expect(result.stderr).not.toContain("\u001b");
  });

  test.each([
    ["no file", ["run"], "missing required argument 'files'"],
    ["a file that is not there", ["run", "nowhere.csv"], "There is no file nowhere.csv."],
    [
      "an unknown dataset",
      ["run", "package.json", "--dataset", "order"],
      "There is no dataset order.\nDatasets are: orders, visits.",
    ],
    ["an unknown option", ["run", "package.json", "--qeury", "x"], "Did you mean --query?"],
  ])("exits 2 for %s", async (_, args, message) => {
    const result = await millrace([...args, ...(args.length > 1 ? config() : [])]);
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain(message);
  });

  test("exits 2 for a definition with mistakes, and names every one with its place", async () => {
    const wrong = await mkdtemp(path.join(tmpdir(), "millrace-wrong-"));
    await writeFile(
      path.join(wrong, "millrace.config.yaml"),
      "name: shop\ndatasets:\n  orders:\n    columns: { id: strin }\n    transform: select sum(id) from source\n  visits:\n    colums: { page: string }\n",
    );
    const result = await millrace(["run", files.good, "--config", wrong]);
    await rm(wrong, { recursive: true });
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain("datasets.orders.columns.id");
    expect(result.stderr).toMatch(/did you mean "string"/);
    expect(result.stderr).toContain("datasets.visits");
    expect(result.stderr).toMatch(/colums/);
  });
});

describe("with a runtime that runs", { timeout: 120_000 }, () => {
  let dev: DevProcess;
  beforeAll(async () => {
    dev = await startDev(directory, path.join(directory, ".millrace"));
  });
  afterAll(() => dev[Symbol.asyncDispose]());

  test("put drops; put --wait follows to the end and exits 1 when not all is loaded", async () => {
    const put = await millrace(["put", files.visits, ...config()]);
    expect(put).toMatchObject({ code: 0, stdout: "" });
    expect(put.stderr).toMatch(/^1 file \(27 B\) dropped into s3:\/\/shop-test-[\w-]+\/\n$/);

    const waited = await millrace(["put", files.good, files.bad, files.visits, "--wait", ...config()]);
    expect(waited.code).toBe(1);
    expect(waited.stderr).toContain("✓ visits/v.json  2 rows\n");
    expect(waited.stderr).toContain("✓ orders/good.csv  12 rows\n");
    expect(waited.stderr).toContain(
      '✗ orders/bad.csv  rejected\n    orders/bad.csv: its header lacks the column "express"\n',
    );
  });

  test("put --json prints what was dropped, with the versions S3 gave", async () => {
    const put = await millrace(["put", files.other, "--json", ...config()]);
    expect(put.code).toBe(0);
    expect(json(put.stdout)).toEqual({
      files: [{ key: "readme.txt", version: expect.any(String) as string, dataset: null }],
    });
  });

  test("query prints a table, CSV or JSON", async () => {
    const sql = "select id, amount, nullif(express, true) as express from orders where id < 3 order by id";
    const table = await millrace(["query", sql, ...config()]);
    expect(table.code).toBe(0);
    expect(table.stdout).toBe(
      [
        "┌────┬────────┬─────────┐",
        "│ id │ amount │ express │",
        "├────┼────────┼─────────┤",
        "│  1 │   1.50 │         │",
        "│  2 │   2.50 │ false   │",
        "└────┴────────┴─────────┘",
        "",
      ].join("\n"),
    );
    expect(table.stderr).toMatch(/^2 rows, \d+ B scanned, [\d.]+ s\n$/);
    const csv = await millrace(["query", sql, "--csv", ...config()]);
    expect(csv.stdout).toBe("id,amount,express\n1,1.50,\n2,2.50,false\n");
    const asJson = await millrace(["query", sql, "--json", ...config()]);
    expect(json(asJson.stdout)).toMatchObject({
      rows: [
        [1, "1.50", null],
        [2, "2.50", false],
      ],
    });
    const wrong = await millrace(["query", "select nothing from orders", ...config()]);
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
    expect(wrong.stderr).toContain("Column 'nothing' cannot be resolved");
  });

  test("status --json accounts for every object", async () => {
    const status = await millrace(["status", "--json", ...config()]);
    expect(status.code).toBe(0);
    expect(json(status.stdout)).toMatchObject({
      datasets: {
        orders: { objects: 2, committed: 1, rejected: 1, failed: 0, pending: 0, rows: 12, active: null, halted: null },
        // Dropped twice: the first version is counted apart.
        visits: { objects: 1, committed: 1, superseded: 1, rows: 2 },
      },
      ignored: 1,
      exceptions: [
        { key: "orders/bad.csv", state: "rejected", reason: expect.stringContaining("lacks the column") as string },
        { key: "readme.txt", state: "ignored", reason: expect.stringContaining("no dataset takes it") as string },
      ],
    });
  });
});

describe("without a runtime", { timeout: 60_000 }, () => {
  test("query says how to start one, and does not reach for AWS without credentials", async () => {
    const home = await mkdtemp(path.join(tmpdir(), "millrace-home-"));
    const result = await millrace(["query", "select 1", ...config(), "--state", home], { HOME: home });
    await rm(home, { recursive: true });
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain("No pipeline runs here, and AWS did not accept the credentials");
    expect(result.stderr).toContain("Start one with `millrace dev`");
  });

  test("an endpoint where nothing listens is named", async () => {
    const result = await millrace(["status", ...config(), "--endpoint", "http://127.0.0.1:9"]);
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain("http://127.0.0.1:9");
  });

  test("check --json prints plan, tables as Athena shows them, and what the template needs", async () => {
    const result = await millrace(["check", "--json", ...config()]);
    expect(result.code).toBe(0);
    const checked = json(result.stdout) as Record<string, unknown>;
    expect(Object.keys(checked)).toEqual(["file", "plan", "tables", "template"]);
    expect(checked).toMatchObject({
      file: path.join(directory, "millrace.config.json"),
      plan: { pipeline: "shop", datasets: { orders: { prefix: "orders/" }, visits: { prefix: "visits/" } } },
      tables: {
        orders: [
          { name: "id", type: "int", note: "" },
          { name: "amount", type: "decimal(10,2)", note: "" },
          { name: "express", type: "boolean", note: "" },
          { name: "_source", type: "string", note: "lineage" },
          { name: "_version", type: "string", note: "lineage" },
          { name: "_run", type: "string", note: "lineage" },
        ],
      },
      template: [{ stack: "millrace-shop-test", refused: [] }],
    });
  });
});
