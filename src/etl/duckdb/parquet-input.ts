import { parseType, physicalType } from "../../plan/data-type.ts";
import type { DatasetPlan, SourceColumn } from "../../plan/plan.ts";
import { duckdbText, quoteName } from "../../sql/spark/literals.ts";
import type { Database } from "./database.ts";
import type { FileProblem } from "./input.ts";
import { list } from "./messages.ts";
import { LINEAGE, PATH, type Sources, withLineage } from "./sources.ts";
import { BROKEN, RAW_TEXT, RECORD, type RawSql } from "./statements.ts";

/** A column of a Parquet file, its type as DuckDB names it. */
export interface ParquetColumn {
  readonly name: string;
  readonly type: string;
}

const name = (column: string) => quoteName(column).duckdb;

/** Reads a file's columns and holds them against the declared ones. */
export async function readParquetColumns(
  database: Database,
  plan: DatasetPlan,
  key: string,
  path: string,
): Promise<readonly ParquetColumn[] | FileProblem> {
  let rows;
  try {
    rows = await database.rows(`DESCRIBE SELECT * FROM ${parquet([path])}`);
  } catch (error) {
    return unreadableParquet(key, error, path);
  }
  const found = rows.map(([column, type]) => ({ name: String(column), type: String(type) }));
  const own = found.filter((column) => column.name !== PATH);
  const names = new Set(own.map((column) => column.name.toLowerCase()));
  const declared = new Set(plan.columns.map((column) => origin(column).toLowerCase()));
  const unknown = own.filter((column) => !declared.has(column.name.toLowerCase())).map((column) => column.name);
  if (unknown.length > 0) {
    return { reason: "header", message: `${key}: it has ${list(unknown)}, which the dataset does not declare` };
  }
  const missing = plan.columns.filter((column) => !column.nullable && !names.has(origin(column).toLowerCase()));
  if (missing.length > 0) return { reason: "header", message: `${key}: it lacks ${list(missing.map(origin))}` };
  return own;
}

/** DuckDB's message without the path, which means nothing to a person. */
export function unreadableParquet(key: string, error: unknown, path: string): FileProblem {
  const message = (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
  return { reason: "unreadable", message: `${key}: it is not readable as Parquet: ${message.replaceAll(path, key)}` };
}

/** True when every value of a file can be read; the error otherwise. */
export async function parquetFault(database: Database, path: string): Promise<unknown> {
  try {
    await database.rows(`SELECT count(COLUMNS(*)) FROM ${parquet([path])}`);
    return undefined;
  } catch (error) {
    return error;
  }
}

function origin(column: SourceColumn): string {
  return column.from[0] ?? column.name;
}

/**
 * The plan for files with these columns: a column that has its declared type already is taken as it is; every other
 * goes through its text, as if it had been read from CSV.
 */
export function planForParquet(plan: DatasetPlan, columns: readonly ParquetColumn[]): DatasetPlan {
  const types = new Map(columns.map((column) => [column.name.toLowerCase(), column.type]));
  return {
    ...plan,
    columns: plan.columns.map((column) => {
      const native = nativeValue(column, types.get(origin(column).toLowerCase()));
      if (native === undefined) return column;
      const text = { ...column.text, duckdb: native };
      return { ...column, text, typed: { ...column.typed, duckdb: name(column.name) } };
    }),
  };
}

function nativeValue(column: SourceColumn, type: string | undefined): string | undefined {
  const declared = parseType(column.type);
  const source = name(origin(column));
  if (type === undefined) return `CAST(NULL AS ${physicalType(declared).duckdb})`;
  if (declared.kind === "timestamp") {
    if (type === "TIMESTAMP WITH TIME ZONE") return `(${source} AT TIME ZONE 'UTC')`;
    if (/^TIMESTAMP_(S|MS|NS)$/.test(type)) return `CAST(${source} AS TIMESTAMP)`;
  }
  return plain(physicalType(declared).duckdb) === plain(type) ? source : undefined;
}

/** DuckDB prints the names in a STRUCT with quotes or without, and one blank more or less. */
const plain = (type: string) => type.replaceAll(/["\s]/g, "").toLowerCase();

export interface ParquetScan {
  readonly columns: readonly ParquetColumn[];
  readonly paths: readonly string[];
  readonly sources: Sources;
}

/** The `raw` relation of Parquet files that have the same columns. A record's text is its JSON. */
export function parquetRaw(scan: ParquetScan, records: boolean): RawSql {
  const columns = scan.columns.map((column) => name(column.name));
  const members = scan.columns.map((column) => `${duckdbText(column.name)}: ${name(column.name)}`);
  const extra = records
    ? `, row_number() OVER () AS "${RECORD}", CAST(to_json({${members.join(", ")}}) AS VARCHAR) AS "${RAW_TEXT}"`
    : "";
  const read = `SELECT ${[...columns, name(PATH)].join(", ")} FROM ${parquet(scan.paths)}`;
  return (
    `SELECT ${columns.join(", ")}, FALSE AS "${BROKEN}", ${LINEAGE}${extra} ` +
    `FROM (${withLineage(`(${read}) AS read`, scan.sources)}) AS scanned`
  );
}

function parquet(paths: readonly string[]): string {
  const files = paths.map(duckdbText).join(", ");
  return `read_parquet([${files}], filename = ${duckdbText(PATH)}, hive_partitioning = false, union_by_name = false)`;
}
