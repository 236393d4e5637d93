import type { Column, PartitionInput, Table } from "@aws-sdk/client-glue";
import { type DatasetPlan, LINEAGE_COLUMNS } from "../../plan/plan.ts";
import { unescapePathName } from "../../plan/partition-path.ts";

/** How a table of the catalog differs from the plan. */
export interface TableDifference {
  /** Columns that the table lacks: a crawl adds them. */
  readonly missing: readonly string[];
  /** `name: type in the table, type in the plan`: no crawl mends these, it never retypes what is read. */
  readonly different: readonly string[];
}

export function compareTable(table: Table, dataset: DatasetPlan): TableDifference {
  const inTable = typesOf([...(table.StorageDescriptor?.Columns ?? []), ...(table.PartitionKeys ?? [])]);
  const missing: string[] = [];
  const different: string[] = [];
  for (const { name, type } of expectedColumns(dataset)) {
    const found = inTable.get(name);
    if (found === undefined) missing.push(name);
    else if (found !== type) different.push(`${name}: ${found} in the table, ${type} in the plan`);
  }
  return { missing, different };
}

function expectedColumns(dataset: DatasetPlan): { name: string; type: string }[] {
  // Crawlers make every partition column a string.
  const output = dataset.output.map(({ name, type }) => ({
    name: name.toLowerCase(),
    type: dataset.partitionBy.includes(name) ? "string" : normalizeType(type),
  }));
  return [...output, ...LINEAGE_COLUMNS.map((name) => ({ name, type: "string" }))];
}

function typesOf(columns: readonly Column[]): Map<string, string> {
  return new Map(columns.map(({ Name, Type }) => [(Name ?? "").toLowerCase(), normalizeType(Type ?? "")]));
}

function normalizeType(type: string): string {
  return type.replaceAll(/\s/g, "").toLowerCase();
}

/** The partitions that hold `outputs`, each once, as the catalog identifies them: values in the order of the keys. */
export function partitionsOf(table: Table, bucket: string, root: string, outputs: readonly string[]): PartitionInput[] {
  const keys = table.PartitionKeys ?? [];
  if (keys.length === 0) return [];
  const directories = new Set(outputs.map((output) => output.slice(root.length, output.lastIndexOf("/") + 1)));
  return [...directories].sort().map((directory) => ({
    Values: valuesOf(directory, keys),
    StorageDescriptor: { ...table.StorageDescriptor, Location: `s3://${bucket}/${root}${directory}` },
  }));
}

function valuesOf(directory: string, keys: readonly Column[]): string[] {
  const pairs = new Map<string, string>();
  for (const part of directory.split("/").filter((name) => name !== "")) {
    const equals = part.indexOf("=");
    pairs.set(unescapePathName(part.slice(0, equals)).toLowerCase(), unescapePathName(part.slice(equals + 1)));
  }
  return keys.map(({ Name = "" }) => {
    const value = pairs.get(Name.toLowerCase());
    if (value === undefined) throw new Error(`${directory} has no value for the partition column ${Name}`);
    return value;
  });
}
