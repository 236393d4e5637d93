import type { Column, PartitionInput, Table } from "@aws-sdk/client-glue";
import type { Bus } from "../../bus.ts";
import type { Principal } from "../../service.ts";
import type { CatalogAccess } from "./catalog-access.ts";
import { QueryFailure } from "./errors.ts";
import { parseLocation } from "./location.ts";

const BATCH = 100;

/** `year=2026/region=eu`, with what Hive escapes in folder names. */
export function partitionFolder(keys: readonly Column[], values: readonly string[]): string {
  return keys.map((key, at) => `${key.Name}=${escaped(values[at] ?? "")}`).join("/");
}

/** What Hive writes as `%3A` in folder names, beside control characters: FileUtils of org.apache.hadoop.hive.common. */
const ESCAPED = new Set(`"#%'*/:=?\\\u007F{[]^`);

function escaped(value: string): string {
  return Array.from(value, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 32 || ESCAPED.has(character) ? `%${code.toString(16).toUpperCase().padStart(2, "0")}` : character;
  }).join("");
}

function unescaped(value: string): string {
  return value.replaceAll(/%([0-9A-Fa-f]{2})/gu, (_all, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
}

/**
 * MSCK REPAIR TABLE: registers the `key=value` folders under the table's location that are no partitions yet. Never
 * removes one. https://docs.aws.amazon.com/athena/latest/ug/msck-repair-table.html
 */
export async function repairTable(
  table: Table,
  catalog: CatalogAccess,
  bus: Bus,
  principal: Principal,
): Promise<string[]> {
  const keys = table.PartitionKeys ?? [];
  const name = table.Name ?? "";
  if (keys.length === 0)
    throw new QueryFailure(`FAILED: SemanticException Table is not partitioned ${table.DatabaseName}.${name}`, 1003);
  const { bucket, prefix } = parseLocation(table.StorageDescriptor?.Location ?? "");
  const existing = await catalog.partitions(table.DatabaseName ?? "", name);
  const registered = new Set(existing.map(({ Values }) => JSON.stringify(Values)));

  const found = new Map<string, PartitionInput>();
  for (let token: string | undefined; ;) {
    const page = await bus.call(
      "s3:ListObjectsV2",
      { Bucket: bucket, Prefix: prefix, ContinuationToken: token },
      principal,
    );
    for (const { Key: key = "" } of page.Contents ?? []) {
      const folders = key.slice(prefix.length).split("/").slice(0, -1);
      const values = valuesOf(folders, keys);
      if (!values || registered.has(JSON.stringify(values))) continue;
      const location = `s3://${bucket}/${prefix}${folders.slice(0, keys.length).join("/")}`;
      found.set(JSON.stringify(values), {
        Values: values,
        StorageDescriptor: { ...table.StorageDescriptor, Location: location },
      });
    }
    token = page.NextContinuationToken;
    if (!token) break;
  }

  const partitions = [...found.values()];
  const at = { DatabaseName: table.DatabaseName, TableName: name };
  for (let start = 0; start < partitions.length; start += BATCH) {
    await bus.call(
      "glue:BatchCreatePartition",
      { ...at, PartitionInputList: partitions.slice(start, start + BATCH) },
      principal,
    );
  }
  if (partitions.length === 0) return [];
  const names = partitions.map(({ Values = [] }) => `${name}:${partitionFolder(keys, Values)}`);
  return [
    `Partitions not in metastore:\t${names.join("\t")}`,
    ...names.map((partition) => `Repair: Added partition to metastore ${partition}`),
  ];
}

/** The folders' values, when they are the keys in their order; keys are compared as they are written, in lower case. */
function valuesOf(folders: readonly string[], keys: readonly Column[]): string[] | undefined {
  const values = keys.map((key, level) => {
    const folder = folders[level] ?? "";
    return folder.startsWith(`${key.Name}=`) ? unescaped(folder.slice((key.Name ?? "").length + 1)) : undefined;
  });
  return values.every((value) => value !== undefined) ? values : undefined;
}
