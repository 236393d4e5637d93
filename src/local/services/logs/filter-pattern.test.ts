import { expect, test } from "vitest";
import { AwsError } from "../../service.ts";
import { compileFilterPattern } from "./filter-pattern.ts";

const json = (value: unknown) => JSON.stringify(value);

test.each<[pattern: string, matching: string[], others: string[]]>([
  ["", ["anything"], []],
  ["ERROR", ["an ERROR here"], ["an error here"]],
  ["ERROR timeout", ["timeout: ERROR"], ["ERROR", "timeout"]],
  ['"two words"', ["these two words"], ["two  words"]],
  ["ERROR -ignored", ["ERROR x"], ["ERROR ignored"]],
  ["?WARN ?ERROR", ["WARN", "ERROR"], ["INFO"]],
  [String.raw`%^took \d+ ms$%`, ["took 12 ms"], ["it took 12 ms"]],
  ['{ $.level = "error" }', [json({ level: "error" })], [json({ level: "info" }), "level error", "{}"]],
  ["{ $.level = err* }", [json({ level: "error" })], [json({ level: "info" })]],
  [
    "{ $.ms > 100 && $.ok IS FALSE }",
    [json({ ms: 101, ok: false })],
    [json({ ms: 101, ok: true }), json({ ms: 9, ok: false })],
  ],
  ["{ ($.a = 1 || $.b = 2) && $.c = 3 }", [json({ b: 2, c: 3 })], [json({ a: 1 }), json({ c: 3 })]],
  ["{ $.a.b[1].c != 5 }", [json({ a: { b: [{}, { c: 6 }] } })], [json({ a: { b: [{}, { c: 5 }] } }), "{}"]],
  ["{ $.list[*] = x }", [json({ list: ["a", "x"] })], [json({ list: ["a"] })]],
  ["{ $.gone NOT EXISTS }", ["{}"], [json({ gone: null })]],
  ["{ $.none IS NULL }", [json({ none: null })], ["{}"]],
  ["{ $['odd name'] = %^a.c$% }", [json({ "odd name": "abc" })], [json({ "odd name": "ab" })]],
])("%s", (pattern, matching, others) => {
  const matches = compileFilterPattern(pattern);
  for (const message of matching) expect([message, matches(message)]).toEqual([message, true]);
  for (const message of others) expect([message, matches(message)]).toEqual([message, false]);
});

test.each([
  "{ level = 1 }",
  "{ $.a ~ 1 }",
  "{ $.a > x }",
  "{ $.a = 1",
  "{ $.a = 1 } x",
  '"open',
  "%(%",
  "{ $.a IS MAYBE }",
  "[ip, user]",
])("%s is refused", (pattern) => {
  expect(() => compileFilterPattern(pattern)).toThrow(AwsError);
});
