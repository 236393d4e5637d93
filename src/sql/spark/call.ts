import { isNested, scalar } from "../../plan/data-type.ts";
import type { DataType } from "../../plan/data-type.ts";
import { convert, describe, tryConvert } from "./coerce.ts";
import { SparkSqlError } from "./errors.ts";
import { SPARK_FUNCTIONS } from "./functions/all.ts";
import { REFUSED_FUNCTIONS } from "./functions/refused.ts";
import type { Call, Lambda, ParameterKind, SparkFunction } from "./function-table.ts";
import { literalMoment } from "./literal-values.ts";
import { isVoid } from "./operand.ts";
import type { Operand } from "./operand.ts";
import type { Scope } from "./scope.ts";
import { nearest } from "../../plan/suggest.ts";
import type { Expression } from "./syntax.ts";

type Compile = (expression: Expression, scope: Scope) => Operand;

const BY_NAME = new Map<string, SparkFunction>(
  SPARK_FUNCTIONS.flatMap((entry) => entry.names.map((name): [string, SparkFunction] => [name, entry])),
);

/** Names of every function that may be used, for hints and the reference. */
export function functionNames(): string[] {
  return [...BY_NAME.keys()].sort();
}

export function compileCall(expression: Expression & { kind: "call" }, scope: Scope, compile: Compile): Operand {
  const entry = BY_NAME.get(expression.name) ?? refuseFunction(expression);
  checkCount(entry, expression);
  const operands = expression.arguments.flatMap((argument, index) => {
    const kind = entry.parameters[Math.min(index, entry.parameters.length - 1)] ?? "any";
    if (kind === "lambda") return [];
    return [accept(compile(argument, scope), kind, `argument ${index + 1} of ${expression.name}`)];
  });
  const call: Call = {
    start: expression.start,
    end: expression.end,
    name: expression.name,
    operands,
    argumentNames: expression.arguments.map((argument) =>
      argument.kind === "name" ? argument.parts.at(-1) : undefined,
    ),
    lambda: (index, types) => compileLambda(expression, index, types, scope, compile),
  };
  const translation = entry.translate(call);
  return {
    start: expression.start,
    end: expression.end,
    type: translation.type,
    spark: translation.spark ?? `${expression.name}(${operands.map((operand) => operand.spark).join(", ")})`,
    duckdb: translation.duckdb,
    ...(translation.range === undefined ? {} : { range: translation.range }),
  };
}

function refuseFunction(expression: Expression & { kind: "call" }): never {
  const refused = REFUSED_FUNCTIONS.get(expression.name);
  if (refused !== undefined) {
    throw new SparkSqlError(`${expression.name} ${refused.reason}`, expression.nameSpan, refused.hint);
  }
  const near = nearest(expression.name, BY_NAME.keys());
  throw new SparkSqlError(
    `the function ${expression.name} is not supported`,
    expression.nameSpan,
    near === undefined ? "docs/reference/functions.md lists the functions that are" : `did you mean ${near}?`,
  );
}

function checkCount(entry: SparkFunction, expression: Expression & { kind: "call" }): void {
  const given = expression.arguments.length;
  const most = entry.parameters.length;
  const least = most - (entry.optional ?? 0);
  if (given >= least && (given <= most || entry.variadic === true)) return;
  const wanted = entry.variadic === true ? `at least ${least}` : least === most ? String(least) : `${least} to ${most}`;
  throw new SparkSqlError(
    `${expression.name} takes ${wanted} argument${wanted === "1" ? "" : "s"}, not ${given}`,
    expression,
  );
}

function accept(operand: Operand, kind: ParameterKind, what: string): Operand {
  const { type } = operand;
  switch (kind) {
    case "any":
    case "lambda":
      return operand;
    case "array":
    case "map":
      if (type.kind !== kind) refuseType(operand, what, kind === "array" ? "an array" : "a map");
      return operand;
    case "number":
      if (!["int", "bigint", "decimal", "double"].includes(type.kind)) refuseType(operand, what, "a number");
      return operand;
    case "whole":
      if (type.kind !== "int" && type.kind !== "bigint") refuseType(operand, what, "an int or bigint");
      return operand;
    case "moment":
      if (type.kind !== "date" && type.kind !== "timestamp") refuseType(operand, what, "a date or timestamp");
      return operand;
    case "text-literal":
      if (typeof operand.constant !== "string" || type.kind !== "string")
        refuseType(operand, what, "a text written in the SQL");
      return operand;
    case "int-literal":
      if (typeof operand.constant !== "bigint" || type.kind !== "int")
        refuseType(operand, what, "a number written in the SQL");
      return operand;
    case "date":
    case "timestamp":
      if (typeof operand.constant === "string" && type.kind === "string")
        return literalMoment(kind, operand.constant, operand);
      if (kind === "date" && type.kind === "timestamp") return castMoment(operand);
      return convert(operand, scalar(kind), what);
    default:
      return tryConvert(operand, scalar(kind)) ?? refuseType(operand, what, kind);
  }
}

/** A timestamp where a date is wanted: its day in UTC. */
function castMoment(operand: Operand): Operand {
  const cast = (sql: string) => `CAST(${sql} AS DATE)`;
  return {
    start: operand.start,
    end: operand.end,
    type: { kind: "date" },
    spark: cast(operand.spark),
    duckdb: cast(operand.duckdb),
  };
}

function refuseType(operand: Operand, what: string, wanted: string): never {
  const hint =
    operand.type.kind === "string"
      ? `write try_cast(… AS ${wanted.split(" ").at(-1)})`
      : wanted === "string" && !isVoid(operand.type) && !isNested(operand.type)
        ? "write cast(… AS string)"
        : undefined;
  throw new SparkSqlError(
    `${what} must be ${wanted}, not ${describe(operand.type)}`,
    operand,
    wanted.includes("written") ? undefined : hint,
  );
}

/** Variables get names that no column has, and that a lambda within a lambda does not repeat. */
function compileLambda(
  expression: Expression & { kind: "call" },
  index: number,
  types: readonly DataType[],
  scope: Scope,
  compile: Compile,
): Lambda {
  const lambda = expression.arguments[index];
  if (lambda === undefined || lambda.kind !== "lambda") {
    throw new SparkSqlError(
      `argument ${index + 1} of ${expression.name} must be a lambda`,
      lambda ?? expression,
      "write x -> …",
    );
  }
  if (lambda.parameters.length > types.length) {
    throw new SparkSqlError(`a lambda of ${expression.name} has at most ${types.length} variables`, lambda);
  }
  const names = types.map((_, position) => `__${position === 0 ? "x" : "i"}${lambda.start}`);
  const variables = lambda.parameters.map((name, position) => {
    const sql = names[position] ?? "";
    // DuckDB counts the elements of a list from one.
    const duckdb = position === 0 ? sql : `CAST(${sql} - 1 AS INTEGER)`;
    return { name, relation: undefined, operand: { type: types[position] ?? scalar("int"), spark: sql, duckdb } };
  });
  return {
    names: names.slice(0, lambda.parameters.length),
    body: compile(lambda.body, scope.withVariables(variables)),
  };
}
