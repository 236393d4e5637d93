import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DuckDbProcess } from "../duckdb/process.ts";
import { formatValue } from "./format.ts";
import { MACROS, SETTINGS } from "./macros.ts";
import { runtimeError } from "./runtime-error.ts";
import { translateQuery } from "./translate.ts";
import { typeText } from "./types.ts";

/**
 * What Trino answers to an expression: its type and its value as Athena shows it. The expected answers are Trino's, by
 * its documentation and the tests of its own repository; DuckDB's own answer to the same text is often another.
 */
type Row = readonly [expression: string, type: string, value: string | null];

let duckdb: DuckDbProcess;
beforeAll(async () => {
  duckdb = await DuckDbProcess.start({ setup: [...SETTINGS, ...MACROS] });
});
afterAll(() => duckdb.close());

async function run(sql: string): Promise<{ types: string[]; rows: (string | null)[][] }> {
  const translation = translateQuery(sql, { lookup: () => null, now: new Date("2026-11-24T08:00:00.123Z") });
  try {
    const { rows } = await duckdb.query(translation.sql(String));
    const types = translation.columns.map((column) => column.type);
    return {
      types: types.map(typeText),
      rows: rows.map((row) => row.map((value, at) => formatValue(value, types[at] ?? { kind: "unknown" }))),
    };
  } catch (error) {
    const { code, message } = runtimeError((error as Error).message);
    throw new Error(`${code}: ${message}`, { cause: error });
  }
}

function table(name: string, rows: readonly Row[]): void {
  describe(`${name}:`, () => {
    test.each(rows)("%s is %s %s", async (expression, type, value) => {
      expect(await run(`SELECT ${expression}`)).toEqual({ types: [type], rows: [[value]] });
    });
  });
}

table("literals", [
  ["1", "integer", "1"],
  ["2147483648", "bigint", "2147483648"],
  ["1.50", "decimal(3,2)", "1.50"],
  ["15e-1", "double", "1.5"],
  ["'it''s'", "varchar(4)", "it's"],
  ["X'00ff'", "varbinary", "00 ff"],
  ["TRUE", "boolean", "true"],
  ["NULL", "unknown", null],
  ["DATE '2026-11-24'", "date", "2026-11-24"],
  ["TIMESTAMP '2026-11-24 08:00'", "timestamp(0)", "2026-11-24 08:00:00"],
  ["TIMESTAMP '2026-11-24 08:00:00.5'", "timestamp(1)", "2026-11-24 08:00:00.5"],
  ["TIMESTAMP '2026-11-24 08:00:00 UTC'", "timestamp(0) with time zone", "2026-11-24 08:00:00 UTC"],
  [
    "TIMESTAMP '2026-07-01 08:00:00 America/New_York'",
    "timestamp(0) with time zone",
    "2026-07-01 08:00:00 America/New_York",
  ],
  ["INTERVAL '3' DAY", "interval day to second", "3 00:00:00.000"],
  ["INTERVAL -'90' MINUTE", "interval day to second", "-0 01:30:00.000"],
  ["INTERVAL '14' MONTH", "interval year to month", "1-2"],
  ["ARRAY[1, NULL]", "array(integer)", "[1, null]"],
  ["ARRAY[]", "array(unknown)", "[]"],
  ["MAP(ARRAY['a'], ARRAY[1.5])", "map(varchar(1), decimal(2,1))", "{a=1.5}"],
  ["ROW(1, 'x')", "row(integer, varchar(1))", "{field0=1, field1=x}"],
  ["CAST(ROW(1, 'x') AS ROW(a INTEGER, b VARCHAR))", "row(a integer, b varchar)", "{a=1, b=x}"],
]);

table(
  "arithmetic",
  [
    ["7 / 2", "integer", "3"],
    ["-7 / 2", "integer", "-3"],
    ["-7 % 2", "integer", "-1"],
    ["7 / 2.0", "decimal(12,1)", "3.5"],
    ["7 / 2e0", "double", "3.5"],
    ["1.0 / 3", "decimal(2,1)", "0.3"],
    ["CAST(10 AS decimal(10,2)) / 3", "decimal(10,2)", "3.33"],
    ["CAST(20 AS decimal(10,2)) / 3", "decimal(10,2)", "6.67"],
    ["CAST(-20 AS decimal(10,2)) / 3", "decimal(10,2)", "-6.67"],
    ["1.5 + 2", "decimal(12,1)", "3.5"],
    ["1.25 * 1.5", "decimal(5,3)", "1.875"],
    ["10.5 % 3", "decimal(3,1)", "1.5"],
    ["CAST(100 AS tinyint) + 1", "integer", "101"],
    ["1e0 / 0", "double", "Infinity"],
    ["0e0 / 0", "double", "NaN"],
    ["-(3)", "integer", "-3"],
    ["DATE '2020-01-31' + INTERVAL '1' MONTH", "date", "2020-02-29"],
    ["TIMESTAMP '2020-01-01 00:00:00.000' - INTERVAL '1' SECOND", "timestamp(3)", "2019-12-31 23:59:59.000"],
    ["TIMESTAMP '2020-01-02 03:00:00' - TIMESTAMP '2020-01-01 00:00:00'", "interval day to second", "1 03:00:00.000"],
  ].filter((row): row is [string, string, string] => row[1] !== "error"),
);

describe("what Trino raises", () => {
  test.each([
    ["1 / 0", "DIVISION_BY_ZERO: Division by zero"],
    ["1 % 0", "DIVISION_BY_ZERO: Division by zero"],
    ["1.0 / 0", "DIVISION_BY_ZERO: Division by zero"],
    ["2147483647 + 1", "NUMERIC_VALUE_OUT_OF_RANGE: Overflow in addition of INT32"],
    ["CAST('12x' AS integer)", "INVALID_CAST_ARGUMENT: Cannot cast '12x' to INT"],
    ["CAST('1.5' AS bigint)", "INVALID_CAST_ARGUMENT: Cannot cast '1.5' to BIGINT"],
    ["CAST(' 1' AS integer)", "INVALID_CAST_ARGUMENT: Cannot cast ' 1' to INT"],
    ["CAST('yes' AS boolean)", "INVALID_CAST_ARGUMENT: Cannot cast 'yes' to BOOLEAN"],
    ["CAST('2026-11-24 08:00:00' AS date)", "INVALID_CAST_ARGUMENT: Value cannot be cast to date: 2026-11-24 08:00:00"],
    [
      "CAST('2026-11-24T08:00:00' AS timestamp)",
      "INVALID_CAST_ARGUMENT: Value cannot be cast to timestamp: 2026-11-24T08:00:00",
    ],
    ["CAST(12345 AS varchar(3))", "INVALID_CAST_ARGUMENT: Value 12345 cannot be represented as varchar(3)"],
    ["ARRAY[1][2]", "INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: 2 > 1"],
    ["ARRAY[1][0]", "INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1"],
    ["MAP(ARRAY['a'], ARRAY[1])['b']", "INVALID_FUNCTION_ARGUMENT: Key not present in map: b"],
    ["json_parse('{')", "INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON: '{'"],
    [
      "DATE '2020-01-01' + INTERVAL '1' HOUR",
      "INVALID_FUNCTION_ARGUMENT: Cannot add hour, minutes or seconds to a date",
    ],
    [
      "from_iso8601_timestamp('2020-01-01T00:00:00+02:00')",
      "NOT_SUPPORTED: The local runtime keeps no time zone per value; only UTC is read: 2020-01-01T00:00:00+02:00",
    ],
    ["split_part('a,b', ',', 0)", "INVALID_FUNCTION_ARGUMENT: Index must be greater than zero"],
  ])("%s raises %s", async (expression, message) => {
    await expect(run(`SELECT ${expression}`)).rejects.toThrow(message);
    expect((await run(`SELECT try(${expression})`)).rows).toEqual([[null]]);
  });
});

table("casts", [
  ["CAST(2.5e0 AS integer)", "integer", "3"],
  ["CAST(-2.5e0 AS integer)", "integer", "-3"],
  ["CAST(2.5 AS integer)", "integer", "3"],
  ["CAST(1.5e0 AS varchar)", "varchar", "1.5E0"],
  ["CAST(100e0 AS varchar)", "varchar", "1.0E2"],
  ["CAST(-0.00123e0 AS varchar)", "varchar", "-1.23E-3"],
  ["CAST(0e0 AS varchar)", "varchar", "0E0"],
  ["CAST(12345678.9e0 AS varchar)", "varchar", "1.23456789E7"],
  ["CAST(1.50 AS varchar)", "varchar", "1.50"],
  ["CAST(TRUE AS varchar)", "varchar", "true"],
  ["CAST(DATE '2026-11-24' AS varchar)", "varchar", "2026-11-24"],
  ["CAST(TIMESTAMP '2026-11-24 08:00:00.120' AS varchar)", "varchar", "2026-11-24 08:00:00.120"],
  ["CAST('abcdef' AS varchar(3))", "varchar(3)", "abc"],
  ["CAST('t' AS boolean)", "boolean", "true"],
  ["CAST(0 AS boolean)", "boolean", "false"],
  ["CAST('2026-1-2' AS date)", "date", "2026-01-02"],
  ["CAST('2026-11-24 08:00:00.1236' AS timestamp)", "timestamp(3)", "2026-11-24 08:00:00.124"],
  ["CAST(TIMESTAMP '2026-11-24 23:00:00 UTC' AS date)", "date", "2026-11-24"],
  ["CAST(TIMESTAMP '2026-11-24 23:00:00 UTC' AT TIME ZONE 'Asia/Tokyo' AS date)", "date", "2026-11-25"],
  ["TRY_CAST('x' AS bigint)", "bigint", null],
  ["TRY_CAST('1.5' AS integer)", "integer", null],
  ["TRY_CAST('7' AS bigint)", "bigint", "7"],
  ["CAST(ARRAY['1', '2'] AS array(integer))", "array(integer)", "[1, 2]"],
  ["CAST(json_parse('[1, 2]') AS array(bigint))", "array(bigint)", "[1, 2]"],
  [`CAST(json_parse('{"a": [1]}') AS map(varchar, array(integer)))`, "map(varchar, array(integer))", "{a=[1]}"],
  [`CAST(json_parse('{"b": "x", "a": 1}') AS row(a integer, b varchar))`, "row(a integer, b varchar)", "{a=1, b=x}"],
  [`CAST(json_parse('"x"') AS varchar)`, "varchar", "x"],
  ["CAST(ARRAY[1, NULL] AS json)", "json", "[1,null]"],
  ["CAST(MAP(ARRAY['k'], ARRAY[TRUE]) AS json)", "json", `{"k":true}`],
  ["CAST(CAST(ROW(1, 'x') AS row(a integer, b varchar)) AS json)", "json", `{"a":1,"b":"x"}`],
  ["CAST('x' AS json)", "json", `"x"`],
  [
    "TIMESTAMP '2026-01-01 00:00:00 UTC' AT TIME ZONE 'America/New_York'",
    "timestamp(0) with time zone",
    "2025-12-31 19:00:00 America/New_York",
  ],
]);

table("conditions", [
  ["NULL = NULL", "boolean", null],
  ["1 IS DISTINCT FROM NULL", "boolean", "true"],
  ["2 BETWEEN 1 AND 3", "boolean", "true"],
  ["2 NOT IN (1, NULL)", "boolean", null],
  ["'abc' LIKE 'a%'", "boolean", "true"],
  ["'a_c' LIKE 'a#_c' ESCAPE '#'", "boolean", "true"],
  ["'ABC' LIKE 'a%'", "boolean", "false"],
  ["CASE WHEN 1 = 2 THEN 1 ELSE 2.5 END", "decimal(11,1)", "2.5"],
  ["CASE 'b' WHEN 'a' THEN 1 WHEN 'b' THEN 2 END", "integer", "2"],
  ["if(1 > 2, 'a')", "varchar(1)", null],
  ["coalesce(NULL, 1, 2)", "integer", "1"],
  ["nullif(1, 1)", "integer", null],
  ["greatest(1, NULL, 3)", "integer", null],
  ["least(3, 1.5)", "decimal(11,1)", "1.5"],
  ["try(1 / 0)", "integer", null],
  ["typeof(1 + 1.5)", "varchar", "decimal(12,1)"],
  ["1 = ANY (SELECT 1)", "boolean", "true"],
  ["2 > ALL (VALUES 1, 3)", "boolean", "false"],
  ["EXISTS (SELECT 1 WHERE FALSE)", "boolean", "false"],
]);

table("strings", [
  ["concat('a', NULL)", "varchar", null],
  ["'a' || 'b'", "varchar", "ab"],
  ["concat_ws('-', 'a', NULL, 'b')", "varchar", "a-b"],
  ["concat_ws('-', ARRAY['a', 'b'])", "varchar", "a-b"],
  ["length('äb')", "bigint", "2"],
  ["substr('abc', 0)", "varchar", ""],
  ["substr('abc', -2)", "varchar", "bc"],
  ["substr('abc', -5)", "varchar", ""],
  ["substr('abc', 2, 1)", "varchar", "b"],
  ["substring('abc' FROM 2 FOR 5)", "varchar", "bc"],
  ["trim(LEADING 'x' FROM 'xxabc')", "varchar", "abc"],
  ["strpos('abcb', 'b')", "bigint", "2"],
  ["position('c' IN 'abc')", "bigint", "3"],
  ["split('a,b,,c', ',')", "array(varchar)", "[a, b, , c]"],
  ["split('a,b,c', ',', 2)", "array(varchar)", "[a, b,c]"],
  ["split_part('a,b', ',', 3)", "varchar", null],
  ["split_part('a,b', ',', 2)", "varchar", "b"],
  ["split_to_map('a=1,b=2', ',', '=')", "map(varchar, varchar)", "{a=1, b=2}"],
  ["lpad('abc', 2, 'x')", "varchar", "ab"],
  ["lpad('a', 3, 'xy')", "varchar", "xya"],
  ["replace('banana', 'an')", "varchar", "ba"],
  ["reverse('abc')", "varchar", "cba"],
  ["regexp_like('abc123', '\\d+')", "boolean", "true"],
  ["regexp_extract('a1b22', '\\d+')", "varchar", "1"],
  ["regexp_extract('abc', '\\d+')", "varchar", null],
  ["regexp_extract('key=value', '(\\w+)=(\\w+)', 2)", "varchar", "value"],
  ["regexp_extract_all('a1b22', '\\d+')", "array(varchar)", "[1, 22]"],
  ["regexp_replace('a1b2', '\\d')", "varchar", "ab"],
  ["regexp_replace('John Smith', '(\\w+) (\\w+)', '$2, $1')", "varchar", "Smith, John"],
  ["regexp_split('a1b2c', '\\d')", "array(varchar)", "[a, b, c]"],
  ["regexp_count('a1b22', '\\d+')", "bigint", "2"],
  ["to_hex(md5(to_utf8('a')))", "varchar", "0CC175B9C0F1B6A831C399E269772661"],
  ["to_hex(sha256(to_utf8('')))", "varchar", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"],
  ["from_utf8(from_hex('6162'))", "varchar", "ab"],
  ["to_base64(to_utf8('ab'))", "varchar", "YWI="],
  ["chr(97)", "varchar", "a"],
  ["codepoint('a')", "integer", "97"],
  ["starts_with('abc', 'ab')", "boolean", "true"],
  ["levenshtein_distance('kitten', 'sitting')", "bigint", "3"],
  ["url_extract_host('https://user@example.com:8080/a/b?x=1&y=%20z#top')", "varchar", "example.com"],
  ["url_extract_port('https://example.com:8080/a')", "bigint", "8080"],
  ["url_extract_path('https://example.com/a/b?x=1')", "varchar", "/a/b"],
  ["url_extract_query('https://example.com/a?x=1&y=2#f')", "varchar", "x=1&y=2"],
  ["url_extract_parameter('https://example.com/a?x=1&y=%20z', 'y')", "varchar", " z"],
  ["url_extract_protocol('https://example.com')", "varchar", "https"],
  ["url_decode('a+b%20c')", "varchar", "a b c"],
  ["format('%s has %d, %.2f%%', 'x', 7, 12.345)", "varchar", "x has 7, 12.35%"],
  ["format('%05d|%-4s|%,d', 42, 'ab', 1234567)", "varchar", "00042|ab  |1,234,567"],
]);

table("numbers", [
  ["abs(-1.5)", "decimal(2,1)", "1.5"],
  ["round(2.5)", "decimal(2,0)", "3"],
  ["round(-2.5e0)", "double", "-3.0"],
  ["round(1.255, 2)", "decimal(5,3)", "1.260"],
  ["ceil(1.2)", "decimal(2,0)", "2"],
  ["floor(-1.2e0)", "double", "-2.0"],
  ["truncate(-1.9e0)", "double", "-1.0"],
  ["sign(-2)", "integer", "-1"],
  ["sqrt(2)", "double", "1.4142135623730951"],
  ["power(2, 10)", "double", "1024.0"],
  ["mod(7, 3)", "integer", "1"],
  ["log(2, 8)", "double", "3.0"],
  ["ln(0)", "double", "-Infinity"],
  ["sqrt(-1)", "double", "NaN"],
  ["from_base('ff', 16)", "bigint", "255"],
  ["to_base(255, 16)", "varchar", "ff"],
  ["width_bucket(3.5, 0, 10, 5)", "bigint", "2"],
  ["bitwise_and(12, 10)", "bigint", "8"],
  ["1e7", "double", "1.0E7"],
  ["123456.789e0", "double", "123456.789"],
  ["1e-4", "double", "1.0E-4"],
  ["CAST(1.1 AS real)", "real", "1.1"],
]);

table("dates", [
  ["current_date", "date", "2026-11-24"],
  ["current_timestamp", "timestamp(3) with time zone", "2026-11-24 08:00:00.123 UTC"],
  ["now() - INTERVAL '1' DAY", "timestamp(3) with time zone", "2026-11-23 08:00:00.123 UTC"],
  ["date_trunc('month', DATE '2026-11-24')", "date", "2026-11-01"],
  ["date_trunc('week', TIMESTAMP '2026-11-24 08:00:00')", "timestamp(0)", "2026-11-23 00:00:00"],
  ["date_add('month', 1, DATE '2026-01-31')", "date", "2026-02-28"],
  ["date_add('quarter', -1, TIMESTAMP '2026-01-31 10:00:00.000')", "timestamp(3)", "2025-10-31 10:00:00.000"],
  ["date_diff('hour', TIMESTAMP '2020-01-01 00:59:00', TIMESTAMP '2020-01-01 01:01:00')", "bigint", "0"],
  ["date_diff('day', DATE '2020-03-01', DATE '2020-02-28')", "bigint", "-2"],
  ["date_diff('month', DATE '2020-01-31', DATE '2020-02-29')", "bigint", "1"],
  ["date_parse('24/11/2026 8:05', '%d/%m/%Y %k:%i')", "timestamp(3)", "2026-11-24 08:05:00.000"],
  [
    "date_format(TIMESTAMP '2026-11-24 18:05:09.000', '%Y-%m-%d %H:%i:%s %p %j %W %b')",
    "varchar",
    "2026-11-24 18:05:09 PM 328 Tuesday Nov",
  ],
  [
    "format_datetime(TIMESTAMP '2026-11-24 18:05:09.000', 'yyyy-MM-dd''T''HH:mm:ss.SSS')",
    "varchar",
    "2026-11-24T18:05:09.000",
  ],
  ["parse_datetime('2026-11-24', 'yyyy-MM-dd')", "timestamp(3) with time zone", "2026-11-24 00:00:00.000 UTC"],
  ["from_iso8601_timestamp('2026-11-24T08:00:00.5Z')", "timestamp(3) with time zone", "2026-11-24 08:00:00.500 UTC"],
  ["from_iso8601_timestamp('2026-11-24T08:00')", "timestamp(3) with time zone", "2026-11-24 08:00:00.000 UTC"],
  ["from_iso8601_date('2026-11-24')", "date", "2026-11-24"],
  ["to_iso8601(TIMESTAMP '2026-11-24 08:00:00.000')", "varchar", "2026-11-24T08:00:00.000"],
  ["from_unixtime(1.5)", "timestamp(3) with time zone", "1970-01-01 00:00:01.500 UTC"],
  ["to_unixtime(TIMESTAMP '1970-01-01 00:00:01.500')", "double", "1.5"],
  ["year(DATE '2026-11-24')", "bigint", "2026"],
  ["extract(day FROM TIMESTAMP '2026-11-24 08:00:00')", "bigint", "24"],
  ["hour(TIMESTAMP '2026-11-24 23:00:00 UTC' AT TIME ZONE 'Asia/Tokyo')", "bigint", "8"],
  ["day_of_week(DATE '2026-11-29')", "bigint", "7"],
  ["week(DATE '2027-01-01')", "bigint", "53"],
  ["year_of_week(DATE '2027-01-01')", "bigint", "2026"],
  ["second(TIMESTAMP '2026-11-24 08:00:59.900')", "bigint", "59"],
  ["millisecond(TIMESTAMP '2026-11-24 08:00:59.900')", "bigint", "900"],
  ["last_day_of_month(DATE '2028-02-10')", "date", "2028-02-29"],
  ["DATE '2026-11-24' = TIMESTAMP '2026-11-24 00:00:00'", "boolean", "true"],
]);

table("JSON", [
  [`json_extract_scalar('{"a": {"b": [1, "x"]}}', '$.a.b[1]')`, "varchar", "x"],
  [`json_extract_scalar('{"a": [1]}', '$.a')`, "varchar", null],
  [`json_extract_scalar('{"a": null}', '$.a')`, "varchar", null],
  [`json_extract_scalar('{"a b": true}', '$["a b"]')`, "varchar", "true"],
  [`json_extract_scalar('not json', '$.a')`, "varchar", null],
  [`json_extract('{"a": [1, 2]}', '$.a')`, "json", "[1,2]"],
  [`json_format(json_parse('{ "a" : 1 }'))`, "varchar", `{"a":1}`],
  [`json_array_length('[1, 2, 3]')`, "bigint", "3"],
  [`json_array_contains('[1, 2]', 2)`, "boolean", "true"],
  [`json_size('{"a": {"x": 1, "y": 2}}', '$.a')`, "bigint", "2"],
  [`is_json_scalar('[1]')`, "boolean", "false"],
]);

table("arrays and maps", [
  ["ARRAY[1, 2][2]", "integer", "2"],
  ["element_at(ARRAY[1, 2], -1)", "integer", "2"],
  ["element_at(ARRAY[1], 5)", "integer", null],
  ["element_at(MAP(ARRAY['k'], ARRAY[1]), 'k')", "integer", "1"],
  ["element_at(MAP(ARRAY['k'], ARRAY[1]), 'x')", "integer", null],
  ["cardinality(ARRAY[1, NULL])", "bigint", "2"],
  ["contains(ARRAY[1, 2], 2)", "boolean", "true"],
  ["contains(ARRAY[1, NULL], 2)", "boolean", null],
  ["array_position(ARRAY['a', 'b'], 'c')", "bigint", "0"],
  ["array_distinct(ARRAY[3, 1, NULL, 3, NULL, 2])", "array(integer)", "[3, 1, null, 2]"],
  ["array_sort(ARRAY[3, NULL, 1])", "array(integer)", "[1, 3, null]"],
  ["array_max(ARRAY[1, 3])", "integer", "3"],
  ["array_max(ARRAY[1, NULL])", "integer", null],
  ["array_join(ARRAY[1, NULL, 2], ',')", "varchar", "1,2"],
  ["array_join(ARRAY[1, NULL, 2], ',', '?')", "varchar", "1,?,2"],
  ["array_remove(ARRAY[1, 2, 1], 1)", "array(integer)", "[2]"],
  ["array_union(ARRAY[1, 2], ARRAY[2, 3])", "array(integer)", "[1, 2, 3]"],
  ["array_intersect(ARRAY[1, 2], ARRAY[2, 3])", "array(integer)", "[2]"],
  ["array_except(ARRAY[1, 2], ARRAY[2, 3])", "array(integer)", "[1]"],
  ["arrays_overlap(ARRAY[1, 2], ARRAY[2])", "boolean", "true"],
  ["slice(ARRAY[1, 2, 3, 4], 2, 2)", "array(integer)", "[2, 3]"],
  ["slice(ARRAY[1, 2, 3, 4], -2, 2)", "array(integer)", "[3, 4]"],
  ["flatten(ARRAY[ARRAY[1], ARRAY[2, 3]])", "array(integer)", "[1, 2, 3]"],
  ["sequence(3, 1)", "array(bigint)", "[3, 2, 1]"],
  ["sequence(DATE '2026-01-30', DATE '2026-02-01')", "array(date)", "[2026-01-30, 2026-01-31, 2026-02-01]"],
  ["repeat('a', 2)", "array(varchar(1))", "[a, a]"],
  ["ARRAY[1] || 2", "array(integer)", "[1, 2]"],
  ["transform(ARRAY[1, 2], x -> x * 2)", "array(integer)", "[2, 4]"],
  ["filter(ARRAY[1, NULL, 3], x -> x > 1)", "array(integer)", "[3]"],
  ["reduce(ARRAY[1, 2, 3], 0, (s, x) -> s + x, s -> s)", "integer", "6"],
  ["reduce(ARRAY[1, 2], CAST(10 AS bigint), (s, x) -> s + x, s -> s * 2e0)", "double", "26.0"],
  ["any_match(ARRAY[1, 2], x -> x > 1)", "boolean", "true"],
  ["all_match(ARRAY[1, NULL], x -> x > 0)", "boolean", null],
  ["none_match(ARRAY[1], x -> x > 1)", "boolean", "true"],
  [
    "zip(ARRAY[1, 2], ARRAY['a'])",
    "array(row(integer, varchar(1)))",
    "[{field0=1, field1=a}, {field0=2, field1=null}]",
  ],
  ["zip_with(ARRAY[1, 2], ARRAY[10, 20], (x, y) -> x + y)", "array(integer)", "[11, 22]"],
  ["transform(ARRAY[1, 2], x -> transform(ARRAY[10], y -> x + y))", "array(array(integer))", "[[11], [12]]"],
  ["map_keys(MAP(ARRAY['a', 'b'], ARRAY[1, 2]))", "array(varchar(1))", "[a, b]"],
  ["map_entries(MAP(ARRAY['a'], ARRAY[1]))", "array(row(varchar(1), integer))", "[{field0=a, field1=1}]"],
  ["map_from_entries(ARRAY[('a', 1)])", "map(varchar(1), integer)", "{a=1}"],
  ["map_concat(MAP(ARRAY['a'], ARRAY[1]), MAP(ARRAY['b'], ARRAY[2]))", "map(varchar(1), integer)", "{a=1, b=2}"],
  ["map_filter(MAP(ARRAY['a', 'b'], ARRAY[1, 2]), (k, v) -> v > 1)", "map(varchar(1), integer)", "{b=2}"],
  ["transform_values(MAP(ARRAY['a'], ARRAY[1]), (k, v) -> k || '!')", "map(varchar(1), varchar)", "{a=a!}"],
  ["CAST(ROW(1, ROW('x')) AS row(a integer, b row(c varchar))).b.c", "varchar", "x"],
]);

describe("queries", () => {
  const sales =
    "(VALUES ('eu', 1, 10.5), ('eu', 2, 1.0), ('us', 3, 7.25), ('us', NULL, NULL)) AS t(region, id, amount)";

  test.each<[sql: string, rows: (string | null)[][]]>(
    [
      [
        `SELECT region, count(*), count(id), sum(id), avg(id), sum(amount), avg(amount) FROM ${sales} GROUP BY region ORDER BY 1`,
        [
          ["eu", "2", "2", "3", "1.5", "11.50", "5.75"],
          ["us", "2", "1", "3", "3.0", "7.25", "7.25"],
        ],
      ],
      [`SELECT sum(id) FROM ${sales} WHERE FALSE`, [[null]]],
      [
        `SELECT region, count(*) FROM ${sales} GROUP BY ROLLUP (region) ORDER BY region`,
        [
          ["eu", "2"],
          ["us", "2"],
          [null, "4"],
        ],
      ],
      [
        `SELECT region, id, grouping(region, id) FROM ${sales} WHERE region = 'us' AND id = 3 GROUP BY GROUPING SETS ((region, id), (region), ()) ORDER BY 3`,
        [
          ["us", "3", "0"],
          ["us", null, "1"],
          [null, null, "3"],
        ],
      ],
      [
        `SELECT max_by(region, id), min_by(id, amount), max_by(id, coalesce(amount, 100)) FROM ${sales}`,
        [["us", "2", null]],
      ],
      [
        `SELECT count_if(id > 1), bool_or(id = 3), approx_distinct(region), arbitrary(1) FROM ${sales}`,
        [["2", "true", "2", "1"]],
      ],
      [`SELECT approx_percentile(id, 0.5), approx_percentile(id, ARRAY[0.0, 1.0]) FROM ${sales}`, [["2", "[1, 3]"]]],
      [
        `SELECT array_agg(id ORDER BY id DESC), array_agg(DISTINCT region ORDER BY region) FROM ${sales}`,
        [["[3, 2, 1, null]", "[eu, us]"]],
      ],
      [`SELECT listagg(region, ',') WITHIN GROUP (ORDER BY id) FROM ${sales} WHERE id IS NOT NULL`, [["eu,eu,us"]]],
      [`SELECT map_agg(region, id) FROM ${sales} WHERE id < 3 AND id > 1`, [["{eu=2}"]]],
      [`SELECT sum(id) FILTER (WHERE region = 'eu') FROM ${sales}`, [["3"]]],
      [`SELECT count(DISTINCT region) FROM ${sales}`, [["2"]]],
      [
        `SELECT id, row_number() OVER (ORDER BY id DESC), lag(id) OVER (ORDER BY id), sum(id) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM ${sales} WHERE id IS NOT NULL ORDER BY id`,
        [
          ["1", "3", null, "1"],
          ["2", "2", "1", "3"],
          ["3", "1", "2", "6"],
        ],
      ],
      [
        `SELECT first_value(id) IGNORE NULLS OVER w FROM ${sales} WINDOW w AS (PARTITION BY region ORDER BY id DESC) ORDER BY 1`,
        [["2"], ["2"], ["3"], ["3"]],
      ],
      [`SELECT rank() OVER (PARTITION BY region ORDER BY count(*)) FROM ${sales} GROUP BY region`, [["1"], ["1"]]],
      // NULLs come last, whichever way the order goes.
      [`SELECT id FROM ${sales} ORDER BY id DESC`, [["3"], ["2"], ["1"], [null]]],
      [`SELECT id FROM ${sales} ORDER BY id NULLS FIRST LIMIT 2`, [[null], ["1"]]],
      [`SELECT id AS a, amount FROM ${sales} ORDER BY a + 0 OFFSET 1 LIMIT 1`, [["2", "1.00"]]],
      [`SELECT DISTINCT region FROM ${sales} ORDER BY region DESC`, [["us"], ["eu"]]],
      [`SELECT region FROM ${sales} ORDER BY id + 1 FETCH FIRST 1 ROW ONLY`, [["eu"]]],
      [
        "WITH a AS (SELECT 1 AS x UNION ALL SELECT 2), b(y) AS (SELECT x + 1 FROM a) SELECT a.x, b.y FROM a FULL JOIN b ON a.x = b.y ORDER BY 1, 2",
        [
          ["1", null],
          ["2", "2"],
          [null, "3"],
        ],
      ],
      ["SELECT * FROM (VALUES (1, 'l')) l(id, a) JOIN (VALUES (1, 'r')) r(id, b) USING (id)", [["1", "l", "r"]]],
      ["SELECT l.* FROM (VALUES 1, 2) l(x) WHERE NOT EXISTS (SELECT 1 FROM (VALUES 2) r(x) WHERE r.x = l.x)", [["1"]]],
      ["SELECT (SELECT max(r.x) FROM (VALUES 1, 2, 3) r(x) WHERE r.x < l.x) FROM (VALUES 3) l(x)", [["2"]]],
      ["SELECT x FROM (VALUES 1, 2, 2) t(x) EXCEPT SELECT 1", [["2"]]],
      ["SELECT 1 UNION SELECT 1.5 ORDER BY 1", [["1.0"], ["1.5"]]],
      [
        "SELECT t.x, u.v FROM (VALUES (1, ARRAY[10, 20]), (2, NULL)) t(x, xs) CROSS JOIN UNNEST(xs) u(v) ORDER BY 2",
        [
          ["1", "10"],
          ["1", "20"],
        ],
      ],
      [
        "SELECT t.x, u.v FROM (VALUES (1, ARRAY[10]), (2, NULL)) t(x, xs) LEFT JOIN UNNEST(xs) u(v) ON TRUE ORDER BY 1",
        [
          ["1", "10"],
          ["2", null],
        ],
      ],
      [
        "SELECT * FROM UNNEST(ARRAY[1, 2], ARRAY['a']) WITH ORDINALITY AS t(a, b, n)",
        [
          ["1", "a", "1"],
          ["2", null, "2"],
        ],
      ],
      [
        "SELECT k, v FROM UNNEST(MAP(ARRAY['x', 'y'], ARRAY[1, 2])) AS t(k, v) ORDER BY 1",
        [
          ["x", "1"],
          ["y", "2"],
        ],
      ],
      ["SELECT a, b FROM UNNEST(ARRAY[CAST(ROW(1, 'x') AS ROW(p integer, q varchar))]) AS t(a, b)", [["1", "x"]]],
      ["SELECT s.v FROM (VALUES 2) t(x) CROSS JOIN LATERAL (SELECT t.x * 10 AS v) s", [["20"]]],
      ["TABLE_LESS", []],
    ].filter(([sql]) => sql !== "TABLE_LESS") as [string, (string | null)[][]][],
  )("%s", async (sql, rows) => {
    expect((await run(sql)).rows).toEqual(rows);
  });
});

describe("what is refused before it runs", () => {
  test.each([
    ["SELEC 1", "line 1:1: mismatched input 'SELEC'."],
    ["SELECT 1 FROM", "line 1:14: mismatched input '<EOF>'. Expecting: <identifier>"],
    ["SELECT `a` FROM t", "line 1:8: backquoted identifiers are not supported; use double quotes to quote identifiers"],
    ["SELECT a FROM (SELECT 1 AS b)", "line 1:8: Column 'a' cannot be resolved"],
    ["SELECT x FROM (VALUES 1) a(x), (VALUES 1) b(x)", "line 1:8: Column 'x' is ambiguous"],
    ["SELECT *\nFROM nowhere.t", "line 2:6: Table 'awsdatacatalog.nowhere.t' does not exist"],
    ["SELECT nonsense(1)", "line 1:8: Function 'nonsense' not registered"],
    ["SELECT soundex('a')", "line 1:8: Function soundex is not supported by the local runtime"],
    [
      "SELECT lower(1)",
      "line 1:8: Unexpected parameters (integer) for function lower. Expected: lower(varchar) -> varchar",
    ],
    ["SELECT '2001' = 2001", "line 1:15: Cannot apply operator: varchar(4) = integer"],
    ["SELECT 'a' + 1", "line 1:12: Cannot apply operator: varchar(1) + integer"],
    ["SELECT 'a' || 1", "line 1:12: Unexpected parameters (varchar(1), integer) for function concat."],
    ["SELECT 1 WHERE 1", "Expression must evaluate to a boolean: actual type integer"],
    ["SELECT CAST(DATE '2020-01-01' AS integer)", "line 1:8: Cannot cast date to integer"],
    ["SELECT CAST(1 AS string)", "line 1:18: Unknown type: string"],
    ["SELECT 1 UNION SELECT 'a'", "column 1 in UNION query has incompatible types: integer, varchar(1)"],
    ["SELECT 1 UNION SELECT 1, 2", "UNION query has different number of fields: 1, 2"],
    ["SELECT 1 AS a ORDER BY 2", "position 2 is not in select list"],
    ["SELECT * FROM UNNEST(1)", "Cannot unnest type: integer"],
    ["SELECT rank()", "Window function rank requires an OVER clause"],
    ["SELECT lower('A') OVER ()", "is not an aggregation function"],
    ["WITH RECURSIVE t(n) AS (SELECT 1) SELECT * FROM t", "WITH RECURSIVE is not supported by the local runtime"],
    ["SELECT * FROM t MATCH_RECOGNIZE (PATTERN (A))", "MATCH_RECOGNIZE is not supported by the local runtime"],
    [
      "SELECT date_parse('x', a) FROM (VALUES 'y') t(a)",
      "date_parse with a unit, format or zone that is not a literal is not supported",
    ],
    ["SELECT date_format(now(), '%D')", "The date format %D is not supported"],
    ["SELECT json_extract('{}', '$.a[*]')", "(wildcards, slices and filters) is not supported"],
    ["SELECT * FROM 'file.parquet'", "mismatched input ''file.parquet''"],
    [
      "SELECT reduce(ARRAY[1], 1.5, (s, x) -> s + x, s -> s)",
      "The function of reduce gives another type than its state",
    ],
    ["SELECT * FROM read_csv('x')", "mismatched input '('"],
  ])("%s", async (sql, message) => {
    await expect(run(sql)).rejects.toThrow(message);
  });
});
