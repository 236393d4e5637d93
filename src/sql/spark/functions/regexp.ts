import { SparkSqlError } from "../errors.ts";
import { argument, BOOLEAN, INT, STRING } from "../function-table.ts";
import type { Call, SparkFunction } from "../function-table.ts";
import { duckdbText } from "../literals.ts";
import type { Operand } from "../operand.ts";
import { countGroups, translateRegex } from "../regex.ts";
import type { RegexUse } from "../regex.ts";

/** Regular expressions. Patterns are written in the SQL, so that they can be translated. */
export const REGEXP_FUNCTIONS: readonly SparkFunction[] = [
  {
    names: ["regexp_like", "regexp", "rlike"],
    parameters: ["string", "text-literal"],
    translate: (call) => ({
      type: BOOLEAN,
      duckdb: `regexp_matches(${argument(call, 0).duckdb}, ${pattern(call, "test")})`,
    }),
  },
  {
    names: ["regexp_extract"],
    parameters: ["string", "text-literal", "int-literal"],
    optional: 1,
    translate: (call) => ({
      type: STRING,
      duckdb: `regexp_extract(${argument(call, 0).duckdb}, ${pattern(call, "find")}, ${group(call)})`,
    }),
  },
  {
    names: ["regexp_extract_all"],
    parameters: ["string", "text-literal", "int-literal"],
    optional: 1,
    translate: (call) => ({
      type: { kind: "array", element: STRING },
      // A group that took no part in a match is the empty text in Java, NULL in DuckDB.
      duckdb: `list_transform(regexp_extract_all(${argument(call, 0).duckdb}, ${pattern(call, "find")}, ${group(call)}), lambda __m: coalesce(__m, ''))`,
    }),
  },
  {
    names: ["regexp_replace"],
    parameters: ["string", "text-literal", "text-literal"],
    translate: (call) => ({
      type: STRING,
      duckdb: `regexp_replace(${argument(call, 0).duckdb}, ${pattern(call, "find")}, ${replacement(call)}, 'g')`,
    }),
  },
  {
    names: ["regexp_count"],
    parameters: ["string", "text-literal"],
    translate: (call) => ({
      type: INT,
      duckdb: `CAST(len(regexp_extract_all(${argument(call, 0).duckdb}, ${pattern(call, "find")})) AS INTEGER)`,
      range: { low: 0n, high: 2n ** 31n - 1n },
    }),
  },
  {
    names: ["regexp_substr"],
    parameters: ["string", "text-literal"],
    // What it matches is never empty, so the empty text means no match.
    translate: (call) => ({
      type: STRING,
      duckdb: `nullif(regexp_extract(${argument(call, 0).duckdb}, ${pattern(call, "find")}), '')`,
    }),
  },
  {
    names: ["split"],
    parameters: ["string", "text-literal"],
    translate: (call) => ({
      type: { kind: "array", element: STRING },
      duckdb: `string_split_regex(${argument(call, 0).duckdb}, ${pattern(call, "split")})`,
    }),
  },
];

function pattern(call: Call, use: RegexUse): string {
  const operand = argument(call, 1);
  return duckdbText(translateRegex(text(operand), operand, use));
}

function group(call: Call): string {
  const operand = call.operands[2];
  const wanted = operand === undefined ? 1n : operand.constant;
  const groups = countGroups(text(argument(call, 1)));
  if (typeof wanted !== "bigint" || wanted < 0n || wanted > BigInt(groups)) {
    throw new SparkSqlError(
      `the regular expression has ${groups} group${groups === 1 ? "" : "s"}, and ${call.name} asks for group ${String(wanted)}`,
      operand ?? call,
      "write 0 as the third argument for the whole match",
    );
  }
  return String(wanted);
}

/** Java writes groups as $1 and escapes with a backslash, RE2 writes them as \1. */
function replacement(call: Call): string {
  const operand = argument(call, 2);
  const groups = countGroups(text(argument(call, 1)));
  const characters = [...text(operand)];
  let result = "";
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? "";
    if (character === "\\") {
      at += 1;
      const next = characters[at];
      if (next === undefined) throw new SparkSqlError("the replacement ends in a backslash", operand);
      result += next === "\\" ? "\\\\" : next;
    } else if (character === "$") {
      const digits = /^\d+/.exec(characters.slice(at + 1).join(""))?.[0] ?? "";
      if (digits.length !== 1 || Number(digits) > groups) {
        throw new SparkSqlError(
          `"$${digits}" in the replacement is not one of the ${groups} groups`,
          operand,
          "write \\\\$ for the character",
        );
      }
      result += `\\${digits}`;
      at += 1;
    } else {
      result += character;
    }
  }
  return duckdbText(result);
}

function text(operand: Operand): string {
  return typeof operand.constant === "string" ? operand.constant : "";
}
