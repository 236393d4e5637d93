import { TrinoError } from "./errors.ts";
import type { Position } from "./errors.ts";

export interface Token {
  readonly kind:
    "word" | "quoted" | "backquoted" | "string" | "binary" | "integer" | "decimal" | "double" | "symbol" | "end";
  /** A word as written; the content of a string or quoted name; a symbol itself. */
  readonly text: string;
  /** A word in capitals, for comparison with keywords. */
  readonly upper: string;
  readonly position: Position;
  /** Offsets into the statement. */
  readonly start: number;
  readonly end: number;
}

/** The query language is Trino's; DDL is Hive's, where texts have escapes and may stand in double quotes. */
export type Language = "trino" | "hive";

const TEXTS: Readonly<Record<Language, readonly string[]>> = {
  trino: [
    String.raw`(?<binary>[xX]'[^']*')`,
    String.raw`(?<string>'(?:[^']|'')*')`,
    String.raw`(?<quoted>"(?:[^"]|"")*")`,
  ],
  hive: [String.raw`(?<string>'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*")`],
};

const tokenPattern = (language: Language) =>
  new RegExp(
    [
      String.raw`(?<space>\s+|--[^\n]*|/\*[\s\S]*?\*/)`,
      ...TEXTS[language],
      String.raw`(?<backquoted>${"`"}(?:[^${"`"}]|${"``"})*${"`"})`,
      String.raw`(?<double>(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d+)`,
      String.raw`(?<decimal>\d+\.\d*|\.\d+)`,
      String.raw`(?<integer>\d+)`,
      String.raw`(?<word>[\p{L}_][\p{L}\p{N}_]*)`,
      String.raw`(?<symbol><>|!=|<=|>=|->|=>|\|\||[-+*/%=<>()[\]{},.;?:|])`,
    ].join("|"),
    "uy",
  );

const PATTERNS = { trino: tokenPattern("trino"), hive: tokenPattern("hive") };

/** Splits a statement into tokens, the last of kind `end`. Comments and white space are left out. */
export function tokenize(sql: string, language: Language = "trino"): Token[] {
  const TOKEN = PATTERNS[language];
  const tokens: Token[] = [];
  let offset = 0;
  let line = 1;
  let lineStart = 0;
  while (offset < sql.length) {
    const position = { line, column: offset - lineStart + 1 };
    TOKEN.lastIndex = offset;
    const groups = TOKEN.exec(sql)?.groups;
    if (!groups) throw unreadable(sql, offset, position);
    const found = Object.entries(groups).find(([, text]) => text !== undefined);
    const [kind, text = ""] = found ?? ["space"];
    const start = offset;
    offset = TOKEN.lastIndex;
    if (kind !== "space") tokens.push(token(kind as Token["kind"], text, language, position, start, offset));
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
      line++;
      lineStart = start + at + 1;
    }
  }
  const position = { line, column: offset - lineStart + 1 };
  return [...tokens, { kind: "end", text: "<EOF>", upper: "<EOF>", position, start: offset, end: offset }];
}

function token(
  kind: Token["kind"],
  text: string,
  language: Language,
  position: Position,
  start: number,
  end: number,
): Token {
  const content = kind === "string" && language === "hive" ? unescape(text.slice(1, -1)) : unquote(kind, text);
  return { kind, text: content, upper: kind === "word" ? text.toUpperCase() : content, position, start, end };
}

function unquote(kind: Token["kind"], text: string): string {
  if (kind === "string") return text.slice(1, -1).replaceAll("''", "'");
  if (kind === "quoted") return text.slice(1, -1).replaceAll('""', '"');
  if (kind === "backquoted") return text.slice(1, -1).replaceAll("``", "`");
  if (kind === "binary") return text.slice(2, -1).replaceAll(/\s/gu, "");
  return text;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", Z: "\u001A", "0": "\0" };

/** Hive's escapes: `\t`, `\001` (octal), `\u0001`, and any other character for itself. */
function unescape(text: string): string {
  return text.replaceAll(
    /\\(?:u([0-9a-fA-F]{4})|([0-7]{3})|([\s\S]))/gu,
    (_all, hex?: string, octal?: string, other = "") => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      return ESCAPES[String(other)] ?? String(other);
    },
  );
}

function unreadable(sql: string, offset: number, position: Position): TrinoError {
  const rest = sql.slice(offset);
  if (/^['"`]/u.test(rest)) return new TrinoError("SYNTAX_ERROR", "a quoted text is not closed", position);
  if (rest.startsWith("/*")) return new TrinoError("SYNTAX_ERROR", "a comment is not closed", position);
  return new TrinoError("SYNTAX_ERROR", `extraneous input '${rest.slice(0, 1)}'`, position);
}
