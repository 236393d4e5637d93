import { SparkSqlError } from "./errors.ts";
import type { Span } from "./errors.ts";
import { INT_RANGE, BIGINT_RANGE } from "./operand.ts";
import type { Operand } from "./operand.ts";
import type { DataType } from "../../plan/data-type.ts";

/** A number: `1` is an int or, too great for one, a bigint; `1.50` a decimal(3,2); `1e3` and `1D` doubles; `1L` a bigint. */
export function literalNumber(text: string, span: Span): Operand {
  const suffix = /(BD|[LSYDF])$/i.exec(text)?.[1]?.toUpperCase() ?? "";
  const digits = text.slice(0, text.length - suffix.length);
  if (suffix === "S" || suffix === "Y" || suffix === "F") {
    throw new SparkSqlError(
      `numbers that end in ${suffix} are of a type that columns cannot have`,
      span,
      "leave the letter out",
    );
  }
  if (suffix === "D" || (suffix === "" && /e/i.test(digits))) {
    const value = Number(digits);
    if (!Number.isFinite(value)) throw new SparkSqlError("the number is too great for a double", span);
    return { ...span, type: { kind: "double" }, ...signed(`CAST('${digits}' AS DOUBLE)`), constant: value };
  }
  if (suffix === "BD" || digits.includes(".")) return literalDecimal(digits, span);
  if (!/^-?\d+$/.test(digits)) throw new SparkSqlError(`"${text}" is not a number`, span);
  const value = BigInt(digits);
  if (suffix === "" && value >= INT_RANGE.low && value <= INT_RANGE.high)
    return literalInteger(value, { kind: "int" }, span);
  if (value >= BIGINT_RANGE.low && value <= BIGINT_RANGE.high) return literalInteger(value, { kind: "bigint" }, span);
  if (suffix === "L") throw new SparkSqlError("the number is too great for a bigint", span);
  return literalDecimal(digits, span);
}

function literalInteger(value: bigint, type: DataType, span: Span): Operand {
  // Both engines type a bare number by its size; the cast says it for both, and binds tighter than a minus.
  const name = type.kind === "int" ? { spark: "INT", duckdb: "INTEGER" } : { spark: "BIGINT", duckdb: "BIGINT" };
  const plain = type.kind === "int" && value >= 0n;
  return {
    ...span,
    type,
    spark: plain ? String(value) : `CAST('${value}' AS ${name.spark})`,
    duckdb: plain ? String(value) : `CAST('${value}' AS ${name.duckdb})`,
    range: { low: value, high: value },
    constant: value,
  };
}

function literalDecimal(text: string, span: Span): Operand {
  if (/e/i.test(text)) throw new SparkSqlError("write decimals without an exponent", span);
  const match = /^(-?)0*(\d*)(?:\.(\d*))?$/.exec(text);
  const [, sign = "", whole = "", fraction = ""] = match ?? [];
  const scale = fraction.length;
  const precision = Math.max(whole.length + scale, scale, 1);
  if (precision > 38) throw new SparkSqlError("a decimal has at most 38 digits", span);
  const value = `${sign}${whole === "" ? "0" : whole}${scale === 0 ? "" : `.${fraction}`}`;
  return {
    ...span,
    type: { kind: "decimal", precision, scale },
    ...signed(`CAST('${value}' AS DECIMAL(${precision},${scale}))`),
    constant: value,
  };
}

function signed(sql: string): { spark: string; duckdb: string } {
  return { spark: sql, duckdb: sql };
}

const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?$/;

/** A date or timestamp known when the SQL is compiled; timestamps are in UTC. */
export function literalMoment(type: "date" | "timestamp", text: string, span: Span): Operand {
  const trimmed = text.trim();
  if (type === "date") {
    if (!isDate(trimmed)) throw new SparkSqlError(`'${text}' is not a date`, span, "write YYYY-MM-DD");
    const sql = `DATE '${trimmed}'`;
    return { ...span, type: { kind: type }, spark: sql, duckdb: sql, constant: trimmed };
  }
  const match = TIMESTAMP.exec(trimmed);
  const clock = match?.[2] ?? "00:00";
  if (match === null || !isDate(match[1] ?? "") || !/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?$/.test(clock)) {
    throw new SparkSqlError(`'${text}' is not a timestamp`, span, "write YYYY-MM-DD HH:MM:SS, in UTC");
  }
  const sql = `TIMESTAMP '${match[1]} ${clock.length === 5 ? `${clock}:00` : clock}'`;
  return { ...span, type: { kind: type }, spark: sql, duckdb: sql, constant: trimmed };
}

function isDate(text: string): boolean {
  const match = DATE.exec(text);
  if (match === null || match[1] === "0000") return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}
