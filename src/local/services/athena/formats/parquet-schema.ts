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

const MAX_FOOTERS = 20_000;

/** Footers of the files that queries have read, by path: the file of a version never changes. */
export class ParquetFooters {
  readonly #known = new Map<string, ParquetFooter>();

  /** The footers of the files, in their order. An unreadable file rejects with DuckDB's error. */
  async read(duckdb: DuckDbProcess, files: readonly DataFile[]): Promise<ParquetFooter[]> {
    const unknown = files.filter((file) => !this.#known.has(file.path));
    const fresh = unknown.length > 0 ? await load(duckdb, unknown) : new Map<string, ParquetFooter>();
    if (this.#known.size + fresh.size > MAX_FOOTERS) this.#known.clear();
    const footers = files.map(({ path }) => (fresh.get(path) ?? this.#known.get(path)) as ParquetFooter);
    for (const [path, footer] of fresh) this.#known.set(path, footer);
    return footers;
  }
}

async function load(duckdb: DuckDbProcess, files: readonly DataFile[]): Promise<Map<string, ParquetFooter>> {
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
  const footers = files.map(({ path }): [string, ParquetFooter] => {
    const [root] = tree(rows.get(path) ?? []);
    const bytes = new Map((sizes.get(path) ?? []).map(([, column, size]) => [column, size]));
    const columns = new Map((root?.children ?? []).map((node) => [node.name.toLowerCase(), node]));
    return [path, { columns, bytes }];
  });
  return new Map(footers);
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
