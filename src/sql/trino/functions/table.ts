import { AGGREGATES, WINDOWS } from "./aggregates.ts";
import { COLLECTIONS } from "./collections.ts";
import { DATES } from "./dates.ts";
import { JSON_FUNCTIONS } from "./json.ts";
import { MATH } from "./math.ts";
import { functionRow } from "./signature.ts";
import type { FunctionRow } from "./signature.ts";
import { STRINGS } from "./strings.ts";

/** Signature and template, as `signature.ts` explains. */
export type Rows = readonly (readonly [signature: string, template: string])[];

/** The function table: every function that a query may call, by name. */
export const ROWS: ReadonlyMap<string, readonly FunctionRow[]> = build();

function build(): Map<string, FunctionRow[]> {
  const table = new Map<string, FunctionRow[]>();
  const add = (kind: FunctionRow["kind"], rows: Rows) => {
    for (const [signature, template] of rows) {
      const row = functionRow(kind, signature, template);
      table.set(row.name, [...(table.get(row.name) ?? []), row]);
    }
  };
  for (const rows of [STRINGS, MATH, DATES, JSON_FUNCTIONS, COLLECTIONS]) add("scalar", rows);
  add("aggregate", AGGREGATES);
  add("window", WINDOWS);
  return table;
}

/** Functions of Trino that Athena has and this table has not: refused as such, not as misspelt. */
export const KNOWN_ELSEWHERE: ReadonlySet<string> = new Set(
  `approx_most_frequent approx_set array_histogram bing_tile bing_tile_at bing_tiles_around
  char2hexint checksum classify combinations convex_hull_agg cosine_similarity crc32 current_groups current_catalog
  current_schema current_timezone current_time current_user date_parse_mysql empty_approx_set entropy evaluate_classifier_predictions
  features format_number from_encoded_polyline from_geojson_geometry geometry_union great_circle_distance hash_counts
  hmac_md5 hmac_sha1 hmac_sha256 hmac_sha512 human_readable_seconds index inverse_beta_cdf inverse_normal_cdf
  intersection_cardinality jaccard_index kurtosis learn_classifier learn_libsvm_classifier localtime luhn_check
  make_set_digest map_union merge merge_set_digest minhash_agg murmur3 ngrams normal_cdf beta_cdf numeric_histogram
  parse_data_size parse_duration parse_presto_data_size qdigest_agg skewness quantile_at_value quantiles_at_values reduce_agg
  regexp_position rgb render bar color sha512 shuffle soundex spatial_partitioning spooky_hash_v2_32
  spooky_hash_v2_64 st_area st_asbinary st_astext st_contains st_distance st_geometryfromtext st_intersects st_point
  st_polygon st_within st_x st_y tdigest_agg timezone_minute to_geojson_geometry to_geometry to_ieee754_32 to_ieee754_64
  from_ieee754_32 from_ieee754_64 to_milliseconds to_qdigest try_cast_json uuid value_at_quantile values_at_quantiles version
  wilson_interval_lower wilson_interval_upper word_stem multimap_agg  xxhash64 to_big_endian_32 to_big_endian_64 from_big_endian_32
  from_big_endian_64`.split(/\s+/u),
);
