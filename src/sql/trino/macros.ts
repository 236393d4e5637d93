/** An expression that raises: DuckDB's error() cannot stand in TRY, a cast that fails can. */
const raise = (message: string) => `CAST(${message} AS INTEGER)`;

/**
 * What Trino computes and DuckDB has no function for. Errors carry Trino's error code in front, which
 * `runtimeError` finds again.
 */
export const MACROS: readonly string[] = [
  // Arithmetic: DuckDB gives NULL where Trino raises.
  `trino_divide(x, y) AS x // CASE WHEN y = 0 THEN ${raise("'DIVISION_BY_ZERO: Division by zero'")} ELSE y END`,
  `trino_modulus(x, y) AS x % CASE WHEN y = 0 THEN ${raise("'DIVISION_BY_ZERO: Division by zero'")} ELSE y END`,
  `trino_digits(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT)`,
  `trino_half_up(n, d) AS CASE
     WHEN d = 0 THEN ${raise("'DIVISION_BY_ZERO: Division by zero'")}
     ELSE sign(n)::HUGEINT * sign(d)::HUGEINT * ((2 * abs(n) + abs(d)) // (2 * abs(d))) END`,
  `trino_decimal_divide(x, y, sx, sy, s) AS CAST(
     trino_half_up(trino_digits(x) * CAST(10 ** (s - sx + sy) AS HUGEINT), trino_digits(y)) AS VARCHAR) || 'e-' || s`,
  `trino_log(x) AS CASE WHEN x > 0 THEN ln(x) WHEN x = 0 THEN '-infinity'::DOUBLE WHEN x IS NOT NULL THEN 'nan'::DOUBLE END`,
  `trino_log10(x) AS CASE WHEN x > 0 THEN log10(x) WHEN x = 0 THEN '-infinity'::DOUBLE WHEN x IS NOT NULL THEN 'nan'::DOUBLE END`,
  `trino_width_bucket(x, low, high, n) AS CASE
     WHEN low < high THEN CASE WHEN x < low THEN 0 WHEN x >= high THEN n + 1 ELSE CAST(floor(n * (x - low) / (high - low)) AS BIGINT) + 1 END
     ELSE CASE WHEN x > low THEN 0 WHEN x <= high THEN n + 1 ELSE CAST(floor(n * (low - x) / (low - high)) AS BIGINT) + 1 END END`,
  `trino_from_base(s, b) AS CAST(list_reduce(
     list_transform(string_split(ltrim(lower(s), '+-'), ''), lambda c: CAST(strpos('0123456789abcdefghijklmnopqrstuvwxyz', c) - 1 AS BIGINT)),
     lambda a, d: a * b + CASE WHEN d BETWEEN 0 AND b - 1 THEN d ELSE ${raise("'INVALID_FUNCTION_ARGUMENT: Not a valid base-' || b || ' number: ' || s")} END, 0::BIGINT) AS BIGINT)
     * CASE WHEN starts_with(s, '-') THEN -1 ELSE 1 END`,
  `trino_bit_count(x, n) AS CAST(bit_count(x & CASE WHEN n >= 64 THEN -1::BIGINT ELSE (1::BIGINT << n) - 1 END) AS BIGINT)`,

  // Casts from text, by Java's rules.
  `trino_text_to_integer(s, kind) AS CASE WHEN regexp_full_match(s, '[+-]?[0-9]+') THEN s
     ELSE 'INVALID_CAST_ARGUMENT: Cannot cast ''' || s || ''' to ' || CASE kind WHEN 'integer' THEN 'INT' ELSE upper(kind) END END`,
  `trino_text_to_boolean(s) AS CAST(CASE WHEN lower(s) IN ('t', 'true', '1') THEN 'true' WHEN lower(s) IN ('f', 'false', '0') THEN 'false'
     ELSE 'INVALID_CAST_ARGUMENT: Cannot cast ''' || s || ''' to BOOLEAN' END AS BOOLEAN)`,
  `trino_text_to_date(s) AS CAST(CASE WHEN regexp_full_match(s, '\\s*[+-]?[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}\\s*') THEN trim(s)
     ELSE 'INVALID_CAST_ARGUMENT: Value cannot be cast to date: ' || s END AS DATE)`,
  `trino_text_to_timestamp(s) AS CAST(CASE
     WHEN regexp_full_match(s, '[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}( [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.][0-9]+)?)?') THEN s
     WHEN regexp_full_match(s, '[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2} [0-9]{1,2}:[0-9]{1,2}') THEN s || ':00'
     ELSE 'INVALID_CAST_ARGUMENT: Value cannot be cast to timestamp: ' || s END AS TIMESTAMP)`,
  `trino_text_to_instant(s) AS timezone('UTC', CAST(CASE
     WHEN regexp_full_match(s, '[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2} [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.][0-9]+)?( (UTC|Z))?') THEN regexp_replace(s, ' (UTC|Z)$', '')
     WHEN regexp_full_match(s, '[0-9]{4,}-[0-9]{1,2}-[0-9]{1,2}') THEN s
     ELSE 'NOT_SUPPORTED: The local runtime casts text to timestamp with time zone in UTC only: ' || s END AS TIMESTAMP))`,
  `trino_iso_date(s) AS CAST(CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN s
     ELSE 'INVALID_FUNCTION_ARGUMENT: Invalid format: "' || s || '"' END AS DATE)`,
  `trino_iso_timestamp(s) AS timezone('UTC', CAST(CASE
     WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN s
     WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-]00:?00)?')
       THEN replace(regexp_replace(regexp_replace(s, '(Z|[+-]00:?00)$', ''), 'T([0-9]{2}:[0-9]{2})$', ' \\1:00'), ',', '.')
     WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}T.*[+-][0-9]{2}:?[0-9]{2}')
       THEN 'NOT_SUPPORTED: The local runtime keeps no time zone per value; only UTC is read: ' || s
     ELSE 'INVALID_FUNCTION_ARGUMENT: Invalid format: "' || s || '"' END AS TIMESTAMP))`,
  `trino_date_of(x) AS CASE WHEN x = date_trunc('day', x) THEN CAST(x AS DATE)
     WHEN x IS NOT NULL THEN CAST('INVALID_FUNCTION_ARGUMENT: Cannot add hour, minutes or seconds to a date' AS DATE) END`,

  // What a Hive table's time stamps are read as.
  `trino_milliseconds(x) AS make_timestamp(epoch_us(x) + 500 - ((epoch_us(x) + 500) % 1000 + 1000) % 1000)`,

  // Casts to text.
  `trino_fits(s, n, kind) AS CASE WHEN length(s) <= n THEN s
     WHEN s IS NOT NULL THEN CAST(${raise("'INVALID_CAST_ARGUMENT: Value ' || s || ' cannot be represented as varchar(' || n || ')'")} AS VARCHAR) END`,
  // Java's DecimalFormat("0.0###################E0"): the digits of the shortest text, in scientific notation.
  `trino_scientific(sign, whole, fraction, exponent) AS sign
     || CASE WHEN whole <> '0' THEN substr(whole, 1, 1) || '.' ||
          CASE WHEN rtrim(substr(whole, 2) || fraction, '0') = '' THEN '0' ELSE rtrim(substr(whole, 2) || fraction, '0') END
          || 'E' || (length(whole) - 1 + exponent)
        ELSE substr(ltrim(fraction, '0'), 1, 1) || '.' ||
          CASE WHEN rtrim(substr(ltrim(fraction, '0'), 2), '0') = '' THEN '0' ELSE rtrim(substr(ltrim(fraction, '0'), 2), '0') END
          || 'E' || (exponent - 1 - length(fraction) + length(ltrim(fraction, '0'))) END`,
  `trino_double_text(s) AS trino_scientific(
     CASE WHEN starts_with(s, '-') THEN '-' ELSE '' END,
     regexp_extract(s, '^-?([0-9]+)', 1), regexp_extract(s, '[.]([0-9]+)', 1),
     coalesce(TRY_CAST(regexp_extract(s, 'e([+-]?[0-9]+)$', 1) AS INTEGER), 0))`,
  `trino_double_to_text(x) AS CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) THEN CASE WHEN x > 0 THEN 'Infinity' ELSE '-Infinity' END
     WHEN x = 0 THEN CASE WHEN starts_with(CAST(x AS VARCHAR), '-') THEN '-0E0' ELSE '0E0' END
     ELSE trino_double_text(CAST(x AS VARCHAR)) END`,

  // Strings.
  `trino_substr(s, start) AS CASE WHEN start = 0 OR start < -length(s) THEN '' ELSE substr(s, start) END`,
  `trino_substr_length(s, start, n) AS CASE WHEN start = 0 OR n <= 0 OR start < -length(s) THEN CASE WHEN s IS NOT NULL AND n IS NOT NULL THEN '' END ELSE substr(s, start, n) END`,
  `trino_replace(s, search, replacement) AS CASE WHEN search = ''
     THEN replacement || array_to_string(list_transform(string_split(s, ''), lambda c: c || replacement), '') ELSE replace(s, search, replacement) END`,
  `trino_split(s, d, n) AS CASE WHEN len(string_split(s, d)) <= n THEN string_split(s, d)
     ELSE list_slice(string_split(s, d), 1, n - 1) || [array_to_string(list_slice(string_split(s, d), n, len(string_split(s, d))), d)] END`,
  `trino_split_part(s, d, n) AS CASE WHEN n < 1 THEN CAST(${raise("'INVALID_FUNCTION_ARGUMENT: Index must be greater than zero'")} AS VARCHAR)
     WHEN n <= len(string_split(s, d)) THEN string_split(s, d)[n] END`,
  `trino_split_to_map(s, entries, pair) AS map_from_entries(list_transform(string_split(s, entries),
     lambda e: {'k': substr(e, 1, strpos(e, pair) - 1), 'v': substr(e, strpos(e, pair) + length(pair))}))`,
  `trino_pad_left(s, n, c) AS CASE WHEN length(s) < n THEN lpad(s, n, c) ELSE s END`,
  `trino_pad_right(s, n) AS CASE WHEN length(s) < n THEN rpad(s, n, ' ') ELSE s END`,
  `trino_regexp_extract(s, p, g) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END`,
  `trino_is_url(s) AS regexp_full_match(s, '([a-zA-Z][a-zA-Z0-9+.-]*:)?[^\\s]*')`,
  // RFC 3986, appendix B, with the authority split: 2 scheme, 4 host, 6 port, 7 path, 9 query, 11 fragment.
  `trino_url_part(s, g) AS CASE WHEN trino_is_url(s) THEN nullif(regexp_extract(s,
     '^(([^:/?#]+):)?(?:(//)(?:[^/?#@]*@)?([^/?#:]*)(:([0-9]+))?)?([^?#]*)([?]([^#]*))?(#(.*))?', g), '') END`,
  `trino_url_parameter(s, name) AS list_extract(list_transform(list_filter(string_split(trino_url_part(s, 9), '&'),
     lambda e: split_part(e, '=', 1) = name), lambda e: url_decode(replace(substr(e, length(split_part(e, '=', 1)) + 2), '+', ' '))), 1)`,

  // JSON.
  `trino_json_parse(s) AS CASE WHEN json_valid(s) THEN json(s)
     WHEN s IS NOT NULL THEN CAST(CAST(${raise("'INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON: ''' || s || ''''")} AS VARCHAR) AS JSON) END`,
  `trino_json_or_null(s) AS CASE WHEN json_valid(s) THEN json(s) END`,
  `trino_json_array_length(j) AS CASE WHEN json_type(j) = 'ARRAY' THEN CAST(json_array_length(j) AS BIGINT) END`,
  `trino_json_scalar(j) AS CASE WHEN json_type(j) NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN j ->> '$' END`,
  `trino_json_to_text(j) AS CASE WHEN json_type(j) IN ('OBJECT', 'ARRAY')
     THEN CAST(${raise("'INVALID_CAST_ARGUMENT: Cannot cast ''' || j || ''' to varchar'")} AS VARCHAR) ELSE j ->> '$' END`,

  // Arrays and maps.
  `trino_array_at(a, i) AS CASE WHEN i BETWEEN 1 AND len(a) THEN a[i]
     WHEN a IS NOT NULL AND i IS NOT NULL THEN a[${raise("CASE WHEN i = 0 THEN 'INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1' WHEN i < 0 THEN 'INVALID_FUNCTION_ARGUMENT: Array subscript is negative: ' || i ELSE 'INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: ' || i || ' > ' || len(a) END")}] END`,
  `trino_map_at(m, k) AS CASE WHEN map_contains(m, k) THEN m[k]
     WHEN m IS NOT NULL THEN map_values(m)[${raise("'INVALID_FUNCTION_ARGUMENT: Key not present in map: ' || CAST(k AS VARCHAR)")}] END`,
  `trino_element_at(a, i) AS a[CASE WHEN i = 0 THEN ${raise("'INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1'")} ELSE i END]`,
  `trino_contains(a, x) AS CASE WHEN list_contains(a, x) THEN true WHEN a IS NULL OR x IS NULL OR len(a) > list_count(a) THEN NULL ELSE false END`,
  `trino_array_position(a, x) AS CASE WHEN a IS NOT NULL AND x IS NOT NULL THEN coalesce(list_position(a, x), 0)::BIGINT END`,
  `trino_array_distinct(a) AS list_filter(a, lambda e, i: list_position(a, e) = i)`,
  `trino_array_extreme(a, found) AS CASE WHEN len(a) = list_count(a) THEN found END`,
  `trino_array_join(a, d) AS CASE WHEN a IS NOT NULL THEN coalesce(array_to_string(a, d), '') END`,
  `trino_array_join_null(a, d, n) AS CASE WHEN a IS NOT NULL THEN coalesce(array_to_string(list_transform(a, lambda e: coalesce(CAST(e AS VARCHAR), n)), d), '') END`,
  `trino_array_intersect(a, b) AS CASE WHEN b IS NOT NULL THEN trino_array_distinct(list_filter(a, lambda e: list_position(b, e) IS NOT NULL)) END`,
  `trino_array_except(a, b) AS CASE WHEN b IS NOT NULL THEN trino_array_distinct(list_filter(a, lambda e: list_position(b, e) IS NULL)) END`,
  `trino_arrays_overlap(a, b) AS CASE WHEN len(list_filter(a, lambda e: e IS NOT NULL AND list_contains(b, e))) > 0 THEN true
     WHEN a IS NULL OR b IS NULL OR (len(a) > list_count(a) AND len(b) > 0) OR (len(b) > list_count(b) AND len(a) > 0) THEN NULL ELSE false END`,
  `trino_slice(a, start, n) AS CASE
     WHEN start = 0 THEN list_slice(a, ${raise("'INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1'")}, 1)
     WHEN start < -len(a) OR n = 0 THEN list_slice(a, 1, 0)
     WHEN start < 0 THEN list_slice(a, len(a) + start + 1, len(a) + start + n) ELSE list_slice(a, start, start + n - 1) END`,
  `trino_sequence(a, b) AS generate_series(a, b, CASE WHEN a <= b THEN 1 ELSE -1 END)`,
  `trino_any(l) AS CASE WHEN list_contains(l, true) THEN true WHEN l IS NULL OR len(l) > list_count(l) THEN NULL ELSE false END`,
  `trino_all(l) AS CASE WHEN list_contains(l, false) THEN false WHEN l IS NULL OR len(l) > list_count(l) THEN NULL ELSE true END`,
  `trino_map_of(entries) AS map_from_entries(list_filter(entries, lambda e, i: e.k IS NOT NULL AND list_position(list_transform(entries, lambda o: o.k), e.k) = i))`,
  `trino_histogram(l) AS map_from_entries(list_transform(list_distinct(l), lambda e: {'k': e, 'v': CAST(len(list_filter(l, lambda o: o = e)) AS BIGINT)}))`,
].map((definition) => `CREATE MACRO ${definition}`);

/** Settings that a connection for translated queries needs. */
export const SETTINGS: readonly string[] = [
  // Division of doubles by zero is infinity, as in Java, and not NULL.
  "SET ieee_floating_point_ops = true",
];
