import { parseType, physicalType } from "../../plan/data-type.ts";
import type { DatasetPlan, Plan } from "../../plan/plan.ts";
import { DuckDbProcess } from "../../sql/duckdb/process.ts";
import { quoteName } from "../../sql/spark/literals.ts";
import { SPARK_MACROS } from "../../sql/spark/macros.ts";

/**
 * Binds every expression of a plan with DuckDB, over columns of the declared types and no rows, and compares the types
 * that come out with the plan's. A difference is a mistake of the compiler, found before anything runs.
 */
export async function verifyPlan(plan: Plan): Promise<void> {
  const duckdb = await DuckDbProcess.start({ setup: [SPARK_MACROS] });
  try {
    for (const dataset of Object.values(plan.datasets)) await verifyDataset(duckdb, dataset);
  } finally {
    await duckdb.close();
  }
}

async function verifyDataset(duckdb: DuckDbProcess, dataset: DatasetPlan): Promise<void> {
  const nothing = (type: string, name: string) => `CAST(NULL AS ${type}) AS ${quoteName(name).duckdb}`;
  const declared = dataset.columns.map(({ name, type }) => nothing(physicalType(parseType(type)).duckdb, name));
  const source = `(SELECT ${[...declared, nothing("VARCHAR", "_source"), nothing("VARCHAR", "_version")].join(", ")}) AS source`;
  const texts = `(SELECT ${dataset.columns.map(({ name }) => nothing("VARCHAR", name)).join(", ")}) AS texts`;
  const raw = `(SELECT ${rawColumns(dataset)
    .map((name) => nothing("VARCHAR", name))
    .join(", ")}) AS raw`;
  const typeOf = (type: string) => physicalType(parseType(type)).duckdb;
  const named = (name: string) => `${dataset.name}.${name}`;
  await expectTypes(
    duckdb,
    raw,
    dataset.columns.map(({ name, text }) => ({
      what: `the text of ${named(name)}`,
      sql: text.duckdb,
      type: "VARCHAR",
    })),
  );
  await expectTypes(
    duckdb,
    texts,
    dataset.columns.map(({ name, typed, type }) => ({ what: named(name), sql: typed.duckdb, type: typeOf(type) })),
  );
  await expectTypes(
    duckdb,
    source,
    dataset.rules.map(({ name, condition }) => ({ what: `the rule ${name}`, sql: condition.duckdb, type: "BOOLEAN" })),
  );
  await expectTypes(
    duckdb,
    `(WITH source AS (SELECT * FROM ${source}) ${dataset.transform.duckdb}) AS transformed`,
    dataset.output.map(({ name, type }) => ({
      what: `${named(name)} of the transform`,
      sql: quoteName(name).duckdb,
      type: typeOf(type),
    })),
  );
}

function rawColumns(dataset: DatasetPlan): string[] {
  switch (dataset.source.format) {
    case "csv":
      return dataset.columns.map(({ name }) => name);
    case "json":
      return ["record"];
    case "parquet":
      return [...new Set(dataset.columns.map(({ name, from }) => from[0] ?? name))];
  }
}

interface Expectation {
  readonly what: string;
  readonly sql: string;
  readonly type: string;
}

async function expectTypes(duckdb: DuckDbProcess, from: string, expectations: readonly Expectation[]): Promise<void> {
  if (expectations.length === 0) return;
  // Types are compared as DuckDB prints them: it decides which names of fields need quotes.
  const items = expectations.flatMap(({ sql, type }, index) => [
    `${sql} AS v${index}`,
    `CAST(NULL AS ${type}) AS w${index}`,
  ]);
  const { columns } = await duckdb.query(`SELECT ${items.join(", ")} FROM ${from} LIMIT 0`);
  for (const [index, { what, sql }] of expectations.entries()) {
    const [found, wanted] = [columns[2 * index]?.type, columns[2 * index + 1]?.type];
    if (found === wanted) continue;
    throw new Error(`${what} is ${wanted} in the plan and ${found} in DuckDB (${sql}). This is a mistake in Millrace.`);
  }
}
