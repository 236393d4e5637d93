import type { SerDeInfo, Table } from "@aws-sdk/client-glue";
import type { Bus } from "../../bus.ts";
import type { Principal } from "../../service.ts";
import type { DuckDbProcess } from "../../../sql/duckdb/process.ts";
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

export interface BuiltScan {
  /** The SELECT behind `scan_<n>`: the used columns by their names. */
  readonly sql: string;
  readonly bytes: number;
}

interface PlacedFile extends DataFile {
  readonly source: Source;
}

/** Finds what a scan reads, as the caller, and makes SQL of it. */
export async function buildScan(
  scan: Scan,
  table: Table,
  environment: { bus: Bus; principal: Principal; catalog: CatalogAccess; duckdb: DuckDbProcess; now: Date },
): Promise<BuiltScan> {
  const { bus, principal, catalog, duckdb, now } = environment;
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
  const selects: string[] = [];
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
      table: name,
      declared,
      used: scan.columns,
      files: group,
      serdeParameters: serde.Parameters ?? {},
      tableParameters: table.Parameters ?? {},
    });
    selects.push(...plan.selects);
    bytes += plan.bytes;
  }
  return { sql: assemble(scan, selects, files, declared), bytes };
}

function serdeKey(serde: SerDeInfo | undefined): string {
  return JSON.stringify([serde?.SerializationLibrary, Object.entries(serde?.Parameters ?? {}).sort()]);
}

/** The rows of all files, each with its partition's values and its file's hidden columns where the query uses them. */
function assemble(
  scan: Scan,
  selects: readonly string[],
  files: readonly PlacedFile[],
  declared: readonly DeclaredColumn[],
): string {
  const used = scan.table.columns.filter((column) => scan.columns.has(column.name));
  const outside = used.filter((column) => column.partitionKey || column.hidden);
  const inside = used.filter((column) => !column.partitionKey && !column.hidden);
  if (selects.length === 0) {
    const columns = (used.length > 0 ? used : declared.slice(0, 1)).map(
      (column) => `CAST(NULL AS ${duckdbType(column.type)}) AS ${identifier(column.name)}`,
    );
    return `SELECT ${columns.join(", ") || "NULL AS nothing"} WHERE false`;
  }
  const rows = selects.join(" UNION ALL ");
  if (outside.length === 0) {
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
  const columns = [
    ...inside.map((column) => `d.${identifier(column.name)}`),
    ...outside.map((column) => {
      const key = keys.findIndex((other) => other.name === column.name);
      const sql = key === -1 ? hiddenSql[column.name] : `CAST(p.k${key} AS ${duckdbType(column.type)})`;
      return `${sql} AS ${identifier(column.name)}`;
    }),
  ];
  return `SELECT ${columns.join(", ")} FROM (${rows}) AS d JOIN (VALUES ${values.join(", ")}) AS p(${names.join(", ")}) ON d.file = p.path`;
}
