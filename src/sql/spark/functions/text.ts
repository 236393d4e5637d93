import { commonTypeOf, convert, describe } from "../coerce.ts";
import { compileCast } from "../cast.ts";
import { SparkSqlError } from "../errors.ts";
import { argument, BOOLEAN, INT, row, STRING } from "../function-table.ts";
import type { Call, SparkFunction, Translation } from "../function-table.ts";
import type { Operand } from "../operand.ts";

const LENGTH = { range: { low: 0n, high: 2n ** 31n - 1n } };

/** Texts. Positions and lengths count code points in both engines. */
export const TEXT_FUNCTIONS: readonly SparkFunction[] = [
  row(["upper", "ucase"], ["string"], STRING, (s) => `spark_upper(${s})`),
  row(["lower", "lcase"], ["string"], STRING, (s) => `spark_lower(${s})`),
  row(
    ["length", "char_length", "character_length", "len"],
    ["string"],
    INT,
    (s) => `CAST(length(${s}) AS INTEGER)`,
    LENGTH,
  ),
  row("octet_length", ["string"], INT, (s) => `CAST(strlen(${s}) AS INTEGER)`, LENGTH),
  row("bit_length", ["string"], INT, (s) => `CAST(strlen(${s}) * 8 AS INTEGER)`),
  row("trim", ["string"], STRING, (s) => `trim(${s}, ' ')`),
  row("btrim", ["string", "string"], STRING, (s, characters = "' '") => `trim(${s}, ${characters})`, { optional: 1 }),
  // Spark's two-argument forms take the characters first.
  row("ltrim", ["string", "string"], STRING, (a, b) => (b === undefined ? `ltrim(${a}, ' ')` : `ltrim(${b}, ${a})`), {
    optional: 1,
  }),
  row("rtrim", ["string", "string"], STRING, (a, b) => (b === undefined ? `rtrim(${a}, ' ')` : `rtrim(${b}, ${a})`), {
    optional: 1,
  }),
  row(
    ["substring", "substr"],
    ["string", "int", "int"],
    STRING,
    (s, position, length = "2147483647") => `spark_substring(${s}, ${position}, ${length})`,
    { optional: 1 },
  ),
  row("left", ["string", "int"], STRING, (s, n) => `spark_substring(${s}, 1, ${n})`),
  row(
    "right",
    ["string", "int"],
    STRING,
    (s, n) => `(CASE WHEN ${n} <= 0 AND ${s} IS NOT NULL THEN '' ELSE right(${s}, ${n}) END)`,
  ),
  row("replace", ["string", "string", "string"], STRING, (s, search, by = "''") => `replace(${s}, ${search}, ${by})`, {
    optional: 1,
  }),
  row(
    "translate",
    ["string", "text-literal", "text-literal"],
    STRING,
    (s, from, to) => `translate(${s}, ${from}, ${to})`,
  ),
  padding("lpad"),
  padding("rpad"),
  row(
    "repeat",
    ["string", "int"],
    STRING,
    (s, n) => `(CASE WHEN ${n} > 0 THEN repeat(${s}, ${n}) WHEN ${n} IS NOT NULL AND ${s} IS NOT NULL THEN '' END)`,
  ),
  row("space", ["int"], STRING, (n) => `(CASE WHEN ${n} > 0 THEN repeat(' ', ${n}) WHEN ${n} IS NOT NULL THEN '' END)`),
  row("instr", ["string", "string"], INT, (s, sub) => `spark_locate(${sub}, ${s}, 1)`, LENGTH),
  row(
    ["locate", "position"],
    ["string", "string", "int"],
    INT,
    (sub, s, from = "1") => `spark_locate(${sub}, ${s}, ${from})`,
    { optional: 1, ...LENGTH },
  ),
  row("startswith", ["string", "string"], BOOLEAN, (s, part) => `starts_with(${s}, ${part})`),
  row("endswith", ["string", "string"], BOOLEAN, (s, part) => `ends_with(${s}, ${part})`),
  row("contains", ["string", "string"], BOOLEAN, (s, part) => `contains(${s}, ${part})`),
  row("ascii", ["string"], INT, (s) => `CAST(CASE WHEN ${s} = '' THEN 0 ELSE unicode(${s}) END AS INTEGER)`, {
    range: { low: 0n, high: 0x10ffffn },
  }),
  row("split_part", ["string", "text-literal", "int-literal"], STRING, (s, by, n) => `split_part(${s}, ${by}, ${n})`),
  row(
    "find_in_set",
    ["string", "string"],
    INT,
    (s, set) =>
      `(CASE WHEN contains(${s}, ',') AND ${set} IS NOT NULL THEN 0 ELSE coalesce(list_position(string_split(${set}, ','), ${s}), CASE WHEN ${s} IS NOT NULL AND ${set} IS NOT NULL THEN 0 END) END)::INTEGER`,
    LENGTH,
  ),
  row("md5", ["string"], STRING, (s) => `md5(${s})`),
  row(["sha", "sha1"], ["string"], STRING, (s) => `sha1(${s})`),
  row("base64", ["string"], STRING, (s) => `spark_base64(${s})`),
  {
    names: ["sha2"],
    parameters: ["string", "int-literal"],
    translate: (call) => {
      const bits = argument(call, 1);
      if (bits.constant !== 256n && bits.constant !== 0n)
        throw new SparkSqlError("sha2 is supported for 256 bits", bits, "write sha2(…, 256)");
      return { type: STRING, duckdb: `sha256(${argument(call, 0).duckdb})` };
    },
  },
  {
    names: ["hex"],
    parameters: ["any"],
    translate: (call) => {
      const value = argument(call, 0);
      if (value.type.kind === "string") return { type: STRING, duckdb: `hex(encode(${value.duckdb}))` };
      if (value.type.kind !== "int" && value.type.kind !== "bigint")
        throw new SparkSqlError(`hex takes a string or a whole number, not ${describe(value.type)}`, value);
      return { type: STRING, duckdb: `hex(CAST(${value.duckdb} AS BIGINT))` };
    },
  },
  {
    names: ["reverse"],
    parameters: ["any"],
    translate: (call) => {
      const value = argument(call, 0);
      if (value.type.kind === "array") return { type: value.type, duckdb: `list_reverse(${value.duckdb})` };
      if (value.type.kind !== "string")
        throw new SparkSqlError(`reverse takes a string or an array, not ${describe(value.type)}`, value);
      return { type: STRING, duckdb: `spark_reverse(${value.duckdb})` };
    },
  },
  row(["chr", "char"], ["int-literal"], STRING, (n) => `chr(${n})`),
  { names: ["substring_index"], parameters: ["string", "text-literal", "int-literal"], translate: substringIndex },
  { names: ["concat"], parameters: ["any"], variadic: true, translate: concat },
  { names: ["concat_ws"], parameters: ["text-literal", "any"], variadic: true, translate: concatWithSeparator },
];

/** What stands before the n-th delimiter, or after it counted from the end. */
function substringIndex(call: Call): Translation {
  const [text, delimiter, count] = [argument(call, 0), argument(call, 1), argument(call, 2)];
  const n = Number(count.constant);
  if (delimiter.constant === "" || n === 0) {
    throw new SparkSqlError(
      "substring_index with an empty delimiter, or of zero parts, is always empty",
      call,
      "write ''",
    );
  }
  const parts = `string_split(${text.duckdb}, ${delimiter.duckdb})`;
  const some = n > 0 ? `${parts}[:${n}]` : `${parts}[${n}:]`;
  return {
    type: STRING,
    duckdb: `(CASE WHEN ${text.duckdb} IS NOT NULL THEN array_to_string(${some}, ${delimiter.duckdb}) END)`,
  };
}

function padding(name: "lpad" | "rpad"): SparkFunction {
  return {
    names: [name],
    parameters: ["string", "int", "text-literal"],
    optional: 1,
    translate: (call) => {
      const pad = call.operands[2];
      if (pad?.constant === "")
        throw new SparkSqlError(`${name} with an empty padding`, pad, "write substring(…, 1, length)");
      const [s, n] = [argument(call, 0), argument(call, 1)];
      return {
        type: STRING,
        duckdb: `${name}(${s.duckdb}, CASE WHEN ${n.duckdb} < 0 THEN 0 ELSE ${n.duckdb} END, ${pad?.duckdb ?? "' '"})`,
      };
    },
  };
}

/** Texts or arrays; other scalars are printed, as Spark does. NULL if any part is. */
function concat(call: Call): Translation {
  if (call.operands.some((operand) => operand.type.kind === "array")) {
    const type = commonTypeOf(call.operands, "concat");
    const parts = call.operands.map((operand) => convert(operand, type, "an argument of concat"));
    const known = parts.map((part) => `${part.duckdb} IS NOT NULL`).join(" AND ");
    const list = parts.map((part) => part.duckdb).reduce((left, right) => `list_concat(${left}, ${right})`);
    return {
      type,
      spark: `concat(${parts.map((part) => part.spark).join(", ")})`,
      duckdb: `(CASE WHEN ${known} THEN ${list} END)`,
    };
  }
  const parts = call.operands.map((operand) => printed(operand));
  return {
    type: STRING,
    spark: `concat(${parts.map((part) => part.spark).join(", ")})`,
    // A NULL that DuckDB knows when it binds would lose the type.
    duckdb: `CAST(${parts.map((part) => part.duckdb).join(" || ")} AS VARCHAR)`,
  };
}

/** NULL parts and NULL elements of arrays are left out. */
function concatWithSeparator(call: Call): Translation {
  const separator = argument(call, 0);
  const parts = call.operands.slice(1).map((operand) => {
    if (operand.type.kind === "array") {
      if (operand.type.element.kind !== "string")
        throw new SparkSqlError("concat_ws takes strings and arrays of strings", operand);
      return { spark: operand.spark, duckdb: `coalesce(${operand.duckdb}, []::VARCHAR[])` };
    }
    const text = printed(operand);
    return { spark: text.spark, duckdb: `[${text.duckdb}]` };
  });
  const list = parts.map((part) => part.duckdb).reduce((left, right) => `list_concat(${left}, ${right})`);
  return {
    type: STRING,
    spark: `concat_ws(${[separator.spark, ...parts.map((part) => part.spark)].join(", ")})`,
    duckdb: `spark_join(${list}, ${separator.duckdb})`,
  };
}

function printed(operand: Operand): Operand {
  return compileCast(
    {
      kind: "cast",
      try: false,
      operand: { kind: "null", start: operand.start, end: operand.end },
      type: "string",
      typeSpan: operand,
      start: operand.start,
      end: operand.end,
    },
    operand,
  );
}
