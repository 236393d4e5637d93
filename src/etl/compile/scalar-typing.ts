import { physicalType } from "../../plan/data-type.ts";
import type { DataType, NestedType } from "../../plan/data-type.ts";
import type { SqlPair } from "../../sql/spark/literals.ts";
import { readMoment } from "../../sql/spark/moments.ts";
import { wholeMatch } from "../../sql/spark/whole-match.ts";

/**
 * The rule table of typing: which texts are a value of which type. The casts of the two engines accept different texts
 * (blanks, `1_000`, `+-1`, `inf`, single-digit months, zones…), so each text is held against a grammar first and only
 * then cast; within the grammar both casts agree. A text outside it gives NULL, and its record is rejected.
 *
 * | type         | texts                                                                                           |
 * |--------------|-------------------------------------------------------------------------------------------------|
 * | string       | every text                                                                                      |
 * | boolean      | true t yes y 1 / false f no n 0, in any case                                                    |
 * | int, bigint  | digits with an optional sign, within the type's range                                           |
 * | double       | decimal notation with an optional exponent, finite                                              |
 * | decimal(p,s) | as double; rounded half up to the scale, then at most p-s digits before the point               |
 * | date         | YYYY-MM-DD of the proleptic Gregorian calendar, years 0001 to 9999; or its `format`             |
 * | timestamp    | YYYY-MM-DD, and then [ T]HH:MM, :SS, up to nine digits of a second (six are kept), Z or ±HH:MM; |
 * |              | UTC unless it says otherwise; or its `format`                                                   |
 * | array, map,  | JSON of that shape, each leaf by these rules                                                    |
 * | struct       |                                                                                                 |
 */

const SIGNED_DIGITS = "[+-]?[0-9]+";
const DECIMAL_NUMBER = "[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]{1,4})?";

/**
 * The value of `text` (an expression over strings that is cheap to repeat, such as a column) as a scalar type; NULL when
 * the text is NULL or not a value of the type. Never raises.
 */
export function typeScalar(type: Exclude<DataType, NestedType>, text: SqlPair, format?: string): SqlPair {
  switch (type.kind) {
    case "string":
      return text;
    case "boolean":
      return typeBoolean(text);
    case "int":
    case "bigint":
      return guardedCast(type, text, SIGNED_DIGITS);
    case "decimal":
      return guardedCast(type, text, DECIMAL_NUMBER);
    case "double":
      return typeDouble(text);
    case "date":
    case "timestamp":
      return readMoment(type.kind, text, format);
  }
}

function typeBoolean(text: SqlPair): SqlPair {
  const both = (sql: string) =>
    `CASE WHEN lower(${sql}) IN ('true', 't', 'yes', 'y', '1') THEN TRUE WHEN lower(${sql}) IN ('false', 'f', 'no', 'n', '0') THEN FALSE END`;
  return { spark: both(text.spark), duckdb: both(text.duckdb) };
}

/** In DuckDB, a text that is the cast's own print needs no regular expression: four times as fast for ordinary data. */
function guardedCast(type: DataType, text: SqlPair, pattern: string): SqlPair {
  const { spark, duckdb } = tryCast(type, text);
  const guard = wholeMatch(text, pattern);
  return {
    spark: `CASE WHEN ${guard.spark} THEN ${spark} END`,
    duckdb: `CASE WHEN CAST(${duckdb} AS VARCHAR) = ${text.duckdb} OR ${guard.duckdb} THEN ${duckdb} END`,
  };
}

function tryCast(type: DataType, text: SqlPair): SqlPair {
  const physical = physicalType(type);
  return {
    spark: `TRY_CAST(${text.spark} AS ${physical.spark})`,
    duckdb: `TRY_CAST(${type.kind === "decimal" ? `plain_decimal(${text.duckdb})` : text.duckdb} AS ${physical.duckdb})`,
  };
}

function typeDouble(text: SqlPair): SqlPair {
  const value = tryCast({ kind: "double" }, text);
  const guard = wholeMatch(text, DECIMAL_NUMBER);
  return {
    spark: `CASE WHEN ${guard.spark} AND abs(${value.spark}) < DOUBLE('Infinity') THEN ${value.spark} END`,
    // `inf` and `nan` print as themselves, and a number too great for a double is infinite.
    duckdb: `CASE WHEN isfinite(${value.duckdb}) AND (CAST(${value.duckdb} AS VARCHAR) = ${text.duckdb} OR ${guard.duckdb}) THEN ${value.duckdb} END`,
  };
}
