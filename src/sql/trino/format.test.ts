import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatValue } from "./format.ts";
import { DOUBLE, REAL, TIMESTAMP, timestampWithZone } from "./types.ts";

describe("numbers are written as Java writes them", () => {
  test.each([
    [0, "0.0"],
    [-0, "-0.0"],
    [1, "1.0"],
    [0.001, "0.001"],
    [0.000999, "9.99E-4"],
    [9_999_999, "9999999.0"],
    [10_000_000, "1.0E7"],
    [-1.5e20, "-1.5E20"],
    [Number.MAX_VALUE, "1.7976931348623157E308"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [Number.NaN, "NaN"],
  ])("%d is %s", (value, text) => {
    expect(formatValue(value, DOUBLE)).toBe(text);
  });

  test("every double reads back as itself, with a digit on both sides of the point", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = formatValue(value, DOUBLE) ?? "";
        expect(text).toMatch(/^-?\d+\.\d+(E-?\d+)?$/u);
        expect(Number(text)).toBe(value);
      }),
    );
  });

  test("every float has no more digits than a float needs", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = formatValue(value, REAL) ?? "";
        expect(Math.fround(Number(text))).toBe(value);
        expect(text.replaceAll(/E.*|\D/gu, "").replace(/^0+/u, "").length).toBeLessThanOrEqual(10);
      }),
    );
    expect(formatValue(Math.fround(0.1), REAL)).toBe("0.1");
  });
});

test.each([
  ["2026-11-24 08:00:00", "2026-11-24 08:00:00.000"],
  ["2026-11-24 08:00:00.5", "2026-11-24 08:00:00.500"],
  ["2026-11-24 08:00:00.123999", "2026-11-24 08:00:00.123"],
])("the time stamp %s is shown to the millisecond", (value, text) => {
  expect(formatValue(value, TIMESTAMP)).toBe(text);
});

test("an instant is shown on the clocks of its zone, summer time included", () => {
  expect(formatValue("2026-07-01 12:00:00+00", timestampWithZone("Europe/Berlin"))).toBe(
    "2026-07-01 14:00:00.000 Europe/Berlin",
  );
  expect(formatValue("2026-12-01 12:00:00+00", timestampWithZone("Europe/Berlin"))).toBe(
    "2026-12-01 13:00:00.000 Europe/Berlin",
  );
});
