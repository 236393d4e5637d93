import { describe, expect, test } from "vitest";
import type { Constraint } from "../../../sql/trino/pruning.ts";
import { project } from "./projection.ts";

const NOW = new Date("2026-11-24T08:30:00Z");

function values(properties: Record<string, string>, constraints: Omit<Constraint, "column">[] = []): string[] {
  const parameters = Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [`projection.k.${name}`, value]),
  );
  const table = { name: "db.t", location: "s3://b/t", keys: ["k"], parameters };
  return project(
    table,
    constraints.map((constraint) => ({ column: "k", ...constraint })),
    NOW,
  ).map((partition) => String(partition.values));
}

describe("dates", () => {
  test.each<[Record<string, string>, string[]]>([
    [{ range: "2026-02-27,2026-03-01", format: "yyyy-MM-dd" }, ["2026-02-27", "2026-02-28", "2026-03-01"]],
    [{ range: "2026/11,2027/01", format: "yyyy/MM" }, ["2026/11", "2026/12", "2027/01"]],
    [{ range: "2024,NOW", format: "yyyy" }, ["2024", "2025", "2026"]],
    [{ range: "NOW-1DAYS,NOW", format: "yyyyMMdd" }, ["20261123", "20261124"]],
    [
      { range: "NOW-2HOURS,NOW", format: "yyyy-MM-dd'T'HH", interval: "1", "interval.unit": "HOURS" },
      ["2026-11-24T06", "2026-11-24T07", "2026-11-24T08"],
    ],
    [
      { range: "2026-01-31,2026-04-30", format: "yyyy-MM-dd", interval: "1", "interval.unit": "MONTHS" },
      ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"],
    ],
    [
      { range: "2026-01-01,2026-01-20", format: "yyyy-MM-dd", interval: "1", "interval.unit": "WEEKS" },
      ["2026-01-01", "2026-01-08", "2026-01-15"],
    ],
  ])("%o", (properties, expected) => {
    expect(values({ type: "date", ...properties })).toEqual(expected);
  });

  test.each<[Record<string, string>, RegExp]>([
    [{ range: "2026-01-01", format: "yyyy-MM-dd" }, /is not two dates/],
    [{ range: "yesterday,NOW", format: "yyyy-MM-dd" }, /has 'yesterday', which is not in its format/],
    [{ range: "NOW-1FORTNIGHT,NOW", format: "yyyy-MM-dd" }, /unknown unit 'FORTNIGHT'/],
    [{ range: "NOW-1DAY,NOW", format: "yyyy-MMM-dd" }, /format has 'MMM'/],
    [{ range: "NOW-1DAY,NOW", format: "yyyy-MM-dd-HH" }, /needs interval and interval.unit/],
  ])("%o is refused", (properties, message) => {
    expect(() => values({ type: "date", ...properties })).toThrow(message);
  });
});

describe("integers", () => {
  test.each<[Record<string, string>, Omit<Constraint, "column">[], string[]]>([
    [{ range: "1,3" }, [], ["1", "2", "3"]],
    [{ range: "0,100", interval: "25" }, [], ["0", "25", "50", "75", "100"]],
    [{ range: "8,10", digits: "3" }, [], ["008", "009", "010"]],
    [{ range: "0,1000000000" }, [{ operator: "in", values: ["7", "x", "2000000000"] }], ["7"]],
    [
      { range: "0,1000000000" },
      [{ operator: ">", values: ["999999997"] }],
      ["999999997", "999999998", "999999999", "1000000000"],
    ],
    [
      { range: "0,1000000000", interval: "10" },
      [
        { operator: ">=", values: ["15"] },
        { operator: "<=", values: ["40"] },
      ],
      ["10", "20", "30", "40"],
    ],
    [{ range: "0,9", digits: "2" }, [{ operator: "=", values: ["05"] }], ["05"]],
  ])("%o with %o", (properties, constraints, expected) => {
    // The query's own conditions filter once more: what is projected may be more than they leave, never less.
    expect(values({ type: "integer", ...properties }, constraints)).toEqual(expected);
  });
});

test("a template puts the values into the location; without one the folders are key=value", () => {
  const parameters = {
    "projection.a.type": "enum",
    "projection.a.values": "x, y",
    "projection.b.type": "enum",
    "projection.b.values": "1",
  };
  const table = { name: "db.t", location: "s3://b/t/", keys: ["a", "b"], parameters };
  expect(project(table, [], NOW).map((partition) => partition.location)).toEqual([
    "s3://b/t/a=x/b=1/",
    "s3://b/t/a=y/b=1/",
  ]);
  const templated = { ...table, parameters: { ...parameters, "storage.location.template": "s3://b/${b}/${A}/" } };
  expect(project(templated, [], NOW).map((partition) => partition.location)).toEqual(["s3://b/1/x/", "s3://b/1/y/"]);
});
