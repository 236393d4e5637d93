import type { SerDeInfo, Table } from "@aws-sdk/client-glue";
import type { Bus } from "../../bus.ts";
import type { Principal } from "../../service.ts";
import type { DuckDbProcess } from "../../../sql/duckdb/process.ts";
import type { TableColumn } from "../../../sql/trino/catalog.ts";
import type { Scan } from "../../../sql/trino/translate.ts";
import { duckdbType } from "../../../sql/trino/types.ts";
import type { CatalogAccess } from "./catalog-access.ts";
import { QueryFailure } from "./errors.ts";
import { listFiles, mapConcurrently } from "./files.ts";
import type { DataFile } from "./files.ts";
import { lazySimple, openCsv } from "./formats/delimited.ts";
import { identifier, text } from "./formats/format.ts";
import type { DeclaredColumn, Format } from "./formats/format.ts";
import { json } from "./formats/json.ts";
import { parquet } from "./formats/parquet.ts";
import type { ParquetFooters } from "./formats/parquet-schema.ts";
import { sourcesOf } from "./partitions.ts";
import type { Source } from "./partitions.ts";
import { checkPartitionSchema } from "./partition-schema.ts";

/** How each serde's files are read. */
const FORMATS: Readonly<Record<string, Format>> = {
  "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe": parquet,
  "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe": lazySimple,
  "org.apache.hadoop.hive.serde2.OpenCSVSerde": openCsv,
  "org.openx.data.jsonserde.JsonSerDe": json,
  "org.apache.hive.hcatalog.data.JsonSerDe": json,
};

export interface ScanEnvironment {
  readonly bus: Bus;
  readonly principal: Principal;
  readonly catalog: CatalogAccess;
  readonly duckdb: DuckDbProcess;
  readonly footers: ParquetFooters;
  readonly now: Date;
}

export interface BuiltScan {
  /** The SELECT behind `scan_<n>`: the used columns by their names. */
  readonly sql: string;
  readonly bytes: number;
}

interface PlacedFile extends DataFile {
  readonly source: Source;
}

/** Files of one serialization. */
interface Group {
  readonly selects: readonly string[];
  readonly files: readonly PlacedFile[];
}

/** Finds what a scan reads, as the caller, and makes SQL of it. */
export async function buildScan(scan: Scan, table: Table, environment: ScanEnvironment): Promise<BuiltScan> {
  const { bus, principal, catalog, duckdb, footers, now } = environment;
  const name = `${table.DatabaseName}.${table.Name}`;
  const sources = await sourcesOf(table, scan, catalog, duckdb, now);
  for (const source of sources) if (source.values.length > 0) checkPartitionSchema(table, source);
  const listed = await mapConcurrently(sources, async (source) => {
    const files = await listFiles(bus, principal, source.location);
    return files.map((file): PlacedFile => ({ ...file, source }));
  });
  const files = listed.flat();

  const declared = (table.StorageDescriptor?.Columns ?? []).map((column): DeclaredColumn => {
    const found = scan.table.columns.find((other) => other.name === column.Name);
    if (!found) throw new Error(`${name} has no column ${column.Name}`);
    return { ...found, hiveType: column.Type ?? "string" };
  });
  const groups: Group[] = [];
  let bytes = 0;
  for (const group of Map.groupBy(files, ({ source }) => serdeKey(source.descriptor.SerdeInfo)).values()) {
    const serde = group[0]?.source.descriptor.SerdeInfo ?? table.StorageDescriptor?.SerdeInfo ?? {};
    const library = serde.SerializationLibrary ?? "";
    const format = FORMATS[library];
    if (!format) {
      throw new QueryFailure(`NOT_SUPPORTED: ${name}: the local runtime does not read the serde '${library}'`, 1200);
    }
    const plan = await format({
      duckdb,
      footers,
      table: name,
      declared,
      used: scan.columns,
      files: uniqueFiles(group),
      serdeParameters: serde.Parameters ?? {},
      tableParameters: table.Parameters ?? {},
    });
    groups.push({ selects: plan.selects, files: group });
    bytes += plan.bytes;
  }
  return { sql: assemble(scan, groups, declared), bytes };
}

function serdeKey(serde: SerDeInfo | undefined): string {
  return JSON.stringify([serde?.SerializationLibrary, Object.entries(serde?.Parameters ?? {}).sort()]);
}

/** Two partitions may share a location: the file is read once, and its rows belong to both. */
function uniqueFiles(files: readonly PlacedFile[]): PlacedFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

function assemble(scan: Scan, groups: readonly Group[], declared: readonly DeclaredColumn[]): string {
  const used = scan.table.columns.filter((column) => scan.columns.has(column.name));
  if (groups.length === 0) {
    const columns = (used.length > 0 ? used : declared.slice(0, 1)).map(
      (column) => `CAST(NULL AS ${duckdbType(column.type)}) AS ${identifier(column.name)}`,
    );
    return `SELECT ${columns.join(", ") || "NULL AS nothing"} WHERE false`;
  }
  return groups.map((group) => groupSql(scan, used, group)).join(" UNION ALL ");
}

/** The rows of a group's files, each with its partition's values and its file's hidden columns where they are used. */
function groupSql(scan: Scan, used: readonly TableColumn[], { selects, files }: Group): string {
  const inside = used.filter((column) => !column.partitionKey && !column.hidden);
  const rows = selects.join(" UNION ALL ");
  if (inside.length === used.length && uniqueFiles(files).length === files.length) {
    return `SELECT ${inside.map((column) => identifier(column.name)).join(", ") || "1 AS nothing"} FROM (${rows}) AS d`;
  }
  const keys = scan.table.columns.filter((column) => column.partitionKey);
  const values = files.map((file) => {
    const partition = file.source.values.map((value) => (value === null ? "NULL" : text(value)));
    const hidden = [text(file.uri), String(file.size), text(file.lastModified.toISOString())];
    return `(${[text(file.path), ...partition, ...hidden].join(", ")})`;
  });
  const names = ["path", ...keys.map((_key, at) => `k${at}`), "uri", "size", "modified"];
  const hiddenSql: Readonly<Record<string, string>> = {
    $path: "p.uri",
    $file_size: "CAST(p.size AS BIGINT)",
    $file_modified_time: "CAST(p.modified AS TIMESTAMPTZ)",
  };
  const columns = used.map((column) => {
    const key = keys.findIndex((other) => other.name === column.name);
    const outside = key === -1 ? hiddenSql[column.name] : `CAST(p.k${key} AS ${duckdbType(column.type)})`;
    return inside.includes(column) ? `d.${identifier(column.name)}` : `${outside} AS ${identifier(column.name)}`;
  });
  return `SELECT ${columns.join(", ") || "1 AS nothing"} FROM (${rows}) AS d JOIN (VALUES ${values.join(", ")}) AS p(${names.join(", ")}) ON d.file = p.path`;
}
