import { z } from "zod";

/**
 * The plan: what a definition compiles to. A JSON document, an asset of the stack; the Glue script, the local engine
 * and the functions read it, and none of them contains anything about a dataset that is not in here.
 *
 * Types are written as the Glue catalog writes them (Hive): `string`, `boolean`, `int`, `bigint`, `double`,
 * `decimal(p,s)`, `date`, `timestamp`, `array<…>`, `map<k,v>`, `struct<a:int,b:array<string>>`. `data-type.ts` parses
 * them and holds the one table of physical types.
 *
 * How both engines execute a dataset, in relations named as here:
 *   `raw`     one row per record, as read: CSV has one string column per declared column, named as the declared column
 *             (NULL only where the file lacks the column; an empty field is the empty text); JSON has one string column
 *             `record`, the record's own text; Parquet has the file's columns in their native types.
 *   `texts`   one row per record: each declared column's `text` expression over `raw`, named as the column. Its own
 *             relation, because `typed` names the text several times.
 *   `typed`   one row per record that is not rejected: each declared column's `typed` expression over `texts`.
 *             A record with text and no typed value is `bad-value`; one without text in a column that is not nullable
 *             is `missing-value`. A Parquet column whose own type is the declared one may be taken as it is.
 *   `source`  = `typed`, the relation that rules and the transform see, plus `_source` and `_version`.
 *   output    the transform's columns, cast once more to `output` types, plus `_source`, `_version`, `_run`.
 */

/** The same expression for each engine. */
const sqlPair = z.strictObject({ spark: z.string(), duckdb: z.string() });

const csvSource = z.strictObject({
  format: z.literal("csv"),
  header: z.boolean(),
  delimiter: z.string(),
  quote: z.string(),
  encoding: z.enum(["utf-8", "latin-1"]),
  /** Texts that mean NULL, quoted or not (Spark's reader does not tell). The `text` expressions apply them. */
  nullText: z.array(z.string()),
  /** What a header that the definition does not know does to its file. */
  unknownColumns: z.enum(["reject", "ignore"]),
  /** What a declared, nullable column that the header lacks does: NULL in every row, or the file is rejected. */
  missingColumns: z.enum(["reject", "null"]),
});

const jsonSource = z.strictObject({
  format: z.literal("json"),
  /** `lines`: one document a line; `array`: one array of records; `document`: the records are at `recordsPath`. */
  layout: z.enum(["lines", "array", "document"]),
  /** Member names from the document's root to the array of records; empty unless `layout` is `document`. */
  recordsPath: z.array(z.string()),
});

const parquetSource = z.strictObject({ format: z.literal("parquet") });

const sourceColumn = z.strictObject({
  /** Lower case, as in the catalog. */
  name: z.string(),
  /** Where it comes from: a CSV header or Parquet column (one element), or a path of JSON members. */
  from: z.array(z.string()).min(1),
  type: z.string(),
  nullable: z.boolean(),
  /** The field as text after null handling, over `raw`: NULL means "no value", anything else must type or is rejected. */
  text: sqlPair,
  /** The typed value over `texts`; NULL where the text does not type. Never raises. */
  typed: sqlPair,
});

const rule = z.strictObject({
  name: z.string(),
  /** Boolean over `source`; a row for which it is FALSE or NULL is rejected with reason `rule`. Never raises. */
  condition: sqlPair,
});

const outputColumn = z.strictObject({ name: z.string(), type: z.string() });

const datasetPlan = z.strictObject({
  name: z.string(),
  /** Key prefix in SourceBucket, ending with `/`, or empty for the whole bucket. */
  prefix: z.string(),
  /** The table's name in the Glue database. */
  table: z.string(),
  source: z.discriminatedUnion("format", [csvSource, jsonSource, parquetSource]),
  columns: z.array(sourceColumn).min(1),
  /** A file with a greater share of bad records than this is rejected whole (0 to 1). */
  rejectLimit: z.number().min(0).max(1),
  /** A run with more rejected rows than this many is mailed about. */
  quietRejects: z.number().int().nonnegative(),
  rules: z.array(rule),
  /**
   * `SELECT … FROM source`, row-wise. Its select list ends with `_source` and `_version`, which the compiler added;
   * `SELECT *` is already spelled out. Column order: `output`, then the lineage columns.
   */
  transform: sqlPair,
  /** The table's columns without lineage, partition columns last and in `partitionBy` order. */
  output: z.array(outputColumn).min(1),
  /** Names of the output columns that are directories instead of file columns. */
  partitionBy: z.array(z.string()),
  limits: z.strictObject({
    /** At most this many object versions in one run. */
    maxFiles: z.number().int().positive(),
    /** At most about this many bytes of input in one run (one larger file still runs, alone). */
    maxBytes: z.number().int().positive(),
  }),
});

export const planSchema = z.strictObject({
  version: z.literal(1),
  pipeline: z.string(),
  datasets: z.record(z.string(), datasetPlan),
});

export type Plan = z.output<typeof planSchema>;
export type DatasetPlan = z.output<typeof datasetPlan>;
export type CsvSource = z.output<typeof csvSource>;
export type JsonSource = z.output<typeof jsonSource>;
export type SourceColumn = z.output<typeof sourceColumn>;

/** Lineage columns, which both engines add to every output row. Constant per file and run. */
export const LINEAGE_COLUMNS = ["_source", "_version", "_run"] as const;
