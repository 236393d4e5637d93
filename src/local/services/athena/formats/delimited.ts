import { duckdbType, typeText } from "../../../../sql/trino/types.ts";
import type { Type } from "../../../../sql/trino/types.ts";
import { QueryFailure } from "../errors.ts";
import { identifier, text, totalSize, usedColumns } from "./format.ts";
import type { DeclaredColumn, Format, ReadRequest } from "./format.ts";
import { lines } from "./lines.ts";

/**
 * LazySimpleSerDe: fields by position between delimiters, nothing quoted. What does not read as its column's type is
 * NULL, and so is a field that a line does not have.
 * https://docs.aws.amazon.com/athena/latest/ug/lazy-simple-serde.html
 */
export const lazySimple: Format = (request) => {
  const { serdeParameters: parameters } = request;
  const delimiter = parameters["field.delim"] ?? parameters["serialization.format"] ?? "\u0001";
  const separator = /^\d+$/u.test(delimiter) ? String.fromCodePoint(Number(delimiter)) : delimiter;
  const escape = parameters["escape.delim"];
  const nullText = parameters["serialization.null.format"] ?? String.raw`\N`;
  const fields = escape ? escapedFields("line", separator, escape) : `string_split(line, ${text(separator)})`;
  const selects = lines(request).map((source) => {
    const columns = usedColumns(request).map((column) => {
      const raw = `fields[${column.index + 1}]`;
      const field = `nullif(${escape ? unescaped(raw, escape) : raw}, ${text(nullText)})`;
      return `${lenient(field, column, request)} AS ${identifier(column.name)}`;
    });
    return `SELECT ${[...columns, "file"].join(", ")} FROM (SELECT ${fields} AS fields, file FROM (${source}))`;
  });
  return { selects, bytes: totalSize(request.files) };
};

/**
 * OpenCSVSerde: fields in quotes may hold delimiters; everything is text first. A number that does not read is
 * HIVE_BAD_DATA, dates are days and time stamps milliseconds since 1970.
 * https://docs.aws.amazon.com/athena/latest/ug/csv-serde.html
 */
export const openCsv: Format = (request) => {
  const { serdeParameters: parameters } = request;
  const separator = parameters["separatorChar"] ?? ",";
  const quote = parameters["quoteChar"] ?? '"';
  const escape = parameters["escapeChar"] ?? "\\";
  const [s, q, e] = [separator, quote, escape].map(regexQuoted);
  const quoted = `${q}(?:[^${classQuoted(quote + escape)}]|${e}.|${q}${q})*${q}`;
  // A separator in front of the line makes every field begin with one.
  const pattern = `${s}(${quoted}|(?:[^${classQuoted(separator + escape)}]|${e}.)*)`;
  const fields = `regexp_extract_all(${text(separator)} || line, ${text(pattern)}, 1)`;
  const selects = lines(request).map((source) => {
    const columns = usedColumns(request).map((column) => {
      const raw = `fields[${column.index + 1}]`;
      const inner = `CASE WHEN starts_with(${raw}, ${text(quote)}) THEN replace(substr(${raw}, 2, length(${raw}) - 2), ${text(quote + quote)}, ${text(quote)}) ELSE ${raw} END`;
      return `${strict(unescaped(inner, escape), column, request)} AS ${identifier(column.name)}`;
    });
    return `SELECT ${[...columns, "file"].join(", ")} FROM (SELECT ${fields} AS fields, file FROM (${source}))`;
  });
  return { selects, bytes: totalSize(request.files) };
};

/** Fields between delimiters that are not escaped. */
function escapedFields(line: string, separator: string, escape: string): string {
  const [s, e] = [regexQuoted(separator), regexQuoted(escape)];
  return `regexp_extract_all(${text(separator)} || ${line}, ${text(`${s}((?:[^${classQuoted(separator + escape)}]|${e}.)*)`)}, 1)`;
}

function unescaped(sql: string, escape: string): string {
  return `regexp_replace(${sql}, ${text(`${regexQuoted(escape)}(.)`)}, ${text(String.raw`\1`)}, 'g')`;
}

function regexQuoted(characters: string): string {
  return characters.replaceAll(/[\\^$.*+?()[\]{}|]/gu, String.raw`\$&`);
}

function classQuoted(characters: string): string {
  return characters.replaceAll(/[\\\]^-]/gu, String.raw`\$&`);
}

/** Text as a typed value, NULL where it is none. */
function lenient(field: string, column: DeclaredColumn, request: ReadRequest): string {
  const { type } = column;
  switch (type.kind) {
    case "varchar":
      return type.length === undefined ? field : `substr(${field}, 1, ${type.length})`;
    case "char":
      return `rtrim(substr(${field}, 1, ${type.length}), ' ')`;
    case "boolean":
      return `CASE lower(${field}) WHEN 'true' THEN true WHEN 'false' THEN false END`;
    case "tinyint":
    case "smallint":
    case "integer":
    case "bigint":
      return `CASE WHEN regexp_full_match(${field}, '[+-]?[0-9]+') THEN TRY_CAST(${field} AS ${duckdbType(type)}) END`;
    case "real":
    case "double":
    case "decimal":
      return `TRY_CAST(trim(${field}) AS ${duckdbType(type)})`;
    case "date":
      return `CASE WHEN regexp_full_match(${field}, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') THEN TRY_CAST(${field} AS DATE) END`;
    case "timestamp":
      return `CASE WHEN regexp_full_match(${field}, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2} [0-9]{1,2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?') THEN trino_milliseconds(TRY_CAST(${field} AS TIMESTAMP)) END`;
    case "varbinary":
      return `TRY(from_base64(${field}))`;
    default:
      throw unreadable(type, column, request);
  }
}

/** Text as a typed value, or HIVE_BAD_DATA. */
function strict(field: string, column: DeclaredColumn, request: ReadRequest): string {
  const { type } = column;
  const bad = `'HIVE_BAD_DATA: Error parsing field value ''' || ${field} || ''''`;
  const checked = (pattern: string) =>
    `CAST(CASE WHEN regexp_full_match(${field}, '${pattern}') THEN ${field} WHEN ${field} IS NOT NULL THEN ${bad} END AS ${duckdbType(type)})`;
  switch (type.kind) {
    case "varchar":
    case "char":
      return field;
    case "boolean":
      return `(lower(${field}) = 'true')`;
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
      return `(DATE '1970-01-01' + CAST(${checkedNumber(field, bad)} AS INTEGER))`;
    case "timestamp":
      return `make_timestamp(CAST(${checkedNumber(field, bad)} AS BIGINT) * 1000)`;
    default:
      throw unreadable(type, column, request);
  }
}

function checkedNumber(field: string, bad: string): string {
  return `CAST(CASE WHEN regexp_full_match(${field}, '[+-]?[0-9]+') THEN ${field} WHEN ${field} IS NOT NULL THEN ${bad} END AS BIGINT)`;
}

function unreadable(type: Type, column: DeclaredColumn, request: ReadRequest): QueryFailure {
  return new QueryFailure(
    `NOT_SUPPORTED: ${request.table}.${column.name}: the local runtime does not read ${typeText(type)} from delimited text`,
    1200,
  );
}
