import { cast, coerce, wallClock } from "../coerce.ts";
import { notSupported, TrinoError } from "../errors.ts";
import { quoted } from "../clauses.ts";
import type { Typed } from "../scope.ts";
import * as t from "../types.ts";
import { formatFromJoda, formatFromMysql } from "./date-formats.ts";
import { operands, wrongArguments } from "./special-function.ts";
import type { Special } from "./special-function.ts";

const UNITS = ["millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];
const DATE_UNITS = ["day", "week", "month", "quarter", "year"];

/** Fields of a date: of an instant, what the clock in its time zone shows. */
const FIELDS =
  "year quarter month week week_of_year day day_of_month day_of_week dow day_of_year doy year_of_week yow hour minute second millisecond".split(
    " ",
  );

const ofWallClock: Special = (call, position, context) => {
  const [argument] = call.arguments;
  const value = argument && context.translate(argument, context);
  if (!argument || value?.type.kind !== "timestamp with time zone") return undefined;
  const local = wallClock(value, position);
  // The same call again, of the local time stamp.
  const withLocal = {
    ...context,
    translate: (expression: typeof argument, inner: typeof context) =>
      expression === argument ? local : context.translate(expression, inner),
  };
  return context.translate({ kind: "call", call, position }, withLocal);
};

/** Functions of dates that read a unit or a format from a literal, or know the time of the query. */
export const DATE_SPECIALS: Readonly<Record<string, Special>> = {
  current_timestamp: (_call, _position, { now }) => instant(now),
  now: (_call, _position, { now }) => instant(now),
  current_date: (_call, _position, { now }) => ({
    sql: `CAST('${now.toISOString().slice(0, 10)}' AS DATE)`,
    type: t.DATE,
    literal: now.toISOString().slice(0, 10),
  }),
  localtimestamp: (_call, _position, { now }) => ({
    sql: `CAST('${now.toISOString().slice(0, 23)}' AS TIMESTAMP)`,
    type: t.TIMESTAMP,
  }),

  date(call, position, context) {
    const [value] = operands(call, context);
    if (!value) throw wrongArguments(call, [], "date(varchar)", position);
    return cast(value, t.DATE, position);
  },

  date_trunc(call, position, context) {
    const values = operands(call, context);
    const [unit, value] = values;
    if (!unit || !value) throw wrongArguments(call, values, "date_trunc(varchar, timestamp)", position);
    const name = unitOf(unit, value, call.name, position);
    if (!isTemporal(value))
      throw wrongArguments(call, values, "date_trunc(varchar, timestamp), date_trunc(varchar, date)", position);
    if (value.type.kind === "timestamp with time zone") {
      const zone = quoted(value.type.zone);
      return { sql: `timezone(${zone}, date_trunc('${name}', ${wallClock(value, position).sql}))`, type: value.type };
    }
    const sql = `date_trunc('${name}', ${value.sql})`;
    return { sql: value.type.kind === "date" ? `CAST(${sql} AS DATE)` : sql, type: value.type };
  },

  date_add(call, position, context) {
    const values = operands(call, context);
    const [unit, amount, value] = values;
    const expected = "date_add(varchar, bigint, timestamp), date_add(varchar, bigint, date)";
    if (!unit || !amount || !value || !isTemporal(value) || !t.coercible(amount.type, t.BIGINT)) {
      throw wrongArguments(call, values, expected, position);
    }
    const name = unitOf(unit, value, call.name, position);
    const count = coerce(amount, t.BIGINT).sql;
    const step = name === "quarter" ? `to_months((3 * ${count})::INTEGER)` : intervalOf(name, count);
    if (value.type.kind === "timestamp with time zone") {
      const zone = quoted(value.type.zone);
      return { sql: `timezone(${zone}, ${wallClock(value, position).sql} + ${step})`, type: value.type };
    }
    const sql = `(${value.sql} + ${step})`;
    return { sql: value.type.kind === "date" ? `CAST(${sql} AS DATE)` : sql, type: value.type };
  },

  date_diff(call, position, context) {
    const values = operands(call, context);
    const [unit, from, to] = values;
    const expected = "date_diff(varchar, timestamp, timestamp), date_diff(varchar, date, date)";
    if (!unit || !from || !to) throw wrongArguments(call, values, expected, position);
    const type = t.commonType(from.type, to.type);
    if (!type || !isTemporal({ type })) throw wrongArguments(call, values, expected, position);
    const name = unitOf(unit, { type }, call.name, position);
    const [a, b] = [from, to].map((value) => coerce(value, type));
    // Whole units that have passed; DuckDB's date_diff counts the boundaries in between.
    return { sql: `date_sub('${name}', ${a?.sql}, ${b?.sql})`, type: t.BIGINT };
  },

  date_format: formatted(formatFromMysql),
  format_datetime: formatted(formatFromJoda),

  date_parse(call, position, context) {
    const values = operands(call, context);
    const [text, format] = values;
    if (!text || !format || !t.isText(text.type))
      throw wrongArguments(call, values, "date_parse(varchar, varchar)", position);
    return {
      sql: `strptime(${text.sql}, ${quoted(formatFromMysql(literal(format, call.name, position), position, "parse"))})`,
      type: t.TIMESTAMP,
    };
  },

  parse_datetime(call, position, context) {
    const values = operands(call, context);
    const [text, format] = values;
    if (!text || !format || !t.isText(text.type))
      throw wrongArguments(call, values, "parse_datetime(varchar, varchar)", position);
    const pattern = formatFromJoda(literal(format, call.name, position), position, "parse");
    return { sql: `timezone('UTC', strptime(${text.sql}, ${quoted(pattern)}))`, type: t.timestampWithZone() };
  },

  ...Object.fromEntries(FIELDS.map((name) => [name, ofWallClock])),
  last_day_of_month: ofWallClock,
  to_iso8601(call, position, context) {
    const [value] = operands(call, context);
    if (value?.type.kind !== "timestamp with time zone") return undefined;
    if (value.type.zone !== "UTC") throw notSupported("to_iso8601 in another time zone than UTC", position);
    return { sql: `strftime(${wallClock(value, position).sql}, '%Y-%m-%dT%H:%M:%S.%gZ')`, type: t.VARCHAR };
  },
  from_unixtime(call, position, context) {
    const values = operands(call, context);
    const [seconds, zone] = values;
    if (values.length !== 2 || !seconds || !zone) return undefined;
    const name = literal(zone, call.name, position);
    return { sql: `to_timestamp(${coerce(seconds, t.DOUBLE).sql})`, type: t.timestampWithZone(name) };
  },

  at_timezone(call, position, context) {
    const values = operands(call, context);
    const [value, zone] = values;
    if (!value || !zone || value.type.kind !== "timestamp with time zone") {
      throw wrongArguments(call, values, "at_timezone(timestamp with time zone, varchar)", position);
    }
    return { sql: value.sql, type: { ...value.type, zone: literal(zone, call.name, position) } };
  },

  with_timezone(call, position, context) {
    const values = operands(call, context);
    const [value, zone] = values;
    if (!value || !zone || !t.coercible(value.type, t.TIMESTAMP)) {
      throw wrongArguments(call, values, "with_timezone(timestamp, varchar)", position);
    }
    const name = literal(zone, call.name, position);
    return { sql: `timezone(${quoted(name)}, ${coerce(value, t.TIMESTAMP).sql})`, type: t.timestampWithZone(name) };
  },
};

type Position = Parameters<Special>[1];

function instant(now: Date): Typed {
  return { sql: `CAST('${now.toISOString()}' AS TIMESTAMPTZ)`, type: t.timestampWithZone() };
}

function isTemporal(value: Pick<Typed, "type">): boolean {
  return ["date", "timestamp", "timestamp with time zone"].includes(value.type.kind);
}

function literal(value: Typed, name: string, position: Position): string {
  if (typeof value.literal === "string") return value.literal;
  throw notSupported(`${name} with a unit, format or zone that is not a literal`, position);
}

function unitOf(unit: Typed, value: Pick<Typed, "type">, name: string, position: Position): string {
  const text = literal(unit, name, position).toLowerCase();
  const allowed = value.type.kind === "date" ? DATE_UNITS : UNITS;
  if (!allowed.includes(text)) {
    const what = value.type.kind === "date" ? "DATE" : "Timestamp";
    throw new TrinoError("INVALID_FUNCTION_ARGUMENT", `'${text}' is not a valid ${what} field`, position);
  }
  return text;
}

function intervalOf(unit: string, count: string): string {
  if (unit === "millisecond") return `to_milliseconds(${count})`;
  if (unit === "second") return `to_seconds(${count})`;
  return unit === "hour" || unit === "minute" ? `to_${unit}s(${count})` : `to_${unit}s((${count})::INTEGER)`;
}

function formatted(convert: (format: string, position: Position, use: "print") => string): Special {
  return (call, position, context) => {
    const values = operands(call, context);
    const [value, format] = values;
    if (!value || !format || !isTemporal(value)) {
      throw wrongArguments(call, values, `${call.name}(timestamp, varchar)`, position);
    }
    const pattern = convert(literal(format, call.name, position), position, "print");
    const local = value.type.kind === "date" ? `CAST(${value.sql} AS TIMESTAMP)` : wallClock(value, position).sql;
    return { sql: `strftime(${local}, ${quoted(pattern)})`, type: t.VARCHAR };
  };
}
