import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csvPlan, pair } from "../../../test/support/small-plans.ts";
import type { DatasetPlan } from "../../plan/plan.ts";
import { SPARK_MACROS } from "../../sql/spark/macros.ts";
import { type Database, openDatabase } from "./database.ts";
import { type Execution, executePlan } from "./execute.ts";

let root: string;
let database: Database;
beforeAll(async () => {
  root = mkdtempSync(path.join(os.tmpdir(), "millrace-execute-"));
  database = await openDatabase({
    memoryBytes: 1e9,
    temporaryDirectory: path.join(root, "spill"),
    setup: [SPARK_MACROS],
  });
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

  test("that end inside a quoted field lose nothing behind it, also among many files", async () => {
    const good = "id,name,at\n1,Ann,\n";
    const cut = `id,name,at\n2,Bob,\n3,"Cid,\n4,Dan,\n5,Eve,\n`;
    const files = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`orders/${i}.csv`, i === 4 ? cut : good]));
    const result = await run(csvPlan(), files);

    expect(result.files[4]).toMatchObject({ rowsIn: 4, rowsOut: 3, rowsRejected: 1 });
    expect(result.rejected.map((row) => [row[0], row[1], row[3], row[5]])).toEqual([
      ["orders/4.csv", "2", "bad-quoting", '3,"Cid,'],
    ]);
    expect(result.rows).toHaveLength(11);
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

test("texts that mean NULL do so quoted or not, and only they", async () => {
  const nullText = ["", "NA", "n/a"];
  const base = csvPlan();
  const plan = {
    ...base,
    source: { ...base.source, nullText } as DatasetPlan["source"],
    columns: base.columns.map((column) => ({
      ...column,
      text: pair(`CASE WHEN "${column.name}" NOT IN ('', 'NA', 'n/a') THEN "${column.name}" END`),
    })),
    rejectLimit: 1,
  };
  const text = `id,name,at\n1,NA,n/a\n2,"NA",""\n3,na, NA\n4,"n/a" , "NA"\nNA,x,\n6,"N""A",\n`;
  const result = await run(plan, { "orders/a.csv": text });

  expect(result.rows.map((row) => row.slice(0, 3))).toEqual([
    [1, null, null],
    [2, null, null],
    [4, null, null],
    [6, 'N"A', null],
  ]);
  expect(result.rejected.map((row) => row.slice(1, 4))).toEqual([
    ["3", "at", "bad-value"],
    ["5", "id", "missing-value"],
  ]);
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

    const byPartition = result.outputs.map((output) => [output.partition, Object.fromEntries(output.rows)] as const);
    expect(Object.fromEntries(byPartition)).toEqual({
      "name=%3D%25/": { 0: 1 },
      "name=__HIVE_DEFAULT_PARTITION__/": { 0: 1 },
      "name=a%2Fb c/": { 0: 2, 1: 1 },
    });
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

function jsonPlan(layout: "lines" | "array" | "document", recordsPath: string[] = []): DatasetPlan {
  const member = (path: string, type: string, cast: string | undefined, nullable = true) => ({
    name: path.replaceAll(".", "_"),
    from: path.split("."),
    type,
    nullable,
    text: pair(`json_extract_string(record, '$.${path}')`),
    typed: pair(
      cast === undefined ? `"${path.replaceAll(".", "_")}"` : `TRY_CAST("${path.replaceAll(".", "_")}" AS ${cast})`,
    ),
  });
  return csvPlan({
    source: { format: "json", layout, recordsPath },
    columns: [
      member("id", "int", "INTEGER", false),
      member("place.name", "string", undefined),
      member("tags", "array<string>", "VARCHAR[]"),
    ],
    transform: pair(`SELECT id, place_name, tags, "_source", "_version" FROM source`),
    output: [
      { name: "id", type: "int" },
      { name: "place_name", type: "string" },
      { name: "tags", type: "array<string>" },
    ],
  });
}

describe("JSON files", () => {
  test("with a record a line give rows, and rejects for what is no JSON object", async () => {
    const result = await run(jsonPlan("lines"), {
      "orders/a.json":
        '{"id":1,"place":{"name":"Rom"},"tags":["a","b"]}\r\n  \r\n{"id":2}\r\n{"id":\r\n[3]\r\n{"id":"x"}\r\n{"id":7}',
    });

    expect(result.rows.map((row) => row.slice(0, 3))).toEqual([
      [1, "Rom", ["a", "b"]],
      [2, null, null],
      [7, null, null],
    ]);
    expect(result.rejected.map((row) => row.slice(1))).toEqual([
      ["3", null, "bad-json", "orders/a.json, record 3: it is not a valid JSON object", '{"id":'],
      ["4", null, "bad-json", "orders/a.json, record 4: it is not a valid JSON object", "[3]"],
      ["5", "id", "bad-value", 'orders/a.json, record 5: id "x" is not an int', '{"id":"x"}'],
    ]);
    expect(result.files[0]).toMatchObject({ rowsIn: 6, rowsOut: 3, rowsRejected: 3 });
  });

  test("may be one array, pretty-printed", async () => {
    const result = await run(jsonPlan("array"), {
      "orders/a.json": JSON.stringify(
        [{ id: 1, place: { name: 'a]"[' } }, { id: "x" }, { id: 3, tags: [] }],
        undefined,
        2,
      ),
    });

    expect(result.rows.map((row) => row.slice(0, 3))).toEqual([
      [1, 'a]"[', null],
      [3, null, []],
    ]);
    expect(result.rejected.map((row) => [row[1], row[5]])).toEqual([["2", '{     "id": "x"   }']]);
  });

  test("may have their records inside a document, compressed", async () => {
    const document = {
      type: "FeatureCollection",
      meta: { features: [0] },
      data: { more: [{ id: 9 }], features: [{ id: 1 }, { id: 2 }] },
    };
    const result = await run(jsonPlan("document", ["data", "features"]), {
      "orders/a.json.gz": gzipSync(JSON.stringify(document)),
    });

    expect(result.rows.map(([id]) => id)).toEqual([1, 2]);
  });

  test("of another shape are rejected whole, their neighbours are not", async () => {
    const result = await run(jsonPlan("array"), {
      "orders/lines.json": '{"id":1}\n{"id":2}\n',
      "orders/cut.json": '[{"id":1},{"id":',
      "orders/empty.json": "[]",
      "orders/latin.json": Buffer.from('[{"id":1,"place":{"name":"Zo\u00eb"}}]', "latin1"),
      "orders/good.json": '[{"id":5}]',
    });

    expect(result.files.map((file) => file.error?.reason)).toEqual([
      "unreadable",
      "unreadable",
      "no-records",
      "encoding",
      undefined,
    ]);
    expect(result.files[0]?.error?.message).toBe(
      "orders/lines.json: the file should be an array of records, and there is an object",
    );
    expect(result.rows.map(([id]) => id)).toEqual([5]);
  });

  test("with control characters in a line reject that line only", async () => {
    const result = await run(jsonPlan("lines"), { "orders/a.json": '{"id":1}\n{"id":2,"a":"\u0001"}\n{"id":3}\n' });

    expect(result.rows.map(([id]) => id)).toEqual([1, 3]);
    expect(result.rejected.map((row) => row.slice(1, 4))).toEqual([["2", null, "bad-json"]]);
  });
});

describe("Parquet files", () => {
  const plan = csvPlan({
    source: { format: "parquet" },
    columns: csvPlan().columns.map((column) => ({ ...column, text: pair(`CAST("${column.name}" AS VARCHAR)`) })),
    rules: [{ name: "id is small", condition: pair("id < 100") }],
  });

  async function parquet(select: string): Promise<Buffer> {
    const file = path.join(root, "made.parquet");
    await database.rows(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
    return readFileSync(file);
  }

  test("of the declared types are taken as they are, others go through their text", async () => {
    const result = await run(plan, {
      "orders/a.parquet": await parquet(`SELECT 1 AS "ID", 'Ann' AS name, TIMESTAMP '2024-01-01 10:00:00' AS "at"`),
      "orders/b.parquet": await parquet(`SELECT '2' AS id, 7 AS name, TIMESTAMPTZ '2024-01-01 10:00:00+02' AS "at"`),
      "orders/c.parquet": await parquet(`SELECT 3 AS id`),
    });

    expect(result.rows.map((row) => row.slice(0, 3))).toEqual([
      [1, "Ann", "2024-01-01 10:00:00+00"],
      [2, "7", "2024-01-01 08:00:00+00"],
      [3, null, null],
    ]);
  });

  test("give bad records to the rejects", async () => {
    const result = await run(plan, {
      "orders/a.parquet": await parquet(`SELECT 1 AS id UNION ALL SELECT NULL UNION ALL SELECT 200 UNION ALL SELECT 4`),
      "orders/b.parquet": await parquet(`SELECT 'x' AS id UNION ALL SELECT '6'`),
    });

    expect(result.rejected.map((row) => [row[0], row[1], row[2], row[3], row[5]])).toEqual([
      ["orders/a.parquet", "2", "id", "missing-value", '{"id":null}'],
      ["orders/a.parquet", "3", null, "rule", '{"id":200}'],
      ["orders/b.parquet", "1", "id", "bad-value", '{"id":"x"}'],
    ]);
    expect(result.rows.map(([id]) => id)).toEqual([1, 4, 6]);
  });

  test("that cannot be read are rejected by name, their neighbours are not", async () => {
    const whole = await parquet(`SELECT i::INTEGER AS id, 'name ' || i AS name FROM range(90) t(i)`);
    const damaged = Buffer.from(whole).fill(0xff, 40, 200);
    const result = await run(plan, {
      "orders/text.parquet": "id,name,at\n1,Ann,\n",
      "orders/damaged.parquet": damaged,
      "orders/more.parquet": await parquet("SELECT 1 AS id, 2 AS more"),
      "orders/less.parquet": await parquet("SELECT 'Ann' AS name"),
      "orders/good.parquet": whole,
    });

    expect(result.files.map((file) => [file.error?.reason, file.rowsOut])).toEqual([
      ["unreadable", 0],
      ["unreadable", 0],
      ["header", 0],
      ["header", 0],
      [undefined, 90],
    ]);
    expect(result.files[0]?.error?.message).not.toContain(root);
  });
});
