import { SparkSqlError } from "./errors.ts";
import type { Span } from "./errors.ts";

/**
 * Spark's datetime patterns as DuckDB's strftime, for printing.
 * https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html
 */
const PRINTED: Readonly<Record<string, string>> = {
  yyyy: "%Y",
  y: "%Y",
  yy: "%y",
  MM: "%m",
  M: "%-m",
  MMM: "%b",
  MMMM: "%B",
  dd: "%d",
  d: "%-d",
  DDD: "%j",
  E: "%a",
  EE: "%a",
  EEE: "%a",
  EEEE: "%A",
  HH: "%H",
  H: "%-H",
  hh: "%I",
  h: "%-I",
  mm: "%M",
  m: "%-M",
  ss: "%S",
  s: "%-S",
  SSS: "%g",
  SSSSSS: "%f",
  a: "%p",
};

/** The strftime format that prints what `pattern` prints. */
export function strftimePattern(pattern: string, span: Span): string {
  let result = "";
  let rest = pattern;
  while (rest !== "") {
    const quoted = /^'((?:[^']|'')*)'/.exec(rest);
    const letters = /^([A-Za-z])\1*/.exec(rest)?.[0];
    if (quoted !== null) {
      result += literal(quoted[1] === "" ? "'" : (quoted[1] ?? "").replaceAll("''", "'"));
      rest = rest.slice(quoted[0].length);
    } else if (letters !== undefined) {
      const printed = PRINTED[letters];
      if (printed === undefined) {
        throw new SparkSqlError(
          `"${letters}" in the pattern '${pattern}' is not supported`,
          span,
          `use ${Object.keys(PRINTED).join(", ")}; other letters go in single quotes`,
        );
      }
      result += printed;
      rest = rest.slice(letters.length);
    } else {
      const character = rest[0] ?? "";
      if ("[]{}#'".includes(character)) {
        throw new SparkSqlError(
          `"${character}" in the pattern '${pattern}' is not supported`,
          span,
          "put it in single quotes",
        );
      }
      result += literal(character);
      rest = rest.slice(1);
    }
  }
  return result;
}

const literal = (text: string) => text.replaceAll("%", "%%");
