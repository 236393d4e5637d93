import type { Expression, Name } from "../ast.ts";
import type { ExpressionContext } from "../context.ts";
import { Scope } from "../scope.ts";
import type { Typed } from "../scope.ts";
import * as t from "../types.ts";
import type { Type } from "../types.ts";

let lambdas = 0;

/** A lambda as DuckDB writes it. */
export function lambda(
  parameters: readonly Name[],
  body: Expression,
  types: readonly Type[],
  context: ExpressionContext,
): Typed {
  // Names of their own, so that a lambda inside a lambda hides nothing that it should not.
  const names = parameters.map(() => `l${++lambdas}`);
  const values = names.map((sql, at): Typed => ({ sql, type: types[at] ?? t.UNKNOWN }));
  const result = applied(parameters, body, values, context);
  return { sql: `lambda ${names.join(", ")}: ${result.sql}`, type: result.type };
}

/** A lambda's body with values in the place of its parameters. */
export function applied(
  parameters: readonly Name[],
  body: Expression,
  values: readonly Typed[],
  context: ExpressionContext,
): Typed {
  const fields = parameters.map((parameter, at) => ({
    qualifier: [],
    name: parameter.text,
    value: values[at] ?? { sql: "NULL", type: t.UNKNOWN },
  }));
  return context.translate(body, { ...context, scope: new Scope(fields, context.scope) });
}
