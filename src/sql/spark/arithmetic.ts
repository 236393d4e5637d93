import { physicalType } from "../../plan/data-type.ts";
import type { DataType } from "../../plan/data-type.ts";
import { castBoth, commonType, convert, describe } from "./coerce.ts";
import { SparkSqlError } from "./errors.ts";
import type { Span } from "./errors.ts";
import { asDecimal, BIGINT_RANGE, rangeOf, typeRange, within } from "./operand.ts";
import type { Operand, Range, SparkType } from "./operand.ts";
import type { IntervalPart } from "./syntax.ts";

/**
 * Arithmetic. In ANSI mode an overflow or a division by zero stops Spark, and with it the whole run; so an operation
 * passes only where the bounds of its operands prove that it cannot. Elsewhere the error names the `try_` function.
 */

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%" | "DIV";

const TRY_NAMES: Readonly<Record<ArithmeticOperator, string>> = {
  "+": "try_add(a, b)",
  "-": "try_subtract(a, b)",
  "*": "try_multiply(a, b)",
  "/": "try_divide(a, b)",
  "%": "try_mod(a, b)",
  DIV: "CAST(try_divide(a, b) AS …)",
};

export function compileArithmetic(
  operator: ArithmeticOperator,
  left: Operand,
  right: Operand | readonly IntervalPart[],
  span: Span,
): Operand {
  if (isInterval(right)) return addInterval(operator, left, right, span);
  for (const operand of [left, right]) requireNumber(operator, operand);
  const type = commonType(left.type, right.type);
  if (operator === "/") return divide(left, right, span);
  if (operator === "DIV") return divideWhole(left, right, span);
  if (type?.kind === "double") return doubles(operator, left, right, span);
  if (left.type.kind === "decimal" || right.type.kind === "decimal") return decimals(operator, left, right, span);
  if (type?.kind === "int" || type?.kind === "bigint") return integers(operator, left, right, type, span);
  throw new SparkSqlError(`${operator} of NULL is NULL`, span, "leave the NULL out");
}

export function compileNegation(operand: Operand): Operand {
  requireNumber("-", operand);
  const { type } = operand;
  if (type.kind === "int" || type.kind === "bigint") {
    const { low, high } = rangeOf(operand);
    const range = { low: -high, high: -low };
    if (!within(range, typeRange(type.kind))) {
      throw new SparkSqlError(
        "the negative of the smallest number overflows, which stops the run",
        operand,
        "write try_subtract(0, …)",
      );
    }
    return { ...operand, spark: `(- ${operand.spark})`, duckdb: `(- ${operand.duckdb})`, range, constant: undefined };
  }
  return { ...operand, spark: `(- ${operand.spark})`, duckdb: `(- ${operand.duckdb})`, constant: undefined };
}

function isInterval(value: Operand | readonly IntervalPart[]): value is readonly IntervalPart[] {
  return Array.isArray(value);
}

function requireNumber(operator: string, operand: Operand): void {
  const { kind } = operand.type;
  if (["int", "bigint", "decimal", "double", "void"].includes(kind)) return;
  const hint =
    kind === "string"
      ? "convert the text first: try_cast(… AS int)"
      : kind === "date" || kind === "timestamp"
        ? "write INTERVAL 1 DAY, date_add(date, days) or datediff(end, start)"
        : undefined;
  throw new SparkSqlError(`${operator} takes numbers, not ${describe(operand.type)}`, operand, hint);
}

function integers(
  operator: "+" | "-" | "*" | "%",
  left: Operand,
  right: Operand,
  type: DataType & { kind: "int" | "bigint" },
  span: Span,
): Operand {
  const [a, b] = [convert(left, type, operator), convert(right, type, operator)];
  const range =
    operator === "%" ? remainderRange(rangeOf(a), rangeOf(b)) : rangeAfter(operator, rangeOf(a), rangeOf(b));
  if (operator === "%") requireNonZero(operator, b, span);
  else if (!within(range, typeRange(type.kind))) overflow(operator, type, span);
  return {
    ...span,
    type,
    spark: `(${a.spark} ${operator} ${b.spark})`,
    duckdb: `(${a.duckdb} ${operator} ${b.duckdb})`,
    range,
  };
}

export function rangeAfter(operator: "+" | "-" | "*", a: Range, b: Range): Range {
  if (operator === "+") return { low: a.low + b.low, high: a.high + b.high };
  if (operator === "-") return { low: a.low - b.high, high: a.high - b.low };
  const products = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
  return {
    low: products.reduce((least, product) => (product < least ? product : least)),
    high: products.reduce((most, product) => (product > most ? product : most)),
  };
}

/** The sign of a remainder is that of the dividend; its size is below the divisor's and at most the dividend's. */
function remainderRange(a: Range, b: Range): Range {
  const size = (value: bigint) => (value < 0n ? -value : value);
  const most = (size(b.low) > size(b.high) ? size(b.low) : size(b.high)) - 1n;
  return {
    low: a.low >= 0n ? 0n : a.low > -most ? a.low : -most,
    high: a.high <= 0n ? 0n : a.high < most ? a.high : most,
  };
}

function doubles(operator: ArithmeticOperator, left: Operand, right: Operand, span: Span): Operand {
  const type: DataType = { kind: "double" };
  const [a, b] = [convert(left, type, operator), convert(right, type, operator)];
  if (operator === "%") requireNonZero(operator, right, span);
  return {
    ...span,
    type,
    spark: `(${a.spark} ${operator} ${b.spark})`,
    duckdb: `(${a.duckdb} ${operator} ${b.duckdb})`,
  };
}

/** `/` of anything but decimals is a division of doubles. */
function divide(left: Operand, right: Operand, span: Span): Operand {
  if (
    (left.type.kind === "decimal" || right.type.kind === "decimal") &&
    commonType(left.type, right.type)?.kind !== "double"
  ) {
    throw new SparkSqlError(
      "the division of decimals is not exact in the same way everywhere",
      span,
      "cast one side to double",
    );
  }
  requireNonZero("/", right, span);
  return doubles("/", left, right, span);
}

function divideWhole(left: Operand, right: Operand, span: Span): Operand {
  for (const operand of [left, right]) {
    if (operand.type.kind !== "int" && operand.type.kind !== "bigint") {
      throw new SparkSqlError(`DIV takes whole numbers, not ${describe(operand.type)}`, operand, "write floor(a / b)");
    }
  }
  requireNonZero("DIV", right, span);
  const type: DataType = { kind: "bigint" };
  const [a, b] = [convert(left, type, "DIV"), convert(right, type, "DIV")];
  const [dividend, divisor] = [rangeOf(a), rangeOf(b)];
  if (dividend.low === BIGINT_RANGE.low && divisor.low <= -1n && divisor.high >= -1n) overflow("DIV", type, span);
  const size = (value: bigint) => (value < 0n ? -value : value);
  const most = size(dividend.low) > size(dividend.high) ? size(dividend.low) : size(dividend.high);
  const range = { low: dividend.low >= 0n && divisor.low > 0n ? 0n : -most, high: most };
  return {
    ...span,
    type,
    spark: `(${a.spark} DIV ${b.spark})`,
    duckdb: `(${a.duckdb} // ${b.duckdb})`,
    ...(within(range, BIGINT_RANGE) ? { range } : {}),
  };
}

/**
 * Decimals, with Spark's result types:
 * https://github.com/apache/spark/blob/v4.1.1/sql/catalyst/src/main/scala/org/apache/spark/sql/catalyst/expressions/arithmetic.scala
 * Results of more than 38 digits, where Spark drops digits and may overflow, are refused.
 */
function decimals(operator: "+" | "-" | "*" | "%", left: Operand, right: Operand, span: Span): Operand {
  const [x, y] = [decimalOf(left), decimalOf(right)];
  if (operator === "%")
    throw new SparkSqlError("% of decimals is not supported", span, "cast both sides to bigint or double");
  const scale = operator === "*" ? x.scale + y.scale : Math.max(x.scale, y.scale);
  const precision =
    operator === "*"
      ? x.precision + y.precision + 1
      : Math.max(x.precision - x.scale, y.precision - y.scale) + scale + 1;
  if (precision > 38) {
    throw new SparkSqlError(
      `${operator} of ${describe(left.type)} and ${describe(right.type)} needs ${precision} digits, and a decimal has 38`,
      span,
      "cast one side to a smaller decimal, or to double",
    );
  }
  const type: DataType = { kind: "decimal", precision, scale };
  const [a, b] = [castBoth(left, { kind: "decimal", ...x }), castBoth(right, { kind: "decimal", ...y })];
  const physical = physicalType(type);
  const [p, q] =
    operator === "*"
      ? // Two operands of 18 digits or fewer would be multiplied in 64 bits, and overflow.
        [`CAST(${a.duckdb} AS DECIMAL(${Math.max(x.precision, 19)},${x.scale}))`, b.duckdb]
      : [`CAST(${a.duckdb} AS ${physical.duckdb})`, `CAST(${b.duckdb} AS ${physical.duckdb})`];
  return {
    ...span,
    type,
    spark: `(${a.spark} ${operator} ${b.spark})`,
    duckdb: `CAST((${p} ${operator} ${q}) AS ${physical.duckdb})`,
  };
}

/** Spark gives a whole literal beside a decimal just the digits it has. */
function decimalOf(operand: Operand): { precision: number; scale: number } {
  if (typeof operand.constant === "bigint" && operand.type.kind !== "decimal") {
    const digits = String(operand.constant).replace("-", "").length;
    return { precision: digits, scale: 0 };
  }
  const decimal = asDecimal(operand.type);
  if (decimal === undefined) throw new SparkSqlError("the type of NULL is unknown here", operand, "leave the NULL out");
  return { precision: decimal.precision, scale: decimal.scale };
}

function requireNonZero(operator: ArithmeticOperator, divisor: Operand, span: Span): void {
  const { constant } = divisor;
  if (typeof constant === "bigint" && constant !== 0n) return;
  if (typeof constant === "number" && constant !== 0) return;
  if (typeof constant === "string" && /[1-9]/.test(constant)) return;
  if (divisor.range !== undefined && (divisor.range.low > 0n || divisor.range.high < 0n)) return;
  throw new SparkSqlError(
    `${operator} stops the run at the first row whose divisor is zero`,
    span,
    `write ${TRY_NAMES[operator]}, which gives NULL there`,
  );
}

function overflow(operator: ArithmeticOperator, type: SparkType, span: Span): never {
  throw new SparkSqlError(
    `${operator} of ${describe(type)} can overflow, which stops the run`,
    span,
    `write ${TRY_NAMES[operator]}, which gives NULL there${type.kind === "int" ? ", or cast one side to bigint" : ""}`,
  );
}

/** At most; months and years only need a bound. */
const UNIT_DAYS: Readonly<Record<IntervalPart["unit"], number>> = {
  year: 366,
  month: 31,
  week: 7,
  day: 1,
  hour: 1 / 24,
  minute: 1 / 1440,
  second: 1 / 86_400,
};

const WITHIN_A_DAY = new Set(["hour", "minute", "second"]);

/** `date ± INTERVAL` of days, weeks, months or years is a date; anything with hours is a timestamp, as in Spark. */
function addInterval(operator: string, left: Operand, parts: readonly IntervalPart[], span: Span): Operand {
  if (operator !== "+" && operator !== "-") throw new SparkSqlError(`${operator} does not take an interval`, span);
  if (left.type.kind !== "date" && left.type.kind !== "timestamp") {
    throw new SparkSqlError(`${operator} INTERVAL takes a date or timestamp, not ${describe(left.type)}`, left);
  }
  if (new Set(parts.map(({ unit }) => (unit === "year" || unit === "month" ? "months" : "days"))).size > 1) {
    throw new SparkSqlError(
      "an interval of months and days together is not supported",
      span,
      "add them one after the other",
    );
  }
  const days = parts.reduce((sum, { amount, unit }) => sum + Math.abs(amount) * UNIT_DAYS[unit], 0);
  if (days > 3_660_000) throw new SparkSqlError("the interval is longer than ten thousand years", span);
  const type: DataType = parts.some(({ unit }) => WITHIN_A_DAY.has(unit)) ? { kind: "timestamp" } : left.type;
  const start = convert(left, type, "the left side");
  const list = parts.map(({ amount, unit }) => `${amount} ${unit.toUpperCase()}`).join(" ");
  const duckdb = parts.map(({ amount, unit }) => `INTERVAL '${amount} ${unit}'`).join(" + ");
  return {
    ...span,
    type,
    spark: `(${start.spark} ${operator} INTERVAL ${list})`,
    duckdb: `CAST((${start.duckdb} ${operator} (${duckdb})) AS ${physicalType(type).duckdb})`,
  };
}
