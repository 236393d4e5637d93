import type { Rows } from "./table.ts";

/** The fields that `extract` and the functions of the same names give. */
const FIELDS: Readonly<Record<string, string>> = {
  year: "year",
  quarter: "quarter",
  month: "month",
  week: "week",
  week_of_year: "week",
  day: "day",
  day_of_month: "day",
  day_of_week: "isodow",
  dow: "isodow",
  day_of_year: "doy",
  doy: "doy",
  year_of_week: "isoyear",
  yow: "isoyear",
};

const TIME_FIELDS = ["hour", "minute"];

/** https://trino.io/docs/current/functions/datetime.html. Those that read a unit or a format are in `special.ts`. */
export const DATES: Rows = [
  ...Object.entries(FIELDS).flatMap(([name, part]): Rows => [
    [`${name}(date) -> bigint`, `date_part('${part}', $1)`],
    [`${name}(timestamp) -> bigint`, `date_part('${part}', $1)`],
  ]),
  ...TIME_FIELDS.flatMap((name): Rows => [[`${name}(timestamp) -> bigint`, `date_part('${name}', $1)`]]),
  ["second(timestamp) -> bigint", "CAST(floor(date_part('second', $1)) AS BIGINT)"],
  ["millisecond(timestamp) -> bigint", "(date_part('millisecond', $1) % 1000)"],
  ["last_day_of_month(date) -> date", "last_day($1)"],
  ["last_day_of_month(timestamp) -> date", "last_day($1)"],
  ["from_unixtime(double) -> timestamp with time zone", "to_timestamp($1)"],
  ["from_iso8601_date(varchar) -> date", "trino_iso_date($1)"],
  ["from_iso8601_timestamp(varchar) -> timestamp with time zone", "trino_iso_timestamp($1)"],
  ["to_unixtime(timestamp) -> double", "epoch($1)"],
  ["to_unixtime(timestamp with time zone) -> double", "epoch($1)"],
  ["to_iso8601(date) -> varchar", "strftime($1, '%Y-%m-%d')"],
  ["to_iso8601(timestamp) -> varchar", "strftime($1, '%Y-%m-%dT%H:%M:%S.%g')"],
];
