import type { DataType } from "../../../plan/data-type.ts";
import { commonTypeOf, convert, describe } from "../coerce.ts";
import { SparkSqlError } from "../errors.ts";
import { argument, BIGINT, BOOLEAN, INT, row, STRING } from "../function-table.ts";
import type { Call, SparkFunction, Translation } from "../function-table.ts";
import { quoteName, sparkText } from "../literals.ts";
import { rangeOf } from "../operand.ts";
import type { Operand } from "../operand.ts";

type ArrayType = Extract<DataType, { kind: "array" }>;
type MapType = Extract<DataType, { kind: "map" }>;

/** Arrays, maps and structs. NULL in, NULL out, unless a row says otherwise. */
export const COLLECTION_FUNCTIONS: readonly SparkFunction[] = [
  { names: ["size", "cardinality"], parameters: ["any"], translate: size },
  row("array_size", ["array"], INT, (a) => `CAST(len(${a}) AS INTEGER)`),
  row(
    "array_join",
    ["array", "text-literal", "string"],
    STRING,
    (a, by, missing) =>
      missing === undefined
        ? `spark_join(${a}, ${by})`
        : `spark_join(list_transform(${a}, lambda __e: coalesce(__e, ${missing})), ${by})`,
    { optional: 1 },
  ),
  { names: ["array"], parameters: ["any"], variadic: true, translate: array },
  { names: ["get"], parameters: ["array", "int"], translate: get },
  { names: ["try_element_at"], parameters: ["any", "any"], translate: (call) => elementAt(call) },
  { names: ["element_at"], parameters: ["any", "any"], translate: (call) => elementAt(call) },
  { names: ["array_contains"], parameters: ["array", "any"], translate: contains },
  { names: ["array_position"], parameters: ["array", "any"], translate: position },
  {
    names: ["array_distinct"],
    parameters: ["array"],
    translate: (call) => sameArray(call, (a) => `spark_array_distinct(${a})`),
  },
  {
    names: ["array_compact"],
    parameters: ["array"],
    translate: (call) => sameArray(call, (a) => `list_filter(${a}, lambda __e: __e IS NOT NULL)`),
  },
  {
    names: ["sort_array", "array_sort"],
    parameters: ["array"],
    translate: (call) =>
      scalarArray(call, (a) =>
        call.name === "sort_array" ? `list_sort(${a}, 'ASC', 'NULLS FIRST')` : `list_sort(${a}, 'ASC', 'NULLS LAST')`,
      ),
  },
  { names: ["array_max"], parameters: ["array"], translate: (call) => element(call, (a) => `list_max(${a})`) },
  { names: ["array_min"], parameters: ["array"], translate: (call) => element(call, (a) => `list_min(${a})`) },
  { names: ["flatten"], parameters: ["array"], translate: flatten },
  { names: ["map_keys"], parameters: ["map"], translate: (call) => mapList(call, "key") },
  { names: ["map_values"], parameters: ["map"], translate: (call) => mapList(call, "value") },
  { names: ["map"], parameters: ["any", "any"], variadic: true, translate: mapOf },
  { names: ["map_entries"], parameters: ["map"], translate: mapEntries },
  {
    names: ["array_append"],
    parameters: ["array", "any"],
    translate: (call) => withElement(call, (a, e) => `list_append(${a}, ${e})`, false),
  },
  {
    names: ["array_prepend"],
    parameters: ["array", "any"],
    translate: (call) => withElement(call, (a, e) => `list_prepend(${e}, ${a})`, false),
  },
  {
    names: ["array_remove"],
    parameters: ["array", "any"],
    translate: (call) => withElement(call, (a, e) => `list_filter(${a}, lambda __e: __e IS DISTINCT FROM ${e})`, true),
  },
  { names: ["array_repeat"], parameters: ["any", "int"], translate: repeat },
  { names: ["slice"], parameters: ["array", "int-literal", "int-literal"], translate: slice },
  { names: ["struct"], parameters: ["any"], variadic: true, translate: struct },
  { names: ["map_contains_key"], parameters: ["map", "any"], translate: mapContains },
  { names: ["named_struct"], parameters: ["text-literal", "any"], variadic: true, translate: namedStruct },
  { names: ["transform"], parameters: ["array", "lambda"], translate: transform },
  { names: ["filter"], parameters: ["array", "lambda"], translate: (call) => predicate(call, "filter") },
  { names: ["exists"], parameters: ["array", "lambda"], translate: (call) => predicate(call, "exists") },
  { names: ["forall"], parameters: ["array", "lambda"], translate: (call) => predicate(call, "forall") },
];

function arrayType(operand: Operand): ArrayType {
  if (operand.type.kind !== "array") throw new Error("the parameter list promises an array");
  return operand.type;
}

function size(call: Call): Translation {
  const value = argument(call, 0);
  if (value.type.kind === "array") return { type: INT, duckdb: `CAST(len(${value.duckdb}) AS INTEGER)` };
  if (value.type.kind === "map") return { type: INT, duckdb: `CAST(cardinality(${value.duckdb}) AS INTEGER)` };
  throw new SparkSqlError(`${call.name} takes an array or a map, not ${describe(value.type)}`, value);
}

function array(call: Call): Translation {
  const element = commonTypeOf(call.operands, "array");
  const items = call.operands.map((operand) => convert(operand, element, "an element"));
  return {
    type: { kind: "array", element },
    spark: `array(${items.map((item) => item.spark).join(", ")})`,
    duckdb: `[${items.map((item) => item.duckdb).join(", ")}]`,
  };
}

/** Counts from zero; NULL outside. */
function get(call: Call): Translation {
  const [list, index] = [argument(call, 0), argument(call, 1)];
  const duckdb = `(CASE WHEN ${index.duckdb} >= 0 THEN list_extract(${list.duckdb}, CAST(${index.duckdb} AS BIGINT) + 1) END)`;
  return { type: arrayType(list).element, duckdb };
}

/** Counts from one, from the end where negative; of a map, the value of a key. */
function elementAt(call: Call): Translation {
  const [of, index] = [argument(call, 0), argument(call, 1)];
  if (of.type.kind === "map") {
    const key = convert(index, of.type.key, "the key");
    return {
      type: of.type.value,
      spark: `${call.name}(${of.spark}, ${key.spark})`,
      duckdb: `map_extract_value(${of.duckdb}, ${key.duckdb})`,
    };
  }
  if (of.type.kind !== "array")
    throw new SparkSqlError(`${call.name} takes an array or a map, not ${describe(of.type)}`, of);
  if (call.name === "element_at") {
    throw new SparkSqlError(
      "element_at beyond the end of an array stops the run",
      call,
      "write try_element_at(…), which gives NULL there",
    );
  }
  if (typeof index.constant !== "bigint" || index.constant === 0n) {
    throw new SparkSqlError(
      "the index must be written in the SQL and not be zero, which stops the run",
      index,
      "write get(array, index), which counts from zero",
    );
  }
  return { type: of.type.element, duckdb: `list_extract(${of.duckdb}, ${index.duckdb})` };
}

function sameArray(call: Call, print: (list: string) => string): Translation {
  const list = argument(call, 0);
  return { type: arrayType(list), duckdb: print(list.duckdb) };
}

function scalarArray(call: Call, print: (list: string) => string): Translation {
  const list = argument(call, 0);
  const type = arrayType(list);
  if (["array", "map", "struct"].includes(type.element.kind))
    throw new SparkSqlError(`${call.name} does not order ${describe(type.element)}`, call);
  return { type, duckdb: print(list.duckdb) };
}

function element(call: Call, print: (list: string) => string): Translation {
  const { duckdb } = scalarArray(call, print);
  return { type: arrayType(argument(call, 0)).element, duckdb };
}

/** TRUE if found; else NULL if the array holds a NULL, else FALSE. */
function contains(call: Call): Translation {
  const list = argument(call, 0);
  const item = convert(argument(call, 1), arrayType(list).element, "the element");
  return {
    type: BOOLEAN,
    spark: `array_contains(${list.spark}, ${item.spark})`,
    duckdb: `spark_array_contains(${list.duckdb}, ${item.duckdb})`,
  };
}

function position(call: Call): Translation {
  const list = argument(call, 0);
  const item = convert(argument(call, 1), arrayType(list).element, "the element");
  const duckdb = `(CASE WHEN ${list.duckdb} IS NOT NULL AND ${item.duckdb} IS NOT NULL THEN CAST(coalesce(list_position(${list.duckdb}, ${item.duckdb}), 0) AS BIGINT) END)`;
  return { type: BIGINT, spark: `array_position(${list.spark}, ${item.spark})`, duckdb };
}

/** NULL if any of the inner arrays is. */
function flatten(call: Call): Translation {
  const list = argument(call, 0);
  const { element: inner } = arrayType(list);
  if (inner.kind !== "array")
    throw new SparkSqlError(`flatten takes an array of arrays, not ${describe(list.type)}`, list);
  return {
    type: inner,
    duckdb: `(CASE WHEN NOT list_contains(list_transform(${list.duckdb}, lambda __e: __e IS NULL), TRUE) THEN flatten(${list.duckdb}) END)`,
  };
}

function mapList(call: Call, part: "key" | "value"): Translation {
  const map = argument(call, 0);
  const type = map.type as MapType;
  return { type: { kind: "array", element: type[part] }, duckdb: `map_${part}s(${map.duckdb})` };
}

function mapContains(call: Call): Translation {
  const map = argument(call, 0);
  const key = convert(argument(call, 1), (map.type as MapType).key, "the key");
  return {
    type: BOOLEAN,
    spark: `map_contains_key(${map.spark}, ${key.spark})`,
    duckdb: `(CASE WHEN ${map.duckdb} IS NOT NULL THEN list_contains(map_keys(${map.duckdb}), ${key.duckdb}) END)`,
  };
}

/** Keys are written in the SQL, so that none is NULL or there twice, which would stop the run. */
function mapOf(call: Call): Translation {
  if (call.operands.length % 2 !== 0) throw new SparkSqlError("map takes keys and values by turns", call);
  const keys = call.operands.filter((_, index) => index % 2 === 0);
  const values = call.operands.filter((_, index) => index % 2 === 1);
  const loose = keys.find((key) => key.constant === undefined || key.constant === null);
  if (loose !== undefined)
    throw new SparkSqlError(
      "the keys of map must be written in the SQL",
      loose,
      "use named_struct, or an array of structs",
    );
  if (new Set(keys.map((key) => key.constant)).size < keys.length)
    throw new SparkSqlError("a key is there twice, which stops the run", call);
  const [key, value] = [commonTypeOf(keys, "the keys"), commonTypeOf(values, "the values")];
  const pairs = keys.map((each, index) => ({
    key: convert(each, key, "a key"),
    value: convert(values[index] ?? each, value, "a value"),
  }));
  return {
    type: { kind: "map", key, value },
    spark: `map(${pairs.map((pair) => `${pair.key.spark}, ${pair.value.spark}`).join(", ")})`,
    duckdb: `MAP {${pairs.map((pair) => `${pair.key.duckdb}: ${pair.value.duckdb}`).join(", ")}}`,
  };
}

function mapEntries(call: Call): Translation {
  const map = argument(call, 0);
  const { key, value } = map.type as MapType;
  const fields = [
    { name: "key", type: key },
    { name: "value", type: value },
  ];
  return { type: { kind: "array", element: { kind: "struct", fields } }, duckdb: `map_entries(${map.duckdb})` };
}

/** An array and an element of its type. NULL arrays give NULL; so does a NULL element where `strict`. */
function withElement(call: Call, print: (list: string, item: string) => string, strict: boolean): Translation {
  const list = argument(call, 0);
  const type = arrayType(list);
  const item = convert(argument(call, 1), type.element, "the element");
  const known = `${list.duckdb} IS NOT NULL${strict ? ` AND ${item.duckdb} IS NOT NULL` : ""}`;
  return {
    type,
    spark: `${call.name}(${list.spark}, ${item.spark})`,
    duckdb: `(CASE WHEN ${known} THEN ${print(list.duckdb, item.duckdb)} END)`,
  };
}

function repeat(call: Call): Translation {
  const [item, count] = [argument(call, 0), argument(call, 1)];
  const element = commonTypeOf([item], "the element");
  const range = rangeOf(count);
  if (range.high > 1_000_000n)
    throw new SparkSqlError("array_repeat may make an array that is too long", count, "bound the count: least(…, 100)");
  return {
    type: { kind: "array", element },
    duckdb: `(CASE WHEN ${count.duckdb} IS NOT NULL THEN list_transform(range(greatest(${count.duckdb}, 0)), lambda __n: ${item.duckdb}) END)`,
  };
}

/** Counts from one, or from the end where the start is negative. */
function slice(call: Call): Translation {
  const [list, start, length] = [argument(call, 0), argument(call, 1), argument(call, 2)];
  const [first, count] = [Number(start.constant), Number(length.constant)];
  if (first === 0) throw new SparkSqlError("slice counts from one: a start of zero stops the run", start, "write 1");
  if (count < 0) throw new SparkSqlError("slice with a length below zero stops the run", length, "write 0 or more");
  const a = list.duckdb;
  const duckdb =
    first > 0
      ? `list_slice(${a}, ${first}, ${first + count - 1})`
      : `(CASE WHEN len(${a}) >= ${-first} THEN list_slice(${a}, len(${a}) + ${first + 1}, len(${a}) + ${first + count}) WHEN ${a} IS NOT NULL THEN list_slice(${a}, 1, 0) END)`;
  return { type: arrayType(list), duckdb };
}

/** Fields take the names of columns, else col1, col2…. */
function struct(call: Call): Translation {
  const fields = call.operands.map((value, index) => ({
    name: call.argumentNames[index]?.toLowerCase() ?? `col${index + 1}`,
    value,
    type: commonTypeOf([value], `field ${index + 1}`),
  }));
  if (new Set(fields.map(({ name }) => name)).size < fields.length) {
    throw new SparkSqlError("the struct has two fields of one name", call, "write named_struct('name', value, …)");
  }
  return {
    type: { kind: "struct", fields: fields.map(({ name, type }) => ({ name, type })) },
    spark: `named_struct(${fields.map(({ name, value }) => `${sparkText(name)}, ${value.spark}`).join(", ")})`,
    duckdb: `struct_pack(${fields.map(({ name, value }) => `${quoteName(name).duckdb} := ${value.duckdb}`).join(", ")})`,
  };
}

function namedStruct(call: Call): Translation {
  if (call.operands.length % 2 !== 0) throw new SparkSqlError("named_struct takes names and values by turns", call);
  const fields: { name: string; value: Operand; type: DataType }[] = [];
  for (let at = 0; at < call.operands.length; at += 2) {
    const [name, value] = [argument(call, at), argument(call, at + 1)];
    if (typeof name.constant !== "string" || !/^[a-z_][a-z0-9_]*$/.test(name.constant)) {
      throw new SparkSqlError("the name of a field must be a text in the SQL, of small letters, digits and _", name);
    }
    if (fields.some((field) => field.name === name.constant))
      throw new SparkSqlError(`the struct has two fields named "${name.constant}"`, name);
    fields.push({ name: name.constant, value, type: commonTypeOf([value], `the field "${name.constant}"`) });
  }
  return {
    type: { kind: "struct", fields: fields.map(({ name, type }) => ({ name, type })) },
    spark: `named_struct(${fields.map(({ name, value }) => `'${name}', ${value.spark}`).join(", ")})`,
    duckdb: `struct_pack(${fields.map(({ name, value }) => `${quoteName(name).duckdb} := ${value.duckdb}`).join(", ")})`,
  };
}

function transform(call: Call): Translation {
  const list = argument(call, 0);
  const { names, body } = call.lambda(1, [arrayType(list).element, INT]);
  const element = commonTypeOf([body], "the lambda's value");
  return {
    type: { kind: "array", element },
    spark: `transform(${list.spark}, ${sparkLambda(names, body)})`,
    duckdb: `list_transform(${list.duckdb}, lambda ${names.join(", ")}: ${body.duckdb})`,
  };
}

function predicate(call: Call, name: "filter" | "exists" | "forall"): Translation {
  const list = argument(call, 0);
  const type = arrayType(list);
  const { names, body } = call.lambda(1, name === "filter" ? [type.element, INT] : [type.element]);
  if (body.type.kind !== "boolean")
    throw new SparkSqlError(`the lambda of ${name} must give a boolean, not ${describe(body.type)}`, body);
  const spark = `${name}(${list.spark}, ${sparkLambda(names, body)})`;
  const lambda = `lambda ${names.join(", ")}: ${body.duckdb}`;
  if (name === "filter") return { type, spark, duckdb: `list_filter(${list.duckdb}, ${lambda})` };
  const found = `list_transform(${list.duckdb}, ${lambda})`;
  return { type: BOOLEAN, spark, duckdb: name === "exists" ? `spark_any(${found})` : `spark_all(${found})` };
}

function sparkLambda(names: readonly string[], body: Operand): string {
  return `${names.length === 1 ? names[0] : `(${names.join(", ")})`} -> ${body.spark}`;
}
