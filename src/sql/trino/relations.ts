import type { Alias, Expression, Name, Relation } from "./ast.ts";
import { coerce, unify } from "./coerce.ts";
import { notSupported, TrinoError } from "./errors.ts";
import type { Position } from "./errors.ts";
import { condition, mismatch, quoted } from "./clauses.ts";
import { translateExpression } from "./expressions.ts";
import type { ExpressionContext } from "./context.ts";
import { prune } from "./pruning.ts";
import { scanMark } from "./scan-mark.ts";
import type { QueryTranslator, Translated } from "./query.ts";
import { Scope } from "./scope.ts";
import type { Field, Typed } from "./scope.ts";
import * as t from "./types.ts";

/** A FROM item in DuckDB's SQL, and the columns that it gives. */
export interface TranslatedRelation {
  readonly sql: string;
  readonly fields: readonly Field[];
}

/** Translates FROM. `outer` is what a correlated subquery's relations can see. */
export function translateRelation(
  relation: Relation,
  query: QueryTranslator,
  outer: Scope | undefined,
): TranslatedRelation {
  switch (relation.kind) {
    case "named":
      return named(relation, query);
    case "derived":
      return derived(
        query.query(relation.query, relation.lateral ? outer : query.correlation),
        relation.alias,
        query,
        relation.position,
        relation.lateral,
      );
    case "unnest":
      return unnest(relation, query, outer);
    case "join":
      return join(relation, query, outer);
    case "sample": {
      const sampled = translateRelation(relation.relation, query, outer);
      const percentage = translateExpression(relation.percentage, query.context(new Scope([]))).literal;
      if (typeof percentage !== "string")
        throw notSupported("TABLESAMPLE with anything but a number", relation.position);
      return {
        ...sampled,
        sql: `(SELECT * FROM ${sampled.sql} TABLESAMPLE ${relation.method} (${percentage} PERCENT))`,
      };
    }
  }
}

function named(relation: Extract<Relation, { kind: "named" }>, query: QueryTranslator): TranslatedRelation {
  const { name, alias, position } = relation;
  const [only] = name;
  const common = name.length === 1 && only ? query.commonTable(only.text) : undefined;
  if (common) {
    const id = query.relationName();
    const columns = common.columns.map((column, at) => ({
      name: column.name,
      value: { sql: `${id}.c${at}`, type: column.type, origin: column.origin },
    }));
    return { sql: `${common.sql} AS ${id}`, fields: fieldsOf(columns, [only?.text ?? ""], alias, position) };
  }
  const entry = query.lookup(name);
  if (entry.kind === "view") {
    const translated = query.view(entry);
    return derived(
      translated,
      alias ?? { name: { text: entry.name[2], position }, columns: undefined },
      query,
      position,
      false,
      entry.name,
    );
  }
  const id = query.relationName();
  if (entry.kind === "rows") {
    const sql = rowsSql(
      entry.columns.map((column) => column.type),
      entry.rows,
    );
    const columns = entry.columns.map((column, at) => ({
      name: column.name,
      value: { sql: `${id}.c${at}`, type: column.type },
    }));
    return { sql: `(${sql}) AS ${id}`, fields: fieldsOf(columns, entry.name, alias, position) };
  }
  const scan = query.addScan(entry);
  const columns = entry.columns.map((column) => ({
    name: column.name,
    hidden: column.hidden ?? false,
    reads: { scan, column: column.name },
    value: {
      sql: `${id}."${column.name.replaceAll('"', '""')}"`,
      type: column.type,
      origin: { scan, column: column.name },
    },
  }));
  return { sql: `${scanMark(scan)} AS ${id}`, fields: fieldsOf(columns, entry.name, alias, position) };
}

function rowsSql(types: readonly t.Type[], rows: readonly (readonly (string | number | null)[])[]): string {
  const value = (cell: string | number | null) =>
    cell === null ? "NULL" : typeof cell === "number" ? String(cell) : quoted(cell);
  const columns = types.map((type, at) => `CAST(v${at} AS ${t.duckdbType(type)}) AS c${at}`).join(", ");
  const names = types.map((_type, at) => `v${at}`).join(", ");
  const list = rows.map((row) => `(${row.map(value).join(", ")})`).join(", ");
  const source = rows.length > 0 ? `(VALUES ${list})` : `(SELECT ${types.map(() => "NULL").join(", ")} WHERE false)`;
  return `SELECT ${columns} FROM ${source} AS v(${names})`;
}

function derived(
  translated: Translated,
  alias: Alias | undefined,
  query: QueryTranslator,
  position: Position,
  lateral: boolean,
  qualifier: readonly string[] = [],
): TranslatedRelation {
  const id = query.relationName();
  const columns = translated.columns.map((column, at) => ({
    name: column.name,
    value: { sql: `${id}.c${at}`, type: column.type, origin: column.origin },
  }));
  return {
    sql: `${lateral ? "LATERAL " : ""}(${translated.sql}) AS ${id}`,
    fields: fieldsOf(columns, qualifier, alias, position),
  };
}

function fieldsOf(
  columns: readonly Pick<Field, "name" | "value" | "hidden" | "reads">[],
  qualifier: readonly string[],
  alias: Alias | undefined,
  position: Position,
): Field[] {
  const visible = columns.filter((column) => !column.hidden).length;
  if (alias?.columns && alias.columns.length !== visible) {
    throw new TrinoError(
      "MISMATCHED_COLUMN_ALIASES",
      `Column alias list has ${alias.columns.length} entries but '${alias.name.text}' has ${visible} columns available`,
      position,
    );
  }
  return columns.map((column, at) => ({
    qualifier: alias ? [alias.name.text] : qualifier,
    name: alias?.columns?.[at]?.text ?? column.name,
    value: column.value,
    hidden: column.hidden ?? false,
    ...(column.reads && { reads: column.reads }),
  }));
}

/** Arrays become rows side by side, shorter ones with NULLs; maps give two columns, arrays of rows one for each field. */
function unnest(
  relation: Extract<Relation, { kind: "unnest" }>,
  query: QueryTranslator,
  outer: Scope | undefined,
): TranslatedRelation {
  const { position } = relation;
  const context = query.context(outer ?? new Scope([]));
  const lists: string[] = [];
  const outputs: { sql: string; type: t.Type }[] = [];
  for (const expression of relation.arrays) {
    const value = translateExpression(expression, context);
    const item = `u.s${lists.length}`;
    if (value.type.kind === "array") {
      lists.push(value.sql);
      const { element } = value.type;
      if (element.kind === "row") {
        outputs.push(
          ...element.fields.map((field, at) => ({ sql: `${item}."${t.fieldKey(field, at)}"`, type: field.type })),
        );
      } else {
        outputs.push({ sql: item, type: element });
      }
    } else if (value.type.kind === "map") {
      lists.push(`map_keys(${value.sql})`, `map_values(${value.sql})`);
      outputs.push({ sql: item, type: value.type.key }, { sql: `u.s${lists.length - 1}`, type: value.type.value });
    } else {
      throw new TrinoError("INVALID_FUNCTION_ARGUMENT", `Cannot unnest type: ${t.typeText(value.type)}`, position);
    }
  }
  if (relation.ordinality) {
    outputs.push({ sql: `u.s${lists.length}`, type: t.BIGINT });
    const length = lists.map((list) => `coalesce(len(${list}), 0)`);
    lists.push(`range(1, greatest(${length.join(", ")}) + 1)`);
  }
  const id = query.relationName();
  const inner = `SELECT ${lists.map((list, at) => `unnest(${list}) AS s${at}`).join(", ")}`;
  const sql = `LATERAL (SELECT ${outputs.map((output, at) => `${output.sql} AS c${at}`).join(", ")} FROM (${inner}) AS u) AS ${id}`;
  const columns = outputs.map((output, at) => ({ name: undefined, value: { sql: `${id}.c${at}`, type: output.type } }));
  return { sql, fields: fieldsOf(columns, [], relation.alias, position) };
}

function join(
  relation: Extract<Relation, { kind: "join" }>,
  query: QueryTranslator,
  outer: Scope | undefined,
): TranslatedRelation {
  const { type, position } = relation;
  const left = translateRelation(relation.left, query, outer);
  // What stands right of a join may look left: UNNEST and LATERAL do.
  const right = translateRelation(relation.right, query, query.scope(left.fields, outer));
  const both = [...left.fields, ...right.fields];
  if (type === "CROSS") return { sql: `${left.sql} CROSS JOIN ${right.sql}`, fields: both };
  const keyword = type === "INNER" ? "JOIN" : `${type} JOIN`;
  const fields = [
    ...(type === "RIGHT" || type === "FULL" ? left.fields.map(nullable) : left.fields),
    ...(type === "LEFT" || type === "FULL" ? right.fields.map(nullable) : right.fields),
  ];
  const joined = (on: string) => `(${left.sql} ${keyword} ${right.sql} ON ${on})`;
  if (relation.using) {
    const merged = using(relation.using, left.fields, right.fields, relation, query);
    return {
      sql: joined(merged.on),
      fields: [...merged.fields, ...fields.filter((field) => !merged.names.has(field.name ?? ""))],
    };
  }
  if (!relation.on) throw new TrinoError("SYNTAX_ERROR", "JOIN needs a condition", position);
  const scope = query.scope(both, outer);
  const on = condition(translateExpression(relation.on, query.context(scope)), relation.on.position);
  if (type === "INNER" || type === "LEFT") pruneBy(relation.on, right.fields, query);
  if (type === "INNER" || type === "RIGHT") pruneBy(relation.on, left.fields, query);
  return { sql: joined(on.sql), fields };
}

/** A filter above an outer join must not thin out the side that is filled with NULLs. */
function nullable(field: Field): Field {
  const { origin: _origin, ...value } = field.value;
  return { ...field, value };
}

/** Tells every scan that the fields come from what the condition says about its partition keys. */
export function pruneBy(where: Expression, fields: readonly Field[], query: QueryTranslator): void {
  const context: ExpressionContext = query.context(new Scope(fields));
  for (const scan of new Set(fields.map((field) => field.value.origin?.scan))) {
    if (scan !== undefined) query.pruneScan(scan, (isKey, pruning) => prune(where, context, scan, isKey, pruning));
  }
}

function using(
  names: readonly Name[],
  left: readonly Field[],
  right: readonly Field[],
  relation: { type: string; position: Position },
  query: QueryTranslator,
): { on: string; fields: Field[]; names: Set<string> } {
  const conditions: string[] = [];
  const fields = names.map((name): Field => {
    const sides = [left, right].map((side) => query.scope(side, undefined).resolve([name]).value);
    const { values, type } = unify(sides, relation.position, (a, b) => mismatch("=", a, b));
    const [a, b] = values as [Typed, Typed];
    conditions.push(`${a.sql} = ${b.sql}`);
    const merged = { RIGHT: b, FULL: { sql: `coalesce(${a.sql}, ${b.sql})`, type } }[relation.type] ?? a;
    return { qualifier: [], name: name.text, value: coerce(merged, type) };
  });
  return { on: conditions.join(" AND "), fields, names: new Set(names.map((name) => name.text)) };
}
