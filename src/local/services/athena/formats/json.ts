import { duckdbType, fieldKey, typeText } from "../../../../sql/trino/types.ts";
import type { Type } from "../../../../sql/trino/types.ts";
import { QueryFailure } from "../errors.ts";
import { identifier, text, totalSize, usedColumns } from "./format.ts";
import type { Format, ReadRequest } from "./format.ts";
import { lines } from "./lines.ts";

/**
 * One JSON object a line, members by name without regard to case (both serdes' default). A line that is no object is
 * HIVE_CURSOR_ERROR, or a row of NULLs with openx's `ignore.malformed.json`.
 * https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html
 */
export const json: Format = (request) => {
  const { serdeParameters: parameters } = request;
  for (const unsupported of ["dots.in.keys", "ConvertDotsInJsonKeysToUnderscores"]) {
    if (parameters[unsupported]?.toLowerCase() === "true") {
      throw new QueryFailure(
        `NOT_SUPPORTED: the JSON serde's property ${unsupported} is not supported by the local runtime`,
        1200,
      );
    }
  }
  if (parameters["case.insensitive"]?.toLowerCase() === "false") {
    throw new QueryFailure(
      "NOT_SUPPORTED: the JSON serde's property case.insensitive=false is not supported by the local runtime",
      1200,
    );
  }
  const ignore = parameters["ignore.malformed.json"]?.toLowerCase() === "true";
  const malformed = `CAST('HIVE_CURSOR_ERROR: Row is not a valid JSON Object' AS INTEGER)`;
  const document = `CASE WHEN json_valid(line) AND json_type(line) = 'OBJECT' THEN CAST(line AS JSON) ${
    ignore ? "" : `WHEN trim(line) <> '' THEN CAST(CAST(${malformed} AS VARCHAR) AS JSON) `
  }END`;
  // Layer by layer, so that no expression repeats the one below: the document, its members, their texts, the values.
  const used = usedColumns(request);
  // Members under their very names are taken in one pass; only what is not there is looked for in any case.
  const keys = used.map((column) => parameters[`mapping.${column.name}`] ?? column.name);
  const exact = `json_extract(j, [${keys.map((key) => text(`$."${key}"`)).join(", ")}]) AS x`;
  const members = keys.map((key, at) => `coalesce(x[${at + 1}], hive_json_other(j, keys, ${text(key)})) AS m${at}`);
  const texts = used.map((column, at) => (isScalar(column.type) ? `hive_json_text(m${at})` : `m${at}`) + ` AS m${at}`);
  const values = used.map((column, at) => {
    const value = isScalar(column.type)
      ? scalarOf(`m${at}`, column.type, request)
      : valueOf(`m${at}`, column.type, request);
    return `${value} AS ${identifier(column.name)}`;
  });
  const selects = lines(request).map((source) => {
    const documents = `SELECT ${document} AS j, file FROM (${source})`;
    if (used.length === 0) return `SELECT file FROM (${documents}) WHERE j IS NULL OR j IS NOT NULL`;
    const found = `SELECT ${exact}, json_keys(j) AS keys, j, file FROM (${documents})`;
    const extracted = `SELECT ${[...members, "file"].join(", ")} FROM (${found})`;
    return `SELECT ${[...values, "file"].join(", ")} FROM (SELECT ${[...texts, "file"].join(", ")} FROM (${extracted}))`;
  });
  return { selects, bytes: totalSize(request.files) };
};

/** The member of an object by name: as written first, which is quick, then without regard to case. */
function member(object: string, name: string): string {
  return `hive_json_member(${object}, ${text(name)})`;
}

let names = 0;

function isScalar(type: Type): boolean {
  return type.kind !== "array" && type.kind !== "map" && type.kind !== "row";
}

/** The text of a JSON scalar as a typed value. What is not of the type is HIVE_BAD_DATA. */
function scalarOf(scalar: string, type: Type, request: ReadRequest): string {
  const bad = `'HIVE_BAD_DATA: Error parsing field value ''' || ${scalar} || ''''`;
  const checked = (pattern: string) =>
    `CAST(CASE WHEN regexp_full_match(${scalar}, '${pattern}') THEN ${scalar} WHEN ${scalar} IS NOT NULL THEN ${bad} END AS ${duckdbType(type)})`;
  switch (type.kind) {
    case "varchar":
    case "char":
      return scalar;
    case "boolean":
      return `CASE lower(${scalar}) WHEN 'true' THEN true WHEN 'false' THEN false END`;
    case "tinyint":
    case "smallint":
    case "integer":
    case "bigint":
      return checked("[+-]?[0-9]+");
    case "real":
    case "double":
    case "decimal":
      return checked(String.raw`\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*`);
    case "date":
      return `trino_text_to_date(${scalar})`;
    case "timestamp":
      return `trino_milliseconds(trino_text_to_timestamp(regexp_replace(${scalar}, '^([0-9-]+)T([0-9:.]+)Z?$', '\\1 \\2')))`;
    default:
      throw new QueryFailure(
        `NOT_SUPPORTED: ${request.table}: the local runtime does not read ${typeText(type)} from JSON`,
        1200,
      );
  }
}

/** A JSON value as a typed one. */
function valueOf(value: string, type: Type, request: ReadRequest): string {
  switch (type.kind) {
    case "array":
      return `list_transform(json_extract(${value}, '$[*]'), lambda e${++names}: ${valueOf(`e${names}`, type.element, request)})`;
    case "map": {
      if (type.key.kind !== "varchar") break;
      const [document, key] = [`j${++names}`, `k${names}`];
      const item = valueOf(`json_extract(${document}, '$."' || ${key} || '"')`, type.value, request);
      return `list_transform([${value}], lambda ${document}: map_from_entries(list_transform(json_keys(${document}), lambda ${key}: {'k': ${key}, 'v': ${item}})))[1]`;
    }
    case "row": {
      // The members' expressions repeat the value: it gets a name, so that nesting does not multiply it.
      const name = `j${++names}`;
      const members = type.fields.map(
        (field, at) => `"${fieldKey(field, at)}" := ${valueOf(member(name, field.name ?? ""), field.type, request)}`,
      );
      return `list_transform([${value}], lambda ${name}: CASE WHEN json_type(${name}) = 'OBJECT' THEN struct_pack(${members.join(", ")}) END)[1]`;
    }
    default:
      return scalarOf(`hive_json_text(${value})`, type, request);
  }
  throw new QueryFailure(
    `NOT_SUPPORTED: ${request.table}: the local runtime does not read ${typeText(type)} from JSON`,
    1200,
  );
}

/** Macros that the SQL of this format needs. */
export const JSON_MACROS: readonly string[] = [
  `CREATE MACRO hive_json_other(j, keys, name) AS json_extract(j, '$."' || list_filter(keys, lambda k: lower(k) = lower(name))[1] || '"')`,
  `CREATE MACRO hive_json_member(j, name) AS CASE WHEN json_exists(j, '$."' || name || '"') THEN json_extract(j, '$."' || name || '"')
     ELSE json_extract(j, '$."' || list_filter(json_keys(j), lambda k: lower(k) = lower(name))[1] || '"') END`,
  `CREATE MACRO hive_json_text(j) AS CASE WHEN json_type(j) <> 'NULL' THEN j ->> '$' END`,
];
