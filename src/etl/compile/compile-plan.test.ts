import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkDefinition } from "../../definition/check.ts";
import type { DefinitionInput } from "../../definition/schema.ts";
import { parsePlan, planHash, printPlan } from "../../plan/load-plan.ts";
import type { DatasetPlan } from "../../plan/plan.ts";
import { DuckDbProcess } from "../../sql/duckdb/process.ts";
import { duckdbText } from "../../sql/spark/literals.ts";
import { SPARK_MACROS } from "../../sql/spark/macros.ts";
import { compilePlan } from "./compile-plan.ts";
import { verifyPlan } from "./verify-plan.ts";

let duckdb: DuckDbProcess;
beforeAll(async () => {
  duckdb = await DuckDbProcess.start({ setup: [SPARK_MACROS] });
});
afterAll(() => duckdb.close());

type Dataset = DefinitionInput["datasets"][string];

function plan(dataset: Dataset): DatasetPlan {
  const compiled = compilePlan(checkDefinition({ name: "shop", datasets: { orders: dataset } })).datasets["orders"];
  if (compiled === undefined) throw new Error("the dataset is missing");
  return compiled;
}

/** Executes a plan as plan.ts describes, over `raw` given as SQL, without rejecting: rows of the transform. */
async function load(dataset: DatasetPlan, raw: string): Promise<unknown[][]> {
  const texts = dataset.columns.map(({ name, text }) => `${text.duckdb} AS "${name}"`).join(", ");
  const typed = dataset.columns.map(({ name, typed }) => `${typed.duckdb} AS "${name}"`).join(", ");
  const { rows } = await duckdb.query(
    `WITH source AS (SELECT ${typed}, 'key' AS _source, 'version' AS _version FROM (SELECT ${texts} FROM (${raw}))) ${dataset.transform.duckdb}`,
  );
  return rows;
}

const json = (...records: string[]) =>
  `SELECT * FROM (VALUES ${records.map((record) => `(${duckdbText(record)})`).join(", ")}) AS raw(record)`;

describe("a plan", () => {
  const flights: Dataset = {
    columns: { date: "timestamp", delay: "int", distance: "int", origin: "string" },
    rules: { "distance is positive": "distance > 0" },
    transform: "select *, year(date) as year from source",
    partitionBy: ["year"],
  };

  test("is the same bytes for the same definition, and reads back", () => {
    const definition = { name: "flights", datasets: { flights } };
    const [one, two] = [definition, structuredClone(definition)].map((each) =>
      printPlan(compilePlan(checkDefinition(each))),
    );
    expect(one).toBe(two);
    expect(printPlan(parsePlan(one ?? ""))).toBe(one);
    expect(planHash(one ?? "")).toMatch(/^[0-9a-f]{64}$/);
  });

  test("that is not ours is refused by what is wrong with it", () => {
    expect(() => parsePlan('{"version":2,"pipeline":"x","datasets":{}}')).toThrow("version");
  });

  test("spells out * and puts partition columns last and lineage after all", () => {
    const { transform, output, rules } = plan({ ...flights, partitionBy: "origin" });
    expect(output).toEqual([
      { name: "date", type: "timestamp" },
      { name: "delay", type: "int" },
      { name: "distance", type: "int" },
      { name: "year", type: "int" },
      { name: "origin", type: "string" },
    ]);
    for (const sql of Object.values(transform)) expect(sql).not.toContain("*");
    expect(transform.spark).toMatch(/`_source` AS `_source`, `_version` AS `_version` FROM source$/);
    expect(rules).toEqual([
      { name: "distance is positive", condition: { spark: "(`distance` > 0)", duckdb: '("distance" > 0)' } },
    ]);
  });

  test("binds in DuckDB with the types it promises", async () => {
    const nested: Dataset = {
      source: { format: "json" },
      columns: {
        id: "bigint",
        price: "decimal(12,3)",
        items: "array<struct<sku:string,qty:int,at:timestamp>>",
        labels: "map<string,array<double>>",
        who: "struct<name:string,since:date>",
      },
      transform:
        "select *, who.name as who_name, explode_outer(items) as item, size(labels) as n from source where id > 0",
    };
    const definition = checkDefinition({ name: "shop", datasets: { orders: nested, flights } });
    await expect(verifyPlan(compilePlan(definition))).resolves.toBeUndefined();
  });

  test("that lies about a type is found out", async () => {
    const compiled = compilePlan(checkDefinition({ name: "shop", datasets: { flights } }));
    const dataset = compiled.datasets["flights"];
    const lie = { ...dataset, output: dataset?.output.map((column) => ({ ...column, type: "string" })) } as DatasetPlan;
    await expect(verifyPlan({ ...compiled, datasets: { flights: lie } })).rejects.toThrow(
      "flights.date of the transform is VARCHAR in the plan and TIMESTAMP in DuckDB",
    );
  });
});

describe("CSV fields", () => {
  test("are NULL where their text says so, else typed", async () => {
    const compiled = plan({ source: { nullText: ["", "NA", "it's"] }, columns: { id: "int", name: "string" } });
    const raw = `SELECT * FROM (VALUES ('1', 'NA'), ('NA', 'x'), ('', 'it''s'), (NULL, ' ')) AS raw(id, name)`;
    expect(await load(compiled, raw)).toEqual([
      [1, null, "key", "version"],
      [null, "x", "key", "version"],
      [null, null, "key", "version"],
      [null, " ", "key", "version"],
    ]);
  });

  test("are the text itself when no text means NULL", async () => {
    const compiled = plan({ source: { nullText: [] }, columns: { name: "string" } });
    expect(await load(compiled, "SELECT '' AS name")).toEqual([["", "key", "version"]]);
  });
});

describe("JSON records", () => {
  test("give members by their paths, in the names of the file", async () => {
    const compiled = plan({
      source: { format: "json" },
      columns: {
        orderId: "int",
        city: { type: "string", from: "address.city" },
        odd: { type: "string", from: ["a.b", "c d"] },
        lines: "array<struct<productId:int,price:double>>",
      },
      transform: "select orderid, city, odd, lines from source",
    });
    expect(compiled.columns.map(({ name, from, type }) => [name, from, type])).toEqual([
      ["orderid", ["orderId"], "int"],
      ["city", ["address", "city"], "string"],
      ["odd", ["a.b", "c d"], "string"],
      ["lines", ["lines"], "array<struct<productid:int,price:double>>"],
    ]);
    const record =
      '{"orderId":7,"address":{"city":"Zürich"},"a.b":{"c d":"x"},"lines":[{"productId":1,"price":2.5},{"productId":"2"}]}';
    expect(await load(compiled, json(record, "{}"))).toEqual([
      [
        7,
        "Zürich",
        "x",
        [
          { productid: 1, price: 2.5 },
          { productid: 2, price: null },
        ],
        "key",
        "version",
      ],
      [null, null, null, null, "key", "version"],
    ]);
  });

  test("explode into rows that keep their source", async () => {
    const compiled = plan({
      source: { format: "json" },
      columns: { id: "int", tags: "array<string>" },
      transform: "select id, pos, tag from source lateral view outer posexplode(tags) t as pos, tag where id > 1",
    });
    expect(
      await load(compiled, json('{"id":1,"tags":["x"]}', '{"id":2,"tags":["a","b"]}', '{"id":3,"tags":[]}')),
    ).toEqual([
      [2, 0, "a", "key", "version"],
      [2, 1, "b", "key", "version"],
      [3, null, null, "key", "version"],
    ]);
  });

  test("explode after WHERE, and leave out what is empty", async () => {
    const compiled = plan({
      source: { format: "json" },
      columns: { id: "int", tags: "map<string,int>" },
      transform: "select id, explode(tags) as (name, n) from source where id <> 2",
    });
    expect(
      await load(
        compiled,
        json('{"id":1,"tags":{"x":5}}', '{"id":2,"tags":{"a":1}}', '{"id":3,"tags":{}}', '{"id":4}'),
      ),
    ).toEqual([[1, "x", 5, "key", "version"]]);
  });
});

describe("Parquet columns", () => {
  test("of another type than the declared one go through their text", async () => {
    const compiled = plan({
      source: { format: "parquet" },
      columns: {
        at: "timestamp",
        id: "int",
        amount: "decimal(6,2)",
        label: { type: "string", from: "Label" },
        list: "array<struct<a:int>>",
      },
    });
    const raw = `SELECT TIMESTAMPTZ '2024-01-01 10:00:00.5+02' AS "at", 7::BIGINT AS id, 1.005::DOUBLE AS amount, 2e10::DOUBLE AS "Label", [{'a': 1::BIGINT}] AS list`;
    expect(await load(compiled, raw)).toEqual([
      ["2024-01-01 08:00:00.5", 7, "1.01", "2.0E10", [{ a: 1 }], "key", "version"],
    ]);
    expect(await load(compiled, raw.replace("7::BIGINT", "7.5::DOUBLE"))).toMatchObject([{ 1: null }]);
  });
});

test("a date that is shifted beyond every calendar is NULL, and stops nothing", async () => {
  const compiled = plan({
    columns: { d: "date", n: "int" },
    transform:
      "select date_add(d, n) as a, date_sub(d, n) as s, add_months(d, n) as m, date_from_unix_date(n) as u from source",
  });
  const raw =
    "SELECT * FROM (VALUES ('2024-01-31', '1'), ('2024-01-31', '2147483647'), ('2024-01-31', '-2147483648')) AS raw(d, n)";
  expect(await load(compiled, raw)).toEqual([
    ["2024-02-01", "2024-01-30", "2024-02-29", "1970-01-02", "key", "version"],
    [null, null, null, null, "key", "version"],
    [null, null, null, null, "key", "version"],
  ]);
});
