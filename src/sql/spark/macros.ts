/**
 * Macros that the translation uses, as one SQL text: whoever runs translated SQL on DuckDB runs this first.
 * Case mapping: Spark maps by Unicode's full rules (ß becomes SS), DuckDB letter by letter; `case-mapping.ts` has the
 * difference.
 */
export const SPARK_MACROS = `
CREATE OR REPLACE MACRO spark_upper(s) AS upper(s);
CREATE OR REPLACE MACRO spark_lower(s) AS lower(s);
CREATE OR REPLACE MACRO spark_join(l, sep) AS
  CASE WHEN l IS NULL OR sep IS NULL THEN NULL ELSE coalesce(list_aggregate(list_filter(l, lambda e: e IS NOT NULL), 'string_agg', sep), '') END;
CREATE OR REPLACE MACRO spark_reverse(s) AS array_to_string(list_reverse(regexp_extract_all(s, '(?s:.)')), '');
CREATE OR REPLACE MACRO spark_substring(s, pos, len) AS
  substring(s,
    greatest(CASE WHEN pos > 0 THEN pos - 1 WHEN pos < 0 THEN length(s) + pos ELSE 0 END, 0) + 1,
    greatest(CASE WHEN pos > 0 THEN pos - 1 WHEN pos < 0 THEN length(s) + pos ELSE 0 END + len::BIGINT
      - greatest(CASE WHEN pos > 0 THEN pos - 1 WHEN pos < 0 THEN length(s) + pos ELSE 0 END, 0), 0));
CREATE OR REPLACE MACRO spark_locate(sub, s, start) AS
  CAST(CASE WHEN start < 1 AND sub IS NOT NULL AND s IS NOT NULL THEN 0
    WHEN instr(substring(s, start), sub) = 0 THEN 0
    ELSE instr(substring(s, start), sub) + start - 1 END AS INTEGER);
CREATE OR REPLACE MACRO spark_floor_div(a, b) AS
  CASE WHEN a >= 0 OR a % b = 0 THEN a // b ELSE a // b - 1 END;
CREATE OR REPLACE MACRO spark_sign(x) AS
  CASE WHEN isnan(x) THEN x WHEN x > 0 THEN 1::DOUBLE WHEN x < 0 THEN (-1)::DOUBLE ELSE x END;
CREATE OR REPLACE MACRO spark_to_bigint(x) AS
  CASE WHEN isnan(x) THEN 0 WHEN x >= 9223372036854775807::DOUBLE THEN 9223372036854775807
    WHEN x <= (-9223372036854775808)::DOUBLE THEN -9223372036854775808 ELSE TRY_CAST(x AS BIGINT) END;
CREATE OR REPLACE MACRO spark_round(x, rounded) AS
  CASE WHEN NOT isfinite(x) OR abs(x) >= 1e18 THEN x ELSE CAST(rounded AS DOUBLE) END;
CREATE OR REPLACE MACRO spark_date_text(d) AS CAST(d AS VARCHAR);
CREATE OR REPLACE MACRO spark_timestamp_text(t) AS CAST(t AS VARCHAR);
CREATE OR REPLACE MACRO spark_array_contains(l, e) AS
  CASE WHEN l IS NULL OR e IS NULL THEN NULL WHEN list_contains(l, e) THEN TRUE
    WHEN len(list_filter(l, lambda x: x IS NULL)) > 0 THEN NULL ELSE FALSE END;
CREATE OR REPLACE MACRO spark_array_distinct(l) AS
  list_filter(l, lambda x, i: CASE WHEN x IS NULL THEN len(list_filter(l[:i - 1], lambda y: y IS NULL)) = 0
    ELSE list_position(l, x) = i END);
CREATE OR REPLACE MACRO spark_any(l) AS
  CASE WHEN l IS NULL THEN NULL WHEN list_contains(l, TRUE) THEN TRUE WHEN len(list_filter(l, lambda x: x IS NULL)) > 0 THEN NULL ELSE FALSE END;
CREATE OR REPLACE MACRO spark_all(l) AS
  CASE WHEN l IS NULL THEN NULL WHEN list_contains(l, FALSE) THEN FALSE WHEN len(list_filter(l, lambda x: x IS NULL)) > 0 THEN NULL ELSE TRUE END;
CREATE OR REPLACE MACRO spark_json(s, p) AS CASE WHEN json_valid(s) THEN json_extract_string(s, p) END;
CREATE OR REPLACE MACRO spark_json_array_length(s) AS
  CASE WHEN json_valid(s) AND json_type(s) = 'ARRAY' THEN CAST(json_array_length(s) AS INTEGER) END;
CREATE OR REPLACE MACRO json_texts(s) AS
  CASE WHEN json_valid(s) AND json_type(s) = 'ARRAY' THEN list_transform(json_extract(s, '$[*]'), lambda e: e ->> '$') END;
CREATE OR REPLACE MACRO json_members(s) AS
  CASE WHEN json_valid(s) AND json_type(s) = 'OBJECT' THEN
    list_transform(json_keys(s), lambda k: {'key': k, 'value': json_extract_string(s, '$."' || replace(k, '"', '\\"') || '"')}) END;
`;
