import type { StorageDescriptor, Table } from "@aws-sdk/client-glue";
import type { DuckDbProcess } from "../../../sql/duckdb/process.ts";
import type { Scan } from "../../../sql/trino/translate.ts";
import { duckdbType } from "../../../sql/trino/types.ts";
import type { CatalogAccess } from "./catalog-access.ts";
import { identifier, text } from "./formats/format.ts";
import { isProjected, project } from "./projection.ts";

/** A folder of a table: the whole table, or one partition. */
export interface Source {
  readonly location: string;
  /** Of the partition keys, in their order; null is Hive's default partition. */
  readonly values: readonly (string | null)[];
  readonly descriptor: StorageDescriptor;
}

const DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__";

/** The folders that a scan has to read: those of registered (or projected) partitions that the query may want. */
export async function sourcesOf(
  table: Table,
  scan: Scan,
  catalog: CatalogAccess,
  duckdb: DuckDbProcess,
  now: Date,
): Promise<Source[]> {
  const descriptor = table.StorageDescriptor ?? {};
  const location = descriptor.Location ?? "";
  const keys = (table.PartitionKeys ?? []).map((key) => key.Name ?? "");
  if (keys.length === 0) return [{ location, values: [], descriptor }];

  const name = `${table.DatabaseName}.${table.Name}`;
  const parameters = table.Parameters ?? {};
  let sources: Source[];
  if (isProjected(parameters)) {
    const projected = project({ name, location, keys, parameters }, scan.pruning.constraints, now);
    sources = projected.map((partition) => ({ ...partition, descriptor }));
  } else {
    const partitions = await catalog.partitions(table.DatabaseName ?? "", table.Name ?? "");
    sources = partitions.map((partition) => ({
      location: partition.StorageDescriptor?.Location ?? "",
      values: (partition.Values ?? []).map((value) => (value === DEFAULT_PARTITION ? null : value)),
      descriptor: partition.StorageDescriptor ?? descriptor,
    }));
  }
  return prune(sources, scan, duckdb);
}

/** Asks DuckDB which partitions the query's own conditions leave, so that they mean the same here and in the query. */
async function prune(sources: Source[], scan: Scan, duckdb: DuckDbProcess): Promise<Source[]> {
  const { conditions } = scan.pruning;
  if (conditions.length === 0 || sources.length === 0) return sources;
  const keys = scan.table.columns.filter((column) => column.partitionKey);
  const names = keys.map((_key, at) => `v${at}`);
  const rows = sources.map(
    ({ values }, at) => `(${[at, ...values.map((value) => (value === null ? "NULL" : text(value)))].join(", ")})`,
  );
  const typed = keys.map((key, at) => `CAST(v${at} AS ${duckdbType(key.type)}) AS ${identifier(key.name)}`);
  const { rows: kept } = await duckdb.query(
    `SELECT source FROM (SELECT source, ${typed.join(", ")} FROM (VALUES ${rows.join(", ")}) AS v(source, ${names.join(", ")})) AS p WHERE ${conditions.join(" AND ")} ORDER BY source`,
  );
  return kept.map(([at]) => sources[Number(at)] as Source);
}
