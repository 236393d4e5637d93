import { duckdbText, sparkText } from "./literals.ts";
import type { SqlPair } from "./literals.ts";

/** The whole of `text` matches `pattern`, which both regular expression engines must read alike. */
export function wholeMatch(text: SqlPair, pattern: string): SqlPair {
  return {
    // Java's `$` also matches before a final line break; `\z` does not.
    spark: `(${text.spark} RLIKE ${sparkText(`\\A(?:${pattern})\\z`)})`,
    duckdb: `regexp_full_match(${text.duckdb}, ${duckdbText(pattern)})`,
  };
}
