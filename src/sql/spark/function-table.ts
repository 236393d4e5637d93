import type { DataType, ScalarKind } from "../../plan/data-type.ts";
import type { Span } from "./errors.ts";
import type { Operand, Range } from "./operand.ts";

/**
 * What an argument must be. `date` also takes timestamps and literal texts, `timestamp` dates and literal texts, as
 * Spark does; `number` is any numeric type, `whole` int or bigint; `text-literal` and `int-literal` must be written in
 * the SQL; a `lambda` is compiled by the function itself, which knows its variables' types.
 */
export type ParameterKind =
  ScalarKind | "any" | "number" | "whole" | "moment" | "array" | "map" | "text-literal" | "int-literal" | "lambda";

export interface Lambda {
  /** Names of its variables, unique within the SQL, the same in both engines. */
  readonly names: readonly string[];
  readonly body: Operand;
}

/** A call whose arguments have been compiled, converted to the kinds that the function declares, and counted. */
export interface Call extends Span {
  readonly name: string;
  /** Lambdas are left out of it. */
  readonly operands: readonly Operand[];
  /** The last name of arguments that are plain columns or fields. */
  readonly argumentNames: readonly (string | undefined)[];
  /** Compiles the lambda that is argument `index`, its variables being of these types. */
  lambda(index: number, types: readonly DataType[]): Lambda;
}

export interface Translation {
  readonly type: DataType;
  readonly duckdb: string;
  /** Default: the function by its name over its arguments. */
  readonly spark?: string;
  readonly range?: Range;
}

export interface SparkFunction {
  readonly names: readonly string[];
  readonly parameters: readonly ParameterKind[];
  /** How many of the last parameters may be missing. */
  readonly optional?: number;
  /** The last parameter may come again and again. */
  readonly variadic?: boolean;
  /** Types and translates a call. Throws a `SparkSqlError` for arguments that it has no sure translation for. */
  readonly translate: (call: Call) => Translation;
}

export const STRING: DataType = { kind: "string" };
export const BOOLEAN: DataType = { kind: "boolean" };
export const INT: DataType = { kind: "int" };
export const BIGINT: DataType = { kind: "bigint" };
export const DOUBLE: DataType = { kind: "double" };
export const DATE: DataType = { kind: "date" };
export const TIMESTAMP: DataType = { kind: "timestamp" };

/** The operand at `index`, which the parameter list promises. */
export function argument(call: Call, index: number): Operand {
  const operand = call.operands[index];
  if (operand === undefined) throw new Error(`${call.name} has no argument ${index}`);
  return operand;
}

/** A row of the table whose translation needs only the arguments' SQL. */
export function row(
  names: string | readonly string[],
  parameters: readonly ParameterKind[],
  type: DataType,
  duckdb: (...sql: string[]) => string,
  more: Omit<SparkFunction, "names" | "parameters" | "translate"> & { range?: Range } = {},
): SparkFunction {
  const { range, ...rest } = more;
  return {
    names: typeof names === "string" ? [names] : names,
    parameters,
    ...rest,
    translate: (call) => ({
      type,
      duckdb: duckdb(...call.operands.map((operand) => operand.duckdb)),
      ...(range === undefined ? {} : { range }),
    }),
  };
}
