import { sameType } from "../../plan/data-type.ts";
import type { DataType } from "../../plan/data-type.ts";
import type { Span } from "./errors.ts";
import { duckdbText, sparkText } from "./literals.ts";

/** What an expression can be: a column type, or the type of a bare NULL. */
export type SparkType = DataType | { readonly kind: "void" };

/** Bounds, both included, of what an int or bigint expression can be. Proves that arithmetic cannot overflow. */
export interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

/** A compiled expression. Its SQL may stand anywhere: it is in parentheses where precedence would matter. */
export interface Operand extends Span {
  readonly type: SparkType;
  readonly spark: string;
  readonly duckdb: string;
  /** For int and bigint; absent means the whole range of the type. */
  readonly range?: Range;
  /** The value of a literal. */
  readonly constant?: string | bigint | number | boolean | null;
}

export const INT_RANGE: Range = { low: -(2n ** 31n), high: 2n ** 31n - 1n };
export const BIGINT_RANGE: Range = { low: -(2n ** 63n), high: 2n ** 63n - 1n };

export function typeRange(kind: "int" | "bigint"): Range {
  return kind === "int" ? INT_RANGE : BIGINT_RANGE;
}

/** The range of an int or bigint operand. */
export function rangeOf(operand: Operand): Range {
  return operand.range ?? typeRange(operand.type.kind === "int" ? "int" : "bigint");
}

export function within(inner: Range, outer: Range): boolean {
  return inner.low >= outer.low && inner.high <= outer.high;
}

export function isVoid(type: SparkType): type is { readonly kind: "void" } {
  return type.kind === "void";
}

export function sameSparkType(a: SparkType, b: SparkType): boolean {
  if (isVoid(a) || isVoid(b)) return a.kind === b.kind;
  return sameType(a, b);
}

/** A constant text as an operand. */
export function textOperand(value: string, span: Span): Operand {
  return { ...span, type: { kind: "string" }, spark: sparkText(value), duckdb: duckdbText(value), constant: value };
}

/** The decimal that holds every int (10 digits) or bigint (20, as Spark counts), https://spark.apache.org/docs/latest/sql-ref-ansi-compliance.html */
export function asDecimal(type: SparkType): { precision: number; scale: number } | undefined {
  if (type.kind === "int") return { precision: 10, scale: 0 };
  if (type.kind === "bigint") return { precision: 20, scale: 0 };
  if (type.kind === "decimal") return type;
  return undefined;
}
