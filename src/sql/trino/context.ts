import type { Expression, Query, Window } from "./ast.ts";
import type { Position } from "./errors.ts";
import type { Scope, Typed } from "./scope.ts";
import type { Type } from "./types.ts";

/** What an expression may need from the query around it. */
export interface ExpressionContext {
  /** Translates a part of the expression, in this context or in one made from it. */
  readonly translate: (expression: Expression, context: ExpressionContext) => Typed;
  readonly scope: Scope;
  /** Translates a subquery; its rows as DuckDB's SELECT, its columns. */
  readonly subquery: (query: Query, scope: Scope) => { sql: string; columns: readonly { type: Type }[] };
  /** The values of the statement's `?`, as SQL literals already translated. */
  readonly parameters: readonly Typed[];
  readonly now: Date;
  readonly windows: ReadonlyMap<string, Window>;
  /** Called with each aggregate or window function that the expression contains. */
  readonly onAggregate?: (position: Position) => void;
}
