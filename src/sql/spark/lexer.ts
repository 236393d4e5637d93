import { SparkSqlError } from "./errors.ts";
import type { Span } from "./errors.ts";

/** Tokens of Spark SQL, https://spark.apache.org/docs/latest/sql-ref-literals.html */
export interface Token extends Span {
  readonly kind: "word" | "quoted-name" | "text" | "number" | "symbol" | "end";
  /** A word as written; a name or text without its quotes and escapes; a number with its suffix; a symbol. */
  readonly value: string;
  /** A word in upper case, else empty: keywords compare with it. */
  readonly upper: string;
}

const SYMBOLS = [
  "<=>",
  "<<",
  ">>",
  "->",
  "=>",
  "<=",
  ">=",
  "<>",
  "!=",
  "==",
  "||",
  "::",
  ...Array.from("()[],.;*/%+-<>=~&|^!?:{}@$#"),
];

const NUMBER = /^(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?:BD|bd|Bd|bD|[LlSsYyDdFf])?(?![A-Za-z0-9_])/;
const WORD = /^[A-Za-z_][A-Za-z0-9_]*/;

export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const push = (kind: Token["kind"], end: number, value: string) => {
    tokens.push({ kind, start: at, end, value, upper: kind === "word" ? value.toUpperCase() : "" });
    at = end;
  };
  for (;;) {
    at = skipBlanks(sql, at);
    if (at >= sql.length) break;
    const rest = sql.slice(at);
    const raw = /^[rR](['"])/.exec(rest);
    const first = rest[0] ?? "";
    if (raw !== null) {
      const end = sql.indexOf(raw[1] ?? "'", at + 2);
      if (end < 0) throw new SparkSqlError("the text has no closing quote", { start: at, end: sql.length });
      push("text", end + 1, sql.slice(at + 2, end));
    } else if (first === "'" || first === '"') {
      const { value, end } = readText(sql, at);
      push("text", end, value);
    } else if (first === "`") {
      const { value, end } = readQuotedName(sql, at);
      push("quoted-name", end, value);
    } else if (WORD.test(rest)) {
      const word = WORD.exec(rest)?.[0] ?? "";
      push("word", at + word.length, word);
    } else if (/^\.?\d/.test(rest) && !isFieldDot(sql, at, tokens)) {
      const number = NUMBER.exec(rest)?.[0];
      if (number === undefined) {
        const end = at + (/^[.\w]+/.exec(rest)?.[0].length ?? 1);
        throw new SparkSqlError(`"${sql.slice(at, end)}" is not a number`, { start: at, end });
      }
      push("number", at + number.length, number);
    } else {
      const symbol = SYMBOLS.find((candidate) => rest.startsWith(candidate));
      if (symbol === undefined) {
        const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
        throw new SparkSqlError(`"${character}" is not part of SQL`, { start: at, end: at + character.length });
      }
      push("symbol", at + symbol.length, symbol);
    }
  }
  push("end", sql.length, "");
  for (const token of tokens) {
    if (token.value.includes("\0")) throw new SparkSqlError("a text cannot hold the character NUL", token);
  }
  return tokens;
}

/** In `a.1` the dot continues a name; `.1` elsewhere is a number. */
function isFieldDot(sql: string, at: number, tokens: readonly Token[]): boolean {
  const last = tokens.at(-1);
  return (
    sql[at] === "." && last !== undefined && last.end === at && (last.kind === "word" || last.kind === "quoted-name")
  );
}

function skipBlanks(sql: string, from: number): number {
  let at = from;
  for (;;) {
    const blank = /^(?:\s+|--[^\n]*)/.exec(sql.slice(at));
    if (blank !== null) {
      at += blank[0].length;
    } else if (sql.startsWith("/*", at)) {
      if (sql.startsWith("/*+", at)) throw new SparkSqlError("hints are not supported", { start: at, end: at + 3 });
      const end = sql.indexOf("*/", at + 2);
      if (end < 0) throw new SparkSqlError("the comment is not closed", { start: at, end: sql.length });
      at = end + 2;
    } else {
      return at;
    }
  }
}

/** `'it''s'` is two literals side by side in Spark, which joins them; we refuse it in the parser, because no other engine does so. */
function readText(sql: string, start: number): { value: string; end: number } {
  const quote = sql[start];
  let value = "";
  let at = start + 1;
  for (;;) {
    const character = sql[at];
    if (character === undefined) throw new SparkSqlError("the text has no closing quote", { start, end: sql.length });
    if (character === quote) return { value, end: at + 1 };
    if (character !== "\\") {
      value += character;
      at += 1;
      continue;
    }
    const escape = readEscape(sql, at);
    value += escape.value;
    at += escape.length;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { "0": "\0", b: "\b", n: "\n", r: "\r", t: "\t", Z: "\u001a" };

/** As Spark's unescapeSQLString: `\%` and `\_` keep their backslash (for LIKE), any other character stands for itself. */
function readEscape(sql: string, at: number): { value: string; length: number } {
  const rest = sql.slice(at + 1, at + 10);
  const code = /^u([0-9A-Fa-f]{4})/.exec(rest) ?? /^U([0-9A-Fa-f]{8})/.exec(rest);
  if (code !== null) {
    const value = Number.parseInt(code[1] ?? "0", 16);
    if (value > 0x10ffff) {
      throw new SparkSqlError("there is no such character", { start: at, end: at + 10 });
    }
    return { value: String.fromCodePoint(value), length: code[0].length + 1 };
  }
  const octal = /^[01][0-7]{2}/.exec(rest);
  if (octal !== null) return { value: String.fromCharCode(Number.parseInt(octal[0], 8)), length: 4 };
  const next = rest[0];
  if (next === undefined) throw new SparkSqlError("the text has no closing quote", { start: at, end: sql.length });
  if (next === "%" || next === "_") return { value: `\\${next}`, length: 2 };
  return { value: ESCAPES[next] ?? next, length: 2 };
}

function readQuotedName(sql: string, start: number): { value: string; end: number } {
  const match = /^`((?:[^`]|``)*)`/.exec(sql.slice(start));
  if (match === null) throw new SparkSqlError("the name has no closing backquote", { start, end: sql.length });
  return { value: (match[1] ?? "").replaceAll("``", "`"), end: start + match[0].length };
}
