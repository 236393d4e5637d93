import type { DataType, NestedType } from "../../plan/data-type.ts";
import { lowerCaseNames, physicalType } from "../../plan/data-type.ts";
import { duckdbText, quoteName, sparkText } from "../../sql/spark/literals.ts";
import type { SqlPair } from "../../sql/spark/literals.ts";
import { typeScalar } from "./scalar-typing.ts";

/**
 * Arrays, maps and structs arrive as JSON text. Each level is opened into the texts of its members, which both engines
 * do alike, and each member is then typed by the rule table; the engines' own typed JSON readers would turn a member
 * of another type into NULL without a word. A member that has text and does not type makes the whole value NULL, so
 * its record is rejected.
 */
export function typeNested(type: NestedType, text: SqlPair): SqlPair {
  const names = new Names();
  return names.bind(check(type, text, names), (checked) =>
    eachEngine((engine) => `CASE WHEN NOT ${checked[engine]}.b THEN ${checked[engine]}.v END`),
  );
}

/** Names of variables: every level has its own, so that no expression is written, or computed, more than once. */
class Names {
  #count = 0;

  next(): string {
    this.#count += 1;
    return `__v${this.#count}`;
  }

  /** `body` over a variable that stands for `value`; SQL has no other way to name a value within an expression. */
  bind(value: SqlPair, body: (variable: SqlPair) => SqlPair): SqlPair {
    const name = this.next();
    const inner = body({ spark: name, duckdb: name });
    return {
      spark: `element_at(transform(array(${value.spark}), ${name} -> ${inner.spark}), 1)`,
      duckdb: `list_transform([${value.duckdb}], lambda ${name}: ${inner.duckdb})[1]`,
    };
  }

  /** `body` of each element of a list. */
  each(list: SqlPair, body: (element: SqlPair) => SqlPair): SqlPair {
    const name = this.next();
    const inner = body({ spark: name, duckdb: name });
    return {
      spark: `transform(${list.spark}, ${name} -> ${inner.spark})`,
      duckdb: `list_transform(${list.duckdb}, lambda ${name}: ${inner.duckdb})`,
    };
  }

  /** Whether `condition`, which is never NULL, holds for an element; NULL for a NULL list. */
  some(list: SqlPair, condition: (element: SqlPair) => SqlPair): SqlPair {
    const name = this.next();
    const inner = condition({ spark: name, duckdb: name });
    return {
      spark: `exists(${list.spark}, ${name} -> ${inner.spark})`,
      duckdb: `len(list_filter(${list.duckdb}, lambda ${name}: ${inner.duckdb})) > 0`,
    };
  }
}

/**
 * A struct of `v`, the value of a text, and `b`, whether the text or a member of it is not of its type; `b` is never
 * NULL. `text` must be cheap to repeat.
 */
function check(type: DataType, text: SqlPair, names: Names): SqlPair {
  switch (type.kind) {
    case "array":
      return checkArray(type, text, names);
    case "map":
      return checkMap(type, text, names);
    case "struct":
      return checkStruct(type, text, names);
    default:
      return names.bind(typeScalar(type, text), (value) =>
        checked(
          value,
          eachEngine((engine) => `${text[engine]} IS NOT NULL AND ${value[engine]} IS NULL`),
        ),
      );
  }
}

function checkArray(type: Extract<DataType, { kind: "array" }>, text: SqlPair, names: Names): SqlPair {
  const texts: SqlPair = {
    spark: `CASE WHEN ${validJson(text).spark} THEN from_json(${text.spark}, 'ARRAY<STRING>') END`,
    duckdb: `json_texts(${text.duckdb})`,
  };
  const elements = names.each(texts, (element) => check(type.element, element, names));
  return names.bind(elements, (list) =>
    checked(
      names.each(list, (element) => member(element, "v")),
      wrong(text, list, [names.some(list, (element) => member(element, "b"))]),
    ),
  );
}

function checkMap(type: Extract<DataType, { kind: "map" }>, text: SqlPair, names: Names): SqlPair {
  const texts: SqlPair = { spark: `map_entries(${sparkMembers(text)})`, duckdb: `json_members(${text.duckdb})` };
  const entries = names.each(texts, (entry) => {
    const [key, value] = [
      check(type.key, member(entry, "key"), names),
      check(type.value, member(entry, "value"), names),
    ];
    return {
      spark: `named_struct('k', ${key.spark}, 'e', ${value.spark})`,
      duckdb: `{'k': ${key.duckdb}, 'e': ${value.duckdb}}`,
    };
  });
  return names.bind(entries, (list) => {
    const pairs = names.each(list, (entry) => {
      const [key, value] = [member(member(entry, "k"), "v"), member(member(entry, "e"), "v")];
      return { spark: `struct(${key.spark}, ${value.spark})`, duckdb: `{'k': ${key.duckdb}, 'v': ${value.duckdb}}` };
    });
    const keys = names.each(list, (entry) => member(member(entry, "k"), "v"));
    const bad = names.some(list, (entry) =>
      eachEngine(
        (engine) => `(${member(member(entry, "k"), "b")[engine]} OR ${member(member(entry, "e"), "b")[engine]})`,
      ),
    );
    // A key that is there twice, or two texts of one key, would raise; and is no value either.
    const twice: SqlPair = {
      spark: `size(array_distinct(${keys.spark})) < size(${keys.spark})`,
      duckdb: `len(list_distinct(${keys.duckdb})) < len(${keys.duckdb})`,
    };
    const isBad = wrong(text, list, [bad, twice]);
    const map = eachEngine((engine) => {
      const built = `map_from_entries(${pairs[engine]})`;
      const made = engine === "spark" ? built : `CAST(${built} AS ${physicalType(lowerCaseNames(type)).duckdb})`;
      return `CASE WHEN NOT (${isBad[engine]}) THEN ${made} END`;
    });
    return checked(map, isBad);
  });
}

function checkStruct(type: Extract<DataType, { kind: "struct" }>, text: SqlPair, names: Names): SqlPair {
  const fields = type.fields.map((field) => {
    const value = names.bind(jsonMember(text, [field.name], true), (part) => check(field.type, part, names));
    return { name: field.name.toLowerCase(), value };
  });
  const opened: SqlPair = {
    spark: `CASE WHEN ${sparkMembers(text)} IS NOT NULL THEN ${sparkStruct(fields.map(({ name, value }) => [name, value.spark]))} END`,
    duckdb: `CASE WHEN json_kind(${text.duckdb}) = 'OBJECT' THEN ${duckdbStruct(fields.map(({ name, value }) => [name, value.duckdb]))} END`,
  };
  return names.bind(opened, (struct) => {
    const parts = fields.map(({ name }) => ({ name, part: member(struct, name) }));
    const value: SqlPair = {
      spark: `CASE WHEN ${struct.spark} IS NOT NULL THEN ${sparkStruct(parts.map(({ name, part }) => [name, member(part, "v").spark]))} END`,
      duckdb: `CASE WHEN ${struct.duckdb} IS NOT NULL THEN ${duckdbStruct(parts.map(({ name, part }) => [name, member(part, "v").duckdb]))} END`,
    };
    return checked(
      value,
      wrong(
        text,
        struct,
        parts.map(({ part }) => member(part, "b")),
      ),
    );
  });
}

function checked(value: SqlPair, bad: SqlPair): SqlPair {
  return {
    spark: `named_struct('v', ${value.spark}, 'b', ${bad.spark})`,
    duckdb: `{'v': ${value.duckdb}, 'b': ${bad.duckdb}}`,
  };
}

function member(of: SqlPair, name: string): SqlPair {
  return { spark: `${of.spark}.${quoteName(name).spark}`, duckdb: `struct_extract(${of.duckdb}, ${duckdbText(name)})` };
}

const sparkStruct = (fields: readonly (readonly [string, string])[]) =>
  `named_struct(${fields.map(([name, value]) => `${sparkText(name)}, ${value}`).join(", ")})`;

const duckdbStruct = (fields: readonly (readonly [string, string])[]) =>
  `struct_pack(${fields.map(([name, value]) => `${quoteName(name).duckdb} := ${value}`).join(", ")})`;

/** Whether there is a text that does not open (`opened` is NULL), or opens and has a bad member. Never NULL. */
function wrong(text: SqlPair, opened: SqlPair, members: readonly SqlPair[]): SqlPair {
  return eachEngine(
    (engine) =>
      `${text[engine]} IS NOT NULL AND (${opened[engine]} IS NULL OR ${members.map((each) => `coalesce(${each[engine]}, FALSE)`).join(" OR ")})`,
  );
}

function sparkMembers(text: SqlPair): string {
  return `CASE WHEN ${validJson(text).spark} THEN from_json(${text.spark}, 'MAP<STRING, STRING>') END`;
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
  const duckdbPath = `$${path.map((name) => `."${name}"`).join("")}`;
  return {
    spark: `get_json_object(${text.spark}, ${sparkText(`$${path.map((name) => `['${name}']`).join("")}`)})`,
    duckdb: `${asText ? "json_string" : "json_extract_string"}(${text.duckdb}, ${duckdbText(duckdbPath)})`,
  };
}

function eachEngine(print: (engine: keyof SqlPair) => string): SqlPair {
  return { spark: print("spark"), duckdb: print("duckdb") };
}
