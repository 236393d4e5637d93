import type { Call, Expression, FrameBound, Name, Window } from "../ast.ts";
import { notSupported, TrinoError } from "../errors.ts";
import type { Position } from "../errors.ts";
import { condition, sortSql } from "../clauses.ts";
import type { ExpressionContext } from "../context.ts";
import { Scope } from "../scope.ts";
import type { Typed } from "../scope.ts";
import * as t from "../types.ts";
import type { Type } from "../types.ts";
import { isLambda, match } from "./signature.ts";
import type { Argument, Match } from "./signature.ts";
import { KNOWN_ELSEWHERE, ROWS } from "./table.ts";
import { SPECIAL } from "./special.ts";

/** A function call. What neither the function table nor `special.ts` has is refused by name. */
export function translateCall(call: Call, position: Position, context: ExpressionContext): Typed {
  const special = SPECIAL[call.name];
  if (special) {
    refuseModifiers(call, position);
    return special(call, position, context);
  }
  const rows = ROWS.get(call.name);
  if (!rows) throw unknownFunction(call.name, position);
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

let lambdas = 0;

function lambda(
  parameters: readonly Name[],
  body: Expression,
  types: readonly Type[],
  context: ExpressionContext,
): Typed {
  // Names of their own, so that a lambda inside a lambda hides nothing that it should not.
  const names = parameters.map(() => `l${++lambdas}`);
  const fields = parameters.map((parameter, at) => ({
    qualifier: [],
    name: parameter.text,
    value: { sql: names[at] ?? "", type: types[at] ?? t.UNKNOWN },
  }));
  const result = context.translate(body, { ...context, scope: new Scope(fields, context.scope) });
  return { sql: `lambda ${names.join(", ")}: ${result.sql}`, type: result.type };
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

function refuseModifiers(call: Call, position: Position): void {
  if (call.distinct || call.filter || call.over || call.orderBy.length > 0 || call.star || call.ignoreNulls) {
    throw new TrinoError(
      "FUNCTION_NOT_FOUND",
      `'${call.name}' is not an aggregation function: DISTINCT, ORDER BY, FILTER, OVER and * do not belong to it`,
      position,
    );
  }
}

/** Puts DISTINCT, ORDER BY, IGNORE NULLS, FILTER and OVER where `@name(…)` stands in the template. */
export function withModifiers(template: string, call: Call, context: ExpressionContext): string {
  const translate = (key: Expression) => context.translate(key, context);
  const distinct = call.distinct ? "DISTINCT " : "";
  const orderBy = call.orderBy.length > 0 ? ` ORDER BY ${sortSql(call.orderBy, translate)}` : "";
  const nulls = call.ignoreNulls ? " IGNORE NULLS" : "";
  const filter = call.filter ? ` FILTER (WHERE ${condition(translate(call.filter), call.filter.position).sql})` : "";
  const over = call.over ? ` OVER (${windowSql(call.over, context)})` : "";
  let sql = "";
  let rest = template;
  for (let at = rest.search(/@\w+\(/u); at !== -1; at = rest.search(/@\w+\(/u)) {
    const open = rest.indexOf("(", at);
    const close = closing(rest, open);
    const inner = withModifiers(rest.slice(open + 1, close), { ...call, over: undefined }, context);
    sql += `${rest.slice(0, at)}${rest.slice(at + 1, open)}(${distinct}${inner}${orderBy}${nulls})${filter}${over}`;
    rest = rest.slice(close + 1);
  }
  return sql + rest;
}

/** The parenthesis that closes the one at `open`; quotes hide parentheses. */
function closing(sql: string, open: number): number {
  let depth = 0;
  for (let at = open; at < sql.length; at++) {
    const character = sql[at];
    if (character === "'" || character === '"') at = sql.indexOf(character, at + 1);
    else if (character === "(") depth++;
    else if (character === ")" && --depth === 0) return at;
  }
  return sql.length;
}

function windowSql(over: Window | Name, context: ExpressionContext): string {
  const window = "text" in over ? named(over, context) : over;
  const base = window.base && named(window.base, context);
  const partitionBy = window.partitionBy.length > 0 ? window.partitionBy : (base?.partitionBy ?? []);
  const orderBy = window.orderBy.length > 0 ? window.orderBy : (base?.orderBy ?? []);
  const translate = (key: Expression) => context.translate(key, context);
  const parts: string[] = [];
  if (partitionBy.length > 0) parts.push(`PARTITION BY ${partitionBy.map((key) => translate(key).sql).join(", ")}`);
  if (orderBy.length > 0) parts.push(`ORDER BY ${sortSql(orderBy, translate)}`);
  const { frame } = window;
  if (frame) {
    const bound = (at: FrameBound) => ("value" in at ? `${translate(at.value).sql} ${at.kind}` : at.kind);
    const end = frame.end ? bound(frame.end) : "CURRENT ROW";
    parts.push(`${frame.unit} BETWEEN ${bound(frame.start)} AND ${end}`);
  }
  return parts.join(" ");
}

function named(name: Name, context: ExpressionContext): Window {
  const window = context.windows.get(name.text);
  if (!window) throw new TrinoError("SYNTAX_ERROR", `Cannot resolve WINDOW name ${name.text}`, name.position);
  return window;
}
