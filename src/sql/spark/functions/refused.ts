import { ROW_WISE_HINT } from "../parse-expression.ts";

interface Refusal {
  /** Follows the function's name in a sentence. */
  readonly reason: string;
  readonly hint: string | undefined;
}

const words = (text: string) => text.trim().split(/\s+/);

const AGGREGATES = words(`
  count sum avg mean min max stddev stddev_pop stddev_samp variance var_pop var_samp corr covar_pop covar_samp kurtosis
  skewness collect_list collect_set array_agg first first_value last last_value any_value max_by min_by count_if count_min_sketch
  approx_count_distinct approx_percentile percentile percentile_approx percentile_cont percentile_disc median mode
  bool_and bool_or every some any bit_and bit_or bit_xor string_agg listagg histogram_numeric try_sum try_avg grouping grouping_id
  regr_count regr_slope regr_intercept regr_r2`);

const WINDOWS = words("row_number rank dense_rank percent_rank ntile cume_dist lag lead nth_value");

const CHANCE = words(`
  rand random randn randstr uniform uuid shuffle monotonically_increasing_id spark_partition_id current_date curdate
  current_timestamp now localtimestamp current_user user session_user current_timezone current_catalog current_database
  current_schema input_file_name input_file_block_start input_file_block_length version`);

const INEXACT = words(`
  exp expm1 ln log log10 log2 log1p pow power sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh cot sec csc
  cbrt hypot degrees radians e pi`);

const CODE = words("java_method reflect try_reflect");

const RAISING: Readonly<Record<string, string>> = {
  to_timestamp: "write try_cast(… AS timestamp), or give the column a format",
  to_number: "write try_cast(… AS decimal(p,s))",
  make_timestamp: "write try_cast(concat(…) AS timestamp)",
  mod: "write a % b with a divisor that is not zero, or try_mod(a, b)",
  raise_error: "write a rule: its rows are rejected by name",
  assert_true: "write a rule: its rows are rejected by name",
  parse_url: "use regexp_extract",
  unbase64: "keep the text",
};

/** Functions that people will try, and why they cannot be used. */
export const REFUSED_FUNCTIONS: ReadonlyMap<string, Refusal> = new Map<string, Refusal>([
  ...AGGREGATES.map((name): [string, Refusal] => [name, { reason: "is an aggregate", hint: ROW_WISE_HINT }]),
  ...WINDOWS.map((name): [string, Refusal] => [name, { reason: "is a window function", hint: ROW_WISE_HINT }]),
  ...CHANCE.map((name): [string, Refusal] => [
    name,
    {
      reason: "gives another answer each time",
      hint: "a record must give the same rows whenever it is loaded; the view loads knows when that was, and _source the file",
    },
  ]),
  ...INEXACT.map((name): [string, Refusal] => [
    name,
    { reason: "differs in its last digit between the engines", hint: "compute it in an Athena view over the table" },
  ]),
  ...CODE.map((name): [string, Refusal] => [name, { reason: "runs code", hint: undefined }]),
  ...Object.entries(RAISING).map(([name, hint]): [string, Refusal] => [
    name,
    { reason: "is not supported, because one bad value would stop the run", hint },
  ]),
]);
