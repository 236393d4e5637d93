import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DuckDbError, DuckDbExit, DuckDbProcess } from "./process.ts";

const ENDLESS = "SELECT count(*) FROM range(1000000000000) a";

describe("DuckDbProcess", () => {
  let duckdb: DuckDbProcess;
  beforeAll(async () => {
    duckdb = await DuckDbProcess.start({ threads: 2, setup: ["CREATE MACRO twice(x) AS x * 2"] });
  });
  afterAll(() => duckdb.close());

  test.each<[sql: string, type: string, value: unknown]>([
    ["9007199254740993::BIGINT", "BIGINT", 9007199254740993n],
    ["170141183460469231731687303715884105727::HUGEINT", "HUGEINT", 170141183460469231731687303715884105727n],
    ["1.50::DECIMAL(38,2)", "DECIMAL(38,2)", "1.50"],
    ["TIMESTAMP '2026-11-24 08:00:00.123456'", "TIMESTAMP", "2026-11-24 08:00:00.123456"],
    ["TIMESTAMPTZ '2026-11-24 08:00:00+02:00'", "TIMESTAMP WITH TIME ZONE", "2026-11-24 06:00:00+00"],
    ["DATE '2026-11-24'", "DATE", "2026-11-24"],
    ["'\\xAA'::BLOB", "BLOB", Uint8Array.of(0xaa)],
    ["['a', NULL]", "VARCHAR[]", ["a", null]],
    ["{'b': 1, 'a': [1.5]}", 'STRUCT("b" INTEGER, "a" DECIMAL(2,1)[])', { b: 1, a: ["1.5"] }],
    ["MAP {'k': 1::BIGINT}", "MAP(VARCHAR, BIGINT)", new Map([["k", 1n]])],
    ["'nan'::DOUBLE", "DOUBLE", Number.NaN],
    [`'{"a": 1}'::JSON`, "JSON", `{"a": 1}`],
    ["NULL", "INTEGER", null],
  ])("%s leaves the process as an exact plain value", async (sql, type, value) => {
    expect(await duckdb.query(`SELECT ${sql} AS v`)).toEqual({ columns: [{ name: "v", type }], rows: [[value]] });
  });

  test("setup runs before the first query, and parameters are bound", async () => {
    expect((await duckdb.query("SELECT twice(?), ?::DATE", [21, "2026-11-24"])).rows).toEqual([[42, "2026-11-24"]]);
  });

  test("an SQL error rejects with DuckDB's text and leaves the process usable", async () => {
    await expect(duckdb.query("SELECT nope")).rejects.toThrow(/Binder Error: Referenced column "nope" was not found/);
    await expect(duckdb.query("SELECT nope")).rejects.toBeInstanceOf(DuckDbError);
    expect((await duckdb.query("SELECT 1")).rows).toEqual([[1]]);
  });

  test("a stream gives every row in order, in chunks", async () => {
    let next = 0n;
    let chunks = 0;
    for await (const rows of duckdb.stream("SELECT * FROM range(100000)")) {
      chunks++;
      for (const [value] of rows) expect(value).toBe(next++);
    }
    expect(next).toBe(100_000n);
    expect(chunks).toBeGreaterThan(10);
  });

  test("leaving a stream frees its connection", async () => {
    for await (const rows of duckdb.stream("SELECT * FROM range(1000000000)")) {
      expect(rows.length).toBeGreaterThan(0);
      break;
    }
    expect((await duckdb.query("SELECT 1")).rows).toEqual([[1]]);
  });

  test("a query waits for nobody: another one answers while it runs, and a signal ends it", async () => {
    const controller = new AbortController();
    const endless = duckdb.query(ENDLESS, [], { signal: controller.signal });
    expect((await duckdb.query("SELECT 1")).rows).toEqual([[1]]);
    controller.abort(new Error("enough"));
    await expect(endless).rejects.toThrow("enough");
  });

  test("interrupt ends what is running", async () => {
    const endless = duckdb.query(ENDLESS);
    const [outcome] = await Promise.allSettled([endless, duckdb.query("SELECT 1").then(() => duckdb.interrupt())]);
    expect(outcome).toMatchObject({ reason: { message: expect.stringContaining("INTERRUPT Error") } });
  });

  test("temporary tables belong to their connection", async () => {
    const connection = await duckdb.connect();
    await connection.run("CREATE TEMP TABLE t AS SELECT 7 AS n");
    expect((await connection.query("FROM t")).rows).toEqual([[7]]);
    await expect(duckdb.query("FROM t")).rejects.toThrow(/t does not exist/);
    await connection.close();
  });
});

test("outside the allowed directories there is nothing to read, and SQL cannot open the sandbox", async () => {
  const inside = await mkdtemp(join(tmpdir(), "duckdb-"));
  await writeFile(join(inside, "a.csv"), "n\n1\n");
  const duckdb = await DuckDbProcess.start({ allowedDirectories: [inside] });
  try {
    expect((await duckdb.query(`SELECT * FROM read_csv('${inside}/a.csv')`)).rows).toEqual([[1n]]);
    await expect(duckdb.query("SELECT * FROM read_text('/etc/passwd')")).rejects.toThrow(/Permission Error/);
    await expect(duckdb.query("SET enable_external_access = true")).rejects.toThrow(/configuration|locked/i);
  } finally {
    await duckdb.close();
  }
});

test("a remote file is refused at once: no extension is ever loaded", async () => {
  const duckdb = await DuckDbProcess.start();
  await expect(duckdb.query("SELECT * FROM 's3://bucket/a.parquet'")).rejects.toThrow(/httpfs|extension/i);
  await duckdb.close();
});

test("when the child dies, what was pending rejects and says so, and so does what comes after", async () => {
  const duckdb = await DuckDbProcess.start();
  const pending = duckdb.query(ENDLESS);
  process.kill(duckdb.pid ?? 0, "SIGKILL");
  await expect(pending).rejects.toThrow("The DuckDB process was killed by SIGKILL.");
  await expect(duckdb.query("SELECT 1")).rejects.toBeInstanceOf(DuckDbExit);
});

test("a setup that is refused rejects the start", async () => {
  await expect(DuckDbProcess.start({ setup: ["SELECT * FROM nope"] })).rejects.toThrow(/nope does not exist/);
});
