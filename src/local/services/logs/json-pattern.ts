import { invalidParameter } from "./errors.ts";

type Test = (document: unknown) => boolean;

const TOKEN =
  /\s*(\$(?:\.[\w-]+|\[\d+\]|\[\*\]|\['[^']*'\]|\["[^"]*"\])+|"(?:[^"\\]|\\.)*"|%[^%]+%|&&|\|\||!=|>=|<=|[=<>(){}]|[^\s=<>!(){}&|"]+)/y;

/** Parses `{ … }`: comparisons of selectors joined by `&&`, `||` and parentheses. */
export function parseJsonPattern(pattern: string): Test {
  const tokens = tokenize(pattern);
  let at = 0;
  const peek = () => tokens[at];
  const take = () => tokens[at++] ?? "";
  const expect = (token: string) => {
    if (take() !== token) throw invalid(pattern, `expected ${token}`);
  };

  const either = (): Test => {
    const sides = [both()];
    while (peek() === "||") {
      take();
      sides.push(both());
    }
    return (document) => sides.some((side) => side(document));
  };
  const both = (): Test => {
    const sides = [term()];
    while (peek() === "&&") {
      take();
      sides.push(term());
    }
    return (document) => sides.every((side) => side(document));
  };
  const term = (): Test => {
    if (peek() === "(") {
      take();
      const inner = either();
      expect(")");
      return inner;
    }
    const selector = take();
    if (!selector.startsWith("$")) throw invalid(pattern, `expected a selector such as $.name, got ${selector}`);
    return condition(parseSelector(selector), take(), take, pattern);
  };

  expect("{");
  const test = either();
  expect("}");
  if (at !== tokens.length) throw invalid(pattern, `unexpected ${peek() ?? ""}`);
  return test;
}

function tokenize(pattern: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (pattern.slice(TOKEN.lastIndex).trim() !== "") {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(pattern);
    if (!match) throw invalid(pattern, `cannot read ${pattern.slice(from)}`);
    tokens.push(match[1] ?? "");
  }
  return tokens;
}

type Select = (document: unknown) => unknown[];

function parseSelector(selector: string): Select {
  const steps = [...selector.matchAll(/\.([\w-]+)|\[(\d+)\]|\[(\*)\]|\['([^']*)'\]|\["([^"]*)"\]/g)];
  return (document) => {
    let here: unknown[] = [document];
    for (const [, name, index, all, single, double] of steps) {
      const key = name ?? index ?? single ?? double ?? "";
      here = here.flatMap((value) => {
        if (typeof value !== "object" || value === null) return [];
        if (all) return Array.isArray(value) ? (value as unknown[]) : [];
        return Object.hasOwn(value, key) ? [(value as Record<string, unknown>)[key]] : [];
      });
    }
    return here;
  };
}

function condition(select: Select, operator: string, take: () => string, pattern: string): Test {
  switch (operator.toUpperCase()) {
    case "IS": {
      const word = take().toUpperCase();
      const wanted: unknown = { TRUE: true, FALSE: false, NULL: null }[word];
      if (wanted === undefined) throw invalid(pattern, `IS is followed by TRUE, FALSE or NULL, not ${word}`);
      return (document) => select(document).includes(wanted);
    }
    case "NOT":
      if (take().toUpperCase() !== "EXISTS") throw invalid(pattern, "NOT is followed by EXISTS");
      return (document) => select(document).length === 0;
    case "EXISTS":
      return (document) => select(document).length > 0;
    case "=": {
      const matches = equals(take());
      return (document) => select(document).some(matches);
    }
    case "!=": {
      const matches = equals(take());
      return (document) => select(document).some((value) => !matches(value));
    }
    case ">":
    case ">=":
    case "<":
    case "<=": {
      const text = take();
      const bound = Number(text);
      if (text === "" || Number.isNaN(bound)) throw invalid(pattern, `${operator} compares with a number, not ${text}`);
      return (document) =>
        select(document).some((value) => typeof value === "number" && compare(value, operator, bound));
    }
    default:
      throw invalid(pattern, `unknown operator ${operator}`);
  }
}

/** A number, a text with `*` as wildcard, or a regular expression between `%`. */
function equals(operand: string): (value: unknown) => boolean {
  if (operand.startsWith("%")) {
    const expression = new RegExp(operand.slice(1, -1));
    return (value) => typeof value === "string" && expression.test(value);
  }
  const quoted = operand.startsWith('"');
  const text = quoted ? operand.slice(1, -1).replaceAll(/\\(.)/g, "$1") : operand;
  if (!quoted && text !== "" && !Number.isNaN(Number(text))) {
    return (value) => value === Number(text) || value === text;
  }
  const expression = new RegExp(
    `^${text.replaceAll(/[\\^$.+?()[\]{}|]/g, String.raw`\$&`).replaceAll("*", ".*")}$`,
    "s",
  );
  return (value) => typeof value === "string" && expression.test(value);
}

function compare(value: number, operator: string, bound: number): boolean {
  if (operator === ">") return value > bound;
  if (operator === ">=") return value >= bound;
  return operator === "<" ? value < bound : value <= bound;
}

function invalid(pattern: string, reason: string) {
  return invalidParameter(`Invalid filter pattern ${pattern}: ${reason}`);
}
