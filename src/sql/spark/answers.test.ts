import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SPARK_CASES } from "../../../test/support/spark/cases/all.ts";
import { SELECT_CASES } from "../../../test/support/spark/cases/selects.ts";
import { compileSelectCase, inputRows } from "../../../test/support/spark/print-cases.ts";
import { answerSelect, sameAnswer } from "../../../test/support/spark/same-answer.ts";
import type { SparkAnswers } from "../../../test/support/spark/same-answer.ts";
import { parseType, printType } from "../../plan/data-type.ts";
import { DuckDbProcess } from "../duckdb/process.ts";
import { functionNames } from "./call.ts";
import { compileSparkExpression } from "./compile-select.ts";
import { SPARK_MACROS } from "./macros.ts";

let duckdb: DuckDbProcess;
let answers: SparkAnswers;

beforeAll(async () => {
  duckdb = await DuckDbProcess.start({ setup: [SPARK_MACROS] });
  answers = JSON.parse(
    await readFile(new URL("../../../test/support/spark/golden/functions.json", import.meta.url), "utf8"),
  ) as SparkAnswers;
});

afterAll(() => duckdb.close());

test("the answers are those of the Spark that Glue runs", () => {
  expect(answers.spark).toBe("4.1.1");
});

describe.each(SPARK_CASES.map((group) => [group.name, group] as const))(
  "DuckDB answers as Spark did: %s",
  (name, group) => {
    const columns = Object.entries(group.columns).map(([column, { type }]) => ({
      name: column,
      type: parseType(type),
    }));

    test.each(group.expressions)("%s", async (expression) => {
      const answer = answers.groups[name]?.[expression];
      const { sql, type } = compileSparkExpression(expression, columns, expression);

      const result = await duckdb.query(answerSelect(sql.duckdb, type, inputRows(group).duckdb));

      expect(printType(type)).toBe(answer?.type);
      expect(result.rows.every(([, typed]) => typed === true)).toBe(true);
      expect(answer?.values).toHaveLength(result.rows.length);
      const different = result.rows.flatMap(([value], row) => {
        const wanted = answer?.values?.[row];
        const input = Object.values(group.columns).map(({ values }) => values[row] ?? null);
        return sameAnswer(value, wanted, type) ? [] : [{ input, duckdb: value, spark: wanted }];
      });
      expect(different).toEqual([]);
    });
  },
);

interface SelectAnswers {
  readonly groups: Readonly<
    Record<string, Readonly<Record<string, { columns: [string, string][]; rows: unknown[][] }>>>
  >;
}

describe.each(SELECT_CASES.map((group) => [group.name, group] as const))(
  "DuckDB gives the rows that Spark gave: %s",
  (name, group) => {
    test.each(group.selects)("%s", async (sql) => {
      const file = await readFile(new URL("../../../test/support/spark/golden/selects.json", import.meta.url), "utf8");
      const answer = (JSON.parse(file) as SelectAnswers).groups[name]?.[sql];
      const { duckdbSql, output } = compileSelectCase(group, sql);

      const source = `(SELECT * EXCLUDE ("row") FROM (${inputRows(group).duckdb}))`;
      const { rows } = await duckdb.query(`WITH source AS ${source} ${duckdbSql}`);

      expect(output.map((column) => [column.name, printType(column.type)])).toEqual(answer?.columns);
      const same = (row: unknown[], wanted: unknown[]) =>
        output.every(({ type }, index) => sameAnswer(row[index], wanted[index], type));
      const missing = [...(answer?.rows ?? [])];
      const surplus = rows.filter((row) => {
        const found = missing.findIndex((wanted) => same(row, wanted));
        if (found >= 0) missing.splice(found, 1);
        return found < 0;
      });
      expect({ surplus, missing }).toEqual({ surplus: [], missing: [] });
    });
  },
);

test("every function of the table has a case", () => {
  const written = SPARK_CASES.flatMap((group) => group.expressions)
    .join("\n")
    .toLowerCase();
  expect(functionNames().filter((name) => !written.includes(`${name}(`))).toEqual([]);
});
