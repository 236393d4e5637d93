/**
 * The one encoder of partition paths. Both engines must give the same key for the same value, so neither engine's own
 * partitioned writer decides it. The rules are Hive's as Spark applies them: ExternalCatalogUtils.escapePathName,
 * https://github.com/apache/spark/blob/v4.1.1/sql/catalyst/src/main/scala/org/apache/spark/sql/catalyst/catalog/ExternalCatalogUtils.scala
 * Test vectors: partition-path.vectors.json, which the Glue script's encoder is tested against too.
 */

/** What stands for NULL, and for the empty text, which no path can hold. */
export const NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__";

// oxlint-disable-next-line no-control-regex -- control characters are what is escaped
const ESCAPED = /[\u0001-\u001f"#%'*/:=?\\\u007f{[\]^]/g;

/** One directory name part: `a:b` becomes `a%3Ab`. */
export function escapePathName(text: string): string {
  return text.replace(
    ESCAPED,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** The inverse: Hive unescapes any `%XX`. */
export function unescapePathName(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/**
 * The directory of a row: `year=2001/origin=A%2FB/`. Values are texts already (dates as `2001-01-31`, numbers in
 * decimal digits, booleans `true` and `false`), null for NULL. Empty without partition columns.
 */
export function partitionPath(columns: readonly string[], values: readonly (string | null)[]): string {
  return columns
    .map((column, index) => {
      const value = values[index] ?? null;
      const directory = value === null || value === "" ? NULL_PARTITION : escapePathName(value);
      return `${escapePathName(column)}=${directory}/`;
    })
    .join("");
}
