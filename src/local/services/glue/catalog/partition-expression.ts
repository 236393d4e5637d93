import type { Column } from "@aws-sdk/client-glue";
import { invalidInput } from "./errors.ts";

/**
 * The filter of GetPartitions: SQL's WHERE over the partition keys, with `=`, `<>`, `!=`, `<`, `<=`, `>`, `>=`, AND,
 * OR, NOT, IN, BETWEEN, LIKE and IS [NOT] NULL.
 * https://docs.aws.amazon.com/glue/latest/webapi/API_GetPartitions.html
 */
export type PartitionFilter = (values: readonly string[]) => boolean;

/** What Hive writes for a NULL partition value. */
const NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__";

type Value = string | number | bigint | null;
type Expression = (values: readonly string[]) => boolean;

/** Parses `expression`; an unknown key or a literal that does not fit the key's type is an InvalidInputException. */
export function parsePartitionFilter(expression: string, keys: readonly Column[]): PartitionFilter {
  return new Parser(tokenize(expression), keys).parse();
}

interface Token {
  kind: "word" | "quoted" | "string" | "number" | "symbol" | "end";
  text: string;
}

const TOKEN =
  /\s*(?:(?<string>'(?:[^']|'')*')|(?<quoted>"(?:[^"]|"")*"|`[^`]*`)|(?<number>-?\d+(?:\.\d+)?)|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<symbol><>|!=|<=|>=|[=<>(),]))/uy;

function tokenize(expression: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  while (expression.slice(position).trim() !== "") {
    TOKEN.lastIndex = position;
    const groups = TOKEN.exec(expression)?.groups;
    if (!groups) throw invalidInput(`Unsupported expression '${expression.slice(position).trim()}'`);
    position = TOKEN.lastIndex;
    const [kind, text = ""] = Object.entries(groups).find(([, found]) => found !== undefined) ?? ["end"];
    if (kind === "string") tokens.push({ kind, text: text.slice(1, -1).replaceAll("''", "'") });
    else if (kind === "quoted") tokens.push({ kind, text: text.slice(1, -1).replaceAll('""', '"') });
    else tokens.push({ kind: kind as Token["kind"], text });
  }
  return tokens;
}

class Parser {
  readonly #tokens: Token[];
  readonly #keys: readonly Column[];
  #next = 0;

  constructor(tokens: Token[], keys: readonly Column[]) {
    this.#tokens = tokens;
    this.#keys = keys;
  }

  parse(): Expression {
    const expression = this.#or();
    if (this.#peek().kind !== "end") throw this.#unexpected();
    return expression;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#keyword("OR")) {
      const [a, b] = [left, this.#and()];
      left = (values) => a(values) || b(values);
    }
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#keyword("AND")) {
      const [a, b] = [left, this.#not()];
      left = (values) => a(values) && b(values);
    }
    return left;
  }

  #not(): Expression {
    if (this.#keyword("NOT")) {
      const operand = this.#not();
      return (values) => !operand(values);
    }
    if (this.#symbol("(")) {
      const inner = this.#or();
      this.#expect(")");
      return inner;
    }
    return this.#comparison();
  }

  #comparison(): Expression {
    const token = this.#take();
    if (token.kind !== "word" && token.kind !== "quoted") {
      this.#next--;
      throw this.#unexpected();
    }
    const index = this.#keys.findIndex((key) => key.Name?.toLowerCase() === token.text.toLowerCase());
    const key = this.#keys[index];
    if (!key) throw invalidInput(`Unknown partition key '${token.text}' in the expression.`);
    const type = (key.Type ?? "string").toLowerCase();
    const of = (values: readonly string[]): Value => {
      const text = values[index];
      return text === undefined || text === NULL_PARTITION ? null : typed(text, type);
    };
    const literal = (): Value => this.#literal(token.text, type);

    const operator = this.#peek();
    if (operator.kind === "symbol" && ["=", "<>", "!=", "<", "<=", ">", ">="].includes(operator.text)) {
      this.#next++;
      const right = literal();
      return (values) => compare(of(values), operator.text, right);
    }
    if (this.#keyword("IS")) {
      const negated = this.#keyword("NOT");
      if (!this.#keyword("NULL")) throw this.#unexpected();
      return (values) => (of(values) === null) !== negated;
    }
    const negated = this.#keyword("NOT");
    const unlessNull = (test: (value: Value) => boolean): Expression => {
      return (values) => {
        const value = of(values);
        return value !== null && test(value) !== negated;
      };
    };
    if (this.#keyword("IN")) {
      this.#expect("(");
      const list = [literal()];
      while (this.#symbol(",")) list.push(literal());
      this.#expect(")");
      return unlessNull((value) => list.some((item) => compare(value, "=", item)));
    }
    if (this.#keyword("BETWEEN")) {
      const low = literal();
      if (!this.#keyword("AND")) throw this.#unexpected();
      const high = literal();
      return unlessNull((value) => compare(value, ">=", low) && compare(value, "<=", high));
    }
    if (this.#keyword("LIKE")) {
      const pattern = likePattern(String(literal()));
      return unlessNull((value) => pattern.test(String(value)));
    }
    throw this.#unexpected();
  }

  #literal(key: string, type: string): Value {
    const token = this.#take();
    if (token.kind !== "string" && token.kind !== "number") {
      this.#next--;
      throw this.#unexpected();
    }
    const value = typed(token.text, type);
    if (value === null) throw invalidInput(`'${token.text}' is not a ${type}, which is the type of '${key}'.`);
    return value;
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: "end", text: "the end of the expression" };
  }

  #take(): Token {
    const token = this.#peek();
    this.#next++;
    return token;
  }

  #keyword(word: string): boolean {
    const token = this.#peek();
    const found = token.kind === "word" && token.text.toUpperCase() === word;
    if (found) this.#next++;
    return found;
  }

  #symbol(symbol: string): boolean {
    const token = this.#peek();
    const found = token.kind === "symbol" && token.text === symbol;
    if (found) this.#next++;
    return found;
  }

  #expect(symbol: string): void {
    if (!this.#symbol(symbol)) throw this.#unexpected();
  }

  #unexpected(): Error {
    return invalidInput(`Unsupported expression: unexpected '${this.#peek().text}'.`);
  }
}

/** The text as a value that compares as the key's type does; null when it is not one. */
function typed(text: string, type: string): Value {
  if (/^(tinyint|smallint|int|bigint)$/.test(type)) return /^[+-]?\d+$/.test(text.trim()) ? BigInt(text.trim()) : null;
  if (/^(float|double|decimal)/.test(type)) {
    const value = Number(text);
    return text.trim() === "" || Number.isNaN(value) ? null : value;
  }
  // Strings, and dates and timestamps in their ISO form, compare as text.
  return text;
}

function compare(left: Value, operator: string, right: Value): boolean {
  if (left === null || right === null) return false;
  const sign = left < right ? -1 : left > right ? 1 : 0;
  if (operator === "=") return sign === 0;
  if (operator === "<>" || operator === "!=") return sign !== 0;
  if (operator === "<") return sign < 0;
  if (operator === "<=") return sign <= 0;
  if (operator === ">") return sign > 0;
  return sign >= 0;
}

function likePattern(pattern: string): RegExp {
  const source = Array.from(pattern, (character) => {
    if (character === "%") return ".*";
    if (character === "_") return ".";
    return character.replace(/[\\^$.*+?()[\]{}|/-]/, String.raw`\$&`);
  });
  return new RegExp(`^${source.join("")}$`, "su");
}
