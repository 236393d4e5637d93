import type { Call, Expression, FrameBound, Name, Window } from "../ast.ts";
import { condition, sortSql } from "../clauses.ts";
import type { ExpressionContext } from "../context.ts";
import { TrinoError } from "../errors.ts";
import type { Position } from "../errors.ts";

/** A scalar function takes none of what belongs to aggregates. */
export function refuseModifiers(call: Call, position: Position): void {
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
