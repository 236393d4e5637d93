import type { Lookup } from "./catalog.ts";
import { notSupported, TrinoError } from "./errors.ts";
import { translateExpression } from "./expressions.ts";
import { startTranslation } from "./query.ts";
import type { Scan } from "./query.ts";
import { parseQuery } from "./query-parser.ts";
import { MARK, withScans } from "./scan-mark.ts";
import { Scope } from "./scope.ts";
import type { Typed } from "./scope.ts";
import type { Type } from "./types.ts";

export type { Scan } from "./query.ts";

export interface TranslationOptions {
  readonly lookup: Lookup;
  /** The database of table names that name none. */
  readonly database?: string | undefined;
  /** When the query began: `current_timestamp`. */
  readonly now: Date;
  /** The values of `?`, as literals: `'text'`, `42`, `DATE '2026-11-24'`. */
  readonly parameters?: readonly string[];
}

export interface Translation {
  /**
   * For DuckDB with `MACROS` and `SETTINGS`. `relation` gives what to read for a scan: a name or a SELECT in parentheses,
   * with the scan's `columns` by their names.
   */
  readonly sql: (relation: (scan: number) => string) => string;
  /** The result's columns, by Trino's names and types. */
  readonly columns: readonly { name: string; type: Type }[];
  readonly scans: readonly Scan[];
}

/**
 * Translates one Trino query (as Athena engine 3 reads it) to DuckDB's SQL.
 * @throws TrinoError for what Trino refuses, and (`NOT_SUPPORTED`) for what has no equal here: never a guess.
 * @throws TableNeeded when `lookup` does not know yet about a table.
 */
export function translateQuery(sql: string, options: TranslationOptions): Translation {
  if (sql.includes(MARK)) throw notSupported(`The character U+F8FF in a statement`);
  const parameters = (options.parameters ?? []).map((text) => parameterValue(text, options));
  const { translator, scans } = startTranslation({ ...options, database: options.database, parameters });
  const { sql: translated, columns } = translator.query(parseQuery(sql), undefined);
  return {
    sql: (relation) => withScans(translated, relation),
    columns: columns.map(({ name, type }, at) => ({ name: name?.toLowerCase() ?? `_col${at}`, type })),
    scans,
  };
}

/** An execution parameter is an expression without columns. */
function parameterValue(text: string, options: TranslationOptions): Typed {
  const query = parseQuery(`SELECT ${text}`);
  const [item] = query.body.kind === "select" ? query.body.items : [];
  if (item?.kind !== "expression") throw new TrinoError("INVALID_PARAMETER_USAGE", `Not a value: ${text}`);
  const { translator } = startTranslation({ ...options, database: undefined, parameters: [] });
  return translateExpression(item.expression, translator.context(new Scope([])));
}
