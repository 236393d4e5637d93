import { lowerCaseNames, physicalType, printType } from "../../plan/data-type.ts";
import type { DataType } from "../../plan/data-type.ts";
import { SparkSqlError } from "./errors.ts";
import { asDecimal, isVoid, sameSparkType } from "./operand.ts";
import type { Operand, SparkType } from "./operand.ts";

/**
 * Implicit conversions. Spark in ANSI mode would also turn texts into numbers and dates where an operator wants them,
 * and raise on the first row that holds something else; those are errors here. What is left never raises and never
 * loses a digit but bigint to double, which Spark does too. Every conversion is written out for both engines.
 */

/** Describes a type to a person. */
export function describe(type: SparkType): string {
  return isVoid(type) ? "NULL" : printType(type);
}

/** The type that both convert to, as Spark's findWiderTypeForTwo in ANSI mode; undefined when there is none. */
export function commonType(a: SparkType, b: SparkType): SparkType | undefined {
  if (isVoid(a)) return b;
  if (isVoid(b) || sameSparkType(a, b)) return a;
  if (a.kind === "array" && b.kind === "array") {
    const element = commonType(a.element, b.element);
    return element === undefined || isVoid(element) ? undefined : { kind: "array", element };
  }
  const kinds = new Set([a.kind, b.kind]);
  if (kinds.has("date") && kinds.has("timestamp")) return { kind: "timestamp" };
  const numeric = ["int", "bigint", "decimal", "double"];
  if (!numeric.includes(a.kind) || !numeric.includes(b.kind)) return undefined;
  if (kinds.has("double")) return { kind: "double" };
  if (!kinds.has("decimal")) return { kind: "bigint" };
  const [x, y] = [asDecimal(a), asDecimal(b)];
  if (x === undefined || y === undefined) return undefined;
  const scale = Math.max(x.scale, y.scale);
  const precision = Math.max(x.precision - x.scale, y.precision - y.scale) + scale;
  // Beyond 38 digits Spark drops digits of the scale; we would rather have the user say which.
  return precision > 38 ? undefined : { kind: "decimal", precision, scale };
}

export function commonTypeOf(operands: readonly Operand[], what: string): DataType {
  let type: SparkType = { kind: "void" };
  for (const operand of operands) {
    const next = commonType(type, operand.type);
    if (next === undefined) {
      throw new SparkSqlError(
        `${what} has values of types ${describe(type)} and ${describe(operand.type)}`,
        operand,
        castHint(operand.type, type),
      );
    }
    type = next;
  }
  if (isVoid(type)) {
    throw new SparkSqlError(
      `the type of ${what} is unknown: all its values are NULL`,
      operands[0] ?? { start: 0, end: 0 },
      "cast one, for example CAST(NULL AS string)",
    );
  }
  return type;
}

function castHint(from: SparkType, to: SparkType): string {
  if (from.kind === "string" || to.kind === "string") {
    const target = from.kind === "string" ? to : from;
    return `convert one explicitly, for example try_cast(… AS ${describe(target)})`;
  }
  return "convert one explicitly with a cast";
}

/** `operand` as `type`, if the conversion is one of the implicit ones. */
export function tryConvert(operand: Operand, type: DataType): Operand | undefined {
  if (sameSparkType(operand.type, type)) return operand;
  const common = commonType(operand.type, type);
  if (common === undefined || !sameSparkType(common, type)) return undefined;
  return castBoth(operand, type);
}

/** `operand` as `type`, or an error that says what is wanted. */
export function convert(operand: Operand, type: DataType, what: string): Operand {
  const converted = tryConvert(operand, type);
  if (converted === undefined) {
    throw new SparkSqlError(
      `${what} must be ${describe(type)}, not ${describe(operand.type)}`,
      operand,
      operand.type.kind === "string" ? `write try_cast(… AS ${describe(type)})` : `write cast(… AS ${describe(type)})`,
    );
  }
  return converted;
}

/** The same cast in both engines. Only for casts that agree and cannot raise. */
export function castBoth(operand: Operand, type: DataType): Operand {
  const physical = physicalType(lowerCaseNames(type));
  return {
    start: operand.start,
    end: operand.end,
    type,
    spark: `CAST(${operand.spark} AS ${physical.spark})`,
    duckdb: `CAST(${viaText(operand.type, type) ? `CAST(${operand.duckdb} AS VARCHAR)` : operand.duckdb} AS ${physical.duckdb})`,
    ...(operand.constant === undefined ? {} : { constant: operand.constant }),
    ...(operand.range !== undefined && (type.kind === "int" || type.kind === "bigint") ? { range: operand.range } : {}),
    ...(operand.range === undefined && operand.type.kind === "int" && type.kind === "bigint"
      ? { range: { low: -(2n ** 31n), high: 2n ** 31n - 1n } }
      : {}),
  };
}

/** DuckDB divides the digits of a decimal in floating point, which is exact only for few of them; a text is read exactly. */
function viaText(from: SparkType, to: DataType): boolean {
  return from.kind === "decimal" && to.kind === "double" && from.precision > 15;
}
