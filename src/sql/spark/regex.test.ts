import { describe, expect, test } from "vitest";
import { SparkSqlError } from "./errors.ts";
import { countGroups, translateRegex } from "./regex.ts";
import type { RegexUse } from "./regex.ts";

const SPAN = { start: 0, end: 0 };

function refusal(pattern: string, use: RegexUse = "find"): string {
  try {
    return `translated: ${translateRegex(pattern, SPAN, use)}`;
  } catch (error) {
    if (!(error instanceof SparkSqlError)) throw error;
    return error.message.replace(`in the regular expression "${pattern}": `, "");
  }
}

describe("a pattern that Java and RE2 read alike is translated", () => {
  test.each([
    ["a.b", "a[^\\n\\r\\x{85}\\x{2028}\\x{2029}]b"],
    ["(?s)a.b", "a(?s:.)b"],
    ["\\s+", "[ \\t\\n\\x0B\\f\\r]+"],
    ["[\\w.-]+", "[A-Za-z0-9_\\x{2e}\\x{2d}]+"],
    ["(?i)ab[x-z]", "[aA][bB][x-zX-Z]"],
    ["(a|b)?c{2,3}?", "(a|b)?c{2,3}?"],
    ["^a", "\\Aa"],
    ["\\$\\u0041\\x42", "\\x{24}AB"],
  ])("%s", (pattern, regex) => {
    expect(translateRegex(pattern, SPAN, "find")).toBe(regex);
  });

  test("$ also matches before a last line break, which only a test can say", () => {
    expect(translateRegex("a$", SPAN, "test")).toBe("a(?:\\r\\n|[\\n\\r\\x{85}\\x{2028}\\x{2029}])?\\z");
    expect(refusal("a$")).toBe("$ also matches before a final line break");
  });
});

describe("what RE2 lacks, or reads in another way, is refused by name", () => {
  test.each([
    ["(?=a)b", "look-ahead and look-behind are not supported"],
    ["(?<name>a)", "(?<…) is not supported"],
    ["(a)\\1", "\\1 is not supported"],
    ["a++", "possessive quantifiers are not supported"],
    ["\\bword", "\\b is not supported"],
    ["[a&&[b]]", "&& in a class is not supported"],
    ["[[a]]", "a class within a class is not supported"],
    ["(a*)*b", "a repeated part can match the empty text"],
    ["a*", "the pattern can match the empty text"],
    ["(?m)^a", "the flag (?m) is not supported"],
    ["a{2000}", "{2000} repeats more than 1000 times"],
    ["(a", '"(" is not closed'],
    ["a)", '")" closes nothing'],
    ["[z-a]", "the range z-a is backwards"],
    ["\\p{L}", "\\p is not supported"],
    ["a**", "one quantifier follows another"],
  ])("%s", (pattern, message) => {
    expect(refusal(pattern)).toBe(message);
  });

  test("an anchor at the start is no separator", () => {
    expect(refusal("^a|b", "split")).toBe("the start of the text separates nothing");
  });
});

test("groups are counted as Java counts them", () => {
  expect(countGroups("(a)(?:b)[(]\\((c(d))")).toBe(3);
});
