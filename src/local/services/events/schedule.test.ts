import { describe, expect, test } from "vitest";
import { parseSchedule } from "./schedule.ts";

const time = (text: string) => Date.parse(text);
/** The next few times after `after`. */
function next(expression: string, after: string, count = 3, from = after): string[] {
  const schedule = parseSchedule(expression);
  const times: string[] = [];
  for (let at = schedule(time(after), time(from)); at !== undefined && times.length < count;) {
    times.push(new Date(at).toISOString().slice(0, 16));
    at = schedule(at, time(from));
  }
  return times;
}

describe("rate", () => {
  test("counts from when the rule was made, one interval later", () => {
    expect(next("rate(5 minutes)", "2026-11-24T08:01:30Z", 2)).toEqual(["2026-11-24T08:06", "2026-11-24T08:11"]);
    expect(next("rate(1 day)", "2026-11-26T00:00:00Z", 1, "2026-11-24T08:00:00Z")).toEqual(["2026-11-26T08:00"]);
    expect(next("rate(12 hours)", "2026-11-24T08:00:00Z", 1)).toEqual(["2026-11-24T20:00"]);
  });
});

describe("cron", () => {
  test.each([
    ["cron(0 10 * * ? *)", ["2026-11-24T10:00", "2026-11-25T10:00", "2026-11-26T10:00"]],
    ["cron(15 12 * * ? *)", ["2026-11-24T12:15", "2026-11-25T12:15", "2026-11-26T12:15"]],
    ["cron(0 18 ? * MON-FRI *)", ["2026-11-24T18:00", "2026-11-25T18:00", "2026-11-26T18:00"]],
    ["cron(0 8 1 * ? *)", ["2026-12-01T08:00", "2027-01-01T08:00", "2027-02-01T08:00"]],
    ["cron(0/15 * * * ? *)", ["2026-11-24T08:15", "2026-11-24T08:30", "2026-11-24T08:45"]],
    ["cron(0/30 20-23 ? * SUN,SAT *)", ["2026-11-28T20:00", "2026-11-28T20:30", "2026-11-28T21:00"]],
    ["cron(0 0 L * ? *)", ["2026-11-30T00:00", "2026-12-31T00:00", "2027-01-31T00:00"]],
    ["cron(0 0 ? * 6L *)", ["2026-11-27T00:00", "2026-12-25T00:00", "2027-01-29T00:00"]],
    ["cron(0 0 ? * 2#1 *)", ["2026-12-07T00:00", "2027-01-04T00:00", "2027-02-01T00:00"]],
    ["cron(0 0 15W * ? *)", ["2026-12-15T00:00", "2027-01-15T00:00", "2027-02-15T00:00"]],
    ["cron(0 0 1W * ? *)", ["2026-12-01T00:00", "2027-01-01T00:00", "2027-02-01T00:00"]],
    ["cron(0 0 29 FEB ? *)", ["2028-02-29T00:00", "2032-02-29T00:00", "2036-02-29T00:00"]],
    ["cron(0 0 1 JAN ? 2027-2028)", ["2027-01-01T00:00", "2028-01-01T00:00"]],
    ["cron(0 0 30 2 ? *)", []],
  ])("%s", (expression, times) => {
    expect(next(expression, "2026-11-24T08:00:00Z")).toEqual(times);
  });

  test("a working day nearest to a weekend day", () => {
    expect(next("cron(0 0 1W AUG ? 2026)", "2026-01-01T00:00:00Z")).toEqual(["2026-08-03T00:00"]);
    expect(next("cron(0 0 15W NOV ? 2026)", "2026-01-01T00:00:00Z")).toEqual(["2026-11-16T00:00"]);
    expect(next("cron(0 0 31W JAN ? 2027)", "2026-01-01T00:00:00Z")).toEqual(["2027-01-29T00:00"]);
  });
});

test.each([
  "rate(0 minutes)",
  "rate(1 minutes)",
  "rate(5 minute)",
  "rate(5 seconds)",
  "rate()",
  "cron(0 10 * * *)",
  "cron(0 10 * * * *)",
  "cron(0 10 ? * ? *)",
  "cron(60 10 * * ? *)",
  "cron(0 24 * * ? *)",
  "cron(0 10 32 * ? *)",
  "cron(0 10 ? * 8 *)",
  "cron(0 10 ? * 2#6 *)",
  "cron(0/0 10 * * ? *)",
  "cron(5-1 10 * * ? *)",
  "at(2026-01-01T00:00:00)",
  "every day",
])("%s is not a schedule", (expression) => {
  expect(() => parseSchedule(expression)).toThrow("Parameter ScheduleExpression is not valid.");
});
