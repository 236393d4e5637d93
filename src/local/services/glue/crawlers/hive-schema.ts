/** Hive types as values, so that they can be merged; and as the text that the catalog holds. */
export type HiveType =
  | { kind: "scalar"; name: string }
  | { kind: "array"; element: HiveType }
  | { kind: "map"; key: HiveType; value: HiveType }
  | { kind: "struct"; fields: readonly HiveColumn[] };

export interface HiveColumn {
  /** In lower case. */
  readonly name: string;
  readonly type: HiveType;
}

export const scalar = (name: string): HiveType => ({ kind: "scalar", name });

/** As crawlers write it: no spaces. */
export function typeText(type: HiveType): string {
  switch (type.kind) {
    case "scalar":
      return type.name;
    case "array":
      return `array<${typeText(type.element)}>`;
    case "map":
      return `map<${typeText(type.key)},${typeText(type.value)}>`;
    case "struct":
      return `struct<${type.fields.map(({ name, type }) => `${name}:${typeText(type)}`).join(",")}>`;
  }
}

/** Scalars that hold what narrower ones hold, from narrow to wide. */
const WIDENING: readonly (readonly string[])[] = [
  ["tinyint", "smallint", "int", "bigint"],
  ["float", "double"],
  ["int", "double"],
  ["bigint", "double"],
];

/** A type for the values of both; `string` when nothing narrower serves. */
export function mergeTypes(a: HiveType, b: HiveType): HiveType {
  if (typeText(a) === typeText(b)) return a;
  if (isNull(a)) return b;
  if (isNull(b)) return a;
  if (a.kind === "array" && b.kind === "array") return { kind: "array", element: mergeTypes(a.element, b.element) };
  if (a.kind === "map" && b.kind === "map") {
    return { kind: "map", key: mergeTypes(a.key, b.key), value: mergeTypes(a.value, b.value) };
  }
  if (a.kind === "struct" && b.kind === "struct") return { kind: "struct", fields: mergeColumns(a.fields, b.fields) };
  if (a.kind === "scalar" && b.kind === "scalar") {
    const order = WIDENING.find((names) => names.includes(a.name) && names.includes(b.name));
    if (order) return order.indexOf(a.name) > order.indexOf(b.name) ? a : b;
  }
  return scalar("string");
}

/** The type of a value that is null everywhere so far. */
export const NULL: HiveType = scalar("null");

function isNull(type: HiveType): boolean {
  return type.kind === "scalar" && type.name === "null";
}

/** What no value said the type of is a string. */
export function resolved(type: HiveType): HiveType {
  switch (type.kind) {
    case "scalar":
      return isNull(type) ? scalar("string") : type;
    case "array":
      return { kind: "array", element: resolved(type.element) };
    case "map":
      return { kind: "map", key: resolved(type.key), value: resolved(type.value) };
    case "struct":
      return { kind: "struct", fields: type.fields.map((field) => ({ ...field, type: resolved(field.type) })) };
  }
}

/** The union of columns by name, in the order of their first appearance. */
export function mergeColumns(a: readonly HiveColumn[], b: readonly HiveColumn[]): HiveColumn[] {
  const merged = new Map(a.map((column) => [column.name, column.type]));
  for (const { name, type } of b) {
    const known = merged.get(name);
    merged.set(name, known ? mergeTypes(known, type) : type);
  }
  return [...merged].map(([name, type]) => ({ name, type }));
}
