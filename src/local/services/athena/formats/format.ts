import type { DuckDbProcess } from "../../../../sql/duckdb/process.ts";
import type { TableColumn } from "../../../../sql/trino/catalog.ts";
import type { DataFile } from "../files.ts";
import type { ParquetFooters } from "./parquet-schema.ts";

/** What a reader has to know about the files that it reads together: all are of one serialization. */
export interface ReadRequest {
  readonly duckdb: DuckDbProcess;
  readonly footers: ParquetFooters;
  /** `database.table`, for messages. */
  readonly table: string;
  /** The declared columns that the files hold, in order; partition keys are not among them. */
  readonly declared: readonly DeclaredColumn[];
  /** Names of those that the query uses. */
  readonly used: ReadonlySet<string>;
  readonly files: readonly DataFile[];
  readonly serdeParameters: Readonly<Record<string, string>>;
  readonly tableParameters: Readonly<Record<string, string>>;
}

export interface DeclaredColumn extends TableColumn {
  /** As the catalog has it: `struct<a:int>`. */
  readonly hiveType: string;
}

/** How rows come out of files. */
export interface ReadPlan {
  /** SELECTs that give the used columns under their names and the file's path as `file`; all rows of all of them. */
  readonly selects: readonly string[];
  /** Bytes that the query reads of the files. */
  readonly bytes: number;
}

export type Format = (request: ReadRequest) => ReadPlan | Promise<ReadPlan>;

export function usedColumns({ declared, used }: ReadRequest): (DeclaredColumn & { index: number })[] {
  return declared.map((column, index) => ({ ...column, index })).filter((column) => used.has(column.name));
}

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

export function fileList(files: readonly DataFile[]): string {
  return `[${files.map((file) => text(file.path)).join(", ")}]`;
}

export function totalSize(files: readonly DataFile[]): number {
  return files.reduce((sum, file) => sum + file.size, 0);
}
