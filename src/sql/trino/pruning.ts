import type { Expression } from "./ast.ts";
import { translateExpression } from "./expressions.ts";
import type { ExpressionContext } from "./context.ts";
import { Scope } from "./scope.ts";
import { TrinoError } from "./errors.ts";

/** What a query says about a table's partition keys: whoever scans it may leave out other partitions. */
export interface Pruning {
  /** DuckDB conditions over the partition keys, by their names. All must hold. */
  readonly conditions: string[];
  /** The simple ones among them: what a partition projection can enumerate from. */
  readonly constraints: Constraint[];
}

export interface Constraint {
  readonly column: string;
  readonly operator: "=" | "<" | "<=" | ">" | ">=" | "in";
  readonly values: readonly string[];
}

/** The parts of a condition that must all hold. */
export function conjuncts(condition: Expression): Expression[] {
  if (condition.kind !== "operation" || condition.operator !== "AND") return [condition];
  return [...conjuncts(condition.left), ...conjuncts(condition.right)];
}

/**
 * Adds what `condition` says about the partition keys of one scan. `isKey` tells its keys; everything that involves
 * anything else (other columns, subqueries, chance) says nothing.
 */
export function prune(
  condition: Expression,
  context: ExpressionContext,
  scan: number,
  isKey: (column: string) => boolean,
  pruning: Pruning,
): void {
  const fields = context.scope.fields.flatMap((field) => {
    const { origin } = field.value;
    if (origin?.scan !== scan || !isKey(origin.column)) return [];
    return [{ ...field, value: { ...field.value, sql: `"${origin.column.replaceAll('"', '""')}"` } }];
  });
  if (fields.length === 0) return;
  let used = 0;
  const scope = new Scope(fields, undefined, () => used++);
  const alone: ExpressionContext = {
    ...context,
    scope,
    subquery: () => {
      throw new TrinoError("NOT_SUPPORTED", "a subquery says nothing about partitions");
    },
  };
  for (const part of conjuncts(condition)) {
    try {
      used = 0;
      const { sql } = translateExpression(part, alone);
      if (used === 0 || /\brandom\(/u.test(sql)) continue;
      pruning.conditions.push(sql);
      const constraint = constraintOf(part, alone);
      if (constraint) pruning.constraints.push(...constraint);
    } catch (error) {
      // It involves more than the keys of this scan.
      if (!(error instanceof TrinoError)) throw error;
    }
  }
}

const MIRRORED = { "=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const;

function constraintOf(part: Expression, context: ExpressionContext): Constraint[] | undefined {
  const column = (expression: Expression) => translateExpression(expression, context).origin?.column;
  const value = (expression: Expression) => translateExpression(expression, context).literal ?? undefined;
  if (part.kind === "operation" && part.operator in MIRRORED) {
    const operator = part.operator as keyof typeof MIRRORED;
    const [left, right] = [part.left, part.right];
    const [leftColumn, rightColumn] = [column(left), column(right)];
    const literal = leftColumn === undefined ? value(left) : value(right);
    const name = leftColumn ?? rightColumn;
    if (name === undefined || literal === undefined) return undefined;
    return [{ column: name, operator: leftColumn === undefined ? MIRRORED[operator] : operator, values: [literal] }];
  }
  if (part.kind === "inList" && !part.negated) {
    const name = column(part.operand);
    const values = part.list.map(value).filter((item) => item !== undefined);
    return name === undefined || values.length < part.list.length
      ? undefined
      : [{ column: name, operator: "in", values }];
  }
  if (part.kind === "between" && !part.negated) {
    const [name, low, high] = [column(part.operand), value(part.low), value(part.high)];
    if (name === undefined || low === undefined || high === undefined) return undefined;
    return [
      { column: name, operator: ">=", values: [low] },
      { column: name, operator: "<=", values: [high] },
    ];
  }
  return undefined;
}
