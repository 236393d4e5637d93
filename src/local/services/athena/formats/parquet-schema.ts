import type { DuckDbProcess } from "../../../../sql/duckdb/process.ts";
import { fileList } from "./format.ts";
import type { DataFile } from "../files.ts";

/** A column, or a part of one, as a Parquet file declares it. */
export interface ParquetNode {
  readonly name: string;
  /** `INT32`, `BINARY`… as Parquet's own tools write it; undefined for a group. */
  readonly physical: string | undefined;
  readonly annotation: string | undefined;
  /** A time stamp finer than milliseconds. */
  readonly fineTimestamp: boolean;
  readonly repeated: boolean;
  readonly children: readonly ParquetNode[];
}

/** What a query needs to know of a file before it reads it. */
export interface ParquetFooter {
  /** Top-level columns by their names in lower case. */
  readonly columns: ReadonlyMap<string, ParquetNode>;
  /** Stored bytes by the top-level column's name in lower case. */
  readonly bytes: ReadonlyMap<string, number>;
}

/** Footers by path: a version's file never changes. Bounded, oldest out first. */
const footers = new Map<string, ParquetFooter>();
const MAX_FOOTERS = 20_000;

/** The footers of the files, in their order. An unreadable file rejects with DuckDB's error. */
export async function readFooters(duckdb: DuckDbProcess, files: readonly DataFile[]): Promise<ParquetFooter[]> {
  const unknown = files.filter((file) => !footers.has(file.path));
  if (unknown.length > 0) await load(duckdb, unknown);
  return files.map((file) => footers.get(file.path) as ParquetFooter);
}

async function load(duckdb: DuckDbProcess, files: readonly DataFile[]): Promise<void> {
  const list = fileList(files);
  const [schema, chunks] = await Promise.all([
    duckdb.query(
      `SELECT file_name, name, type, repetition_type, num_children, converted_type, logical_type FROM parquet_schema(${list})`,
    ),
    duckdb.query(
      `SELECT file_name, lower(string_split(path_in_schema, ', ')[1]), sum(total_compressed_size)::DOUBLE FROM parquet_metadata(${list}) GROUP BY ALL`,
    ),
  ]);
  const rows = Map.groupBy(schema.rows as SchemaRow[], ([file]) => file);
  const sizes = Map.groupBy(chunks.rows as [string, string, number][], ([file]) => file);
  for (const { path } of files) {
    const [root] = tree(rows.get(path) ?? []);
    const bytes = new Map((sizes.get(path) ?? []).map(([, column, size]) => [column, size]));
    const columns = new Map((root?.children ?? []).map((node) => [node.name.toLowerCase(), node]));
    footers.set(path, { columns, bytes });
  }
  for (const path of footers.keys()) {
    if (footers.size <= MAX_FOOTERS) break;
    footers.delete(path);
  }
}

type SchemaRow = [
  file: string,
  name: string,
  type: string | null,
  repetition: string | null,
  children: bigint | null,
  converted: string | null,
  logical: string | null,
];

/** The schema is a list in depth-first order; a group says how many children follow. */
function tree(rows: readonly SchemaRow[]): ParquetNode[] {
  let next = 0;
  const read = (): ParquetNode => {
    const [, name, type, repetition, children, converted, logical] = rows[next++] as SchemaRow;
    const annotation = converted ?? undefined;
    return {
      name,
      physical: type === null ? undefined : type.replace(/^BYTE_ARRAY$/u, "BINARY"),
      annotation: annotation ?? (logical?.startsWith("TimestampType") ? "TIMESTAMP" : (logical ?? undefined)),
      fineTimestamp:
        type === "INT96" ||
        /MICROS=MicroSeconds|NANOS=NanoSeconds/u.test(logical ?? "") ||
        annotation === "TIMESTAMP_MICROS",
      repeated: repetition === "REPEATED",
      children: Array.from({ length: Number(children ?? 0) }, read),
    };
  };
  return rows.length > 0 ? [read()] : [];
}
