import { physicalType } from "../../plan/data-type.ts";
import type { DataType } from "../../plan/data-type.ts";
import type { SqlPair } from "./literals.ts";
import { readDatePart, readIso } from "./moments.ts";

/**
 * `TRY_CAST(text AS …)` with the texts that Spark takes. Both engines' casts take more or other texts than each other
 * (`1_000`, `+-1`, `1f`, `today`…), so DuckDB's stands behind a grammar of Spark's.
 */

/** Spark strips blanks and control characters from both ends first. */
const BLANKS = "[\\x00-\\x20\\x7F]*";

const PATTERNS = {
  int: "[+-]?[0-9]+",
  bigint: "[+-]?[0-9]+",
  decimal: "[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]{1,9})?",
  double: "[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]{1,9})?",
} as const;

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
        duckdb: `(CASE WHEN regexp_full_match(${stripped}, '${PATTERNS[type.kind]}') THEN TRY_CAST(${type.kind === "decimal" ? `plain_decimal(${stripped})` : stripped} AS ${physical.duckdb}) END)`,
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
      return readDatePart(text);
    case "timestamp":
      return readIso("timestamp", text);
    default:
      throw new Error(`no text is a ${type.kind}`);
  }
}
