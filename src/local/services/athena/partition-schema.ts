import type { Table } from "@aws-sdk/client-glue";
import { parseHiveType } from "../../../sql/trino/hive-type.ts";
import { coercible, isText, typeText } from "../../../sql/trino/types.ts";
import { QueryFailure } from "./errors.ts";
import type { Source } from "./partitions.ts";

/** Formats that find columns by name at reading time, so that a partition's own schema does not matter. */
const BY_NAME = new Set(["org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"]);

/**
 * A partition's columns must coerce to the table's, position by position, for formats that have no names in their
 * files. https://docs.aws.amazon.com/athena/latest/ug/updates-and-partitions.html
 */
export function checkPartitionSchema(table: Table, source: Source): void {
  if (BY_NAME.has(source.descriptor.SerdeInfo?.SerializationLibrary ?? "")) return;
  const declared = table.StorageDescriptor?.Columns ?? [];
  for (const [at, own] of (source.descriptor.Columns ?? []).entries()) {
    const column = declared[at];
    if (!column || column.Type === own.Type) continue;
    const [from, to] = [parseHiveType(own.Type ?? ""), parseHiveType(column.Type ?? "")];
    if (from && to && (typeText(from) === typeText(to) || coercible(from, to) || (isText(to) && from.kind !== "row")))
      continue;
    const partition = (table.PartitionKeys ?? []).map((key, index) => `${key.Name}=${source.values[index]}`).join("/");
    throw new QueryFailure(
      `HIVE_PARTITION_SCHEMA_MISMATCH: There is a mismatch between the table and partition schemas. The types are incompatible and cannot be coerced. The column '${column.Name}' in table '${table.DatabaseName}.${table.Name}' is declared as type '${column.Type}', but partition '${partition}' declared column '${own.Name}' as type '${own.Type}'.`,
      1004,
    );
  }
}
