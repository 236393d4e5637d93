/**
 * Prints the cases of the function table, and the corpus of typing, as JSON for record_answers.py: for each expression
 * what a user writes and what the compiler prints for Spark, which must have the same answer.
 */
import { parseType, physicalType } from "../../../src/plan/data-type.ts";
import { SPARK_CASES } from "./cases/all.ts";
import type { CaseGroup } from "./cases/case-group.ts";
import { SELECT_CASES } from "./cases/selects.ts";
import type { SelectCase } from "./cases/selects.ts";
import { compileSparkExpression, compileSparkSelect } from "../../../src/sql/spark/compile-select.ts";
import { textLiteral } from "../../../src/sql/spark/literals.ts";
import type { SqlPair } from "../../../src/sql/spark/literals.ts";
import { TYPING_CASES } from "./cases/typing.ts";
import { typeText } from "../../../src/etl/compile/typing.ts";
import { quoteName } from "../../../src/sql/spark/literals.ts";

/** The rows of a group as one SELECT per engine. */
export function inputRows(group: Pick<CaseGroup, "columns">): SqlPair {
  const names = Object.keys(group.columns);
  const rows = Math.max(...Object.values(group.columns).map((column) => column.values.length));
  const write = (engine: keyof SqlPair) =>
    Array.from({ length: rows }, (_, row) => {
      const values = names.map((name) => `${inputValue(group, name, row)[engine]} AS ${quoteName(name)[engine]}`);
      return `SELECT ${row} AS ${quoteName("row")[engine]}, ${values.join(", ")}`;
    }).join(" UNION ALL ");
  return { spark: write("spark"), duckdb: write("duckdb") };
}

function inputValue(group: Pick<CaseGroup, "columns">, name: string, row: number): SqlPair {
  const column = group.columns[name];
  const type = parseType(column?.type ?? "string");
  const physical = physicalType(type);
  const value = column?.values[row] ?? null;
  if (value === null) return { spark: `CAST(NULL AS ${physical.spark})`, duckdb: `CAST(NULL AS ${physical.duckdb})` };
  const nested = ["array", "map", "struct"].includes(type.kind);
  const sql = nested ? compileSparkExpression(value, [], "a value").sql : textLiteral(value);
  return {
    spark: `CAST(${nested ? value : sql.spark} AS ${physical.spark})`,
    duckdb: `CAST(${sql.duckdb} AS ${physical.duckdb})`,
  };
}

export function compileCase(group: CaseGroup, expression: string) {
  const columns = Object.entries(group.columns).map(([name, { type }]) => ({ name, type: parseType(type) }));
  return compileSparkExpression(expression, columns, expression);
}

export function compileSelectCase(group: SelectCase, sql: string) {
  const columns = Object.entries(group.columns).map(([name, { type }]) => ({ name, type: parseType(type) }));
  return compileSparkSelect(sql, columns);
}

export function typingGroups(): { name: string; group: CaseGroup; sql: SqlPair }[] {
  return TYPING_CASES.map(({ type, format, texts }) => ({
    name: format === undefined ? type : `${type} ${format}`,
    group: { name: type, columns: { s: { type: "string", values: texts } }, expressions: [] },
    sql: typeText(parseType(type), quoteName("s"), format),
  }));
}

if (import.meta.main) {
  const functions = SPARK_CASES.map((group) => ({
    name: group.name,
    rows: inputRows(group).spark,
    expressions: group.expressions.map((expression) => ({
      expression,
      printed: compileCase(group, expression).sql.spark,
    })),
  }));
  const typing = typingGroups().map(({ name, group, sql }) => ({
    name,
    rows: inputRows(group).spark,
    expressions: [{ expression: name, printed: sql.spark, typing: true }],
  }));
  const selects = SELECT_CASES.map((group) => ({
    name: group.name,
    rows: inputRows(group).spark,
    selects: group.selects.map((sql) => ({ sql, printed: compileSelectCase(group, sql).sparkSql })),
  }));
  console.log(JSON.stringify({ functions, typing, selects }));
}
