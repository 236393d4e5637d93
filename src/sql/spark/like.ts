import { describe } from "./coerce.ts";
import { SparkSqlError } from "./errors.ts";
import { duckdbText, sparkText } from "./literals.ts";
import type { Operand } from "./operand.ts";
import { translateRegex } from "./regex.ts";
import type { Expression } from "./syntax.ts";

/** LIKE, ILIKE and RLIKE with a literal pattern, which is checked now: a bad one would raise on the first row. */
export function compileLike(
  expression: Expression & { kind: "like" },
  compile: (inner: Expression) => Operand,
): Operand {
  const operand = compile(expression.operand);
  const pattern = compile(expression.pattern);
  const span = { start: expression.start, end: expression.end };
  if (operand.type.kind !== "string") {
    throw new SparkSqlError(
      `${expression.operator} takes a string, not ${describe(operand.type)}`,
      operand,
      "write cast(… AS string)",
    );
  }
  if (typeof pattern.constant !== "string") {
    throw new SparkSqlError(`the pattern of ${expression.operator} must be a text written in the SQL`, pattern);
  }
  if (expression.operator === "RLIKE") {
    const regex = translateRegex(pattern.constant, pattern, "test");
    return {
      ...span,
      type: { kind: "boolean" },
      spark: `(${operand.spark} RLIKE ${sparkText(pattern.constant)})`,
      duckdb: `regexp_matches(${operand.duckdb}, ${duckdbText(regex)})`,
    };
  }
  checkLikePattern(pattern.constant, expression.escape, pattern);
  const [duckdbValue, duckdbPattern] =
    expression.operator === "ILIKE"
      ? [`spark_lower(${operand.duckdb})`, `spark_lower(${duckdbText(pattern.constant)})`]
      : [operand.duckdb, duckdbText(pattern.constant)];
  return {
    ...span,
    type: { kind: "boolean" },
    spark: `(${operand.spark} ${expression.operator} ${sparkText(pattern.constant)} ESCAPE ${sparkText(expression.escape)})`,
    duckdb: `(${duckdbValue} LIKE ${duckdbPattern} ESCAPE ${duckdbText(expression.escape)})`,
  };
}

/** Spark allows the escape character only before %, _ and itself. */
function checkLikePattern(pattern: string, escape: string, span: Operand): void {
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at += 1) {
    if (characters[at] !== escape) continue;
    at += 1;
    const next = characters[at];
    if (next !== "%" && next !== "_" && next !== escape) {
      throw new SparkSqlError(
        `"${escape}" in the pattern escapes nothing`,
        span,
        `write it before %, _ or ${escape} only`,
      );
    }
  }
}
