import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { escapePathName, NULL_PARTITION, partitionPath, unescapePathName } from "./partition-path.ts";
import vectors from "./partition-path.vectors.json" with { type: "json" };

describe("partition paths are Hive's, as Spark writes them", () => {
  test.each(vectors.escape as [string, string][])("%j is written %j", (text, escaped) => {
    expect(escapePathName(text)).toBe(escaped);
    expect(unescapePathName(escaped)).toBe(text);
  });

  test.each(vectors.path)("$path", ({ columns, values, path }) => {
    expect(partitionPath(columns, values)).toBe(path);
  });

  test("any text comes back, and is one directory", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const escaped = escapePathName(text);
        return unescapePathName(escaped) === text && !/[/=]/.test(escaped);
      }),
    );
  });

  test("NULL and the empty text share the one directory that stands for none", () => {
    expect(partitionPath(["a"], [null])).toBe(`a=${NULL_PARTITION}/`);
    expect(partitionPath(["a"], [""])).toBe(`a=${NULL_PARTITION}/`);
  });
});
