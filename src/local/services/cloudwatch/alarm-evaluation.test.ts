import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluate } from "./alarm-evaluation.ts";
import type { MissingData, Verdict } from "./alarm-evaluation.ts";

const SETTINGS: readonly MissingData[] = ["missing", "ignore", "breaching", "notBreaching"];
const NAMES: Readonly<Record<string, Verdict>> = { A: "ALARM", O: "OK", I: "INSUFFICIENT_DATA", K: "keep" };

/** `0` fine, `X` breaching, `-` missing; oldest first, as CloudWatch's guide writes it. */
const range = (text: string) => text.split(" ").map((point) => (point === "-" ? undefined : point === "X"));

describe("the tables of CloudWatch's guide", () => {
  test.each([
    [3, "0 - X - X", "OOOO"],
    [3, "0 - - - -", "OOOO"],
    [3, "- - - - -", "IKAO"],
    [3, "0 X X - X", "AAAA"],
    [3, "- - - - X", "IKAO"],
    [3, "X - - - -", "AKAO"],
    [2, "0 - X - X", "AAAA"],
    [2, "0 0 X 0 X", "AAAA"],
    [2, "0 - X - -", "OOAO"],
    [2, "- - - - 0", "OOAO"],
    [2, "- - - - X", "IKAO"],
  ])("%i of 3 over %s", (datapointsToAlarm, points, expected) => {
    const verdicts = SETTINGS.map((treatMissingData) =>
      evaluate(range(points), { evaluationPeriods: 3, datapointsToAlarm, treatMissingData }),
    );
    expect(verdicts).toEqual(Array.from(expected, (letter) => NAMES[letter]));
  });
});

describe("for any range and rule", () => {
  const point = fc.constantFrom(true, false, undefined);
  const rule = fc
    .record({ evaluationPeriods: fc.integer({ min: 1, max: 6 }), surplus: fc.integer({ min: 0, max: 3 }) })
    .chain(({ evaluationPeriods, surplus }) =>
      fc.record({
        evaluationPeriods: fc.constant(evaluationPeriods),
        datapointsToAlarm: fc.integer({ min: 1, max: evaluationPeriods }),
        treatMissingData: fc.constantFrom(...SETTINGS),
        points: fc.array(point, { minLength: evaluationPeriods + surplus, maxLength: evaluationPeriods + surplus }),
      }),
    );

  test("with nothing missing only the newest N count, and the setting does not matter", () => {
    fc.assert(
      fc.property(rule, fc.array(fc.boolean(), { minLength: 6, maxLength: 9 }), (some, points) => {
        const newest = points.slice(-some.evaluationPeriods).filter(Boolean).length;
        expect(evaluate(points, some)).toBe(newest >= some.datapointsToAlarm ? "ALARM" : "OK");
      }),
    );
  });

  test("filling by hand with what the setting says gives the same", () => {
    fc.assert(
      fc.property(rule, ({ points, ...some }) => {
        const real = points.filter((breach) => breach !== undefined);
        const missing = Math.max(0, some.evaluationPeriods - real.length);
        const filled = (value: boolean) => [...Array.from({ length: missing }, () => value), ...real];
        const counts = (value: boolean) => filled(value).slice(-some.evaluationPeriods).filter(Boolean).length;
        const verdict = (treatMissingData: MissingData) => evaluate(points, { ...some, treatMissingData });
        expect(verdict("breaching")).toBe(counts(true) >= some.datapointsToAlarm ? "ALARM" : "OK");
        expect(verdict("notBreaching")).toBe(counts(false) >= some.datapointsToAlarm ? "ALARM" : "OK");
      }),
    );
  });

  test("one more breaching datapoint never takes an alarm away", () => {
    fc.assert(
      fc.property(rule, fc.nat(), ({ points, ...some }, which) => {
        const worse = points.map((breach, index) =>
          index === which % points.length && breach === false ? true : breach,
        );
        const before = evaluate(points, some);
        expect(before === "ALARM" && evaluate(worse, some) !== "ALARM").toBe(false);
      }),
    );
  });
});
