import { LOWER_CASE, UPPER_CASE } from "./case-mapping.ts";
import { duckdbText } from "./literals.ts";

const caseMap = (pairs: readonly (readonly [string, string])[]) =>
  `MAP {${pairs.map(([from, to]) => `${duckdbText(from)}: ${duckdbText(to)}`).join(", ")}}`;

/** The characters of a text: code points, not what a reader sees as one character. */
const characters = (text: string) => `regexp_extract_all(${text}, '(?s:.)')`;

const start = "CASE WHEN pos > 0 THEN pos - 1::BIGINT WHEN pos < 0 THEN length(s) + pos ELSE 0::BIGINT END";

/** Letters that have a case, and what stands within a word without being a letter of it. */
const CASED = "[\\p{Lu}\\p{Ll}\\p{Lt}]";
const IGNORABLE = "[\\p{Mn}\\p{Me}\\p{Cf}\\p{Lm}\\p{Sk}'.:\u00b7\u2018\u2019\u2024\u2027]";

/** A capital sigma at the end of a word has a small letter of its own (SpecialCasing.txt, Final_Sigma). */
const isFinalSigma =
  `coalesce(regexp_full_match(list_filter(l[:__i - 1], lambda __x: NOT regexp_full_match(__x, ${duckdbText(IGNORABLE)}))[-1], '${CASED}'), FALSE) ` +
  `AND NOT coalesce(regexp_full_match(list_filter(l[__i + 1:], lambda __x: NOT regexp_full_match(__x, ${duckdbText(IGNORABLE)}))[1], '${CASED}'), FALSE)`;

const printYear = (moment: string) =>
  `CASE WHEN year(${moment}) > 9999 THEN '+' WHEN year(${moment}) < 0 THEN '-' ELSE '' END || lpad(abs(year(${moment}))::VARCHAR, greatest(length(abs(year(${moment}))::VARCHAR), 4)::INTEGER, '0')`;

const hasNull = (list: string) => `len(list_filter(${list}, lambda __x: __x IS NULL)) > 0`;

/**
 * What DuckDB's JSON reader takes and JSON does not have: a comma before a bracket, and numbers that are none. Most
 * texts are cleared by the cheap tests; the rest is looked at without its strings.
 */
const TRAILING_COMMA = ",\\s*[\\]}]";
const suspicious = (s: string) =>
  `regexp_matches(${s}, '${TRAILING_COMMA}') OR contains(lower(${s}), 'nan') OR contains(lower(${s}), 'inf')`;
const STRINGS = '"(?:[^"\\\\]|\\\\.)*"';

/**
 * Macros that translated SQL and the typing rules use, as one SQL text of CREATE OR REPLACE statements: whoever runs
 * them on DuckDB runs this first. Variables of lambdas begin with two underscores, as no column may: DuckDB would take
 * an argument's column of the same name for the variable. Texts of ASCII only, nearly all there are, take DuckDB's own upper and lower.
 */
export const SPARK_MACROS = `
CREATE OR REPLACE MACRO spark_upper(s) AS CASE WHEN strlen(s) = length(s) THEN upper(s)
  ELSE array_to_string(list_transform(${characters("s")}, lambda __c: coalesce(map_extract_value(${caseMap(UPPER_CASE)}, __c), upper(__c))), '') END;
CREATE OR REPLACE MACRO spark_lower_letters(l) AS
  array_to_string(list_transform(l, lambda __c, __i: CASE WHEN __c = '\u03a3' AND ${isFinalSigma} THEN '\u03c2'
    ELSE coalesce(map_extract_value(${caseMap(LOWER_CASE)}, __c), lower(__c)) END), '');
CREATE OR REPLACE MACRO spark_lower(s) AS
  CASE WHEN strlen(s) = length(s) THEN lower(s) ELSE spark_lower_letters(${characters("s")}) END;
CREATE OR REPLACE MACRO spark_reverse(s) AS array_to_string(list_reverse(${characters("s")}), '');
CREATE OR REPLACE MACRO spark_join(l, sep) AS
  CASE WHEN l IS NOT NULL THEN coalesce(list_aggregate(list_filter(l, lambda __e: __e IS NOT NULL), 'string_agg', sep), '') END;
CREATE OR REPLACE MACRO spark_substring(s, pos, len) AS
  CASE WHEN pos IS NOT NULL AND len IS NOT NULL THEN
    substring(s, greatest(${start}, 0) + 1, greatest(${start} + len - greatest(${start}, 0), 0)) END;
CREATE OR REPLACE MACRO spark_locate(sub, s, start) AS
  CAST(CASE WHEN start IS NULL THEN 0
    WHEN sub IS NULL OR s IS NULL THEN NULL
    WHEN start < 1 THEN 0
    WHEN sub = '' THEN 1
    WHEN instr(substring(s, start), sub) = 0 THEN 0
    ELSE instr(substring(s, start), sub) + start - 1 END AS INTEGER);
CREATE OR REPLACE MACRO spark_base64(s) AS
  rtrim(regexp_replace(base64(encode(s)), '(.{76})', '\\1' || chr(13) || chr(10), 'g'), chr(13) || chr(10));
CREATE OR REPLACE MACRO spark_floor_div(a, b) AS CASE WHEN a >= 0 OR a % b = 0 THEN a // b ELSE a // b - 1 END;
CREATE OR REPLACE MACRO spark_sign(x) AS
  CASE WHEN isnan(x) THEN x WHEN x > 0 THEN 1::DOUBLE WHEN x < 0 THEN (-1)::DOUBLE ELSE x END;
CREATE OR REPLACE MACRO spark_to_bigint(x) AS
  CASE WHEN isnan(x) THEN 0 WHEN x >= 9223372036854775807::DOUBLE THEN 9223372036854775807
    WHEN x <= (-9223372036854775808)::DOUBLE THEN -9223372036854775808 ELSE TRY_CAST(x AS BIGINT) END;
CREATE OR REPLACE MACRO spark_round(x, rounded) AS
  CASE WHEN NOT isfinite(x) OR abs(x) >= 1e18 THEN x ELSE CAST(rounded AS DOUBLE) END;
-- DuckDB rounds a text with an exponent by its first digit, wherever that is; so exponents are spelled out. A zero of
-- more than 38 places is too great for Spark all the same.
CREATE OR REPLACE MACRO shift_point(sign, digits, point) AS
  sign || CASE
    WHEN ltrim(digits, '0') = '' AND 1 + point - length(digits) <= 38 THEN '0'
    WHEN ltrim(digits, '0') = '' OR point > 400 THEN '1' || repeat('0', 60)
    WHEN point < -400 THEN '0'
    WHEN point <= 0 THEN '0.' || repeat('0', -point) || digits
    WHEN point >= length(digits) THEN digits || repeat('0', point - length(digits))
    ELSE left(digits, point) || '.' || substring(digits, point + 1) END;
CREATE OR REPLACE MACRO plain_decimal(t) AS CASE WHEN contains(t, 'e') OR contains(t, 'E') THEN
    shift_point(CASE WHEN starts_with(t, '-') THEN '-' ELSE '' END,
      replace(split_part(ltrim(lower(t), '+-'), 'e', 1), '.', ''),
      length(split_part(split_part(ltrim(lower(t), '+-'), 'e', 1), '.', 1)) + TRY_CAST(split_part(lower(t), 'e', 2) AS BIGINT))
  ELSE t END;
CREATE OR REPLACE MACRO spark_date_text(d) AS
  CASE WHEN d BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN CAST(d AS VARCHAR)
    ELSE ${printYear("d")} || strftime(d, '-%m-%d') END;
CREATE OR REPLACE MACRO spark_timestamp_text(t) AS
  CASE WHEN t BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN CAST(t AS VARCHAR)
    ELSE ${printYear("t")} || strftime(t, '-%m-%d ') || CAST(CAST(t AS TIME) AS VARCHAR) END;
CREATE OR REPLACE MACRO spark_array_contains(l, e) AS
  CASE WHEN l IS NULL OR e IS NULL THEN NULL WHEN list_contains(l, e) THEN TRUE WHEN ${hasNull("l")} THEN NULL ELSE FALSE END;
CREATE OR REPLACE MACRO spark_array_distinct(l) AS
  list_filter(l, lambda __x, __i: CASE WHEN __x IS NULL THEN len(list_filter(l[:__i - 1], lambda __y: __y IS NULL)) = 0
    ELSE list_position(l, __x) = __i END);
CREATE OR REPLACE MACRO spark_any(l) AS
  CASE WHEN l IS NULL THEN NULL WHEN list_contains(l, TRUE) THEN TRUE WHEN ${hasNull("l")} THEN NULL ELSE FALSE END;
CREATE OR REPLACE MACRO spark_all(l) AS
  CASE WHEN l IS NULL THEN NULL WHEN list_contains(l, FALSE) THEN FALSE WHEN ${hasNull("l")} THEN NULL ELSE TRUE END;
CREATE OR REPLACE MACRO strict_json(s) AS
  json_valid(s) AND CASE WHEN ${suspicious("s")} THEN
    NOT regexp_matches(regexp_replace(s, '${STRINGS}', '""', 'g'), '(?i)nan|inf|${TRAILING_COMMA}') ELSE TRUE END;
CREATE OR REPLACE MACRO json_kind(s) AS json_type(CASE WHEN strict_json(s) THEN s END);
CREATE OR REPLACE MACRO java_scientific(whole, fraction) AS
  CASE WHEN whole = '0' THEN
    left(ltrim(fraction, '0'), 1) || '.' || coalesce(nullif(substring(ltrim(fraction, '0'), 2), ''), '0')
      || 'E-' || (length(fraction) - length(ltrim(fraction, '0')) + 1)
  ELSE left(whole, 1) || '.' || coalesce(nullif(rtrim(substring(whole, 2) || fraction, '0'), ''), '0') || 'E' || (length(whole) - 1) END;
CREATE OR REPLACE MACRO java_double_text(t) AS
  CASE WHEN TRY_CAST(t AS DOUBLE) = 0 OR (abs(TRY_CAST(t AS DOUBLE)) >= 1e-3 AND abs(TRY_CAST(t AS DOUBLE)) < 1e7) THEN t
    WHEN contains(t, 'e') THEN
      split_part(t, 'e', 1) || CASE WHEN contains(t, '.') THEN '' ELSE '.0' END || 'E' || TRY_CAST(split_part(t, 'e', 2) AS INTEGER)
    ELSE CASE WHEN starts_with(t, '-') THEN '-' ELSE '' END
      || java_scientific(split_part(ltrim(t, '-'), '.', 1), split_part(t, '.', 2)) END;
CREATE OR REPLACE MACRO parquet_text(c) AS
  CASE WHEN typeof(c) = 'TIMESTAMP WITH TIME ZONE' THEN regexp_replace(CAST(c AS VARCHAR), '[+]00$', '')
    WHEN typeof(c) IN ('DOUBLE', 'FLOAT') THEN java_double_text(CAST(c AS VARCHAR))
    ELSE CAST(c AS VARCHAR) END;
CREATE OR REPLACE MACRO parquet_json(c) AS
  CASE WHEN typeof(c) = 'VARCHAR' THEN CAST(c AS VARCHAR) ELSE CAST(to_json(c) AS VARCHAR) END;
CREATE OR REPLACE MACRO java_token(t) AS
  CASE WHEN starts_with(t, '"') THEN array_to_string(list_transform(${characters("t")}, lambda __c: CASE WHEN unicode(__c) > 65535 THEN
      format('\\u{:04X}', 55296 + ((unicode(__c) - 65536) >> 10)) || format('\\u{:04X}', 56320 + ((unicode(__c) - 65536) & 1023))
      ELSE __c END), '')
    WHEN regexp_full_match(t, '-?[0-9]+([.][0-9]+)?(e[+-]?[0-9]+)?') AND (contains(t, '.') OR contains(t, 'e')) THEN java_double_text(t)
    ELSE t END;
CREATE OR REPLACE MACRO java_json(t) AS
  CASE WHEN regexp_matches(t, '[0-9]{8}[.]|[0-9]e|0[.]000|[\\x{10000}-\\x{10FFFF}]') THEN
    array_to_string(list_transform(regexp_extract_all(t, '${STRINGS}|-?[0-9][0-9.eE+-]*|[^"0-9-]+'), lambda __t: java_token(__t)), '')
  ELSE t END;
CREATE OR REPLACE MACRO json_string(s, path) AS
  CASE WHEN json_extract_string(s, path) < ':' AND json_type(s, path) = 'DOUBLE' THEN java_double_text(json_extract_string(s, path))
    WHEN json_extract_string(s, path)[1] IN ('{', '[') AND json_type(s, path) IN ('OBJECT', 'ARRAY') THEN java_json(json_extract_string(s, path))
    ELSE json_extract_string(s, path) END;
CREATE OR REPLACE MACRO json_text(s, path) AS CASE WHEN strict_json(s) THEN json_string(s, path) END;
CREATE OR REPLACE MACRO spark_json_array_length(s) AS
  CASE WHEN json_kind(s) = 'ARRAY' THEN CAST(json_array_length(s) AS INTEGER) END;
CREATE OR REPLACE MACRO json_texts(s) AS
  CASE WHEN json_kind(s) = 'ARRAY' THEN list_transform(json_extract(s, '$[*]'), lambda __e: json_string(__e, '$')) END;
CREATE OR REPLACE MACRO json_members(s) AS
  CASE WHEN json_kind(s) = 'OBJECT' THEN
    list_transform(json_keys(s), lambda __k: {'key': __k, 'value': json_string(s, '$."' || replace(replace(__k, '\\', '\\\\'), '"', '\\"') || '"')}) END;
`;
