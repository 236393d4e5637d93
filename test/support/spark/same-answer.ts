import { physicalType } from "../../../src/plan/data-type.ts";
import type { DataType } from "../../../src/plan/data-type.ts";

/** What record_answers.py wrote. */
export interface SparkAnswers {
  readonly spark: string;
  readonly groups: Readonly<Record<string, Readonly<Record<string, SparkAnswer>>>>;
}

export interface SparkAnswer {
  readonly type?: string;
  readonly values?: readonly unknown[];
  readonly error?: string;
}

/**
 * Asks DuckDB: per row the answer, and whether it is of the type's physical type. Dates and timestamps as text, as they are recorded: not every one that
 * SQL can compute is one that Python, or Node, can show.
 */
export function answerSelect(sql: string, type: DataType, rows: string): string {
  const shown = type.kind === "date" || type.kind === "timestamp" ? `spark_${type.kind}_text(${sql})` : sql;
  const wanted = `typeof(CAST(NULL AS ${physicalType(type).duckdb}))`;
  return `SELECT ${shown} AS answer, typeof(${sql}) = ${wanted} AS typed FROM (${rows}) ORDER BY "row"`;
}

/** Whether a value of DuckDB (as `values.ts` documents) is the recorded one, digit by digit. */
export function sameAnswer(value: unknown, recorded: unknown, type: DataType): boolean {
  if (value === null || value === undefined || recorded === null || recorded === undefined) {
    return (value ?? null) === (recorded ?? null);
  }
  switch (type.kind) {
    case "string":
    case "boolean":
      return value === recorded;
    case "int":
    case "bigint":
    case "decimal":
      return `${value as number | bigint | string}` === recorded;
    case "double":
      return Object.is(value, pythonFloat(recorded as string));
    case "date":
      return value === recorded;
    case "timestamp":
      // Within arrays and structs Python prints six digits of a second, or none.
      return value === (recorded as string).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
    case "array": {
      const [items, wanted] = [value as unknown[], recorded as unknown[]];
      return (
        items.length === wanted.length && items.every((item, index) => sameAnswer(item, wanted[index], type.element))
      );
    }
    case "map": {
      // In whatever order: a map has none, and engines keep their own.
      const [entries, wanted] = [[...(value as Map<unknown, unknown>)], recorded as [unknown, unknown][]];
      return (
        entries.length === wanted.length &&
        entries.every(([key, item]) =>
          wanted.some(([k, v]) => sameAnswer(key, k, type.key) && sameAnswer(item, v, type.value)),
        )
      );
    }
    case "struct": {
      const [members, wanted] = [value as Record<string, unknown>, recorded as Record<string, unknown>];
      return type.fields.every((field) => sameAnswer(members[field.name], wanted[field.name], field.type));
    }
  }
}

function pythonFloat(text: string): number {
  if (text === "inf") return Number.POSITIVE_INFINITY;
  return text === "-inf" ? Number.NEGATIVE_INFINITY : Number(text);
}
