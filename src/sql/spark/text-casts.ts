import { physicalType } from "../../plan/data-type.ts";
import type { DataType } from "../../plan/data-type.ts";
import { duckdbText, sparkText } from "./literals.ts";
import type { SqlPair } from "./literals.ts";

/**
 * `TRY_CAST(text AS …)` with the texts that Spark takes. Both engines' casts take more or other texts than each other
 * (`1_000`, `+-1`, `1f`, `today`…), so DuckDB's stands behind a grammar of Spark's.
 */

/** Spark strips blanks and control characters from both ends first. */
const BLANKS = "[\\x00-\\x20\\x7F]*";

const PATTERNS = {
  int: "[+-]?[0-9]+",
  bigint: "[+-]?[0-9]+",
  decimal: "[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]+)?",
  double: "[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]+)?",
} as const;

/**
 * Dates and timestamps: the ISO forms only, of the years 0001 to 9999. Spark also takes `2001-1-5`, times without a date
 * and names of zones; by both engines here these are NULL.
 */
const YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])";
const DATE = `${YEAR}-[0-9]{2}-[0-9]{2}`;
const CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]";
const SECONDS = ":[0-5][0-9](?:[.][0-9]{1,9})?";

export const ISO = {
  date: DATE,
  timestamp: `${DATE}(?:[ T]${CLOCK}(?:${SECONDS})?)?`,
  zonedTimestamp: `${DATE}[ T]${CLOCK}${SECONDS}(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])`,
} as const;

/** The whole of `text` matches `pattern`, in both engines. */
export function wholeMatch(text: SqlPair, pattern: string): SqlPair {
  return {
    // Java's `$` also matches before a final line break; `\z` does not.
    spark: `(${text.spark} RLIKE ${sparkText(`\\A(?:${pattern})\\z`)})`,
    duckdb: `regexp_full_match(${text.duckdb}, ${duckdbText(pattern)})`,
  };
}

export function textAsType(type: DataType, text: SqlPair): SqlPair {
  const physical = physicalType(type);
  const spark = `TRY_CAST(${text.spark} AS ${physical.spark})`;
  const stripped = `regexp_replace(${text.duckdb}, '^${BLANKS}|${BLANKS}$', '', 'g')`;
  switch (type.kind) {
    case "boolean":
      return {
        spark,
        duckdb: `(CASE WHEN lower(${stripped}) IN ('t', 'true', 'y', 'yes', '1') THEN TRUE WHEN lower(${stripped}) IN ('f', 'false', 'n', 'no', '0') THEN FALSE END)`,
      };
    case "int":
    case "bigint":
    case "decimal":
      return {
        // Java's decimals also take digits of other scripts, which both leave out.
        spark:
          type.kind === "decimal"
            ? `(CASE WHEN NOT (${text.spark} RLIKE '[^\\\\x00-\\\\x7F]') THEN ${spark} END)`
            : spark,
        duckdb: `(CASE WHEN regexp_full_match(${stripped}, '${PATTERNS[type.kind]}') THEN TRY_CAST(${stripped} AS ${physical.duckdb}) END)`,
      };
    case "double": {
      // Java also reads hexadecimal, which both leave out; a final d or f; and names of what is not finite.
      const lower = `lower(${stripped})`;
      return {
        spark: `(CASE WHEN NOT (${text.spark} RLIKE '[xX]') THEN ${spark} END)`,
        duckdb:
          `(CASE WHEN regexp_full_match(${lower}, '${PATTERNS.double}[df]?') THEN TRY_CAST(rtrim(${lower}, 'df') AS DOUBLE) ` +
          `WHEN regexp_full_match(${lower}, '[+]?inf(?:inity)?') THEN CAST('inf' AS DOUBLE) ` +
          `WHEN regexp_full_match(${lower}, '-inf(?:inity)?') THEN CAST('-inf' AS DOUBLE) ` +
          `WHEN ${lower} = 'nan' THEN CAST('nan' AS DOUBLE) END)`,
      };
    }
    case "date":
    case "timestamp": {
      const kind = type.kind;
      const plain = wholeMatch(text, ISO[kind]);
      const zoned = wholeMatch(text, ISO.zonedTimestamp);
      if (kind === "date") {
        return {
          spark: `(CASE WHEN ${plain.spark} THEN ${spark} END)`,
          duckdb: `(CASE WHEN ${plain.duckdb} THEN TRY_CAST(${text.duckdb} AS DATE) END)`,
        };
      }
      return {
        spark: `(CASE WHEN ${plain.spark} OR ${zoned.spark} THEN ${spark} END)`,
        duckdb: `(CASE WHEN ${plain.duckdb} THEN TRY_CAST(${text.duckdb} AS TIMESTAMP) WHEN ${zoned.duckdb} THEN TRY_CAST(${text.duckdb} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END)`,
      };
    }
    default:
      throw new Error(`no text is a ${type.kind}`);
  }
}
