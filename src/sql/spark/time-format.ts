import { duckdbText, sparkText } from "./literals.ts";
import type { SqlPair } from "./literals.ts";
import { wholeMatch } from "./whole-match.ts";

/**
 * Formats of dates and timestamps in text columns, in the letters of Spark's datetime patterns (a subset with one
 * meaning). Instead of asking each engine to parse by a pattern, a format becomes a regular expression and an
 * expression that rewrites the text in ISO order; so both engines read the same texts, and in the same way.
 */

/** The format is not one we read. */
export class TimeFormatError extends Error {
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.name = "TimeFormatError";
    this.hint = hint;
  }
}

export interface IsoText {
  /** Whether the text is of the format at all. */
  readonly guard: SqlPair;
  /** The same moment in ISO text, valid only under the guard; months of 13 and the like are left to its typing. */
  readonly iso: SqlPair;
  /** The format in DuckDB's spelling, where it has one for every part. */
  readonly strptime: string | undefined;
}

type Part = "year" | "month" | "day" | "hour" | "half" | "minute" | "second" | "fraction" | "zone";

interface Token {
  readonly pattern: string;
  readonly part?: Part;
  /** Characters, when every match has the same number. */
  readonly width?: number;
  /** DuckDB's specifier that prints it so. */
  readonly strptime?: string;
  /** The ISO digits of the part from its text. */
  readonly iso?: (text: SqlPair) => SqlPair;
}

const MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec";

/** Numbers since 1970 instead of letters: moments.ts reads them. */
export const EPOCH_FORMATS = ["unix_seconds", "unix_millis"];

const both = (text: string): SqlPair => ({ spark: text, duckdb: text });
const map = (pair: SqlPair, change: (sql: string) => string): SqlPair => ({
  spark: change(pair.spark),
  duckdb: change(pair.duckdb),
});
const twoDigits = (text: SqlPair) => map(text, (sql) => `lpad(${sql}, 2, '0')`);

const LETTERS: Readonly<Record<string, Token>> = {
  yyyy: { pattern: "[0-9]{4}", part: "year", strptime: "%Y", width: 4 },
  yy: { pattern: "[0-9]{2}", part: "year", width: 2, iso: (text) => map(text, (sql) => `concat('20', ${sql})`) },
  MM: { pattern: "[0-9]{2}", part: "month", strptime: "%m", width: 2 },
  M: { pattern: "[0-9]{1,2}", part: "month", strptime: "%-m", iso: twoDigits },
  MMM: {
    pattern: `(?i:${(MONTHS.match(/.../g) ?? []).join("|")})`,
    part: "month",
    width: 3,
    strptime: "%b",
    // The place in the list of names, each three letters long: 1 4 7 … becomes 01 02 03 ….
    iso: (text) =>
      map(text, (sql) => `lpad(CAST(CAST((instr('${MONTHS}', lower(${sql})) + 2) / 3 AS INT) AS STRING), 2, '0')`),
  },
  dd: { pattern: "[0-9]{2}", part: "day", strptime: "%d", width: 2 },
  d: { pattern: "[0-9]{1,2}", part: "day", strptime: "%-d", iso: twoDigits },
  HH: { pattern: "[0-9]{2}", part: "hour", strptime: "%H", width: 2 },
  H: { pattern: "[0-9]{1,2}", part: "hour", strptime: "%-H", iso: twoDigits },
  hh: { pattern: "(?:0[1-9]|1[0-2])", part: "hour", strptime: "%I", width: 2 },
  h: { pattern: "(?:0?[1-9]|1[0-2])", part: "hour", strptime: "%-I", iso: twoDigits },
  a: { pattern: "(?i:am|pm)", part: "half", strptime: "%p", width: 2 },
  mm: { pattern: "[0-9]{2}", part: "minute", strptime: "%M", width: 2 },
  m: { pattern: "[0-9]{1,2}", part: "minute", strptime: "%-M", iso: twoDigits },
  ss: { pattern: "[0-9]{2}", part: "second", strptime: "%S", width: 2 },
  s: { pattern: "[0-9]{1,2}", part: "second", strptime: "%-S", iso: twoDigits },
  XXX: { pattern: "(?:Z|[+-][0-9]{2}:[0-9]{2})", part: "zone" },
  XX: {
    pattern: "(?:Z|[+-][0-9]{4})",
    part: "zone",
    iso: (text) =>
      map(
        text,
        (sql) => `CASE WHEN ${sql} = 'Z' THEN 'Z' ELSE concat(substr(${sql}, 1, 3), ':', substr(${sql}, 4, 2)) END`,
      ),
  },
  E: { pattern: "(?i:mon|tue|wed|thu|fri|sat|sun)", width: 3 },
};

/** Rewrites `text` from `format` to ISO. Throws a `TimeFormatError` for a format that we do not read. */
export function formatToIso(format: string, text: SqlPair): IsoText {
  const tokens = tokenize(format);
  const pattern = tokens.map((token) => (token.part === undefined ? token.pattern : `(${token.pattern})`)).join("");
  const fixed = tokens.every((token) => token.width !== undefined);
  const parts = new Map<Part, SqlPair>();
  let group = 0;
  let position = 1;
  for (const token of tokens) {
    if (token.part !== undefined) {
      group += 1;
      if (parts.has(token.part)) {
        throw new TimeFormatError(`the format "${format}" has the ${token.part} twice`, "name each part once");
      }
      const found = fixed ? cut(text, position, token.width ?? 0) : extract(text, pattern, group);
      parts.set(token.part, token.iso?.(found) ?? found);
    }
    position += token.width ?? 0;
  }
  const specifiers = tokens.map((token) => token.strptime);
  const strptime = specifiers.every((specifier) => specifier !== undefined) ? specifiers.join("") : undefined;
  return { guard: wholeMatch(text, pattern), iso: assemble(format, parts), strptime };
}

function assemble(format: string, parts: ReadonlyMap<Part, SqlPair>): SqlPair {
  const [year, month, day] = [parts.get("year"), parts.get("month"), parts.get("day")];
  if (year === undefined || month === undefined || day === undefined) {
    throw new TimeFormatError(
      `the format "${format}" lacks year, month or day`,
      'write, for example, "dd.MM.yyyy HH:mm"',
    );
  }
  const half = parts.get("half");
  const hour = parts.get("hour");
  if (/h/.test(unquoted(format)) !== (half !== undefined)) {
    throw new TimeFormatError(`the format "${format}" needs both h and a, or neither`, "use H for hours from 0 to 23");
  }
  const pieces: SqlPair[] = [year, both("'-'"), month, both("'-'"), day];
  if (hour !== undefined) {
    const minute = parts.get("minute") ?? both("'00'");
    pieces.push(both("' '"), half === undefined ? hour : hourOfDay(hour, half), both("':'"), minute);
    pieces.push(both("':'"), parts.get("second") ?? both("'00'"));
    const fraction = parts.get("fraction");
    if (fraction !== undefined) pieces.push(both("'.'"), fraction);
    const zone = parts.get("zone");
    if (zone !== undefined) pieces.push(zone);
  } else if (["minute", "second", "fraction", "zone"].some((part) => parts.has(part as Part))) {
    throw new TimeFormatError(`the format "${format}" has a time without an hour`, "add HH");
  }
  return {
    spark: `concat(${pieces.map((piece) => piece.spark).join(", ")})`,
    duckdb: `concat(${pieces.map((piece) => piece.duckdb).join(", ")})`,
  };
}

/** 12 am is 00, 12 pm is 12. */
function hourOfDay(hour: SqlPair, half: SqlPair): SqlPair {
  const sql = (h: string, a: string) =>
    `lpad(CAST(CAST(${h} AS INT) % 12 + CASE WHEN lower(${a}) = 'pm' THEN 12 ELSE 0 END AS STRING), 2, '0')`;
  return { spark: sql(hour.spark, half.spark), duckdb: sql(hour.duckdb, half.duckdb) };
}

function tokenize(format: string): Token[] {
  const tokens: Token[] = [];
  let rest = format;
  while (rest !== "") {
    const quoted = /^'((?:[^']|'')*)'/.exec(rest);
    const letters = /^([A-Za-z])\1*/.exec(rest)?.[0];
    if (quoted !== null) {
      tokens.push(literal(quoted[1] === "" ? "'" : (quoted[1] ?? "").replaceAll("''", "'")));
      rest = rest.slice(quoted[0].length);
    } else if (letters !== undefined) {
      tokens.push(letterToken(format, letters));
      rest = rest.slice(letters.length);
    } else {
      if (/^[[\]{}#']/.test(rest)) {
        throw new TimeFormatError(
          `"${rest[0]}" has no meaning here in the format "${format}"`,
          "put literal text in single quotes",
        );
      }
      const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
      tokens.push(literal(character));
      rest = rest.slice(character.length);
    }
  }
  return tokens;
}

function letterToken(format: string, letters: string): Token {
  if (/^S{1,9}$/.test(letters)) {
    const strptime = { 3: "%g", 6: "%f" }[letters.length];
    return { pattern: `[0-9]{${letters.length}}`, part: "fraction", width: letters.length, strptime };
  }
  if (/^E{1,3}$/.test(letters)) return LETTERS["E"] as Token;
  const token = LETTERS[letters];
  if (token === undefined) {
    throw new TimeFormatError(
      `"${letters}" in the format "${format}" is not supported`,
      `use ${Object.keys(LETTERS).join(", ")} and S, ${EPOCH_FORMATS.join(" or ")}; literal letters go in single quotes`,
    );
  }
  return token;
}

function literal(text: string): Token {
  const pattern = text.replaceAll(
    /[^A-Za-z0-9 ,:/-]/gu,
    (character) => `\\x{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
  return { pattern, width: [...text].length, strptime: text.replaceAll("%", "%%") };
}

const unquoted = (format: string) => format.replaceAll(/'(?:[^']|'')*'/g, "");

const cut = (text: SqlPair, position: number, width: number) =>
  map(text, (sql) => `substr(${sql}, ${position}, ${width})`);

const extract = (text: SqlPair, pattern: string, group: number): SqlPair => ({
  spark: `regexp_extract(${text.spark}, ${sparkText(`\\A(?:${pattern})\\z`)}, ${group})`,
  duckdb: `regexp_extract(${text.duckdb}, ${duckdbText(`\\A(?:${pattern})\\z`)}, ${group})`,
});
