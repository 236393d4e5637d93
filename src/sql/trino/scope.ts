import type { Name } from "./ast.ts";
import { TrinoError } from "./errors.ts";
import type { Position } from "./errors.ts";
import type { Type } from "./types.ts";

/** An expression in DuckDB's SQL together with its Trino type. */
export interface Typed {
  readonly sql: string;
  readonly type: Type;
  /** The value of a literal, as text; a NULL literal has `null`. */
  readonly literal?: string | null;
  /** The table column that it is, unchanged: what a filter on it may prune. */
  readonly origin?: Origin;
  /** The query's `?` that it is. */
  readonly parameter?: number;
}

export interface Origin {
  /** The scan, by its index in the translation's `scans`. */
  readonly scan: number;
  readonly column: string;
}

/** A column that a query can see. */
export interface Field {
  /** What may stand before the column's name: `[catalog, database, table]`, `[alias]`, or nothing. */
  readonly qualifier: readonly string[];
  readonly name: string | undefined;
  readonly value: Typed;
  /** The table column whose reading this field is. */
  readonly reads?: Origin;
  /** Seen by name only, not by `*`: `"$path"`. */
  readonly hidden?: boolean;
}

/** The columns that names resolve to; a correlated subquery also sees those outside. */
export class Scope {
  readonly fields: readonly Field[];
  readonly #outer: Scope | undefined;
  readonly #onUse: ((field: Field) => void) | undefined;

  constructor(fields: readonly Field[], outer?: Scope, onUse?: (field: Field) => void) {
    this.fields = fields;
    this.#outer = outer;
    this.#onUse = onUse;
  }

  /**
   * The column of a name, and the parts of the name that are left (fields of a row). The longest column name wins:
   * `a.b` is column `b` of table `a` before it is field `b` of column `a`.
   */
  resolve(parts: readonly Name[]): { value: Typed; rest: readonly Name[] } {
    const [first] = parts;
    for (let length = parts.length; length > 0; length--) {
      const found = this.#find(parts.slice(0, length));
      if (found) return { value: found, rest: parts.slice(length) };
    }
    const text = parts.map((part) => part.text).join(".");
    throw new TrinoError("COLUMN_NOT_FOUND", `Column '${text}' cannot be resolved`, first?.position);
  }

  /** The fields that `qualifier.*` stands for. */
  all(qualifier: readonly Name[], position: Position): Field[] {
    const names = qualifier.map((part) => part.text);
    const fields = this.fields.filter((field) => !field.hidden && matches(field.qualifier, names));
    if (fields.length > 0) {
      for (const field of fields) this.#onUse?.(field);
      return fields;
    }
    if (names.length === 0)
      throw new TrinoError("COLUMN_NOT_FOUND", "SELECT * not allowed in queries without FROM clause", position);
    throw new TrinoError("TABLE_NOT_FOUND", `Unable to resolve reference ${names.join(".")}`, position);
  }

  #find(parts: readonly Name[]): Typed | undefined {
    const names = parts.map((part) => part.text);
    const name = names.at(-1) ?? "";
    const qualifier = names.slice(0, -1);
    const found = this.fields.filter((field) => same(field.name, name) && matches(field.qualifier, qualifier));
    if (found.length > 1) {
      throw new TrinoError("AMBIGUOUS_NAME", `Column '${names.join(".")}' is ambiguous`, parts[0]?.position);
    }
    const [field] = found;
    if (field) {
      this.#onUse?.(field);
      return field.value;
    }
    return this.#outer ? this.#outer.#find(parts) : undefined;
  }
}

/** Does the field's qualifier end with the written one? */
function matches(qualifier: readonly string[], written: readonly string[]): boolean {
  if (written.length > qualifier.length) return false;
  const end = qualifier.slice(qualifier.length - written.length);
  return written.every((part, at) => same(end[at], part));
}

function same(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && a.toLowerCase() === b?.toLowerCase();
}
