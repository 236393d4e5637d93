import { notSupported, TrinoError } from "./errors.ts";
import type { Position } from "./errors.ts";
import type { Typed } from "./scope.ts";
import * as t from "./types.ts";
import type { Type } from "./types.ts";

/** `value` as a `type` that it coerces to without a cast in the query. */
export function coerce(value: Typed, type: Type): Typed {
  const from = t.duckdbType(value.type);
  const to = t.duckdbType(type);
  if (value.type.kind === "unknown") return { ...value, sql: `CAST(NULL AS ${to})`, type };
  if (from === to) return { ...value, type };
  if (value.type.kind === "row" && type.kind === "row")
    return { ...value, sql: castRow(value.sql, value.type, type), type };
  return { ...value, sql: `CAST(${value.sql} AS ${to})`, type };
}

/** Rows convert member by member, by position; DuckDB would go by name. */
function castRow(sql: string, from: Extract<Type, { kind: "row" }>, to: Extract<Type, { kind: "row" }>): string {
  const members = to.fields.map((field, at) => {
    const source = from.fields[at];
    const key = source ? t.fieldKey(source, at) : "";
    const member: Typed = { sql: `(${sql})."${key}"`, type: source?.type ?? t.UNKNOWN };
    return `"${t.fieldKey(field, at)}" := ${coerce(member, field.type).sql}`;
  });
  return `CASE WHEN ${sql} IS NOT NULL THEN struct_pack(${members.join(", ")}) END`;
}

/** The values in the type that they have in common; `describe` says what they are in the error. */
export function unify(
  values: readonly Typed[],
  position: Position,
  describe: (a: Type, b: Type) => string,
): { values: Typed[]; type: Type } {
  let type: Type = t.UNKNOWN;
  for (const value of values) {
    const common = t.commonType(type, value.type);
    if (!common) throw new TrinoError("TYPE_MISMATCH", describe(type, value.type), position);
    type = common;
  }
  const found = type;
  return { values: values.map((value) => coerce(value, found)), type };
}

/** A value that goes out of an expression needs one zone; comparisons do not. */
export function oneZone(type: Type, position: Position): Type {
  if (type.kind === "timestamp with time zone" && type.zone === "mixed") {
    throw notSupported("A column of timestamps in several time zones", position);
  }
  return type;
}

/** An explicit CAST. Trino's rules where DuckDB has others; undefined when Trino has no such cast. */
export function cast(value: Typed, to: Type, position: Position): Typed {
  const from = value.type;
  const sql = castSql(value, to, position);
  if (sql === undefined) {
    throw new TrinoError("TYPE_MISMATCH", `Cannot cast ${t.typeText(from)} to ${t.typeText(to)}`, position);
  }
  return { sql, type: to };
}

function castSql(value: Typed, to: Type, position: Position): string | undefined {
  const { sql, type: from } = value;
  const plain = `CAST(${sql} AS ${t.duckdbType(to)})`;
  if (from.kind === "unknown") return `CAST(NULL AS ${t.duckdbType(to)})`;
  switch (to.kind) {
    case "varchar":
      return varcharOf(value, to.length, position);
    case "char": {
      const text = varcharOf(value, undefined, position);
      return text && `rtrim(substr(${text}, 1, ${to.length}), ' ')`;
    }
    case "boolean":
      if (t.isText(from)) return `trino_text_to_boolean(${sql})`;
      if (from.kind === "json") return plain;
      if (t.isNumeric(from)) return `(${sql} <> 0)`;
      return from.kind === "boolean" ? sql : undefined;
    case "tinyint":
    case "smallint":
    case "integer":
    case "bigint":
      if (t.isText(from)) return `trino_text_to_integer(${sql}, '${to.kind}')::${t.duckdbType(to)}`;
      // Trino rounds half up, away from zero; so does DuckDB for decimals, but not for doubles.
      if (from.kind === "double" || from.kind === "real") return `CAST(round(${sql}) AS ${t.duckdbType(to)})`;
      if (from.kind === "json" || t.isNumeric(from) || from.kind === "boolean") return plain;
      return undefined;
    case "real":
    case "double":
      if (t.isText(from)) return `CAST(trim(${sql}) AS ${t.duckdbType(to)})`;
      return from.kind === "json" || t.isNumeric(from) || from.kind === "boolean" ? plain : undefined;
    case "decimal":
      return t.isText(from) || from.kind === "json" || t.isNumeric(from) || from.kind === "boolean" ? plain : undefined;
    case "varbinary":
      return from.kind === "varbinary" ? sql : t.isText(from) ? `encode(${sql})` : undefined;
    case "date":
      if (t.isText(from)) return `trino_text_to_date(${sql})`;
      if (from.kind === "timestamp with time zone") return `CAST(${wallClock(value, position).sql} AS DATE)`;
      return from.kind === "timestamp" || from.kind === "date" ? plain : undefined;
    case "timestamp":
      if (t.isText(from)) return rounded(`trino_text_to_timestamp(${sql})`, 6, to.precision);
      if (from.kind === "timestamp with time zone") {
        return rounded(wallClock(value, position).sql, from.precision, to.precision);
      }
      if (from.kind === "timestamp") return rounded(sql, from.precision, to.precision);
      return from.kind === "date" ? plain : undefined;
    case "timestamp with time zone":
      if (t.isText(from)) return `trino_text_to_instant(${sql})`;
      if (from.kind === "timestamp with time zone") return sql;
      return from.kind === "timestamp" || from.kind === "date"
        ? `timezone('UTC', CAST(${sql} AS TIMESTAMP))`
        : undefined;
    case "time":
      if (from.kind === "timestamp with time zone") return `CAST(${wallClock(value, position).sql} AS TIME)`;
      return t.isText(from) || from.kind === "timestamp" || from.kind === "time" ? plain : undefined;
    case "json":
      return jsonOf(value, position);
    case "array":
    case "map":
    case "row":
      return nestedOf(value, to, position);
    case "interval day to second":
    case "interval year to month":
      return from.kind === to.kind ? sql : undefined;
    case "uuid":
      return t.isText(from) ? plain : undefined;
    case "unknown":
      return undefined;
  }
}

function rounded(sql: string, from: number, to: number): string {
  if (to >= from) return sql;
  const step = 10 ** (6 - to);
  return `make_timestamp(CAST(floor((epoch_us(${sql}) + ${step / 2}) / ${step}::DOUBLE) AS BIGINT) * ${step})`;
}

/** What the clock on the wall shows at an instant, in the value's time zone. */
export function wallClock(value: Typed, position: Position): Typed {
  if (value.type.kind !== "timestamp with time zone") return value;
  const { zone } = oneZone(value.type, position) as Extract<Type, { kind: "timestamp with time zone" }>;
  const type: Type = { kind: "timestamp", precision: value.type.precision };
  return { sql: `timezone('${zone.replaceAll("'", "''")}', ${value.sql})`, type };
}

function varcharOf(value: Typed, length: number | undefined, position: Position): string | undefined {
  const text = textOf(value, position);
  if (text === undefined || length === undefined) return text;
  // Trino shortens text to the length, and refuses anything else that does not fit.
  if (t.isText(value.type)) return `substr(${text}, 1, ${length})`;
  return `trino_fits(${text}, ${length}, '${t.typeText(value.type)}')`;
}

function textOf(value: Typed, position: Position): string | undefined {
  const { sql, type } = value;
  switch (type.kind) {
    case "varchar":
      return sql;
    case "char":
      return `rpad(${sql}, ${type.length}, ' ')`;
    case "boolean":
    case "tinyint":
    case "smallint":
    case "integer":
    case "bigint":
    case "decimal":
    case "date":
    case "uuid":
      return `CAST(${sql} AS VARCHAR)`;
    case "real":
    case "double":
      return `trino_double_to_text(${sql})`;
    case "timestamp":
      return timestampText(sql, type.precision);
    case "timestamp with time zone": {
      const { zone } = oneZone(type, position) as typeof type;
      return `${timestampText(wallClock(value, position).sql, type.precision)} || ' ${zone}'`;
    }
    case "time":
      return `strftime(TIMESTAMP '2000-01-01 00:00:00' + (${sql} - TIME '00:00:00'), '%H:%M:%S.%g')`;
    case "json":
      return `trino_json_to_text(${sql})`;
    default:
      return undefined;
  }
}

function timestampText(sql: string, precision: number): string {
  if (precision === 0) return `strftime(${sql}, '%Y-%m-%d %H:%M:%S')`;
  if (precision === 3) return `strftime(${sql}, '%Y-%m-%d %H:%M:%S.%g')`;
  return `substr(strftime(${sql}, '%Y-%m-%d %H:%M:%S.%f'), 1, ${20 + precision})`;
}

/** A value as a JSON document. Dates and timestamps are strings in it, in Trino's form. */
function jsonOf(value: Typed, position: Position): string | undefined {
  const { sql, type } = value;
  switch (type.kind) {
    case "json":
      return sql;
    case "date":
    case "timestamp":
    case "timestamp with time zone":
      return `to_json(${textOf(value, position)})`;
    case "array": {
      const item = jsonOf({ sql: "x", type: type.element }, position);
      return item && `to_json(list_transform(${sql}, lambda x: ${item}))`;
    }
    case "row": {
      const members = type.fields.map((field, at) => {
        const member = jsonOf({ sql: `(${sql})."${t.fieldKey(field, at)}"`, type: field.type }, position);
        return member && `'${(field.name ?? "").replaceAll("'", "''")}', ${member}`;
      });
      return members.every((member) => member !== undefined)
        ? `CASE WHEN ${sql} IS NOT NULL THEN json_object(${members.join(", ")}) END`
        : undefined;
    }
    case "map": {
      const item = jsonOf({ sql: "e.value", type: type.value }, position);
      if (!item || !t.isText(type.key)) return undefined;
      return `to_json(map_from_entries(list_transform(map_entries(${sql}), lambda e: {'k': e.key, 'v': ${item}})))`;
    }
    case "boolean":
    case "tinyint":
    case "smallint":
    case "integer":
    case "bigint":
    case "real":
    case "double":
    case "decimal":
    case "varchar":
      return `to_json(${sql})`;
    default:
      return undefined;
  }
}

function nestedOf(value: Typed, to: Type, position: Position): string | undefined {
  const { sql, type: from } = value;
  if (from.kind === "json") return `CAST(${sql} AS ${t.duckdbType(to)})`;
  if (to.kind === "array" && from.kind === "array") {
    const item = castSql({ sql: "x", type: from.element }, to.element, position);
    return item && (item === "x" ? sql : `list_transform(${sql}, lambda x: ${item})`);
  }
  if (to.kind === "map" && from.kind === "map") {
    const key = castSql({ sql: "e.key", type: from.key }, to.key, position);
    const item = castSql({ sql: "e.value", type: from.value }, to.value, position);
    return (
      key && item && `map_from_entries(list_transform(map_entries(${sql}), lambda e: {'k': ${key}, 'v': ${item}}))`
    );
  }
  if (to.kind === "row" && from.kind === "row" && to.fields.length === from.fields.length) {
    const members = to.fields.map((field, at) => {
      const source = from.fields[at] as (typeof from.fields)[number];
      const member = castSql({ sql: `(${sql})."${t.fieldKey(source, at)}"`, type: source.type }, field.type, position);
      return member && `"${t.fieldKey(field, at)}" := ${member}`;
    });
    return members.every((member) => member !== undefined)
      ? `CASE WHEN ${sql} IS NOT NULL THEN struct_pack(${members.join(", ")}) END`
      : undefined;
  }
  return undefined;
}
