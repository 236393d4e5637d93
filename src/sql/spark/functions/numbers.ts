import { physicalType } from "../../../plan/data-type.ts";
import type { DataType } from "../../../plan/data-type.ts";
import { rangeAfter } from "../arithmetic.ts";
import { commonType, commonTypeOf, convert, describe } from "../coerce.ts";
import { SparkSqlError } from "../errors.ts";
import { argument, BIGINT, DOUBLE, row } from "../function-table.ts";
import type { Call, SparkFunction, Translation } from "../function-table.ts";
import { rangeOf, typeRange, within } from "../operand.ts";
import type { Operand } from "../operand.ts";

/** Numbers. Functions whose last digit depends on the machine's mathematics (exp, sin, pow…) are in the refused list. */
export const NUMBER_FUNCTIONS: readonly SparkFunction[] = [
  row("sqrt", ["double"], DOUBLE, (x) => `(CASE WHEN ${x} < 0 THEN CAST('nan' AS DOUBLE) ELSE sqrt(${x}) END)`),
  { names: ["abs"], parameters: ["number"], translate: abs },
  {
    names: ["sign", "signum"],
    parameters: ["double"],
    translate: (call) => ({ type: DOUBLE, duckdb: `spark_sign(${argument(call, 0).duckdb})` }),
  },
  { names: ["ceil", "ceiling"], parameters: ["number"], translate: (call) => whole(call, "ceil") },
  { names: ["floor"], parameters: ["number"], translate: (call) => whole(call, "floor") },
  { names: ["round"], parameters: ["number", "int-literal"], optional: 1, translate: round },
  { names: ["pmod"], parameters: ["whole", "whole"], translate: positiveRemainder },
  { names: ["greatest"], parameters: ["any", "any"], variadic: true, translate: extreme },
  { names: ["least"], parameters: ["any", "any"], variadic: true, translate: extreme },
  { names: ["zeroifnull"], parameters: ["number"], translate: zeroIfNull },
  { names: ["nullifzero"], parameters: ["number"], translate: nullIfZero },
  { names: ["try_add"], parameters: ["number", "number"], translate: (call) => tryWhole(call, "+") },
  { names: ["try_subtract"], parameters: ["number", "number"], translate: (call) => tryWhole(call, "-") },
  { names: ["try_multiply"], parameters: ["number", "number"], translate: (call) => tryWhole(call, "*") },
  { names: ["try_divide"], parameters: ["number", "number"], translate: tryDivide },
  { names: ["try_mod"], parameters: ["whole", "whole"], translate: tryRemainder },
];

function abs(call: Call): Translation {
  const value = argument(call, 0);
  const { type } = value;
  if (type.kind === "int" || type.kind === "bigint") {
    const { low, high } = rangeOf(value);
    const most = -low > high ? -low : high;
    if (most > typeRange(type.kind).high) {
      throw new SparkSqlError(
        "abs of the smallest number overflows, which stops the run",
        call,
        `write abs(cast(… AS ${type.kind === "int" ? "bigint" : "decimal(20,0)"}))`,
      );
    }
    return { type, duckdb: `abs(${value.duckdb})`, range: { low: low >= 0n ? low : 0n, high: most } };
  }
  return { type: type as DataType, duckdb: `abs(${value.duckdb})` };
}

/** ceil and floor: bigint of a double (saturating, NaN is 0), a whole decimal of a decimal. */
function whole(call: Call, name: "ceil" | "floor"): Translation {
  const value = argument(call, 0);
  const { type } = value;
  if (type.kind === "decimal") {
    const result: DataType = { kind: "decimal", precision: Math.min(type.precision - type.scale + 1, 38), scale: 0 };
    if (type.scale === 0) return { type: result, duckdb: `CAST(${value.duckdb} AS ${physicalType(result).duckdb})` };
    return { type: result, duckdb: `CAST(${name}(${value.duckdb}) AS ${physicalType(result).duckdb})` };
  }
  if (type.kind === "double") return { type: BIGINT, duckdb: `spark_to_bigint(${name}(${value.duckdb}))` };
  return { type: BIGINT, duckdb: `CAST(${value.duckdb} AS BIGINT)`, range: rangeOf(value) };
}

function round(call: Call): Translation {
  const value = argument(call, 0);
  const digits = call.operands[1];
  const scale = digits === undefined ? 0 : Number(digits.constant);
  if (scale < 0 || scale > 18) throw new SparkSqlError("round is supported for 0 to 18 digits", digits ?? call);
  const { type } = value;
  if (type.kind === "double") {
    return {
      type: DOUBLE,
      duckdb: `spark_round(${value.duckdb}, CAST(TRY_CAST(plain_decimal(CAST(${value.duckdb} AS VARCHAR)) AS DECIMAL(38,${scale})) AS VARCHAR))`,
    };
  }
  if (type.kind === "decimal") {
    const newScale = Math.min(type.scale, scale);
    // One digit more for what rounding carries: RoundBase.dataType of Spark.
    const precision = Math.min(type.precision - type.scale + 1 + newScale, 38);
    const result: DataType = { kind: "decimal", precision, scale: newScale };
    return { type: result, duckdb: `CAST(${value.duckdb} AS ${physicalType(result).duckdb})` };
  }
  return { type: type as DataType, duckdb: value.duckdb, range: rangeOf(value) };
}

function sameWhole(call: Call): { type: DataType & { kind: "int" | "bigint" }; a: Operand; b: Operand } {
  const [left, right] = [argument(call, 0), argument(call, 1)];
  const type = commonType(left.type, right.type);
  if (type?.kind !== "int" && type?.kind !== "bigint") {
    throw new SparkSqlError(
      `${call.name} of ${describe(left.type)} and ${describe(right.type)} is not supported`,
      call,
      "doubles never overflow: write the operator",
    );
  }
  return { type, a: convert(left, type, call.name), b: convert(right, type, call.name) };
}

function tryWhole(call: Call, operator: "+" | "-" | "*"): Translation {
  const { type, a, b } = sameWhole(call);
  const spark = `${call.name}(${a.spark}, ${b.spark})`;
  const range = rangeAfter(operator, rangeOf(a), rangeOf(b));
  const sql = `TRY_CAST(CAST(${a.duckdb} AS HUGEINT) ${operator} CAST(${b.duckdb} AS HUGEINT) AS ${physicalType(type).duckdb})`;
  return { type, spark, duckdb: sql, ...(within(range, typeRange(type.kind)) ? { range } : {}) };
}

function tryDivide(call: Call): Translation {
  const [left, right] = [argument(call, 0), argument(call, 1)];
  const type = commonType(left.type, right.type);
  if (type?.kind === "decimal" || type === undefined) {
    throw new SparkSqlError("try_divide of decimals is not supported", call, "cast one side to double");
  }
  const [a, b] = [convert(left, DOUBLE, call.name), convert(right, DOUBLE, call.name)];
  return {
    type: DOUBLE,
    spark: `try_divide(${a.spark}, ${b.spark})`,
    duckdb: `(CASE WHEN ${b.duckdb} <> 0 THEN ${a.duckdb} / ${b.duckdb} END)`,
  };
}

function tryRemainder(call: Call): Translation {
  const { type, a, b } = sameWhole(call);
  return {
    type,
    spark: `try_mod(${a.spark}, ${b.spark})`,
    duckdb: `(CASE WHEN ${b.duckdb} <> 0 THEN ${remainder(type, a, b)} END)`,
  };
}

function positiveRemainder(call: Call): Translation {
  const { type, a, b } = sameWhole(call);
  const range = rangeOf(b);
  if (range.low <= 0n) {
    throw new SparkSqlError(
      "pmod is supported for a divisor that is greater than zero for sure",
      argument(call, 1),
      "write try_mod(a, b)",
    );
  }
  const rest = remainder(type, a, b);
  return {
    type,
    spark: `pmod(${a.spark}, ${b.spark})`,
    duckdb: `(CASE WHEN ${rest} < 0 THEN ${rest} + ${b.duckdb} ELSE ${rest} END)`,
    range: { low: 0n, high: range.high - 1n },
  };
}

function remainder(type: DataType, a: Operand, b: Operand): string {
  return `CAST(CAST(${a.duckdb} AS HUGEINT) % CAST(${b.duckdb} AS HUGEINT) AS ${physicalType(type).duckdb})`;
}

/** NULLs are left out; NaN is the greatest. */
function extreme(call: Call): Translation {
  const type = commonTypeOf(call.operands, call.name);
  if (["array", "map", "struct"].includes(type.kind))
    throw new SparkSqlError(`${call.name} does not take ${describe(type)}`, call);
  const values = call.operands.map((operand) => convert(operand, type, `an argument of ${call.name}`));
  return {
    type,
    spark: `${call.name}(${values.map((value) => value.spark).join(", ")})`,
    duckdb: `${call.name}(${values.map((value) => value.duckdb).join(", ")})`,
  };
}

function zeroIfNull(call: Call): Translation {
  const value = argument(call, 0);
  const type = value.type as DataType;
  const zero = physicalType(type);
  return {
    type,
    spark: `coalesce(${value.spark}, CAST(0 AS ${zero.spark}))`,
    duckdb: `coalesce(${value.duckdb}, CAST(0 AS ${zero.duckdb}))`,
  };
}

function nullIfZero(call: Call): Translation {
  const value = argument(call, 0);
  return {
    type: value.type as DataType,
    spark: `nullif(${value.spark}, 0)`,
    duckdb: `(CASE WHEN ${value.duckdb} <> 0 THEN ${value.duckdb} END)`,
  };
}
