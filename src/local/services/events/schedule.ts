import { validationError } from "./errors.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
const UNITS: Readonly<Record<string, number>> = { minute: MINUTE, hour: 60 * MINUTE, day: DAY };
/** A cron expression that matches no day until here never fires. */
const LAST_YEAR = 2199;

/**
 * When a schedule fires next after `after`; both in milliseconds. Undefined: never again.
 * `from` is when the schedule began, which rates count from.
 */
export type Schedule = (after: number, from: number) => number | undefined;

/**
 * Parses `rate(…)` and `cron(…)`; cron is UTC, with six fields.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 */
export function parseSchedule(expression: string): Schedule {
  const [, kind, body = ""] = /^(rate|cron)\((.*)\)$/s.exec(expression) ?? [];
  const schedule = kind === "rate" ? parseRate(body) : kind === "cron" ? parseCron(body) : undefined;
  if (!schedule) throw validationError("Parameter ScheduleExpression is not valid.");
  return schedule;
}

function parseRate(body: string): Schedule | undefined {
  const [, digits, unit = "", plural] = /^(\d+) (minute|hour|day)(s)?$/.exec(body.trim()) ?? [];
  const value = Number(digits);
  const length = UNITS[unit];
  if (!length || !(value >= 1) || (value === 1) !== (plural === undefined)) return undefined;
  const interval = value * length;
  return (after, from) => from + Math.max(1, Math.floor((after - from) / interval) + 1) * interval;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

function parseCron(body: string): Schedule | undefined {
  const fields = body.trim().split(/\s+/);
  if (fields.length !== 6) return undefined;
  const [minuteField = "", hourField = "", dayField = "", monthField = "", weekdayField = "", yearField = ""] = fields;
  const minutes = parseField(minuteField, 0, 59);
  const hours = parseField(hourField, 0, 23);
  const months = parseField(monthField, 1, 12, MONTHS);
  const years = parseField(yearField, 1970, LAST_YEAR);
  const onDay = parseDays(dayField, weekdayField);
  if (!minutes || !hours || !months || !years || !onDay) return undefined;

  return (after) => {
    const first = Math.floor(after / MINUTE) * MINUTE + MINUTE;
    for (let day = Math.floor(first / DAY) * DAY; ; day += DAY) {
      const date = new Date(day);
      if (date.getUTCFullYear() > LAST_YEAR) return undefined;
      if (!years.has(date.getUTCFullYear()) || !months.has(date.getUTCMonth() + 1) || !onDay(date)) continue;
      for (const hour of hours) {
        for (const minute of minutes) {
          const time = day + (hour * 60 + minute) * MINUTE;
          if (time >= first) return time;
        }
      }
    }
  };
}

/** The values of a field, ascending: `*`, `5`, `1-5`, `1,2`, `0/15`, `10-40/10`, names where there are any. */
function parseField(field: string, min: number, max: number, names: readonly string[] = []): Set<number> | undefined {
  const values = new Set<number>();
  for (const part of field.split(",")) {
    const [, range = "", step] = /^([^/]+)(?:\/(\d+))?$/.exec(part) ?? [];
    const [low, high, ...more] = range.split("-").map((text) => parseValue(text, min, names));
    if (more.length > 0 || step === "0") return undefined;
    const from = range === "*" ? min : low;
    // A single value with a step runs to the end: `0/15`.
    const to = range === "*" || (step !== undefined && high === undefined) ? max : (high ?? low);
    if (from === undefined || to === undefined || from < min || to > max || from > to) return undefined;
    for (let value = from; value <= to; value += Number(step ?? 1)) values.add(value);
  }
  return new Set([...values].sort((a, b) => a - b));
}

function parseValue(text: string, min: number, names: readonly string[]): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  const index = names.indexOf(text.toUpperCase());
  return index < 0 ? undefined : index + min;
}

type DayTest = (date: Date) => boolean;

/** Day of month or day of week; the other one is `?`. */
function parseDays(dayField: string, weekdayField: string): DayTest | undefined {
  if (weekdayField === "?") return parseDayOfMonth(dayField);
  if (dayField === "?") return parseDayOfWeek(weekdayField);
  return undefined;
}

function parseDayOfMonth(field: string): DayTest | undefined {
  if (field === "L") return (date) => date.getUTCDate() === lastDay(date);
  const nearest = /^(\d{1,2})W$/.exec(field);
  if (nearest) {
    const wanted = Number(nearest[1]);
    return wanted >= 1 && wanted <= 31 ? (date) => date.getUTCDate() === nearestWeekday(date, wanted) : undefined;
  }
  const days = parseField(field, 1, 31);
  return days && ((date) => days.has(date.getUTCDate()));
}

function parseDayOfWeek(field: string): DayTest | undefined {
  if (field === "L") return (date) => date.getUTCDay() === 6;
  const special = /^(\w+?)(?:L|#([1-5]))$/.exec(field);
  const weekday = special && parseValue(special[1] ?? "", 1, WEEKDAYS);
  if (special && weekday !== undefined) {
    if (weekday === null || weekday < 1 || weekday > 7) return undefined;
    const week = special[2];
    return (date) =>
      date.getUTCDay() + 1 === weekday &&
      (week === undefined ? date.getUTCDate() > lastDay(date) - 7 : Math.ceil(date.getUTCDate() / 7) === Number(week));
  }
  const days = parseField(field, 1, 7, WEEKDAYS);
  return days && ((date) => days.has(date.getUTCDay() + 1));
}

function lastDay(date: Date): number {
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();
}

/** The working day nearest to a day of the month, within that month. */
function nearestWeekday(date: Date, wanted: number): number {
  const last = lastDay(date);
  if (wanted > last) return -1;
  const weekday = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), wanted)).getUTCDay();
  if (weekday === 6) return wanted === 1 ? 3 : wanted - 1;
  if (weekday === 0) return wanted === last ? wanted - 2 : wanted + 1;
  return wanted;
}
