import type { Call, Expression } from "../ast.ts";
import type { ExpressionContext } from "../context.ts";
import { notSupported, TrinoError } from "../errors.ts";
import type { Position } from "../errors.ts";
import type { Typed } from "../scope.ts";
import * as t from "../types.ts";
import { lambda } from "./lambda.ts";
import { refuseModifiers, withModifiers } from "./modifiers.ts";
import { isLambda, match } from "./signature.ts";
import type { Argument, Match } from "./signature.ts";
import { SPECIAL } from "./special.ts";
import { KNOWN_ELSEWHERE, ROWS } from "./table.ts";

/** A function call. What neither the function table nor `special.ts` has is refused by name. */
export function translateCall(call: Call, position: Position, context: ExpressionContext): Typed {
  const special = SPECIAL[call.name]?.(call, position, context);
  if (special) return special;
  const rows = ROWS.get(call.name);
  if (!rows) throw SPECIAL[call.name] ? unexpectedParameters(call, [], position) : unknownFunction(call.name, position);
  const args = call.star ? [] : call.arguments.map((argument) => argumentOf(argument, context));
  const best = rows
    .map((row) => match(row, args))
    .filter((found) => found !== undefined)
    .sort((a, b) => a.coercions - b.coercions)[0];
  if (!best) throw unexpectedParameters(call, args, position);
  return { sql: render(best, call, position, context), type: best.type };
}

function unknownFunction(name: string, position: Position): TrinoError {
  if (KNOWN_ELSEWHERE.has(name)) return notSupported(`Function ${name}`, position);
  return new TrinoError("FUNCTION_NOT_FOUND", `Function '${name}' not registered`, position);
}

function unexpectedParameters(call: Call, args: readonly Argument[], position: Position): TrinoError {
  const given = args.map((argument) => (isLambda(argument) ? "<function>" : t.typeText(argument.type)));
  const expected = ROWS.get(call.name)
    ?.map((row) => row.signature)
    .join(", ");
  return new TrinoError(
    "FUNCTION_NOT_FOUND",
    `Unexpected parameters (${given.join(", ")}) for function ${call.name}. Expected: ${expected}`,
    position,
  );
}

function argumentOf(argument: Expression, context: ExpressionContext): Argument {
  if (argument.kind !== "lambda") return context.translate(argument, context);
  return {
    arity: argument.parameters.length,
    translate: (types) => lambda(argument.parameters, argument.body, types, context),
  };
}

function render(found: Match, call: Call, position: Position, context: ExpressionContext): string {
  const { row } = found;
  const args = found.arguments.map((argument) => argument.sql);
  const body = row.template
    .replaceAll("$*", () => args.join(", "))
    .replaceAll(/\$(\d)/gu, (_all, digit: string) => args[Number(digit) - 1] ?? "");
  if (row.kind === "scalar") {
    refuseModifiers(call, position);
    return body;
  }
  if (row.kind === "window" && !call.over) {
    throw new TrinoError("SYNTAX_ERROR", `Window function ${call.name} requires an OVER clause`, position);
  }
  context.onAggregate?.(position);
  return withModifiers(body, call, context);
}
