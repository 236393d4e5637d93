import { notSupported, TrinoError } from "../errors.ts";
import type { Position } from "../errors.ts";

/** MySQL's letters, as `date_format` and `date_parse` read them, and DuckDB's. */
const MYSQL: Readonly<Record<string, string>> = {
  Y: "%Y",
  y: "%y",
  m: "%m",
  c: "%-m",
  d: "%d",
  e: "%-d",
  H: "%H",
  k: "%-H",
  h: "%I",
  I: "%I",
  l: "%-I",
  i: "%M",
  s: "%S",
  S: "%S",
  f: "%f",
  p: "%p",
  j: "%j",
  M: "%B",
  b: "%b",
  W: "%A",
  a: "%a",
  T: "%H:%M:%S",
  r: "%I:%M:%S %p",
  "%": "%%",
};

/** A letter that is not in the table, or that DuckDB has no equal for, is refused. */
export function formatFromMysql(format: string, position: Position, _use: "print" | "parse"): string {
  return format.replaceAll(/%(.)|[^%]+|%$/gsu, (whole, letter: string | undefined) => {
    if (letter === undefined) return whole === "%" ? "%%" : whole;
    const known = MYSQL[letter];
    if (known) return known;
    if (/[a-zA-Z]/u.test(letter)) throw notSupported(`The date format %${letter}`, position);
    return letter === "%" ? "%%" : letter;
  });
}

/** Joda's letters, by how often they are repeated. */
const JODA: Readonly<Record<string, (count: number) => string | undefined>> = {
  y: (count) => (count === 2 ? "%y" : "%Y"),
  Y: (count) => (count === 2 ? "%y" : "%Y"),
  u: () => undefined,
  M: (count) => [undefined, "%-m", "%m", "%b", "%B"][count],
  d: (count) => [undefined, "%-d", "%d"][count],
  H: (count) => [undefined, "%-H", "%H"][count],
  h: (count) => [undefined, "%-I", "%I"][count],
  m: (count) => [undefined, "%-M", "%M"][count],
  s: (count) => [undefined, "%-S", "%S"][count],
  S: (count) => (count === 3 ? "%g" : undefined),
  a: () => "%p",
  E: (count) => (count <= 3 ? "%a" : "%A"),
  e: (count) => (count === 1 ? "%u" : undefined),
  D: (count) => (count === 3 ? "%j" : undefined),
  Z: () => undefined,
};

export function formatFromJoda(format: string, position: Position, _use: "print" | "parse"): string {
  return format.replaceAll(
    /'((?:[^']|'')*)'|([a-zA-Z])\2*|[^a-zA-Z']+/gu,
    (whole, text: string | undefined, letter: string | undefined) => {
      if (text !== undefined) return text === "" ? "'" : text.replaceAll("''", "'").replaceAll("%", "%%");
      if (letter === undefined) return whole.replaceAll("%", "%%");
      const known = JODA[letter];
      if (!known) throw new TrinoError("INVALID_FUNCTION_ARGUMENT", `Illegal pattern component: ${letter}`, position);
      const found = known(whole.length);
      if (!found) throw notSupported(`The date pattern ${whole}`, position);
      return found;
    },
  );
}
