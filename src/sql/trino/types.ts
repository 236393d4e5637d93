import type { TypeName } from "./ast.ts";
import { notSupported, TrinoError } from "./errors.ts";
import type { Position } from "./errors.ts";

/** Trino's types, as far as a Hive table or an expression over one can have them. */
export type Type =
  | { readonly kind: SimpleKind }
  | { readonly kind: "varchar"; readonly length?: number }
  | { readonly kind: "char"; readonly length: number }
  | { readonly kind: "decimal"; readonly precision: number; readonly scale: number }
  | { readonly kind: "timestamp"; readonly precision: number }
  /** DuckDB keeps the instant only; the zone is what the statement says it is, and part of the type here. */
  | { readonly kind: "timestamp with time zone"; readonly precision: number; readonly zone: string }
  | { readonly kind: "array"; readonly element: Type }
  | { readonly kind: "map"; readonly key: Type; readonly value: Type }
  | { readonly kind: "row"; readonly fields: readonly Field[] };

export type SimpleKind =
  | "boolean"
  | "tinyint"
  | "smallint"
  | "integer"
  | "bigint"
  | "real"
  | "double"
  | "varbinary"
  | "date"
  | "time"
  | "json"
  | "uuid"
  | "interval day to second"
  | "interval year to month"
  | "unknown";

export interface Field {
  readonly name: string | undefined;
  readonly type: Type;
}

export const BOOLEAN: Type = { kind: "boolean" };
export const INTEGER: Type = { kind: "integer" };
export const BIGINT: Type = { kind: "bigint" };
export const DOUBLE: Type = { kind: "double" };
export const REAL: Type = { kind: "real" };
export const VARCHAR: Type = { kind: "varchar" };
export const VARBINARY: Type = { kind: "varbinary" };
export const DATE: Type = { kind: "date" };
export const TIME: Type = { kind: "time" };
export const JSON_TYPE: Type = { kind: "json" };
export const UNKNOWN: Type = { kind: "unknown" };
export const TIMESTAMP: Type = { kind: "timestamp", precision: 3 };
export const timestampWithZone = (zone = "UTC"): Type => ({ kind: "timestamp with time zone", precision: 3, zone });
export const decimal = (precision: number, scale: number): Type => ({ kind: "decimal", precision, scale });
export const array = (element: Type): Type => ({ kind: "array", element });
export const map = (key: Type, value: Type): Type => ({ kind: "map", key, value });

const INTEGERS = ["tinyint", "smallint", "integer", "bigint"] as const;
const SIMPLE = new Set<string>([
  ...INTEGERS,
  "boolean",
  "real",
  "double",
  "varbinary",
  "date",
  "time",
  "json",
  "uuid",
  "interval day to second",
  "interval year to month",
]);

export function isInteger(type: Type): boolean {
  return (INTEGERS as readonly string[]).includes(type.kind);
}

export function isNumeric(type: Type): boolean {
  return isInteger(type) || type.kind === "real" || type.kind === "double" || type.kind === "decimal";
}

export function isText(type: Type): boolean {
  return type.kind === "varchar" || type.kind === "char";
}

/** As Trino writes it in messages and `typeof`. */
export function typeText(type: Type): string {
  switch (type.kind) {
    case "varchar":
      return type.length === undefined ? "varchar" : `varchar(${type.length})`;
    case "char":
      return `char(${type.length})`;
    case "decimal":
      return `decimal(${type.precision},${type.scale})`;
    case "timestamp":
      return `timestamp(${type.precision})`;
    case "timestamp with time zone":
      return `timestamp(${type.precision}) with time zone`;
    case "array":
      return `array(${typeText(type.element)})`;
    case "map":
      return `map(${typeText(type.key)}, ${typeText(type.value)})`;
    case "row":
      return `row(${type.fields.map(({ name, type }) => (name ? `${name} ` : "") + typeText(type)).join(", ")})`;
    default:
      return type.kind;
  }
}

/** The DuckDB type that holds its values. */
export function duckdbType(type: Type): string {
  switch (type.kind) {
    case "real":
      return "FLOAT";
    case "varchar":
    case "char":
      return "VARCHAR";
    case "decimal":
      return `DECIMAL(${type.precision},${type.scale})`;
    case "varbinary":
      return "BLOB";
    case "timestamp":
      return "TIMESTAMP";
    case "timestamp with time zone":
      return "TIMESTAMPTZ";
    case "interval day to second":
    case "interval year to month":
      return "INTERVAL";
    case "array":
      return `${duckdbType(type.element)}[]`;
    case "map":
      return `MAP(${duckdbType(type.key)}, ${duckdbType(type.value)})`;
    case "row":
      return `STRUCT(${type.fields.map((field, at) => `"${fieldKey(field, at)}" ${duckdbType(field.type)}`).join(", ")})`;
    case "unknown":
      return "INTEGER";
    default:
      return type.kind.toUpperCase();
  }
}

/** DuckDB needs distinct, non-empty names of struct members; Trino calls unnamed ones `field0`, `field1`… */
export function fieldKey(field: Field, index: number): string {
  return (field.name ?? `field${index}`).replaceAll('"', '""');
}

/** A type as written in a query. */
export function resolveType(name: TypeName): Type {
  const [first, second] = name.parameters;
  const number = (parameter: number | TypeName | undefined, fallback: number) =>
    typeof parameter === "number" ? parameter : fallback;
  const nested = (parameter: number | TypeName | undefined): Type => {
    if (parameter === undefined || typeof parameter === "number") throw unknownType(name);
    return resolveType(parameter);
  };
  switch (name.name) {
    case "int":
      return INTEGER;
    case "varchar":
      return typeof first === "number" ? { kind: "varchar", length: first } : VARCHAR;
    case "char":
      return { kind: "char", length: number(first, 1) };
    case "decimal":
    case "dec":
    case "numeric":
      return checkedDecimal(number(first, 38), number(second, 0), name.position);
    case "timestamp":
      return { kind: "timestamp", precision: precision(number(first, 3), name.position) };
    case "timestamp with time zone":
      return { ...timestampWithZone(), precision: precision(number(first, 3), name.position) } as Type;
    case "array":
      return array(nested(first));
    case "map":
      return map(nested(first), nested(second));
    case "row":
      return {
        kind: "row",
        fields: name.parameters.map((parameter, at) => ({
          name: name.fields?.[at]?.toLowerCase(),
          type: nested(parameter),
        })),
      };
    case "time":
      return TIME;
    default:
      if (SIMPLE.has(name.name)) return { kind: name.name as SimpleKind };
      throw unknownType(name);
  }
}

function unknownType(name: TypeName): TrinoError {
  return new TrinoError("TYPE_MISMATCH", `Unknown type: ${name.name}`, name.position);
}

/** DuckDB keeps microseconds. */
function precision(digits: number, position: Position): number {
  if (digits > 6) throw notSupported(`timestamp(${digits}), finer than microseconds,`, position);
  return digits;
}

function checkedDecimal(precision: number, scale: number, position: Position): Type {
  if (precision < 1 || precision > 38 || scale > precision) {
    throw new TrinoError("TYPE_MISMATCH", `Invalid DECIMAL(${precision},${scale})`, position);
  }
  return decimal(precision, scale);
}

export function sameType(a: Type, b: Type): boolean {
  return duckdbType(a) === duckdbType(b) && typeText(a) === typeText(b) && zoneOf(a) === zoneOf(b);
}

function zoneOf(type: Type): string | undefined {
  return type.kind === "timestamp with time zone" ? type.zone : undefined;
}

/**
 * The type that values of both types coerce to without a cast, or undefined when there is none.
 * https://trino.io/docs/current/language/types.html, and Trino's TypeCoercion.
 */
export function commonType(a: Type, b: Type): Type | undefined {
  if (sameType(a, b)) return a;
  if (a.kind === "unknown") return b;
  if (b.kind === "unknown") return a;
  if (isNumeric(a) && isNumeric(b)) return commonNumeric(a, b);
  if (a.kind === "varchar" && b.kind === "varchar") return widerVarchar(a.length, b.length);
  if (a.kind === "char" && b.kind === "char") return { kind: "char", length: Math.max(a.length, b.length) };
  // Trino compares char with varchar as char, padded: rare enough in Hive tables to be refused elsewhere.
  if (isText(a) && isText(b)) return VARCHAR;
  if (isTemporal(a) && isTemporal(b)) return commonTemporal(a, b);
  if (a.kind === "array" && b.kind === "array") {
    const element = commonType(a.element, b.element);
    return element && array(element);
  }
  if (a.kind === "map" && b.kind === "map") {
    const [key, value] = [commonType(a.key, b.key), commonType(a.value, b.value)];
    return key && value && map(key, value);
  }
  if (a.kind === "row" && b.kind === "row" && a.fields.length === b.fields.length) {
    const fields: Field[] = [];
    for (const [at, field] of a.fields.entries()) {
      const other = b.fields[at];
      const type = other && commonType(field.type, other.type);
      if (!type) return undefined;
      fields.push({ name: field.name === other.name ? field.name : undefined, type });
    }
    return { kind: "row", fields };
  }
  return undefined;
}

function widerVarchar(a: number | undefined, b: number | undefined): Type {
  return a === undefined || b === undefined ? VARCHAR : { kind: "varchar", length: Math.max(a, b) };
}

function isTemporal(type: Type): boolean {
  return type.kind === "date" || type.kind === "timestamp" || type.kind === "timestamp with time zone";
}

function commonTemporal(a: Type, b: Type): Type | undefined {
  const precisions = [a, b].map((type) => ("precision" in type ? type.precision : 0));
  const precision = Math.max(...precisions);
  const zoned = [a, b].filter((type) => type.kind === "timestamp with time zone");
  const [first, second] = zoned;
  if (!first) return { kind: "timestamp", precision };
  // Instants of two zones compare well; as one column each row would need its own zone.
  if (second && first.zone !== second.zone) return { kind: "timestamp with time zone", precision, zone: "mixed" };
  return { kind: "timestamp with time zone", precision, zone: first.zone };
}

function commonNumeric(a: Type, b: Type): Type {
  if (a.kind === "double" || b.kind === "double") return DOUBLE;
  if (a.kind === "real" || b.kind === "real") return REAL;
  if (isInteger(a) && isInteger(b)) return rank(a) >= rank(b) ? a : b;
  const [x, y] = [asDecimal(a), asDecimal(b)];
  const scale = Math.max(x.scale, y.scale);
  return decimal(Math.min(38, Math.max(x.precision - x.scale, y.precision - y.scale) + scale), scale);
}

function rank(type: Type): number {
  return (INTEGERS as readonly string[]).indexOf(type.kind);
}

/** The decimal that holds every value of an integer type. */
export function asDecimal(type: Type): { precision: number; scale: number } {
  if (type.kind === "decimal") return type;
  return { precision: { tinyint: 3, smallint: 5, integer: 10, bigint: 19 }[type.kind as "bigint"], scale: 0 };
}

/** Can a value of `from` be used where `to` is wanted, without a cast? */
export function coercible(from: Type, to: Type): boolean {
  if (to.kind === "timestamp with time zone" && from.kind === to.kind) return true;
  const common = commonType(from, to);
  if (!common) return false;
  // A varchar fits in any varchar here: DuckDB does not keep lengths.
  if (common.kind === "varchar" && to.kind === "varchar") return true;
  return sameType(common, to) || (common.kind === "row" && to.kind === "row") || deepVarchar(common, to);
}

function deepVarchar(a: Type, b: Type): boolean {
  const plain = (type: Type) => typeText(type).replaceAll(/varchar\(\d+\)/gu, "varchar");
  return plain(a) === plain(b);
}
