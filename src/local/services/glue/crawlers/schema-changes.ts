import type { Column, Partition, PartitionInput, StorageDescriptor, Table, TableInput } from "@aws-sdk/client-glue";
import { STATISTICS } from "./table-input.ts";

type Described = Pick<Table | TableInput | Partition | PartitionInput, "Parameters" | "StorageDescriptor">;

/** What differs between a definition in the catalog and a newer one, in words; how much data there is does not count. */
export function tableDifferences(
  before: Described & { PartitionKeys?: Column[] },
  after: Described & { PartitionKeys?: Column[] },
): string[] {
  const differences: string[] = [];
  const [a, b] = [before.StorageDescriptor, after.StorageDescriptor];
  if (columnsText(a?.Columns) !== columnsText(b?.Columns)) differences.push("columns");
  if (after.PartitionKeys && columnsText(before.PartitionKeys) !== columnsText(after.PartitionKeys))
    differences.push("partition keys");
  if (formatText(a) !== formatText(b)) differences.push("format");
  if (a?.Location !== b?.Location) differences.push("location");
  if (parametersText(before.Parameters) !== parametersText(after.Parameters)) differences.push("parameters");
  return differences;
}

function columnsText(columns: Column[] | undefined): string {
  return (columns ?? []).map(({ Name, Type }) => `${Name} ${Type}`).join("\n");
}

function formatText(descriptor: StorageDescriptor | undefined): string {
  const serde = descriptor?.SerdeInfo;
  // `paths` repeats the columns.
  const parameters = Object.entries(serde?.Parameters ?? {}).filter(([name]) => name !== "paths");
  return JSON.stringify([
    descriptor?.InputFormat,
    descriptor?.OutputFormat,
    serde?.SerializationLibrary,
    parameters.sort(),
  ]);
}

function parametersText(parameters: Record<string, string> | undefined): string {
  return JSON.stringify(
    Object.entries(parameters ?? {})
      .filter(([name]) => !STATISTICS.has(name))
      .sort(),
  );
}

/**
 * The definition for UpdateTable: the found one, or with MergeNewColumns the old one and the columns that it lacks. The
 * members that UpdateTable does not take are left out.
 */
export function withUpdates(
  before: Table,
  found: Partial<TableInput>,
  mergeNewColumns: boolean,
): TableInput & { Name: string } {
  const {
    Name = "",
    Description,
    Owner,
    Retention,
    PartitionKeys,
    TableType,
    ViewOriginalText,
    ViewExpandedText,
  } = before;
  const old = { Name, Description, Owner, Retention, PartitionKeys, TableType, ViewOriginalText, ViewExpandedText };
  if (!mergeNewColumns) return { ...old, ...found, Name };
  const known = new Set((before.StorageDescriptor?.Columns ?? []).map((column) => column.Name));
  const added = (found.StorageDescriptor?.Columns ?? []).filter((column) => !known.has(column.Name));
  const statistics = Object.entries(found.StorageDescriptor?.Parameters ?? {}).filter(([name]) => STATISTICS.has(name));
  return {
    ...old,
    StorageDescriptor: before.StorageDescriptor && {
      ...before.StorageDescriptor,
      Columns: [...(before.StorageDescriptor.Columns ?? []), ...added],
      Parameters: { ...before.StorageDescriptor.Parameters, ...Object.fromEntries(statistics) },
    },
    Parameters: { ...before.Parameters, ...found.Parameters },
  };
}

/** A partition with its table's columns, format and serde. */
export function withInheritance<P extends PartitionInput>(partition: P, table: TableInput): P {
  const { Columns, InputFormat, OutputFormat, SerdeInfo } = table.StorageDescriptor ?? {};
  const classification = table.Parameters?.["classification"];
  return {
    ...partition,
    StorageDescriptor: { ...partition.StorageDescriptor, Columns, InputFormat, OutputFormat, SerdeInfo },
    Parameters: { ...partition.Parameters, ...(classification && { classification }) },
  };
}
