import type { Rows } from "./table.ts";

/** https://trino.io/docs/current/functions/json.html. Those that take a path are in `special.ts`. */
export const JSON_FUNCTIONS: Rows = [
  ["json_parse(varchar) -> json", "trino_json_parse($1)"],
  ["json_format(json) -> varchar", "CAST(json($1) AS VARCHAR)"],
  ["json_array_length(json) -> bigint", "trino_json_array_length($1)"],
  ["json_array_length(varchar) -> bigint", "trino_json_array_length(trino_json_or_null($1))"],
  ["is_json_scalar(json) -> boolean", "json_type($1) NOT IN ('OBJECT', 'ARRAY')"],
  ["is_json_scalar(varchar) -> boolean", "json_type(trino_json_parse($1)) NOT IN ('OBJECT', 'ARRAY')"],
  [
    "json_array_get(json, bigint) -> json",
    "json_extract($1, '$[' || CASE WHEN $2 < 0 THEN '#' ELSE '' END || $2 || ']')",
  ],
];
