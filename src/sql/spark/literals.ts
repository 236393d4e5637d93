/** How texts and names are written in each engine's SQL. */

/** The same SQL for each engine. */
export interface SqlPair {
  readonly spark: string;
  readonly duckdb: string;
}

/** A Spark string literal: backslash escapes, so backslash and quote are escaped; everything else stands as it is. */
export function sparkText(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** A DuckDB string literal: no escapes but the doubled quote. */
export function duckdbText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function textLiteral(text: string): SqlPair {
  return { spark: sparkText(text), duckdb: duckdbText(text) };
}

/** A column or field name, quoted: names from files may hold anything. */
export function quoteName(name: string): SqlPair {
  return { spark: `\`${name.replaceAll("`", "``")}\``, duckdb: `"${name.replaceAll('"', '""')}"` };
}
