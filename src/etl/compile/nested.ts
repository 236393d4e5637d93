import type { DataType } from "../../plan/data-type.ts";
import { lowerCaseNames, physicalType } from "../../plan/data-type.ts";
import { duckdbText, quoteName, sparkText } from "../../sql/spark/literals.ts";
import type { SqlPair } from "../../sql/spark/literals.ts";
import { typeText } from "./typing.ts";

/**
 * Arrays, maps and structs arrive as JSON text. Each level is opened into the texts of its members, which both engines
 * do alike, and each member is then typed by the rule table; the engines' own typed JSON readers would turn a member
 * of another type into NULL without a word. A member that has text and does not type makes the whole value NULL, so
 * its record is rejected.
 */
export function typeNested(type: Extract<DataType, { kind: "array" | "map" | "struct" }>, text: SqlPair): SqlPair {
  const value = build(type, text, 0);
  return {
    spark: `CASE WHEN NOT (${value.bad.spark}) THEN ${value.value.spark} END`,
    duckdb: `CASE WHEN NOT (${value.bad.duckdb}) THEN ${value.value.duckdb} END`,
  };
}

interface Built {
  readonly value: SqlPair;
  /** True when the text, or a member's text, is not of its type. Never NULL. */
  readonly bad: SqlPair;
}

function build(type: DataType, text: SqlPair, depth: number): Built {
  switch (type.kind) {
    case "array":
      return buildArray(type, text, depth);
    case "map":
      return buildMap(type, text, depth);
    case "struct":
      return buildStruct(type, text, depth);
    default: {
      const value = typeText(type, text);
      return { value, bad: eachEngine((engine) => `${text[engine]} IS NOT NULL AND (${value[engine]}) IS NULL`) };
    }
  }
}

function buildArray(type: Extract<DataType, { kind: "array" }>, text: SqlPair, depth: number): Built {
  const texts: SqlPair = {
    spark: `CASE WHEN ${validJson(text).spark} THEN from_json(${text.spark}, 'ARRAY<STRING>') END`,
    duckdb: `json_texts(${text.duckdb})`,
  };
  const name = `__e${depth}`;
  const element = build(type.element, { spark: name, duckdb: name }, depth + 1);
  return {
    value: {
      spark: `transform(${texts.spark}, ${name} -> ${element.value.spark})`,
      duckdb: `list_transform(${texts.duckdb}, lambda ${name}: ${element.value.duckdb})`,
    },
    bad: {
      spark: wrong(text.spark, texts.spark, `exists(${texts.spark}, ${name} -> ${element.bad.spark})`),
      duckdb: wrong(text.duckdb, texts.duckdb, anyOf(texts.duckdb, name, element.bad.duckdb)),
    },
  };
}

function buildMap(type: Extract<DataType, { kind: "map" }>, text: SqlPair, depth: number): Built {
  const texts: SqlPair = { spark: `map_entries(${sparkMembers(text)})`, duckdb: `json_members(${text.duckdb})` };
  const name = `__e${depth}`;
  const key = build(type.key, { spark: `${name}.key`, duckdb: `${name}.key` }, depth + 1);
  const value = build(type.value, { spark: `${name}.value`, duckdb: `${name}.value` }, depth + 1);
  const physical = physicalType(lowerCaseNames(type));
  const keys: SqlPair = {
    spark: `transform(${texts.spark}, ${name} -> ${key.value.spark})`,
    duckdb: `list_transform(${texts.duckdb}, lambda ${name}: ${key.value.duckdb})`,
  };
  return {
    value: {
      spark: `map_from_entries(transform(${texts.spark}, ${name} -> struct(${key.value.spark}, ${value.value.spark})))`,
      duckdb: `CAST(map_from_entries(list_transform(${texts.duckdb}, lambda ${name}: {'k': ${key.value.duckdb}, 'v': ${value.value.duckdb}})) AS ${physical.duckdb})`,
    },
    // A key that is there twice, or two texts of one key, would raise.
    bad: {
      spark: wrong(
        text.spark,
        texts.spark,
        `exists(${texts.spark}, ${name} -> ${key.bad.spark} OR ${value.bad.spark}) OR size(array_distinct(${keys.spark})) < size(${keys.spark})`,
      ),
      duckdb: wrong(
        text.duckdb,
        texts.duckdb,
        `${anyOf(texts.duckdb, name, `${key.bad.duckdb} OR ${value.bad.duckdb}`)} OR len(list_distinct(${keys.duckdb})) < len(${keys.duckdb})`,
      ),
    },
  };
}

function buildStruct(type: Extract<DataType, { kind: "struct" }>, text: SqlPair, depth: number): Built {
  const members = type.fields.map((field) => {
    const member = {
      spark: jsonMember(text, [field.name], true).spark,
      duckdb: `json_text(${text.duckdb}, ${duckdbPath([field.name])})`,
    };
    return { name: field.name.toLowerCase(), built: build(field.type, member, depth + 1) };
  });
  const opened: SqlPair = { spark: `map_keys(${sparkMembers(text)})`, duckdb: `json_members(${text.duckdb})` };
  const value: SqlPair = {
    spark: `named_struct(${members.map(({ name, built }) => `${sparkText(name)}, ${built.value.spark}`).join(", ")})`,
    duckdb: `struct_pack(${members.map(({ name, built }) => `${quoteName(name).duckdb} := ${built.value.duckdb}`).join(", ")})`,
  };
  return {
    value: eachEngine((engine) => `CASE WHEN ${text[engine]} IS NOT NULL THEN ${value[engine]} END`),
    bad: eachEngine((engine) =>
      wrong(text[engine], opened[engine], members.map(({ built }) => `(${built.bad[engine]})`).join(" OR ")),
    ),
  };
}

function sparkMembers(text: SqlPair): string {
  return `CASE WHEN ${validJson(text).spark} THEN from_json(${text.spark}, 'MAP<STRING, STRING>') END`;
}

function anyOf(list: string, name: string, condition: string): string {
  return `len(list_filter(${list}, lambda ${name}: ${condition})) > 0`;
}

const STRICT = "map('allowSingleQuotes', 'false', 'allowNonNumericNumbers', 'false')";

/**
 * Whether a text is one JSON value. Spark's functions read the first value of a text and ignore what follows, so the
 * text is put into a document of which something comes after it; and both engines' readers take more than JSON.
 */
export function validJson(text: SqlPair): SqlPair {
  const wrapped = `from_json(concat('{"v":[', ${text.spark}, '],"e":1}'), 'v ARRAY<STRING>, e INT', ${STRICT})`;
  return {
    spark: `coalesce(${wrapped}.e = 1 AND size(${wrapped}.v) = 1, FALSE)`,
    duckdb: `coalesce(strict_json(${text.duckdb}), FALSE)`,
  };
}

/**
 * The text of a member of a JSON object, NULL when it is absent or JSON null; `text` must be valid JSON. `asText` for
 * columns of strings: a number then prints as Spark prints it, `1.0E7`; a number that is typed need not.
 */
export function jsonMember(text: SqlPair, path: readonly string[], asText: boolean): SqlPair {
  return {
    spark: `get_json_object(${text.spark}, ${sparkText(`$${path.map((name) => `['${name}']`).join("")}`)})`,
    duckdb: `${asText ? "json_string" : "json_extract_string"}(${text.duckdb}, ${duckdbPath(path)})`,
  };
}

function duckdbPath(path: readonly string[]): string {
  return duckdbText(`$${path.map((name) => `."${name}"`).join("")}`);
}

/** Whether there is a text that does not open (`opened` is NULL), or opens and has a bad member. Never NULL. */
function wrong(text: string, opened: string, member: string): string {
  return `${text} IS NOT NULL AND (${opened} IS NULL OR ${member})`;
}

function eachEngine(print: (engine: keyof SqlPair) => string): SqlPair {
  return { spark: print("spark"), duckdb: print("duckdb") };
}
