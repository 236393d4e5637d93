import { SparkSqlError } from "../errors.ts";
import { argument, BIGINT, DATE, INT, row, STRING, TIMESTAMP } from "../function-table.ts";
import type { Call, SparkFunction, Translation } from "../function-table.ts";
import { rangeOf, within } from "../operand.ts";
import type { Operand } from "../operand.ts";
import { readMoment } from "../moments.ts";
import { TimeFormatError } from "../time-format.ts";
import { strftimePattern } from "../time-patterns.ts";
import { duckdbText } from "../literals.ts";

const between = (low: number, high: number) => ({ range: { low: BigInt(low), high: BigInt(high) } });

/** Ten thousand years: what is shifted further is no date that anything can hold. */
const MOST_DAYS = 3_660_000n;
const MOST_MONTHS = 120_000n;

/** Dates and timestamps, in UTC. */
export const TIME_FUNCTIONS: readonly SparkFunction[] = [
  part("year", "year", -9999999, 9999999),
  part("quarter", "quarter", 1, 4),
  part("month", "month", 1, 12),
  part(["day", "dayofmonth"], "day", 1, 31),
  part("dayofyear", "doy", 1, 366),
  part("weekofyear", "week", 1, 53),
  // Sunday is 1 here and Monday 0 there.
  row("dayofweek", ["date"], INT, (d) => `CAST(date_part('dow', ${d}) + 1 AS INTEGER)`, between(1, 7)),
  row("weekday", ["date"], INT, (d) => `CAST(date_part('isodow', ${d}) - 1 AS INTEGER)`, between(0, 6)),
  row("hour", ["timestamp"], INT, (t) => `CAST(date_part('hour', ${t}) AS INTEGER)`, between(0, 23)),
  row("minute", ["timestamp"], INT, (t) => `CAST(date_part('minute', ${t}) AS INTEGER)`, between(0, 59)),
  row("second", ["timestamp"], INT, (t) => `CAST(date_part('second', ${t}) AS INTEGER)`, between(0, 59)),
  shiftedDate(["date_add", "dateadd"], MOST_DAYS, (d, n) => `(${d} + ${n})`),
  shiftedDate(["date_sub"], MOST_DAYS, (d, n) => `(${d} - ${n})`),
  row(["datediff", "date_diff"], ["date", "date"], INT, (end, start) => `CAST(${end} - ${start} AS INTEGER)`),
  shiftedDate(["add_months"], MOST_MONTHS, (d, n) => `CAST(${d} + to_months(${n}) AS DATE)`),
  row("last_day", ["date"], DATE, (d) => `last_day(${d})`),
  row("to_date", ["moment"], DATE, (d) => `CAST(${d} AS DATE)`),
  row("unix_date", ["date"], INT, (d) => `CAST(${d} - DATE '1970-01-01' AS INTEGER)`),
  {
    names: ["date_from_unix_date"],
    parameters: ["int"],
    translate: (call) => bounded(call, argument(call, 0), MOST_DAYS, (n) => `(DATE '1970-01-01' + ${n})`),
  },
  row("unix_seconds", ["timestamp"], BIGINT, (t) => `spark_floor_div(epoch_us(${t}), 1000000)`),
  row("unix_millis", ["timestamp"], BIGINT, (t) => `spark_floor_div(epoch_us(${t}), 1000)`),
  row("unix_micros", ["timestamp"], BIGINT, (t) => `epoch_us(${t})`),
  row(
    ["unix_timestamp", "to_unix_timestamp"],
    ["moment"],
    BIGINT,
    (t) => `(epoch_us(CAST(${t} AS TIMESTAMP)) // 1000000)`,
  ),
  row("make_date", ["int-literal", "int-literal", "int-literal"], DATE, (y, m, d) => `make_date(${y}, ${m}, ${d})`),
  { names: ["date_part", "datepart"], parameters: ["text-literal", "moment"], translate: datePart },
  { names: ["date_format"], parameters: ["moment", "text-literal"], translate: dateFormat },
  {
    names: ["date_trunc"],
    parameters: ["text-literal", "timestamp"],
    translate: (call) => truncate(call, 0, 1, TIMESTAMP),
  },
  { names: ["trunc"], parameters: ["date", "text-literal"], translate: (call) => truncate(call, 1, 0, DATE) },
  { names: ["next_day"], parameters: ["date", "text-literal"], translate: nextDay },
  {
    names: ["try_to_date"],
    parameters: ["string", "text-literal"],
    optional: 1,
    translate: (call) => readText(call, DATE),
  },
  {
    names: ["try_to_timestamp"],
    parameters: ["string", "text-literal"],
    optional: 1,
    translate: (call) => readText(call, TIMESTAMP),
  },
  { names: ["timestampdiff"], parameters: ["text-literal", "timestamp", "timestamp"], translate: difference },
  { names: ["from_unixtime"], parameters: ["whole", "text-literal"], optional: 1, translate: fromUnixTime },
  epoch("timestamp_seconds", 1_000_000n),
  epoch("timestamp_millis", 1000n),
  epoch("timestamp_micros", 1n),
];

function shiftedDate(
  names: readonly string[],
  most: bigint,
  print: (date: string, amount: string) => string,
): SparkFunction {
  return {
    names,
    parameters: ["date", "int"],
    translate: (call) => bounded(call, argument(call, 1), most, (amount) => print(argument(call, 0).duckdb, amount)),
  };
}

/**
 * Beyond the years that either engine has, DuckDB raises, and Spark raises or counts around. So both give NULL there,
 * unless the bounds of the amount say that it cannot be.
 */
function bounded(call: Call, amount: Operand, most: bigint, print: (amount: string) => string): Translation {
  const spark = `${call.name}(${call.operands.map((operand) => operand.spark).join(", ")})`;
  if (within(rangeOf(amount), { low: -most, high: most })) return { type: DATE, spark, duckdb: print(amount.duckdb) };
  const guard = (sql: string) => `${sql} BETWEEN -${most} AND ${most}`;
  return {
    type: DATE,
    spark: `(CASE WHEN ${guard(amount.spark)} THEN ${spark} END)`,
    duckdb: `(CASE WHEN ${guard(amount.duckdb)} THEN ${print(amount.duckdb)} END)`,
  };
}

function part(names: string | readonly string[], field: string, low: number, high: number): SparkFunction {
  return row(names, ["date"], INT, (d) => `CAST(date_part('${field}', ${d}) AS INTEGER)`, between(low, high));
}

function epoch(name: string, micros: bigint): SparkFunction {
  return { names: [name], parameters: ["whole"], translate: (call) => epochMoment(call, argument(call, 0), micros) };
}

/** Numbers since 1970: whether they are moments is a question of their bounds. DuckDB's years end at 294246. */
function epochMoment(call: Call, value: Operand, micros: bigint): Translation {
  const { low, high } = rangeOf(value);
  const most = 9_200_000_000_000_000_000n;
  if (low * micros < -most || high * micros > most) {
    throw new SparkSqlError(
      `${call.name} of a bigint can overflow, which stops the run`,
      call,
      'declare the column as timestamp with format "unix_seconds" or "unix_millis"',
    );
  }
  return { type: TIMESTAMP, duckdb: `make_timestamp(CAST(${value.duckdb} AS BIGINT) * ${micros})` };
}

const PART_FUNCTIONS: Readonly<Record<string, string>> = {
  year: "year",
  y: "year",
  quarter: "quarter",
  qtr: "quarter",
  month: "month",
  mon: "month",
  week: "week",
  w: "week",
  day: "day",
  d: "day",
  dayofweek: "dow",
  dow: "dow",
  doy: "doy",
  hour: "hour",
  h: "hour",
  minute: "minute",
  m: "minute",
};

function datePart(call: Call): Translation {
  const field = argument(call, 0);
  const name = String(field.constant).toLowerCase();
  const duckdb = PART_FUNCTIONS[name];
  if (duckdb === undefined) {
    throw new SparkSqlError(
      `date_part of '${name}' is not supported`,
      field,
      `use ${Object.keys(PART_FUNCTIONS).join(", ")}`,
    );
  }
  const value = argument(call, 1);
  const sql = `date_part('${duckdb}', ${value.duckdb})${duckdb === "dow" ? " + 1" : ""}`;
  return { type: INT, spark: `date_part(${field.spark}, ${value.spark})`, duckdb: `CAST(${sql} AS INTEGER)` };
}

function dateFormat(call: Call): Translation {
  const pattern = argument(call, 1);
  const pieces = strftimePattern(String(pattern.constant), pattern);
  const value = `CAST(${argument(call, 0).duckdb} AS TIMESTAMP)`;
  return { type: STRING, duckdb: `strftime(${value}, ${duckdbText(pieces)})` };
}

const TRUNCATIONS: Readonly<Record<string, string>> = {
  year: "year",
  yyyy: "year",
  yy: "year",
  quarter: "quarter",
  month: "month",
  mon: "month",
  mm: "month",
  week: "week",
  day: "day",
  dd: "day",
  hour: "hour",
  minute: "minute",
  second: "second",
  millisecond: "millisecond",
};

function truncate(call: Call, unitAt: number, valueAt: number, type: typeof DATE): Translation {
  const unit = argument(call, unitAt);
  const duckdb = TRUNCATIONS[String(unit.constant).toLowerCase()];
  const days = ["year", "quarter", "month", "week"];
  if (duckdb === undefined || (type === DATE && !days.includes(duckdb))) {
    const known = type === DATE ? days : Object.keys(TRUNCATIONS);
    throw new SparkSqlError(
      `${call.name} to '${String(unit.constant)}' gives NULL for every row`,
      unit,
      `use ${known.join(", ")}`,
    );
  }
  const value = argument(call, valueAt);
  return { type, duckdb: `CAST(date_trunc('${duckdb}', ${value.duckdb}) AS ${type === DATE ? "DATE" : "TIMESTAMP"})` };
}

const WEEKDAYS = ["su", "mo", "tu", "we", "th", "fr", "sa"];

function nextDay(call: Call): Translation {
  const day = argument(call, 1);
  const index = WEEKDAYS.indexOf(String(day.constant).toLowerCase().slice(0, 2));
  if (
    index < 0 ||
    !/^(su(n|nday)?|mo(n|nday)?|tu(e|esday)?|we(d|dnesday)?|th(u|ursday)?|fr(i|iday)?|sa(t|turday)?)$/i.test(
      String(day.constant),
    )
  ) {
    throw new SparkSqlError(`'${String(day.constant)}' is no day of the week`, day, "write 'Mon', 'Tue'…");
  }
  const date = argument(call, 0).duckdb;
  // One to seven days on: the next such day after this one.
  return { type: DATE, duckdb: `(${date} + CAST((${index} - date_part('dow', ${date}) + 6) % 7 + 1 AS INTEGER))` };
}

/**
 * A text as a date or timestamp, by a format or in ISO form. Both engines read it by the format's regular expression:
 * what is of the format means the same everywhere, what is not is NULL.
 */
function readText(call: Call, type: typeof DATE): Translation {
  const format = call.operands[1];
  const kind = type.kind === "date" ? "date" : "timestamp";
  try {
    return { type, ...readMoment(kind, argument(call, 0), format === undefined ? undefined : String(format.constant)) };
  } catch (error) {
    if (!(error instanceof TimeFormatError)) throw error;
    throw new SparkSqlError(error.message, format ?? call, error.hint);
  }
}

/** Microseconds in the units that are always of one length. */
const UNIT_MICROS: Readonly<Record<string, bigint>> = {
  microsecond: 1n,
  millisecond: 1000n,
  second: 1_000_000n,
  minute: 60_000_000n,
  hour: 3_600_000_000n,
  day: 86_400_000_000n,
  week: 604_800_000_000n,
};

/** Whole units from the first to the second, toward zero. */
function difference(call: Call): Translation {
  const [unit, from, to] = [argument(call, 0), argument(call, 1), argument(call, 2)];
  const name = String(unit.constant).toLowerCase();
  const micros = UNIT_MICROS[name];
  if (micros === undefined) {
    throw new SparkSqlError(
      `timestampdiff in ${name} is not supported`,
      unit,
      `use ${Object.keys(UNIT_MICROS).join(", ")}`,
    );
  }
  return {
    type: BIGINT,
    spark: `timestampdiff(${name}, ${from.spark}, ${to.spark})`,
    duckdb: `((epoch_us(${to.duckdb}) - epoch_us(${from.duckdb})) // ${micros})`,
  };
}

function fromUnixTime(call: Call): Translation {
  const value = argument(call, 0);
  const { duckdb } = epochMoment(call, value, 1_000_000n);
  const format = call.operands[1];
  const pattern = format === undefined ? "yyyy-MM-dd HH:mm:ss" : String(format.constant);
  return { type: STRING, duckdb: `strftime(${duckdb}, ${duckdbText(strftimePattern(pattern, format ?? call))})` };
}
