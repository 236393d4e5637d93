import { BlockList, isIP } from "node:net";
import { PatternError } from "./pattern-error.ts";

/** One alternative of a field: a literal or an operator such as `{"prefix": "x"}`. */
export interface Expression {
  /** Does it match a value that is there (a string, number, boolean or null)? */
  matches(value: unknown): boolean;
  /** Does it match a field that is not there? Only `{"exists": false}` does. */
  readonly matchesAbsence: boolean;
}

type Predicate = (value: unknown) => boolean;

/** Numbers that EventBridge compares by value. */
const MAX_NUMBER = 5_000_000_000;

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html */
const OPERATORS: Readonly<Record<string, (operand: unknown) => Predicate>> = {
  prefix: (operand) => affix(operand, "prefix"),
  suffix: (operand) => affix(operand, "suffix"),
  "equals-ignore-case": (operand) => equalsIgnoreCase(text(operand, "equals-ignore-case")),
  wildcard: (operand) => wildcard(text(operand, "wildcard")),
  "anything-but": anythingBut,
  numeric,
  cidr,
};

/** Throws `PatternError` when it is neither a literal nor a known operator with a fitting operand. */
export function compileExpression(expression: unknown): Expression {
  if (expression === null || ["string", "number", "boolean"].includes(typeof expression)) {
    return { matches: (value) => value === expression, matchesAbsence: false };
  }
  if (typeof expression !== "object" || Array.isArray(expression)) {
    throw new PatternError("Match value must be String, number, true, false, or null");
  }
  const [operator, operand] = onlyEntry(expression);
  if (operator === "exists") {
    if (typeof operand !== "boolean") throw new PatternError("exists match pattern must be either true or false.");
    return { matches: () => operand, matchesAbsence: !operand };
  }
  const compile = Object.hasOwn(OPERATORS, operator) ? OPERATORS[operator] : undefined;
  if (!compile) throw new PatternError(`Unrecognized match type ${operator}`);
  return { matches: compile(operand), matchesAbsence: false };
}

function onlyEntry(expression: object): [string, unknown] {
  const [entry, ...more] = Object.entries(expression) as [string, unknown][];
  if (!entry || more.length > 0) throw new PatternError("Only one key allowed in match expression");
  return entry;
}

function affix(operand: unknown, side: "prefix" | "suffix"): Predicate {
  const has = (value: string, part: string) => (side === "prefix" ? value.startsWith(part) : value.endsWith(part));
  if (typeof operand === "object" && operand !== null && !Array.isArray(operand)) {
    const [operator, inner] = onlyEntry(operand);
    if (operator !== "equals-ignore-case") throw new PatternError(`Unsupported ${side} match pattern: ${operator}`);
    const part = text(inner, "equals-ignore-case").toLowerCase();
    return onText((value) => has(value.toLowerCase(), part));
  }
  const part = text(operand, side);
  return onText((value) => has(value, part));
}

function equalsIgnoreCase(operand: string): Predicate {
  const folded = operand.toLowerCase();
  return onText((value) => value.toLowerCase() === folded);
}

function wildcard(pattern: string): Predicate {
  let source = "";
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] ?? "";
    const next = pattern[index + 1];
    if (character === "\\") {
      if (next !== "*" && next !== "\\") {
        throw new PatternError(`Invalid escape character at pos ${index}`);
      }
      source += `\\${next}`;
      index++;
    } else if (character === "*") {
      if (next === "*") throw new PatternError(`Consecutive wildcard characters at pos ${index}`);
      source += ".*";
    } else source += character.replace(/[\\^$.*+?()[\]{}|]/, String.raw`\$&`);
  }
  const expression = new RegExp(`^${source}$`, "s");
  return onText((value) => expression.test(value));
}

/** Matches a field that is there and is none of these. */
function anythingBut(operand: unknown): Predicate {
  if (typeof operand === "object" && operand !== null && !Array.isArray(operand)) {
    const [operator, inner] = onlyEntry(operand);
    const one = anythingButOperator(operator);
    const excluded = list(inner).map((item) => one(text(item, `anything-but ${operator}`)));
    return (value) => !excluded.some((matches) => matches(value));
  }
  const excluded = list(operand);
  const kind = typeof excluded[0];
  if ((kind !== "string" && kind !== "number") || excluded.some((item) => typeof item !== kind)) {
    throw new PatternError(
      "Inside anything but list, either all values are number or string, mixed type is not supported",
    );
  }
  return (value) => !excluded.includes(value);
}

function anythingButOperator(operator: string): (operand: string) => Predicate {
  switch (operator) {
    case "prefix":
    case "suffix":
      return (operand) => {
        if (operand === "") throw new PatternError(`Null ${operator} not allowed`);
        return affix(operand, operator);
      };
    case "equals-ignore-case":
      return equalsIgnoreCase;
    case "wildcard":
      return wildcard;
    default:
      throw new PatternError(`Unsupported anything-but pattern: ${operator}`);
  }
}

/** `["=", n]`, or a lower bound, an upper bound, or both. */
function numeric(operand: unknown): Predicate {
  if (!Array.isArray(operand) || operand.length === 0) {
    throw new PatternError("Value of numeric must be an array.");
  }
  const terms: { operator: string; bound: number }[] = [];
  for (let index = 0; index < operand.length; index += 2) {
    const operator: unknown = operand[index];
    const bound: unknown = operand[index + 1];
    if (typeof operator !== "string" || !["=", "<", "<=", ">", ">="].includes(operator)) {
      throw new PatternError(`Unrecognized numeric range operator: ${JSON.stringify(operator)}`);
    }
    if (typeof bound !== "number") throw new PatternError(`Value of ${operator} must be numeric`);
    if (Math.abs(bound) > MAX_NUMBER) throw new PatternError(`Value must be between -${MAX_NUMBER} and ${MAX_NUMBER}`);
    terms.push({ operator, bound });
  }
  const [first, second, ...more] = terms;
  const shape = terms.map((term) => term.operator[0]).join("");
  if (more.length > 0 || !["=", "<", ">", "><"].includes(shape)) {
    throw new PatternError("Bad numeric range operator: give '=', or a lower bound then an upper bound");
  }
  if (first && second && first.bound >= second.bound) throw new PatternError("Bottom must be less than top");
  return (value) => typeof value === "number" && terms.every((term) => compare(value, term.operator, term.bound));
}

function compare(value: number, operator: string, bound: number): boolean {
  switch (operator) {
    case "=":
      return value === bound;
    case "<":
      return value < bound;
    case "<=":
      return value <= bound;
    case ">":
      return value > bound;
    default:
      return value >= bound;
  }
}

function cidr(operand: unknown): Predicate {
  const block = text(operand, "cidr");
  const [address = "", mask, ...more] = block.split("/");
  const family = isIP(address);
  const bits = mask !== undefined && /^\d{1,3}$/.test(mask) ? Number(mask) : Number.NaN;
  if (family === 0 || more.length > 0 || !(bits <= (family === 4 ? 32 : 128))) {
    throw new PatternError(`Malformed CIDR, one '/' required: ${block}`);
  }
  const blocks = new BlockList();
  blocks.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
  return onText((value) => {
    const kind = isIP(value);
    return kind === family && blocks.check(value, kind === 4 ? "ipv4" : "ipv6");
  });
}

function onText(test: (value: string) => boolean): Predicate {
  return (value) => typeof value === "string" && test(value);
}

function text(operand: unknown, operator: string): string {
  if (typeof operand === "string") return operand;
  throw new PatternError(`${operator} match pattern must be a string`);
}

function list(operand: unknown): unknown[] {
  return Array.isArray(operand) ? operand : [operand];
}
