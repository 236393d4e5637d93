import {
  isNested,
  lowerCaseNames,
  parseType,
  physicalType,
  printType,
  TypeSyntaxError,
  TYPE_NAMES,
} from "../../plan/data-type.ts";
import type { DataType } from "../../plan/data-type.ts";
import { castBoth, describe } from "./coerce.ts";
import { SparkSqlError } from "./errors.ts";
import { literalMoment } from "./literal-values.ts";
import { asDecimal, rangeOf, sameSparkType, typeRange, within } from "./operand.ts";
import type { Operand, SparkType } from "./operand.ts";
import { textAsType } from "./text-casts.ts";
import { nearest } from "../../plan/suggest.ts";
import type { Expression } from "./syntax.ts";

/** CAST where no value can make it raise, TRY_CAST everywhere else. */
export function compileCast(expression: Expression & { kind: "cast" }, operand: Operand): Operand {
  const type = castType(expression);
  const from = operand.type;
  if (from.kind === "void") return castBoth(operand, type);
  if (sameSparkType(from, type)) return operand;
  if (isNested(type) || isNestedType(from)) return refuse(expression, operand, type);
  const safe = safeCast(operand, type);
  if (safe !== undefined) return safe;
  const partial = partialCast(operand, type);
  if (partial === undefined) return refuse(expression, operand, type);
  if (!expression.try) {
    throw new SparkSqlError(
      `a cast from ${describe(from)} to ${printType(type)} stops the run at the first value that does not fit`,
      expression,
      `write try_cast(… AS ${printType(type)}), which gives NULL there`,
    );
  }
  return partial;
}

function isNestedType(type: SparkType): boolean {
  return type.kind !== "void" && isNested(type);
}

function castType(expression: Expression & { kind: "cast" }): DataType {
  try {
    return lowerCaseNames(
      parseType(expression.type.replace(/^(?:integer|long)$/i, (name) => (/^i/i.test(name) ? "int" : "bigint"))),
    );
  } catch (error) {
    if (!(error instanceof TypeSyntaxError)) throw error;
    const near = nearest(expression.type, TYPE_NAMES);
    throw new SparkSqlError(
      error.message,
      expression.typeSpan,
      error.hint ?? (near === undefined ? undefined : `did you mean ${near}?`),
    );
  }
}

function refuse(expression: Expression, operand: Operand, type: DataType): never {
  const hint =
    operand.type.kind === "double" && type.kind === "string"
      ? "the digits that Spark prints depend on the Java version: cast to a decimal first"
      : isNestedType(operand.type) && type.kind === "string"
        ? "write to_json(…)"
        : undefined;
  throw new SparkSqlError(
    `a cast from ${describe(operand.type)} to ${printType(type)} is not supported`,
    expression,
    hint,
  );
}

/** Casts that hold for every value and agree. */
function safeCast(operand: Operand, type: DataType): Operand | undefined {
  const from = operand.type;
  if (type.kind === "string") return asText(operand);
  if (
    from.kind === "string" &&
    typeof operand.constant === "string" &&
    (type.kind === "date" || type.kind === "timestamp")
  ) {
    return literalMoment(type.kind, operand.constant, operand);
  }
  switch (from.kind) {
    case "int":
    case "bigint":
      return fromInteger(operand, type);
    case "decimal":
      if (type.kind === "double") return castBoth(operand, type);
      if (
        type.kind === "decimal" &&
        type.scale >= from.scale &&
        type.precision - type.scale >= from.precision - from.scale
      ) {
        return castBoth(operand, type);
      }
      // One digit more before the point takes what rounding up can carry.
      if (type.kind === "decimal" && type.precision - type.scale > from.precision - from.scale)
        return castBoth(operand, type);
      return undefined;
    case "date":
      return type.kind === "timestamp" ? castBoth(operand, type) : undefined;
    case "timestamp":
      return type.kind === "date" ? castBoth(operand, type) : undefined;
    case "boolean":
      return type.kind === "int" || type.kind === "bigint" ? castBoth(operand, type) : undefined;
    default:
      return undefined;
  }
}

function fromInteger(operand: Operand, type: DataType): Operand | undefined {
  switch (type.kind) {
    case "int":
      return within(rangeOf(operand), typeRange("int"))
        ? castBoth({ ...operand, range: rangeOf(operand) }, type)
        : undefined;
    case "bigint":
    case "double":
      return castBoth(operand, type);
    case "boolean":
      return { ...castBoth(operand, type), duckdb: `(${operand.duckdb} <> 0)` };
    case "decimal": {
      const limit = 10n ** BigInt(type.precision - type.scale);
      return within(rangeOf(operand), { low: 1n - limit, high: limit - 1n }) ? castBoth(operand, type) : undefined;
    }
    default:
      return undefined;
  }
}

/** What prints the same in both engines. */
function asText(operand: Operand): Operand | undefined {
  const { kind } = operand.type;
  if (kind === "date" || kind === "timestamp") {
    return {
      ...castBoth(operand, { kind: "string" }),
      duckdb: `spark_${kind}_text(${operand.duckdb})`,
      constant: undefined,
    };
  }
  if (kind === "boolean" || kind === "int" || kind === "bigint" || kind === "decimal") {
    return { ...castBoth(operand, { kind: "string" }), constant: undefined };
  }
  return undefined;
}

/** Casts that NULL some values: only as TRY_CAST. */
function partialCast(operand: Operand, type: DataType): Operand | undefined {
  const from = operand.type;
  const physical = physicalType(type);
  const spark = `TRY_CAST(${operand.spark} AS ${physical.spark})`;
  const span = { start: operand.start, end: operand.end };
  if (from.kind === "string") return { ...span, type, ...textAsType(type, operand) };
  if (from.kind === "double") {
    const whole = `trunc(${operand.duckdb})`;
    if (type.kind === "int") return { ...span, type, spark, duckdb: `TRY_CAST(${whole} AS INTEGER)` };
    if (type.kind === "bigint") {
      // 2^63 itself passes Spark's check of the bounds, and saturates.
      const duckdb = `(CASE WHEN ${operand.duckdb} = 9223372036854775808::DOUBLE THEN 9223372036854775807 ELSE TRY_CAST(${whole} AS BIGINT) END)`;
      return { ...span, type, spark, duckdb };
    }
    if (type.kind === "decimal") {
      if (type.precision > 15) {
        throw new SparkSqlError(
          "a double has 15 digits that are sure, and the decimal more",
          operand,
          "cast to a decimal of at most 15 digits",
        );
      }
      // By way of its digits, as Spark does: a cast of the binary number would round 1.005 down.
      const duckdb = `TRY_CAST(plain_decimal(CAST(${operand.duckdb} AS VARCHAR)) AS ${physical.duckdb})`;
      return { ...span, type, spark, duckdb };
    }
    return undefined;
  }
  if (from.kind === "decimal" && (type.kind === "int" || type.kind === "bigint")) {
    return { ...span, type, spark, duckdb: `TRY_CAST(trunc(${operand.duckdb}) AS ${physical.duckdb})` };
  }
  if (asDecimal(from) !== undefined && (type.kind === "decimal" || type.kind === "int" || type.kind === "bigint")) {
    return { ...span, type, spark, duckdb: `TRY_CAST(${operand.duckdb} AS ${physical.duckdb})` };
  }
  return undefined;
}
