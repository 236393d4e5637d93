import { duckdbText } from "./literals.ts";
import type { SqlPair } from "./literals.ts";
import { formatToIso } from "./time-format.ts";
import { wholeMatch } from "./whole-match.ts";

/**
 * Texts as dates and timestamps. Both engines' casts take more than ISO 8601, and not the same; so a text is held
 * against a grammar, and cast only within it. NULL for every other text; never raises.
 *
 * The grammar: YYYY-MM-DD of the proleptic Gregorian calendar, years 0001 to 9999; timestamps then [ T]HH:MM, :SS, up to
 * nine digits of a second (six are kept), and Z or ±HH:MM after seconds. UTC unless it says otherwise.
 */
export type MomentKind = "date" | "timestamp";

const YEAR = "(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])";
const DATE = `${YEAR}-[0-9]{2}-[0-9]{2}`;
const CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]";
const SECONDS = ":[0-5][0-9](?:[.][0-9]{1,9})?";
const LOCAL = `${DATE}(?:[ T]${CLOCK}(?:${SECONDS})?)?`;
const UTC = `${DATE}[ T]${CLOCK}${SECONDS}Z`;
const OFFSET = `${DATE}[ T]${CLOCK}${SECONDS}[+-](?:0[0-9]|1[0-4]):[0-5][0-9]`;
const ZONED = `${DATE}[ T]${CLOCK}${SECONDS}(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])`;

/** DuckDB prints and reads `infinity` and years of more digits too. */
const FOUR_DIGITS = {
  date: "BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'",
  timestamp: "BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999'",
} as const;

const TYPE = { date: "DATE", timestamp: "TIMESTAMP" } as const;

/** A text in ISO form. It is repeated in the SQL: let it be cheap, such as a column. */
export function readIso(kind: MomentKind, text: SqlPair): SqlPair {
  return kind === "date" ? readIsoDate(text) : readIsoTimestamp(text);
}

function readIsoDate(text: SqlPair): SqlPair {
  const guard = wholeMatch(text, DATE);
  const value = `TRY_CAST(${text.duckdb} AS DATE)`;
  return {
    spark: `(CASE WHEN ${guard.spark} THEN TRY_CAST(${text.spark} AS DATE) END)`,
    duckdb: `(CASE WHEN ${printsAs("date", value, text.duckdb)} OR ${guard.duckdb} THEN ${value} END)`,
  };
}

/**
 * In DuckDB the regular expressions come last: a text that the cast's value prints as, but for a T, a Z and its
 * fraction, is of the grammar, and that is several times as fast to see. The cast of a timestamp ignores an offset, and
 * that of one with a time zone is slow, so offsets are subtracted.
 */
function readIsoTimestamp(text: SqlPair): SqlPair {
  const t = text.duckdb;
  const value = `TRY_CAST(${t} AS TIMESTAMP)`;
  const seconds = `replace(left(${t}, 19), 'T', ' ')`;
  const rest = `substr(${t}, 20)`;
  const inRange = `${value} ${FOUR_DIGITS.timestamp}`;
  const minutes = `TRY_CAST(right(${t}, 6)[:3] AS INTEGER) * 60 + TRY_CAST(right(${t}, 6)[1] || right(${t}, 2) AS INTEGER)`;
  return {
    spark: `(CASE WHEN ${wholeMatch(text, LOCAL).spark} OR ${wholeMatch(text, ZONED).spark} THEN TRY_CAST(${text.spark} AS TIMESTAMP) END)`,
    duckdb:
      `(CASE WHEN ${printsAs("timestamp", value, t)} THEN ${value} ` +
      `WHEN ${rest} IN ('', 'Z') AND CAST(${value} AS VARCHAR) = ${seconds} AND ${inRange} THEN ${value} ` +
      `WHEN CAST(date_trunc('second', ${value}) AS VARCHAR) = ${seconds} AND ${inRange} ` +
      `AND regexp_full_match(${rest}, '[.][0-9]{1,9}Z?') THEN ${value} ` +
      `WHEN ${wholeMatch(text, LOCAL).duckdb} OR ${wholeMatch(text, UTC).duckdb} THEN ${value} ` +
      `WHEN ${wholeMatch(text, OFFSET).duckdb} THEN TRY_CAST(left(${t}, length(${t}) - 6) AS TIMESTAMP) - to_minutes(${minutes}) END)`,
  };
}

function printsAs(kind: MomentKind, value: string, text: string): string {
  return `(CAST(${value} AS VARCHAR) = ${text} AND ${value} ${FOUR_DIGITS[kind]})`;
}

/** Numbers since 1970 instead of letters. */
const EPOCHS: Readonly<Record<string, { spark: string; micros: number; last: bigint }>> = {
  unix_seconds: { spark: "timestamp_seconds", micros: 1_000_000, last: 253_402_300_799n },
  unix_millis: { spark: "timestamp_millis", micros: 1000, last: 253_402_300_799_999n },
};

/** 0001-01-01, in seconds since 1970. */
const FIRST_SECOND = -62_135_596_800n;

/** A text in `format`, or in ISO form without one. Throws a `TimeFormatError` for a format that we do not read. */
export function readMoment(kind: MomentKind, text: SqlPair, format: string | undefined): SqlPair {
  if (format === undefined) return readIso(kind, text);
  const epoch = EPOCHS[format];
  if (epoch !== undefined) return readEpoch(kind, text, epoch);
  const { guard, iso, strptime } = formatToIso(format, text);
  const value = readIso(kind, iso);
  const slow = `CASE WHEN ${guard.duckdb} THEN ${value.duckdb} END`;
  return {
    spark: `(CASE WHEN ${guard.spark} THEN ${value.spark} END)`,
    duckdb: strptime === undefined ? `(${slow})` : readQuickly(kind, text.duckdb, strptime, slow),
  };
}

/** A text that DuckDB's own parser reads, and whose value prints as it was, is of the format. */
function readQuickly(kind: MomentKind, text: string, strptime: string, slow: string): string {
  const value = `try_strptime(${text}, ${duckdbText(strptime)})`;
  const fourDigits = `${value} BETWEEN TIMESTAMP '1000-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999'`;
  return (
    `(CASE WHEN strftime(${value}, ${duckdbText(strptime)}) = ${text} AND ${fourDigits} ` +
    `THEN CAST(${value} AS ${TYPE[kind]}) ELSE ${slow} END)`
  );
}

function readEpoch(kind: MomentKind, text: SqlPair, epoch: { spark: string; micros: number; last: bigint }): SqlPair {
  const guard = wholeMatch(text, "-?[0-9]+");
  const first = FIRST_SECOND * (1_000_000n / BigInt(epoch.micros));
  const inRange = `BETWEEN ${first} AND ${epoch.last}`;
  const value = { spark: `TRY_CAST(${text.spark} AS BIGINT)`, duckdb: `TRY_CAST(${text.duckdb} AS BIGINT)` };
  const digits = `(CAST(${value.duckdb} AS VARCHAR) = ${text.duckdb} OR ${guard.duckdb})`;
  const cast = (sql: string) => (kind === "date" ? `CAST(${sql} AS DATE)` : sql);
  return {
    spark: `(CASE WHEN ${guard.spark} AND ${value.spark} ${inRange} THEN ${cast(`${epoch.spark}(${value.spark})`)} END)`,
    duckdb: `(CASE WHEN ${value.duckdb} ${inRange} AND ${digits} THEN ${cast(`make_timestamp(${value.duckdb} * ${epoch.micros})`)} END)`,
  };
}

/** `TRY_CAST(text AS DATE)` also takes what begins with a date and goes on after a blank or a T. */
export function readDatePart(text: SqlPair): SqlPair {
  const longer = wholeMatch(text, `${DATE}[ T](?s:.*)`);
  const date = readIso("date", text);
  return {
    spark: `coalesce(${date.spark}, CASE WHEN ${longer.spark} THEN TRY_CAST(${text.spark} AS DATE) END)`,
    duckdb: `coalesce(${date.duckdb}, CASE WHEN ${longer.duckdb} THEN TRY_CAST(left(${text.duckdb}, 10) AS DATE) END)`,
  };
}
