import { expect, test } from "vitest";
import { globPattern } from "./globs.ts";

/** The examples of the developer guide, and what they leave open. */
test.each([
  ["*.csv", "a.csv", true],
  ["*.csv", "folder/a.csv", false],
  ["*.*", "a.b", true],
  ["*.{csv,avro}", "a.avro", true],
  ["*.{csv,avro}", "a.json", false],
  ["foo.?", "foo.x", true],
  ["foo.?", "foo.xy", false],
  ["myfolder/*", "myfolder/mydata", true],
  ["myfolder/*", "myfolder/myfolder2/mydata", false],
  ["myfolder/*/*", "myfolder/myfolder2/mydata", true],
  ["myfolder/**", "myfolder/myfolder2/mydata", true],
  ["myfolder/**", "other/mydata", false],
  ["**.csv", "a/b/c.csv", true],
  ["**/_*", "a/b/_SUCCESS", true],
  ["**/_*", "a/b/c_d", false],
  ["[a-c]x", "bx", true],
  ["[!a-c]x", "bx", false],
  ["[!a-c]x", "dx", true],
  [String.raw`a\*b`, "a*b", true],
  [String.raw`a\*b`, "axb", false],
  ["a,b", "a,b", true],
  [".hidden", "xhidden", false],
])("%s and %s: %s", (glob, path, excluded) => {
  expect(globPattern(glob).test(path)).toBe(excluded);
});
