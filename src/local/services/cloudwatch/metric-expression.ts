import { validationError } from "./errors.ts";

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
