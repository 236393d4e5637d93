import type { Expression, SortItem } from "./ast.ts";
import { cast, coerce, unify } from "./coerce.ts";
import { TrinoError } from "./errors.ts";
import type { Position } from "./errors.ts";
import type { Typed } from "./scope.ts";
import * as t from "./types.ts";
import type { Type } from "./types.ts";

/** ORDER BY's items; `resolve` may know better what an item stands for (an output column). */
export function sortSql(items: readonly SortItem[], translate: (key: Expression) => Typed): string {
  return items
    .map(({ key, descending, nullsFirst }) => {
      const direction = descending ? " DESC" : "";
      return `${translate(key).sql}${direction} NULLS ${nullsFirst ? "FIRST" : "LAST"}`;
    })
    .join(", ");
}

export function mismatch(operator: string, a: Type, b: Type): string {
  return `Cannot apply operator: ${t.typeText(a)} ${operator} ${t.typeText(b)}`;
}

export function textLiteral(text: string): Typed {
  return { sql: quoted(text), type: { kind: "varchar", length: text.length }, literal: text };
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A condition must be boolean; Trino never takes anything else for one. */
export function condition(value: Typed, position: Position): Typed {
  if (value.type.kind === "boolean" || value.type.kind === "unknown") return coerce(value, t.BOOLEAN);
  throw new TrinoError(
    "TYPE_MISMATCH",
    `Expression must evaluate to a boolean: actual type ${t.typeText(value.type)}`,
    position,
  );
}

export function concatenate(left: Typed, right: Typed, position: Position): Typed {
  const { type: a } = left;
  const { type: b } = right;
  if (a.kind === "array" || b.kind === "array") {
    const both = [left, right].map((value) =>
      value.type.kind === "array" || value.type.kind === "unknown"
        ? value
        : { sql: `[${value.sql}]`, type: t.array(value.type) },
    );
    const { values, type } = unify(both, position, (x, y) => mismatch("||", x, y));
    return { sql: `(${values.map((value) => value.sql).join(" || ")})`, type };
  }
  const textual = (type: Type) => t.isText(type) || type.kind === "unknown";
  if ((textual(a) && textual(b)) || (a.kind === "varbinary" && b.kind === "varbinary")) {
    const type = a.kind === "varbinary" ? a : t.VARCHAR;
    return { sql: `(${cast(left, type, position).sql} || ${cast(right, type, position).sql})`, type };
  }
  throw new TrinoError(
    "FUNCTION_NOT_FOUND",
    `Unexpected parameters (${t.typeText(a)}, ${t.typeText(b)}) for function concat. Expected: concat(varchar, varchar), concat(array(E), array(E))`,
    position,
  );
}
