import { validationError } from "./errors.ts";
import { callFunction } from "./metric-functions.ts";

/** Values by the start of their period, in milliseconds. */
export interface TimeSeries {
  readonly label: string;
  /** Milliseconds. */
  readonly period: number;
  readonly points: ReadonlyMap<number, number>;
}

/** What an expression can be worth: a number, a series, or several series. */
export type MathValue = number | TimeSeries | readonly TimeSeries[];

export interface MathScope {
  /** The value of another query by its id. */
  lookUp(id: string): MathValue;
  /** All queries that are metrics, those whose label holds the text if one is given: METRICS(). */
  metrics(text?: string): readonly TimeSeries[];
  /** The range asked for, in milliseconds, for functions that fill it. */
  readonly from: number;
  readonly until: number;
}

export type MathNode =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly MathNode[] }
  | { readonly kind: "call"; readonly name: string; readonly items: readonly MathNode[] }
  | { readonly kind: "operation"; readonly operator: string; readonly items: readonly MathNode[] };

const TOKEN = /\s*(\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|[A-Za-z_]\w*|"[^"]*"|'[^']*'|&&|\|\||<=|>=|==|!=|[-+*/^<>(),[\]])/y;

/** From what binds least to what binds most. */
const LEVELS: readonly (readonly string[])[] = [
  ["||", "OR"],
  ["&&", "AND"],
  ["==", "!="],
  ["<", "<=", ">", ">="],
  ["+", "-"],
  ["*", "/"],
  ["^"],
];

/**
 * Parses a metric math expression.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 */
export function parseMath(expression: string): MathNode {
  const tokens = tokenize(expression);
  let at = 0;
  const fail = (what: string) => validationError(`Error in expression '${expression}': ${what}`);
  const take = (expected?: string): string => {
    const token = tokens[at++];
    if (token === undefined || (expected !== undefined && token !== expected)) {
      throw fail(`expected ${expected ?? "more"}${token === undefined ? " at the end" : ` instead of ${token}`}`);
    }
    return token;
  };

  const binary = (level: number): MathNode => {
    const operators = LEVELS[level];
    if (!operators) return unary();
    let left = binary(level + 1);
    while (operators.includes(tokens[at] ?? "")) {
      const operator = take();
      left = { kind: "operation", operator, items: [left, binary(level + 1)] };
    }
    return left;
  };
  const unary = (): MathNode => {
    if (tokens[at] !== "-") return primary();
    take();
    return { kind: "operation", operator: "-", items: [{ kind: "number", value: 0 }, unary()] };
  };
  const list = (end: string): MathNode[] => {
    const items: MathNode[] = [];
    while (tokens[at] !== end) {
      if (items.length > 0) take(",");
      items.push(binary(0));
    }
    take(end);
    return items;
  };
  const primary = (): MathNode => {
    const token = take();
    if (token === "(") {
      const inner = binary(0);
      take(")");
      return inner;
    }
    if (token === "[") return { kind: "list", items: list("]") };
    if (/^["']/.test(token)) return { kind: "text", value: token.slice(1, -1) };
    if (/^\d/.test(token)) return { kind: "number", value: Number(token) };
    if (!/^[A-Za-z_]/.test(token)) throw fail(`unexpected ${token}`);
    if (tokens[at] !== "(") return { kind: "name", name: token };
    take();
    return { kind: "call", name: token.toUpperCase(), items: list(")") };
  };

  const node = binary(0);
  if (at < tokens.length) throw fail(`unexpected ${tokens[at] ?? ""}`);
  return node;
}

function tokenize(expression: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (expression.slice(TOKEN.lastIndex).trim() !== "") {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(expression);
    if (!match) throw validationError(`Error in expression '${expression}': cannot read ${expression.slice(from)}`);
    tokens.push(match[1] ?? "");
  }
  return tokens;
}

export function evaluateMath(node: MathNode, scope: MathScope): MathValue {
  switch (node.kind) {
    case "number":
      return node.value;
    case "text":
      throw validationError(`"${node.value}" is not a value`);
    case "name":
      return scope.lookUp(node.name);
    case "list":
      return node.items.flatMap((item) => {
        const value = evaluateMath(item, scope);
        if (typeof value === "number") throw validationError("A list holds metrics, not numbers");
        return value as TimeSeries | TimeSeries[];
      });
    case "operation": {
      const [left, right] = node.items.map((item) => evaluateMath(item, scope));
      if (left === undefined || right === undefined) throw validationError(`${node.operator} needs two sides`);
      return combine(left, right, (a, b) => operate(node.operator, a, b));
    }
    case "call":
      return callFunction(node, scope);
  }
}

/** Applies an operation point by point; points that only one of two series has are left out. */
export function combine(left: MathValue, right: MathValue, operation: (a: number, b: number) => number): MathValue {
  if (isList(left)) {
    if (isList(right)) throw validationError("An operation between two lists of metrics is not possible");
    return left.map((series) => combine(series, right, operation) as TimeSeries);
  }
  if (isList(right)) return right.map((series) => combine(left, series, operation) as TimeSeries);
  if (typeof left === "number" && typeof right === "number") return operation(left, right);
  if (typeof right === "number") return mapPoints(left as TimeSeries, (value) => operation(value, right));
  if (typeof left === "number") return mapPoints(right, (value) => operation(left, value));
  const points = new Map<number, number>();
  for (const [at, value] of left.points) {
    const other = right.points.get(at);
    if (other !== undefined) keep(points, at, operation(value, other));
  }
  return { ...left, points };
}

/** A series of what `change` makes of each value; what is no number any more (a division by zero) has no point. */
export function mapPoints(series: TimeSeries, change: (value: number, at: number) => number): TimeSeries {
  const points = new Map<number, number>();
  for (const [at, value] of series.points) keep(points, at, change(value, at));
  return { ...series, points };
}

export function keep(points: Map<number, number>, at: number, value: number): void {
  if (Number.isFinite(value)) points.set(at, value);
}

export function isList(value: MathValue): value is readonly TimeSeries[] {
  return Array.isArray(value);
}

function operate(operator: string, a: number, b: number): number {
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "^":
      return a ** b;
    case "<":
      return Number(a < b);
    case "<=":
      return Number(a <= b);
    case ">":
      return Number(a > b);
    case ">=":
      return Number(a >= b);
    case "==":
      return Number(a === b);
    case "!=":
      return Number(a !== b);
    case "&&":
    case "AND":
      return Number(a !== 0 && b !== 0);
    default:
      return Number(a !== 0 || b !== 0);
  }
}
