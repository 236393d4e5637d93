import { type DataType, parseType, physicalType } from "../../plan/data-type.ts";
import type { DatasetPlan } from "../../plan/plan.ts";
import { duckdbText, quoteName } from "../../sql/spark/literals.ts";
import { observe } from "./database.ts";

/**
 * The statements of a load. They chain the plan's relations (see src/plan/plan.ts):
 * reader → `raw` → `texts` → values → checked → `source` → output. Each is a projection of the one before, so DuckDB
 * streams through all of them; columns of ours are named so that no declared column can be called the same.
 */

/** Columns that travel beside the declared ones. */
export const FILE = "millrace:file";
export const RECORD = "millrace:record";
export const RAW_TEXT = "millrace:raw";
/** True for a record that is not of its format (JSON that is none); its columns are NULL. */
export const BROKEN = "millrace:broken";
const BAD = "millrace:bad";
const text = (column: number) => `"millrace:text:${column}"`;
const value = (column: number) => `"millrace:value:${column}"`;

/** The columns of `raw`, and `FILE`, `BROKEN`, `_source`, `_version`; for a second look also `RECORD`, `RAW_TEXT`. */
export type RawSql = string;

/** A `raw` relation, and the plan to be executed over it. */
export interface Relation {
  readonly raw: RawSql;
  readonly plan: DatasetPlan;
}

/** Types of the lineage columns in the files that are written. */
export interface LineageTypes {
  readonly source: string;
  readonly version: string;
  readonly run: string;
}

const name = (column: string) => quoteName(column).duckdb;
const quoted = (column: string) => `"${column}"`;

/** One row per record: text and value of each column, and what travels along. */
function valued(plan: DatasetPlan, raw: RawSql, along: readonly string[]): string {
  const carried = [FILE, BROKEN, "_source", "_version", ...along].map(quoted).join(", ");
  const texts = plan.columns.map((column) => `${column.text.duckdb} AS ${name(column.name)}`);
  const values = plan.columns.flatMap((column, index) => [
    `${name(column.name)} AS ${text(index)}`,
    `${column.typed.duckdb} AS ${value(index)}`,
  ]);
  return (
    `SELECT ${values.join(", ")}, ${carried} FROM ` +
    `(SELECT ${texts.join(", ")}, ${carried} FROM (${raw}) AS raw) AS texts`
  );
}

function badValue(column: number): string {
  return `${text(column)} IS NOT NULL AND ${value(column)} IS NULL`;
}

/** Whether a value of a row keeps it from being loaded; never NULL. */
function badRow(plan: DatasetPlan): string {
  const conditions = plan.columns.map((column, index) =>
    // Without text there is no value either, so one test covers both reasons.
    column.nullable ? `(${badValue(index)})` : `${value(index)} IS NULL`,
  );
  return [quoted(BROKEN), ...conditions].join(" OR ");
}

const brokenRule = (condition: string) => `(${condition}) IS NOT TRUE`;

const lineage = `"_source", "_version"`;

/** `SELECT` of the columns that rules and the transform see. */
function typedColumns(plan: DatasetPlan): string {
  return plan.columns.map((column, index) => `${value(index)} AS ${name(column.name)}`).join(", ");
}

/** The rows to be written: partition columns as texts, lineage last. Every row that is read is observed. */
export function outputSelect({ plan, raw }: Relation, run: string, types: LineageTypes): string {
  const declared = plan.columns.map((column) => name(column.name)).join(", ");
  const checked =
    `SELECT ${typedColumns(plan)}, (${badRow(plan)}) AS "${BAD}", "${FILE}", ${lineage} ` +
    `FROM (${valued(plan, raw, [])}) AS valued`;
  const bad = [`"${BAD}"`, ...plan.rules.map((rule) => brokenRule(rule.condition.duckdb))].join(" OR ");
  const observed = `SELECT ${declared}, ${lineage}, ${observe(`"${FILE}"`, bad)} AS "${BAD}" FROM (${checked}) AS source`;
  const source = `SELECT ${declared}, ${lineage} FROM (${observed}) AS observed WHERE NOT "${BAD}"`;
  return (
    `WITH source AS (${source}), transformed AS (${plan.transform.duckdb}) ` +
    `SELECT ${outputColumns(plan)}, CAST("_source" AS ${types.source}) AS "_source", ` +
    `CAST("_version" AS ${types.version}) AS "_version", CAST(${duckdbText(run)} AS ${types.run}) AS "_run" FROM transformed`
  );
}

function outputColumns(plan: DatasetPlan): string {
  return plan.output
    .map((column) => {
      const type = parseType(column.type);
      const cast = `CAST(${name(column.name)} AS ${physicalType(type).duckdb})`;
      const stored = plan.partitionBy.includes(column.name)
        ? `CAST(${cast} AS VARCHAR)`
        : `CAST(${cast} AS ${storedType(type)})`;
      return `${stored} AS ${name(column.name)}`;
    })
    .join(", ");
}

/**
 * DuckDB's type for what stands in a file. Its naive TIMESTAMP would be written as local time
 * (`isAdjustedToUTC=false`); Spark writes instants, and the session's time zone is UTC, so the number is the same.
 */
export function storedType(type: DataType): string {
  switch (type.kind) {
    case "timestamp":
      return "TIMESTAMP WITH TIME ZONE";
    case "array":
      return `${storedType(type.element)}[]`;
    case "map":
      return `MAP(${storedType(type.key)}, ${storedType(type.value)})`;
    case "struct":
      return `STRUCT(${type.fields.map((field) => `${name(field.name)} ${storedType(field.type)}`).join(", ")})`;
    default:
      return physicalType(type).duckdb;
  }
}

/** What the second look tells of a record that is not loaded: file, record, raw, then columns' texts and flags. */
export interface BadRecord {
  readonly file: number;
  readonly record: number;
  /** JSON: the record's text. CSV: its fields, to be held against the tokenizer's. */
  readonly raw: unknown;
  /** Per declared column its text, null for none. */
  readonly texts: readonly (string | null)[];
  /** Per declared column: the text does not type. */
  readonly untyped: readonly boolean[];
  /** Per rule: it is not true. Means nothing when a column is bad. */
  readonly unmet: readonly boolean[];
  /** The record is not of its format. */
  readonly broken: boolean;
}

/** Texts are shown in messages: longer ones are cut. */
const SHOWN = 200;

/** The bad records of a raw relation that also has `RECORD` and `RAW_TEXT`, in the order of their records. */
export function badRecordsSelect({ plan, raw }: Relation, limit?: number): string {
  const columns = plan.columns.map((_, index) => index);
  const checked =
    `SELECT ${typedColumns(plan)}, (${badRow(plan)}) AS "${BAD}", "${FILE}", ${lineage}, "${RECORD}", "${RAW_TEXT}", "${BROKEN}", ` +
    `[${columns.map((index) => `left(CAST(${text(index)} AS VARCHAR), ${SHOWN})`).join(", ")}] AS "millrace:texts", ` +
    `[${columns.map((index) => badValue(index)).join(", ")}] AS "millrace:untyped" ` +
    `FROM (${valued(plan, raw, [RECORD, RAW_TEXT])}) AS valued`;
  const rules = plan.rules.map((rule) => brokenRule(rule.condition.duckdb));
  const flagged =
    `SELECT "${FILE}", "${RECORD}", "${RAW_TEXT}", "millrace:texts", "millrace:untyped", "${BROKEN}", "${BAD}", ` +
    `CAST([${rules.join(", ")}] AS BOOLEAN[]) AS "millrace:unmet" FROM (${checked}) AS source`;
  const selected =
    `SELECT "${FILE}", "${RECORD}", "${RAW_TEXT}", "millrace:texts", "millrace:untyped", "millrace:unmet", "${BROKEN}" ` +
    `FROM (${flagged}) AS flagged WHERE "${BAD}" OR list_contains("millrace:unmet", TRUE)`;
  // Records come in the order of the file: only a sorted answer needs to see all of them before the first.
  return limit === undefined ? `${selected} ORDER BY "${FILE}", "${RECORD}"` : `${selected} LIMIT ${limit}`;
}

/** A row of `badRecordsSelect` as JSON values. */
export function badRecord(row: readonly unknown[]): BadRecord {
  const [file, record, raw, texts, untyped, unmet, broken] = row;
  return {
    file: Number(file),
    record: Number(record),
    raw,
    texts: texts as (string | null)[],
    untyped: untyped as boolean[],
    unmet: unmet as boolean[],
    broken: broken === true,
  };
}
