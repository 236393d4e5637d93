import { coerce } from "./coerce.ts";
import { TrinoError } from "./errors.ts";
import type { Position } from "./errors.ts";
import type { Typed } from "./scope.ts";
import * as t from "./types.ts";
import type { Type } from "./types.ts";

export type Operator = "+" | "-" | "*" | "/" | "%";

/**
 * Arithmetic by Trino's rules of types, whatever DuckDB's are: integers divide to integers and raise on zero and on
 * overflow; decimals have the precision and scale that Trino gives them.
 * https://trino.io/docs/current/functions/decimal.html
 */
export function translate(operator: Operator, left: Typed, right: Typed, position: Position): Typed {
  const [a, b] = [left.type, right.type];
  const temporal = temporalArithmetic(operator, left, right);
  if (temporal) return temporal;
  if (a.kind === "unknown" && b.kind === "unknown") return { sql: "NULL", type: t.UNKNOWN };
  const numeric = (type: Type) => t.isNumeric(type) || type.kind === "unknown";
  const common = numeric(a) && numeric(b) ? t.commonType(a, b) : undefined;
  if (!common) {
    throw new TrinoError(
      "TYPE_MISMATCH",
      `Cannot apply operator: ${t.typeText(a)} ${operator} ${t.typeText(b)}`,
      position,
    );
  }
  if (common.kind === "decimal") return decimalArithmetic(operator, left, right);
  const [x, y] = [coerce(left, common).sql, coerce(right, common).sql];
  if (t.isInteger(common)) {
    // A literal that is not zero needs no look at each row.
    const safe = typeof right.literal === "string" && Number(right.literal) !== 0;
    if (safe && (operator === "/" || operator === "%")) {
      return { sql: `(${x} ${operator === "/" ? "//" : "%"} ${y})`, type: common };
    }
    if (operator === "/") return { sql: `trino_divide(${x}, ${y})`, type: common };
    if (operator === "%") return { sql: `trino_modulus(${x}, ${y})`, type: common };
    return { sql: `(${x} ${operator} ${y})`, type: common };
  }
  return { sql: `(${x} ${operator} ${y})`, type: common };
}

function decimalArithmetic(operator: Operator, left: Typed, right: Typed): Typed {
  const fallback = (type: Type, other: Type) => t.asDecimal(type.kind === "unknown" ? other : type);
  const a = fallback(left.type, right.type);
  const b = fallback(right.type, left.type);
  const type = decimalResult(operator, a, b);
  const duckdb = t.duckdbType(type);
  const x = coerce(left, t.decimal(a.precision, a.scale)).sql;
  const y = coerce(right, t.decimal(b.precision, b.scale)).sql;
  switch (operator) {
    case "/":
      return {
        sql: `CAST(CAST(trino_decimal_divide(${x}, ${y}, ${a.scale}, ${b.scale}, ${type.scale}) AS ${wide(type)}) AS ${duckdb})`,
        type,
      };
    case "%":
      return {
        sql: `CAST(trino_modulus(CAST(${x} AS ${wide(type)}), CAST(${y} AS ${wide(type)})) AS ${duckdb})`,
        type,
      };
    case "*":
      return { sql: `CAST(${x} * ${y} AS ${duckdb})`, type };
    default:
      return { sql: `CAST(CAST(${x} AS ${wide(type)}) ${operator} CAST(${y} AS ${wide(type)}) AS ${duckdb})`, type };
  }
}

function wide(type: { scale: number }): string {
  return `DECIMAL(38,${type.scale})`;
}

interface Digits {
  precision: number;
  scale: number;
}

type Decimal = Extract<Type, { kind: "decimal" }>;

function decimalResult(operator: Operator, a: Digits, b: Digits): Decimal {
  const scale = Math.max(a.scale, b.scale);
  const of = (precision: number, digits: number): Decimal => ({
    kind: "decimal",
    precision: Math.min(38, precision),
    scale: digits,
  });
  switch (operator) {
    case "*":
      return of(a.precision + b.precision, a.scale + b.scale);
    case "/":
      return of(a.precision + b.scale + Math.max(b.scale - a.scale, 0), scale);
    case "%":
      return of(Math.min(b.precision - b.scale, a.precision - a.scale) + scale, scale);
    default:
      return of(Math.max(a.precision - a.scale, b.precision - b.scale) + scale + 1, scale);
  }
}

function temporalArithmetic(operator: Operator, left: Typed, right: Typed): Typed | undefined {
  const isInterval = (type: Type) => type.kind.startsWith("interval");
  const isTime = (type: Type) => ["date", "timestamp", "timestamp with time zone"].includes(type.kind);
  const { type: a } = left;
  const { type: b } = right;
  if (isInterval(a) && isTime(b) && operator === "+") return temporalArithmetic(operator, right, left);
  if (isTime(a) && isInterval(b) && (operator === "+" || operator === "-")) {
    const sql = `(${left.sql} ${operator} ${right.sql})`;
    // DuckDB makes a timestamp of date and interval; Trino keeps the date (and refuses hours, which DuckDB drops here).
    return a.kind === "date" ? { sql: `trino_date_of(${sql})`, type: a } : { sql, type: a };
  }
  if (isTime(a) && isTime(b) && operator === "-") {
    const common = t.commonType(a, b);
    if (!common) return undefined;
    const [x, y] = [coerce(left, common).sql, coerce(right, common).sql];
    const micros = `epoch_us(CAST(${x} AS TIMESTAMP)) - epoch_us(CAST(${y} AS TIMESTAMP))`;
    return { sql: `to_microseconds(${micros})`, type: { kind: "interval day to second" } };
  }
  if (isInterval(a) && a.kind === b.kind && (operator === "+" || operator === "-")) {
    return { sql: `(${left.sql} ${operator} ${right.sql})`, type: a };
  }
  if (isInterval(a) && t.isNumeric(b) && operator === "*") return { sql: `(${left.sql} * ${right.sql})`, type: a };
  if (t.isNumeric(a) && isInterval(b) && operator === "*") return { sql: `(${right.sql} * ${left.sql})`, type: b };
  return undefined;
}
