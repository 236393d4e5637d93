import { coerce, cast } from "../coerce.ts";
import { quoted } from "../clauses.ts";
import { notSupported, TrinoError } from "../errors.ts";
import type { Position } from "../errors.ts";
import type { Typed } from "../scope.ts";
import * as t from "../types.ts";
import { operands, wrongArguments } from "./special-function.ts";
import type { Special } from "./special-function.ts";

const isText = (value: Typed | undefined): value is Typed =>
  value !== undefined && (t.isText(value.type) || value.type.kind === "unknown");

/** Functions of text that read a pattern, path or format from a literal. */
export const TEXT_SPECIALS: Readonly<Record<string, Special>> = {
  regexp_extract: withGroup(
    "regexp_extract",
    (text, pattern, group) => `trino_regexp_extract(${text}, ${pattern}, ${group})`,
    t.VARCHAR,
  ),
  regexp_extract_all: withGroup(
    "regexp_extract_all",
    (text, pattern, group) => `regexp_extract_all(${text}, ${pattern}, ${group})`,
    t.array(t.VARCHAR),
  ),

  regexp_replace(call, position, context) {
    if (call.arguments.length !== 3) return undefined;
    if (call.arguments[2]?.kind === "lambda") throw notSupported("regexp_replace with a function", position);
    const values = operands(call, context);
    const [text, pattern, replacement] = values;
    if (!isText(text) || !isText(pattern) || !replacement)
      throw wrongArguments(call, values, "regexp_replace(varchar, varchar, varchar)", position);
    const sql = quoted(replacementOf(literal(replacement, call.name, position), position));
    return {
      sql: `regexp_replace(${coerce(text, t.VARCHAR).sql}, ${coerce(pattern, t.VARCHAR).sql}, ${sql}, 'g')`,
      type: t.VARCHAR,
    };
  },

  json_extract_scalar(call, position, context) {
    const found = jsonAt(operands(call, context), call.name, position);
    return { sql: `trino_json_scalar(${found})`, type: t.VARCHAR };
  },

  json_extract(call, position, context) {
    return { sql: jsonAt(operands(call, context), call.name, position), type: t.JSON_TYPE };
  },

  json_size(call, position, context) {
    const found = jsonAt(operands(call, context), call.name, position);
    const sql = `CASE json_type(${found}) WHEN 'ARRAY' THEN json_array_length(${found}) WHEN 'OBJECT' THEN len(json_keys(${found})) WHEN NULL THEN NULL ELSE CASE WHEN ${found} IS NOT NULL THEN 0 END END`;
    return { sql: `CAST(${sql} AS BIGINT)`, type: t.BIGINT };
  },

  json_array_contains(call, position, context) {
    const values = operands(call, context);
    const [document, item] = values;
    if (!document || !item) throw wrongArguments(call, values, "json_array_contains(json, T)", position);
    const json = asJson(document, call.name, position);
    const wanted = cast(item, t.JSON_TYPE, position).sql;
    return {
      sql: `CASE WHEN json_type(${json}) = 'ARRAY' THEN list_contains(CAST(json_extract(${json}, '$[*]') AS VARCHAR[]), CAST(${wanted} AS VARCHAR)) END`,
      type: t.BOOLEAN,
    };
  },

  format(call, position, context) {
    const [format, ...values] = operands(call, context);
    if (!isText(format)) throw wrongArguments(call, values, "format(varchar, ...)", position);
    return { sql: formatted(literal(format, call.name, position), values, position), type: t.VARCHAR };
  },
};

function literal(value: Typed, name: string, position: Position): string {
  if (typeof value.literal === "string") return value.literal;
  throw notSupported(`${name} with a pattern, path or format that is not a literal`, position);
}

function withGroup(name: string, sql: (text: string, pattern: string, group: string) => string, type: t.Type): Special {
  return (call, position, context) => {
    if (call.arguments.length !== 3) return undefined;
    const values = operands(call, context);
    const [text, pattern, group] = values;
    if (!isText(text) || !isText(pattern) || !group)
      throw wrongArguments(call, values, `${name}(varchar, varchar, bigint)`, position);
    const number = literal(group, name, position);
    if (typeof pattern.literal === "string" && groupsIn(pattern.literal) < Number(number)) {
      throw new TrinoError(
        "INVALID_FUNCTION_ARGUMENT",
        `Pattern has ${groupsIn(pattern.literal)} groups. Cannot access group ${number}`,
        position,
      );
    }
    return { sql: sql(coerce(text, t.VARCHAR).sql, coerce(pattern, t.VARCHAR).sql, number), type };
  };
}

/** Groups that capture: parentheses that are not escaped, not in a class, and not `(?:`. */
function groupsIn(pattern: string): number {
  const plain = pattern.replaceAll(/\\[\s\S]/gu, "").replaceAll(/\[[^\]]*\]/gu, "");
  return plain.match(/\((?!\?)|\(\?P?<(?![=!])/gu)?.length ?? 0;
}

/** Java's `$1` as RE2's `\1`. */
function replacementOf(text: string, position: Position): string {
  return text.replaceAll(
    /\\([\s\S])|\$(\d)|\$\{(\w+)\}|\\/gu,
    (_all, escaped: string | undefined, group: string | undefined, name: string | undefined) => {
      if (name !== undefined) throw notSupported(`A replacement with the named group ${name}`, position);
      if (group !== undefined) return `\\${group}`;
      return escaped === "\\" || escaped === undefined ? "\\\\" : escaped;
    },
  );
}

/** What is at a path of a document; text that is no JSON has nothing anywhere. */
function jsonAt(values: readonly Typed[], name: string, position: Position): string {
  const [document, path] = values;
  if (!document || !path)
    throw new TrinoError(
      "FUNCTION_NOT_FOUND",
      `Unexpected parameters for function ${name}. Expected: ${name}(json, varchar), ${name}(varchar, varchar)`,
      position,
    );
  return `json_extract(${asJson(document, name, position)}, ${quoted(duckdbPath(literal(path, name, position), position))})`;
}

function asJson(document: Typed, name: string, position: Position): string {
  const { type } = document;
  if (type.kind === "json") return document.sql;
  if (t.isText(type) || type.kind === "unknown") return `trino_json_or_null(${coerce(document, t.VARCHAR).sql})`;
  throw new TrinoError(
    "FUNCTION_NOT_FOUND",
    `Unexpected parameters (${t.typeText(type)}) for function ${name}. Expected: json or varchar`,
    position,
  );
}

/** `$.store['a b'].book[0]` with every name in quotes; wildcards and filters are refused. */
function duckdbPath(path: string, position: Position): string {
  const invalid = () => new TrinoError("INVALID_FUNCTION_ARGUMENT", `Invalid JSON path: '${path}'`, position);
  let rest = path.trim();
  if (!rest.startsWith("$")) throw invalid();
  rest = rest.slice(1);
  let result = "$";
  while (rest !== "") {
    if (/^(?:\.\.|\.\*|\[\*\]|\[\?|\[[^\]]*[:,])/u.test(rest))
      throw notSupported(`The JSON path ${path} (wildcards, slices and filters)`, position);
    const step =
      /^(?:\.(?<name>[\p{L}\p{N}_$@-]+)|\.?\["(?<double>(?:[^"\\]|\\.)*)"\]|\.?\['(?<single>[^']*)'\]|\.?\[(?<index>\d+)\]|\."(?<quoted>[^"]*)")/u.exec(
        rest,
      );
    if (!step) throw invalid();
    const { name, double, single, index, quoted: inQuotes } = step.groups ?? {};
    result +=
      index === undefined
        ? `."${(name ?? double ?? single ?? inQuotes ?? "").replaceAll('"', String.raw`\"`)}"`
        : `[${index}]`;
    rest = rest.slice(step[0].length);
  }
  return result;
}

/** `java.util.Formatter`'s most used conversions, piece by piece. */
function formatted(format: string, values: readonly Typed[], position: Position): string {
  const pieces: string[] = [];
  let next = 0;
  for (const match of format.matchAll(
    /%(?<flags>[-+,0]*)(?<width>\d+)?(?:\.(?<precision>\d+))?(?<conversion>[a-zA-Z%])|[^%]+/gu,
  )) {
    const { flags = "", width, precision, conversion } = match.groups ?? {};
    if (conversion === undefined) pieces.push(quoted(match[0]));
    else if (conversion === "%") pieces.push("'%'");
    else if (conversion === "n") pieces.push("chr(10)");
    else {
      const value = values[next++];
      if (!value)
        throw new TrinoError(
          "INVALID_FUNCTION_ARGUMENT",
          `Invalid format string: ${format}: Format specifier '${match[0]}'`,
          position,
        );
      const text = converted(value, conversion, flags, precision, position);
      pieces.push(width === undefined ? text : padded(text, Number(width), flags));
    }
  }
  return pieces.length === 0 ? "''" : `(${pieces.join(" || ")})`;
}

function converted(
  value: Typed,
  conversion: string,
  flags: string,
  precision: string | undefined,
  position: Position,
): string {
  if (flags.includes("+")) throw notSupported("The format flag +", position);
  const grouped = flags.includes(",");
  switch (conversion) {
    case "s": {
      if (value.type.kind === "double" || value.type.kind === "real")
        throw notSupported("format with %s of a double", position);
      const text = `coalesce(${cast(value, t.VARCHAR, position).sql}, 'null')`;
      return precision === undefined ? text : `substr(${text}, 1, ${precision})`;
    }
    case "d":
      if (!t.isInteger(value.type)) break;
      return grouped ? `format('{:,}', ${value.sql})` : `CAST(${value.sql} AS VARCHAR)`;
    case "f":
      if (!t.isNumeric(value.type) || t.isInteger(value.type)) break;
      return `format('{:${grouped ? "," : ""}.${precision ?? 6}f}', CAST(${value.sql} AS DOUBLE))`;
    case "x":
      if (!t.isInteger(value.type)) break;
      return `format('{:x}', ${value.sql})`;
    default:
      throw notSupported(`The format conversion %${conversion}`, position);
  }
  throw new TrinoError(
    "INVALID_FUNCTION_ARGUMENT",
    `Invalid format string: %${conversion} of ${t.typeText(value.type)}`,
    position,
  );
}

function padded(text: string, width: number, flags: string): string {
  if (flags.includes("-")) return `trino_pad_right(${text}, ${width})`;
  return `trino_pad_left(${text}, ${width}, '${flags.includes("0") ? "0" : " "}')`;
}
