import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PatternError } from "./pattern-error.ts";
import { compilePattern } from "./pattern.ts";

const matches = (pattern: unknown, event: unknown) => compilePattern(pattern)(event);

describe("a field", () => {
  test.each<[expression: unknown, matching: unknown[], others: unknown[]]>([
    ["a", ["a", ["x", "a"]], ["A", "", 1, null, [], { a: "a" }, ["x"]]],
    [1, [1, 1.0, [0, 1]], ["1", true, 2]],
    [null, [null], ["null", "", 0, []]],
    [true, [true], ["true", false, 1]],
    ["", [""], [" ", null]],
    [{ prefix: "ab" }, ["ab", "abc"], ["b", "AB", 1, null]],
    [{ prefix: { "equals-ignore-case": "aB" } }, ["AbC"], ["bab"]],
    [{ suffix: ".csv" }, ["a.csv"], ["a.CSV", ".csv.gz"]],
    [{ suffix: { "equals-ignore-case": ".csv" } }, ["a.CSV"], ["a.csv.gz"]],
    [{ "equals-ignore-case": "Abc" }, ["aBC"], ["abcd", null]],
    [{ wildcard: "a-(*)-b" }, ["a-(x)-b"], ["a-x-b"]],
    [{ wildcard: "a*b*" }, ["ab", "axxbyy", "a\nb"], ["xab", "ba"]],
    [{ wildcard: String.raw`a\*b.\\` }, [String.raw`a*b.\ `.trimEnd()], [String.raw`axb.\ `.trimEnd(), "a*bx"]],
    [{ "anything-but": "a" }, ["b", 1, null, ["a", "b"]], ["a", ["a"]]],
    [{ "anything-but": ["a", "b"] }, ["c", 0], ["a", "b"]],
    [{ "anything-but": [1, 2] }, [3, "1"], [1, 2]],
    [{ "anything-but": { prefix: "a" } }, ["b", 7, null], ["ab"]],
    [{ "anything-but": { suffix: ["a", "b"] } }, ["c"], ["xa", "xb"]],
    [{ "anything-but": { wildcard: "*/x/*" } }, ["x/"], ["/x/"]],
    [{ "anything-but": { "equals-ignore-case": ["a"] } }, ["b"], ["A"]],
    [{ numeric: [">", 0, "<=", 5] }, [0.1, 5], [0, 5.1, "3", null]],
    [{ numeric: ["=", 3.5] }, [3.5], [3]],
    [{ numeric: ["<", -1] }, [-2], [-1]],
    [{ cidr: "10.0.0.0/24" }, ["10.0.0.255"], ["10.0.1.0", "10.0.0.256", "::1", 10]],
    [{ cidr: "2001:db8::/32" }, ["2001:db8:1::5"], ["2001:db9::", "10.0.0.1"]],
    [{ exists: true }, ["x", 0, null, false], [[], { a: 1 }]],
    [{ exists: false }, [[], { a: 1 }], ["x", null]],
  ])("%j", (expression, matching, others) => {
    const pattern = compilePattern({ f: [expression] });
    for (const value of matching) expect([value, pattern({ f: value })]).toEqual([value, true]);
    for (const value of others) expect([value, pattern({ f: value })]).toEqual([value, false]);
  });

  test.each<unknown>([
    { "anything-but": "a" },
    { "anything-but": { prefix: "a" } },
    { exists: true },
    null,
    { prefix: "" },
  ])("that is absent does not match %j", (expression) => {
    expect(matches({ f: [expression] }, {})).toBe(false);
  });

  test("that is absent matches exists: false, also below what is absent or has no members", () => {
    const pattern = { a: { b: { c: [{ exists: false }] } } };
    expect([{}, { a: 1 }, { a: { b: "x" } }, { a: { b: { d: 1 } } }].map((event) => matches(pattern, event))).toEqual(
      Array.from({ length: 4 }, () => true),
    );
    expect(matches(pattern, { a: { b: { c: null } } })).toBe(false);
  });
});

describe("a pattern", () => {
  test("all fields must match, one alternative of each is enough", () => {
    const pattern = { a: ["x", "y"], b: { c: [1] } };
    expect(matches(pattern, { a: "y", b: { c: 1 }, more: true })).toBe(true);
    expect(matches(pattern, { a: "y", b: { c: 2 } })).toBe(false);
    expect(matches(pattern, { a: "z", b: { c: 1 } })).toBe(false);
  });

  test("names are whole: a dot in a name is not a step", () => {
    expect(matches({ "a.b": [1] }, { a: { b: 1 } })).toBe(false);
    expect(matches({ a: { b: [1] } }, { "a.b": 1 })).toBe(false);
  });

  test("fields of an array match together only within one element", () => {
    const pattern = { records: { name: ["a"], size: [2] } };
    expect(
      matches(pattern, {
        records: [
          { name: "a", size: 1 },
          { name: "b", size: 2 },
        ],
      }),
    ).toBe(false);
    expect(
      matches(pattern, {
        records: [
          { name: "b", size: 1 },
          { name: "a", size: 2 },
        ],
      }),
    ).toBe(true);
    expect(matches(pattern, { records: [{ name: "a", size: [1, 2] }] })).toBe(true);
  });

  test("$or matches when one of its sides does, beside the fields around it, at any depth", () => {
    const pattern = { s: ["x"], d: { $or: [{ a: [1] }, { b: [2], c: [3] }], e: [4] } };
    expect(matches(pattern, { s: "x", d: { a: 1, e: 4 } })).toBe(true);
    expect(matches(pattern, { s: "x", d: { b: 2, c: 3, e: 4 } })).toBe(true);
    expect(matches(pattern, { s: "x", d: { b: 2, e: 4 } })).toBe(false);
    expect(matches(pattern, { s: "x", d: { a: 1 } })).toBe(false);
    expect(matches(pattern, { s: "y", d: { a: 1, e: 4 } })).toBe(false);
  });

  test("S3's message body, with its arrays, by key prefix", () => {
    const pattern = {
      Records: { eventName: [{ prefix: "ObjectCreated:" }], s3: { object: { key: [{ prefix: "in/" }] } } },
    };
    const record = (eventName: string, key: string) => ({ Records: [{ eventName, s3: { object: { key } } }] });
    expect(matches(pattern, record("ObjectCreated:Put", "in/a.csv"))).toBe(true);
    expect(matches(pattern, record("ObjectCreated:Put", "out/a.csv"))).toBe(false);
    expect(matches(pattern, record("ObjectRemoved:Delete", "in/a.csv"))).toBe(false);
  });

  test.each<unknown>([
    null,
    [],
    {},
    { a: "x" },
    { a: [] },
    { a: {} },
    { a: [[1]] },
    { a: [{ prefix: "x", suffix: "y" }] },
    { a: [{ Prefix: "x" }] },
    { a: [{ toString: "x" }] },
    { a: [{ prefix: 1 }] },
    { a: [{ suffix: [".x"] }] },
    { a: [{ exists: "true" }] },
    { a: [{ wildcard: "a**b" }] },
    { a: [{ wildcard: String.raw`a\b` }] },
    { a: [{ "anything-but": null }] },
    { a: [{ "anything-but": [] }] },
    { a: [{ "anything-but": [1, "x"] }] },
    { a: [{ "anything-but": { prefix: "" } }] },
    { a: [{ "anything-but": { numeric: ["=", 1] } }] },
    { a: [{ numeric: [] }] },
    { a: [{ numeric: [">", 0, ">", 1] }] },
    { a: [{ numeric: ["<", 0, ">", 1] }] },
    { a: [{ numeric: [">", 5, "<", 5] }] },
    { a: [{ numeric: ["!=", 5] }] },
    { a: [{ numeric: ["=", "5"] }] },
    { a: [{ numeric: ["=", 5_000_000_001] }] },
    { a: [{ cidr: "10.0.0.0" }] },
    { a: [{ cidr: "10.0.0.0/33" }] },
    { $or: [{ a: [1] }] },
    { $or: [{ a: [1] }, "b"] },
  ])("is refused: %j", (pattern) => {
    expect(() => compilePattern(pattern)).toThrow(PatternError);
  });
});

/** Small alphabets, so that patterns and events often meet. */
const scalar = fc.constantFrom<unknown>("a", "b", "ab", 1, 2, null, true);
const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }));
const event = fc.dictionary(
  fc.constantFrom("x", "y"),
  fc.oneof(value, fc.dictionary(fc.constantFrom("p", "q"), value)),
);
const operator = fc.oneof(
  scalar,
  fc.constantFrom("a", "b", "").map((prefix) => ({ prefix })),
  fc.constantFrom("a", "b").map((suffix) => ({ suffix })),
  fc.constantFrom("a", "ab").map((text) => ({ "anything-but": text })),
  fc.constantFrom(0, 1).map((bound) => ({ numeric: [">", bound] })),
  fc.boolean().map((exists) => ({ exists })),
);
const leaf = fc.array(operator, { minLength: 1, maxLength: 2 });
const level = fc.oneof(leaf, fc.dictionary(fc.constantFrom("p", "q"), leaf, { minKeys: 1 }));
const pattern = fc.dictionary(fc.constantFrom("x", "y"), level, { minKeys: 1 });

/** The rule as the documentation tells it: for each field the values found there, and does one alternative take one. */
function naive(node: unknown, here: unknown): boolean {
  if (Array.isArray(node)) {
    const values = (Array.isArray(here) ? here : [here]).filter((item) => item !== undefined && !isObject(item));
    return node.some((alternative) => {
      if (isObject(alternative) && alternative["exists"] === false) return values.length === 0;
      return values.some((item) => accepts(alternative, item));
    });
  }
  return Object.entries(node as object).every(([key, below]) => naive(below, isObject(here) ? here[key] : undefined));
}

function accepts(alternative: unknown, item: unknown): boolean {
  if (!isObject(alternative)) return alternative === item;
  const text = typeof item === "string" ? item : undefined;
  if ("prefix" in alternative) return text?.startsWith(String(alternative["prefix"])) ?? false;
  if ("suffix" in alternative) return text?.endsWith(String(alternative["suffix"])) ?? false;
  if ("anything-but" in alternative) return item !== alternative["anything-but"];
  if ("exists" in alternative) return true;
  return typeof item === "number" && item > Number((alternative["numeric"] as unknown[])[1]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

test("agrees with the rule as documented", () => {
  fc.assert(
    fc.property(pattern, event, (somePattern, someEvent) => {
      expect(matches(somePattern, someEvent)).toBe(naive(somePattern, someEvent));
    }),
    { numRuns: 2_000 },
  );
});
