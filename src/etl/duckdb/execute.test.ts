import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csvPlan, pair } from "../../../test/support/small-plans.ts";
import type { DatasetPlan } from "../../plan/plan.ts";
import { type Database, openDatabase } from "./database.ts";
import { type Execution, executePlan } from "./execute.ts";

let root: string;
let database: Database;
beforeAll(async () => {
  root = mkdtempSync(path.join(os.tmpdir(), "millrace-execute-"));
  database = await openDatabase({ memoryBytes: 1e9, temporaryDirectory: path.join(root, "spill") });
});
afterAll(() => {
  database.close();
  rmSync(root, { recursive: true });
});

const AT = new Date("2026-01-02T03:04:05.678Z");
let runs = 0;

/** Loads files given as key → content and reads back what was written. */
async function run(plan: DatasetPlan, contents: Record<string, string | Buffer>) {
  const directory = path.join(root, String(runs++));
  const inputs = mkdtempSync(path.join(root, "in-"));
  const files = Object.entries(contents).map(([key, content], index) => {
    // A path as the local S3 might have: nothing in it may mean anything to DuckDB.
    const file = path.join(inputs, `object[${index}]*.bin`);
    writeFileSync(file, content);
    return { key, version: `v${index}`, content: { path: file, size: statSync(file).size } };
  });
  const execution = await executePlan(database, { plan, run: "000001", files, directory, now: () => AT });
  return { ...execution, rows: await loaded(execution), rejected: await rejected(execution) };
}

async function loaded({ outputs }: Execution): Promise<unknown[][]> {
  if (outputs.length === 0) return [];
  const paths = outputs.map((output) => `'${output.path}'`).join(", ");
  const sql = `SELECT * FROM read_parquet([${paths}], union_by_name = true, hive_partitioning = false) ORDER BY ALL`;
  return (await database.rows(sql)).map((row) => [...row]);
}

async function rejected({ rejects }: Execution): Promise<unknown[][]> {
  if (!rejects) return [];
  const sql = `SELECT source_key, record, column_name, reason, message, raw FROM '${rejects.path}' ORDER BY ALL`;
  return (await database.rows(sql)).map((row) => [...row]);
}

describe("CSV files", () => {
  test("become typed rows with their lineage", async () => {
    const result = await run(csvPlan(), {
      "orders/a.csv": 'id,name,at\n1,"Ann, the first",2024-01-01 10:00:00\n2,,\n',
    });

    expect(result.rows).toEqual([
      [1, "Ann, the first", "2024-01-01 10:00:00+00", "orders/a.csv", "v0", "000001"],
      [2, null, null, "orders/a.csv", "v0", "000001"],
    ]);
    expect(result.files).toEqual([{ outcome: "committed", rowsIn: 2, rowsOut: 2, rowsRejected: 0, error: undefined }]);
    expect(result.rejects).toBeUndefined();
  });

  test("give bad values to the rejects with record, column, reason and raw text", async () => {
    const result = await run(csvPlan(), {
      "orders/a.csv": "id,name,at\n1,Ann,\nx,Bob,yesterday\n3,Cid,\n,Dan,\n5,Eve,\n",
    });

    expect(result.rejected).toEqual([
      [
        "orders/a.csv",
        "2",
        "at",
        "bad-value",
        'orders/a.csv, record 2: at "yesterday" is not a timestamp',
        "x,Bob,yesterday",
      ],
      ["orders/a.csv", "2", "id", "bad-value", 'orders/a.csv, record 2: id "x" is not an int', "x,Bob,yesterday"],
      [
        "orders/a.csv",
        "4",
        "id",
        "missing-value",
        "orders/a.csv, record 4: id has no value, and it may not be null",
        ",Dan,",
      ],
    ]);
    expect(result.rows.map(([id]) => id)).toEqual([1, 3, 5]);
    expect(result.files[0]).toMatchObject({ outcome: "committed", rowsIn: 5, rowsOut: 3, rowsRejected: 2 });
    expect(result.files[0]?.error).toEqual({
      reason: "bad-value",
      message: 'orders/a.csv, record 2: id "x" is not an int',
    });
  });

  test("with records of a broken structure lose only those", async () => {
    const result = await run(csvPlan(), {
      "orders/a.csv": 'id,name,at\n1,Ann,\n2,Bob\n3,"Cid" x,\n4,"Dan,\n5,Eve,\n6,Fay,,,\nx,Gus,\n8,"H\nh",\n',
      "orders/b.csv": "id,name,at\n9,Ian,\n",
    });

    expect(result.rows.map(([id, name]) => [id, name])).toEqual([
      [1, "Ann"],
      [5, "Eve"],
      [6, "Fay"],
      [8, "H\nh"],
      [9, "Ian"],
    ]);
    expect(result.rejected.map(([key, record, , reason, , raw]) => [key, record, reason, raw])).toEqual([
      ["orders/a.csv", "2", "field-count", "2,Bob"],
      ["orders/a.csv", "3", "bad-quoting", '3,"Cid" x,'],
      ["orders/a.csv", "4", "bad-quoting", '4,"Dan,'],
      ["orders/a.csv", "7", "bad-value", "x,Gus,"],
    ]);
    expect(result.files.map((file) => [file.rowsIn, file.rowsOut, file.rowsRejected])).toEqual([
      [8, 4, 4],
      [1, 1, 0],
    ]);
  });

  test("that mix line ends are read all the same", async () => {
    const result = await run(csvPlan(), { "orders/a.csv": "id,name,at\r\n1,Ann,\n\r\n2,Bob,\r3,Cid,\nx,Dan," });

    expect(result.rows.map(([id]) => id)).toEqual([1, 2, 3]);
    expect(result.rejected.map((row) => row.slice(1, 4))).toEqual([["4", "id", "bad-value"]]);
  });

  test("may have their columns in any order and any case, and a byte order mark", async () => {
    const result = await run(csvPlan(), {
      "orders/a.csv": "\uFEFFAt,ID,Name\n2024-01-01,1,Ann\n",
      "orders/b.csv": "name,at,id\nBob,2024-01-02,2\n",
    });

    expect(result.rows.map((row) => row.slice(0, 4))).toEqual([
      [1, "Ann", "2024-01-01 00:00:00+00", "orders/a.csv"],
      [2, "Bob", "2024-01-02 00:00:00+00", "orders/b.csv"],
    ]);
  });

  test("are decompressed by their names, and verified to the end", async () => {
    const text = `id,name,at\n${Array.from({ length: 5000 }, (_, i) => `${i},name ${i},\n`).join("")}`;
    const result = await run(csvPlan(), {
      "orders/a.csv.gz": gzipSync(text),
      "orders/b.csv.zst": zstdCompressSync(text),
      "orders/cut.csv.gz": gzipSync(text).subarray(0, -5),
      "orders/not.csv.gz": text,
      "orders/hidden.csv": gzipSync(text),
    });

    expect(result.files.map((file) => [file.outcome, file.rowsOut, file.error?.reason])).toEqual([
      ["committed", 5000, undefined],
      ["committed", 5000, undefined],
      ["rejected", 0, "compression"],
      ["rejected", 0, "compression"],
      ["rejected", 0, "unreadable"],
    ]);
    expect(result.rows).toHaveLength(10_000);
  });

  test("in latin-1 are read as such, and other encodings are refused", async () => {
    const plan = csvPlan();
    const text = "id,name,at\n1,Zoë,\n";
    const latin = await run(
      { ...plan, source: { ...plan.source, format: "csv", encoding: "latin-1" } as DatasetPlan["source"] },
      {
        "orders/a.csv": Buffer.from(text, "latin1"),
      },
    );
    const refused = await run(plan, {
      "orders/a.csv": Buffer.from(text, "latin1"),
      "orders/b.csv": Buffer.from(`\uFEFF${text}`, "utf16le"),
      "orders/c.csv": text,
    });

    expect(latin.rows.map((row) => row[1])).toEqual(["Zoë"]);
    expect(refused.files.map((file) => file.error?.reason)).toEqual(["encoding", "encoding", undefined]);
    expect(refused.rows.map((row) => row[1])).toEqual(["Zoë"]);
  });

  test("of the wrong kind are rejected whole, with the reason", async () => {
    const result = await run(csvPlan(), {
      "orders/empty.csv": "",
      "orders/header.csv": "id,name,at\n",
      "orders/unknown.csv": "id,name,at,more\n1,Ann,,x\n",
      "orders/missing.csv": "id,name\n1,Ann\n",
      "orders/twice.csv": "id,name,at,ID\n1,Ann,,1\n",
      "orders/bad.csv": "id,name,at\nx,Ann,\ny,Bob,\n3,Cid,\n",
      "orders/good.csv": "id,name,at\n4,Dan,\n",
    });

    expect(result.files.map((file) => [file.outcome, file.error?.reason, file.rowsOut])).toEqual([
      ["rejected", "empty", 0],
      ["rejected", "no-records", 0],
      ["rejected", "header", 0],
      ["rejected", "header", 0],
      ["rejected", "header", 0],
      ["rejected", "too-many-rejects", 0],
      ["committed", undefined, 1],
    ]);
    expect(result.files[5]?.error?.message).toBe(
      "orders/bad.csv: 2 of its 3 records are bad, more than the 50 % that the dataset allows; the first: " +
        'orders/bad.csv, record 1: id "x" is not an int',
    );
    expect(result.rows.map(([id]) => id)).toEqual([4]);
    expect(result.outputs.map((output) => [...output.rows])).toEqual([[[6, 1]]]);
  });

  test("may lack or have more columns when the dataset says so", async () => {
    const plan = csvPlan();
    const source = { ...plan.source, unknownColumns: "ignore", missingColumns: "null" } as DatasetPlan["source"];
    const result = await run({ ...plan, source }, { "orders/a.csv": "extra,id,name\nz,1,Ann\n" });

    expect(result.rows.map((row) => row.slice(0, 3))).toEqual([[1, "Ann", null]]);
  });
});

describe("rules, transforms and partitions", () => {
  test("a row that breaks a rule is rejected", async () => {
    const rules = [{ name: "id is small", condition: pair("id < 3") }];
    const result = await run(csvPlan({ rules }), { "orders/a.csv": "id,name,at\n1,Ann,\n9,Bob,\nx,Cid,\n2,Dan,\n" });

    expect(result.rejected.map((row) => row.slice(1, 5))).toEqual([
      ["2", null, "rule", 'orders/a.csv, record 2: the rule "id is small" is not true'],
      ["3", "id", "bad-value", 'orders/a.csv, record 3: id "x" is not an int'],
    ]);
    expect(result.rows.map(([id]) => id)).toEqual([1, 2]);
  });

  test("rows that the transform drops or multiplies are no rejects", async () => {
    const transform = pair(
      `SELECT id, unnest([name, 'again']) AS name, "at", "_source", "_version" FROM source WHERE id > 1`,
    );
    const result = await run(csvPlan({ transform }), { "orders/a.csv": "id,name,at\n1,Ann,\n2,Bob,\n" });

    expect(result.rows.map(([id, name]) => [id, name])).toEqual([
      [2, "Bob"],
      [2, "again"],
    ]);
    expect(result.files[0]).toMatchObject({ rowsIn: 2, rowsOut: 2, rowsRejected: 0 });
  });

  test("partition columns are directories, written by our encoder, and no columns of the files", async () => {
    const plan = csvPlan({
      partitionBy: ["name"],
      output: [
        { name: "id", type: "int" },
        { name: "at", type: "timestamp" },
        { name: "name", type: "string" },
      ],
    });
    const result = await run(plan, {
      "orders/a.csv": 'id,name,at\n1,a/b c,\n2,,\n3,a/b c,\n4,"=%",\n',
      "orders/b.csv": "id,name,at\n5,a/b c,\n",
    });

    const byPartition = result.outputs.map((output) => [output.partition, Object.fromEntries(output.rows)]);
    expect(byPartition.sort()).toEqual([
      ["name=%3D%25/", { 0: 1 }],
      ["name=__HIVE_DEFAULT_PARTITION__/", { 0: 1 }],
      ["name=a%2Fb c/", { 0: 2, 1: 1 }],
    ]);
    expect(result.rows[0]).toEqual([1, null, "orders/a.csv", "v0", "000001"]);
  });

  test("timestamps are instants of INT64 microseconds", async () => {
    const result = await run(csvPlan(), { "orders/a.csv": "id,name,at\n1,,2024-01-01 00:00:00.123456\n" });
    const schema = await database.rows(
      `SELECT name, type, logical_type FROM parquet_schema('${result.outputs[0]?.path}') WHERE name IN ('id', 'at')`,
    );

    expect(schema).toEqual([
      ["id", "INT32", null],
      ["at", "INT64", expect.stringMatching(/isAdjustedToUTC=1.*MICROS=MicroSeconds/)],
    ]);
  });
});
