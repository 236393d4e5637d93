import type { Call, Expression } from "../ast.ts";
import type { ExpressionContext } from "../context.ts";
import { TrinoError } from "../errors.ts";
import type { Position } from "../errors.ts";
import type { Typed } from "../scope.ts";
import * as t from "../types.ts";

/**
 * A function whose type or SQL depends on more than its arguments' types. Undefined: the function table has it.
 */
export type Special = (call: Call, position: Position, context: ExpressionContext) => Typed | undefined;

/** The arguments of a scalar function, translated. */
export function operands(call: Call, context: ExpressionContext): Typed[] {
  return call.arguments.map((argument: Expression) => context.translate(argument, context));
}

export function wrongArguments(call: Call, values: readonly Typed[], expected: string, position: Position): TrinoError {
  const given = values.map((value) => t.typeText(value.type)).join(", ");
  return new TrinoError(
    "FUNCTION_NOT_FOUND",
    `Unexpected parameters (${given}) for function ${call.name}. Expected: ${expected}`,
    position,
  );
}
