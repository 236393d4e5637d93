import type { DataType } from "../../../plan/data-type.ts";
import { commonTypeOf, convert, describe } from "../coerce.ts";
import { SparkSqlError } from "../errors.ts";
import { argument, BIGINT, BOOLEAN, INT, row, STRING } from "../function-table.ts";
import type { Call, SparkFunction, Translation } from "../function-table.ts";
import { quoteName } from "../literals.ts";
import type { Operand } from "../operand.ts";

type ArrayType = Extract<DataType, { kind: "array" }>;
type MapType = Extract<DataType, { kind: "map" }>;

/** Arrays, maps and structs. NULL in, NULL out, unless a row says otherwise. */
export const COLLECTION_FUNCTIONS: readonly SparkFunction[] = [
  { names: ["size", "cardinality"], parameters: ["any"], translate: size },
  row("array_size", ["array"], INT, (a) => `CAST(len(${a}) AS INTEGER)`),
  row(
    "array_join",
    ["array", "string", "string"],
    STRING,
    (a, by, missing) =>
      missing === undefined
        ? `spark_join(${a}, ${by})`
        : `spark_join(list_transform(${a}, lambda e: coalesce(e, ${missing})), ${by})`,
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
    translate: (call) => sameArray(call, (a) => `list_filter(${a}, lambda e: e IS NOT NULL)`),
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
    duckdb: `(CASE WHEN NOT list_contains(list_transform(${list.duckdb}, lambda e: e IS NULL), TRUE) THEN flatten(${list.duckdb}) END)`,
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
