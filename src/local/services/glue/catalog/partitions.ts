import { createHash } from "node:crypto";
import type {
  BatchCreatePartitionCommandInput,
  BatchDeletePartitionCommandInput,
  BatchGetPartitionCommandInput,
  BatchUpdatePartitionCommandInput,
  BatchUpdatePartitionFailureEntry,
  CreatePartitionCommandInput,
  DeletePartitionCommandInput,
  GetPartitionCommandInput,
  GetPartitionsCommandInput,
  Partition,
  PartitionError,
  PartitionInput,
  PartitionValueList,
  Table,
  UpdatePartitionCommandInput,
} from "@aws-sdk/client-glue";
import { AwsError } from "../../../service.ts";
import type { ServiceDeps } from "../../../service.ts";
import { decodeToken, detail, encodeToken, refuse } from "./catalog.ts";
import type { Catalog } from "./catalog.ts";
import * as errors from "./errors.ts";
import type { Announce } from "./events.ts";
import { parsePartitionFilter } from "./partition-expression.ts";
import { partitionKey } from "./store.ts";
import type { CatalogStore } from "./store.ts";

const PAGE = 1000;

interface OfTable {
  CatalogId?: string | undefined;
  DatabaseName: string | undefined;
  TableName: string | undefined;
}

/** Partitions of the catalog's tables. A partition is known by its values, in the order of the table's keys. */
export class Partitions {
  readonly #deps: ServiceDeps;
  readonly #store: CatalogStore;
  readonly #catalog: Catalog;
  readonly #announce: Announce;

  constructor(deps: ServiceDeps, store: CatalogStore, catalog: Catalog, announce: Announce) {
    this.#deps = deps;
    this.#store = store;
    this.#catalog = catalog;
    this.#announce = announce;
  }

  create(input: CreatePartitionCommandInput): object {
    const table = this.#table(input);
    this.#insert(table, input.PartitionInput);
    this.#changed("CreatePartition", table, [input.PartitionInput?.Values ?? []]);
    return {};
  }

  /** Each partition for itself: what fails is in `Errors`, the rest is there. */
  batchCreate(input: BatchCreatePartitionCommandInput): { Errors: PartitionError[] } {
    const table = this.#table(input);
    const failed: PartitionError[] = [];
    const created: string[][] = [];
    this.#store.transaction(() => {
      for (const partition of input.PartitionInputList ?? []) {
        const values = partition.Values ?? [];
        const error = attempt(() => this.#insert(table, partition));
        if (error) failed.push({ PartitionValues: values, ErrorDetail: detail(error) });
        else created.push(values);
      }
    });
    if (created.length > 0) this.#changed("BatchCreatePartition", table, created);
    return { Errors: failed };
  }

  get(input: GetPartitionCommandInput): { Partition: Partition } {
    refuse("GetPartition", input, ["AuditContext"]);
    const table = this.#table(input);
    const partition = this.#find(table, input.PartitionValues ?? []);
    if (!partition) throw errors.partitionNotFound();
    return { Partition: partition };
  }

  list(input: GetPartitionsCommandInput): { Partitions: Partition[]; NextToken?: string } {
    refuse("GetPartitions", input, ["TransactionId", "QueryAsOfTime"]);
    const table = this.#table(input);
    const filter = input.Expression?.trim()
      ? parsePartitionFilter(input.Expression, table.PartitionKeys ?? [])
      : () => true;
    const { SegmentNumber = 0, TotalSegments = 1 } = input.Segment ?? {};
    if (SegmentNumber >= TotalSegments) throw errors.invalidInput("SegmentNumber must be less than TotalSegments.");
    const wanted = Math.min(input.MaxResults ?? PAGE, PAGE);
    const page: Partition[] = [];
    let last = "";
    const all = this.#store.partitions(table.DatabaseName ?? "", table.Name ?? "", decodeToken(input.NextToken));
    for (const { key, partition } of all) {
      if (TotalSegments > 1 && segmentOf(key, TotalSegments) !== SegmentNumber) continue;
      if (!filter(partition.Values ?? [])) continue;
      if (page.length === wanted) return { Partitions: page, NextToken: encodeToken(last) };
      page.push(input.ExcludeColumnSchema ? withoutColumns(partition) : partition);
      last = key;
    }
    return { Partitions: page };
  }

  batchGet(input: BatchGetPartitionCommandInput): { Partitions: Partition[]; UnprocessedKeys: PartitionValueList[] } {
    refuse("BatchGetPartition", input, ["AuditContext", "QuerySessionContext"]);
    const table = this.#table(input);
    const found = (input.PartitionsToGet ?? []).map((key) => this.#find(table, key.Values ?? []));
    return { Partitions: found.filter((partition) => partition !== undefined), UnprocessedKeys: [] };
  }

  update(input: UpdatePartitionCommandInput): object {
    this.#replace(this.#table(input), input.PartitionValueList ?? [], input.PartitionInput);
    return {};
  }

  batchUpdate(input: BatchUpdatePartitionCommandInput): { Errors: BatchUpdatePartitionFailureEntry[] } {
    const table = this.#table(input);
    const failed: BatchUpdatePartitionFailureEntry[] = [];
    this.#store.transaction(() => {
      for (const entry of input.Entries ?? []) {
        const values = entry.PartitionValueList ?? [];
        const error = attempt(() => this.#replace(table, values, entry.PartitionInput));
        if (error) failed.push({ PartitionValueList: values, ErrorDetail: detail(error) });
      }
    });
    return { Errors: failed };
  }

  delete(input: DeletePartitionCommandInput): object {
    const table = this.#table(input);
    const values = input.PartitionValues ?? [];
    if (!this.#remove(table, values)) throw errors.partitionNotFound();
    this.#changed("DeletePartition", table, [values]);
    return {};
  }

  batchDelete(input: BatchDeletePartitionCommandInput): { Errors: PartitionError[] } {
    const table = this.#table(input);
    const failed: PartitionError[] = [];
    const deleted: string[][] = [];
    this.#store.transaction(() => {
      for (const { Values = [] } of input.PartitionsToDelete ?? []) {
        if (this.#remove(table, Values)) deleted.push(Values);
        else failed.push({ PartitionValues: Values, ErrorDetail: detail(errors.partitionNotFound()) });
      }
    });
    if (deleted.length > 0) this.#changed("BatchDeletePartition", table, deleted);
    return { Errors: failed };
  }

  #table(input: OfTable): Table {
    this.#catalog.ownCatalog(input.CatalogId);
    return this.#catalog.table(input.DatabaseName, input.TableName, "partitions");
  }

  #find(table: Table, values: readonly string[]): Partition | undefined {
    return this.#store.partition(table.DatabaseName ?? "", table.Name ?? "", values);
  }

  #remove(table: Table, values: readonly string[]): boolean {
    return this.#store.deletePartition(table.DatabaseName ?? "", table.Name ?? "", values);
  }

  #insert(table: Table, input: PartitionInput | undefined): void {
    const values = checkedValues(table, input?.Values);
    if (this.#find(table, values)) throw errors.partitionExists();
    this.#put(table, { ...input, Values: values, CreationTime: this.#now() });
  }

  #replace(table: Table, oldValues: readonly string[], input: PartitionInput | undefined): void {
    const existing = this.#find(table, oldValues);
    if (!existing) throw errors.partitionNotFound();
    const values = checkedValues(table, input?.Values ?? existing.Values);
    if (partitionKey(values) !== partitionKey(oldValues)) {
      if (this.#find(table, values)) throw errors.partitionExists();
      this.#remove(table, oldValues);
    }
    this.#put(table, { ...input, Values: values, CreationTime: existing.CreationTime });
  }

  #put(table: Table, partition: Partition): void {
    this.#store.putPartition(table.DatabaseName ?? "", table.Name ?? "", {
      ...partition,
      DatabaseName: table.DatabaseName,
      TableName: table.Name,
      CatalogId: this.#deps.environment.account,
    });
  }

  #changed(
    typeOfChange: "CreatePartition" | "BatchCreatePartition" | "DeletePartition" | "BatchDeletePartition",
    table: Table,
    partitions: readonly (readonly string[])[],
  ): void {
    this.#announce({
      typeOfChange,
      databaseName: table.DatabaseName ?? "",
      tableName: table.Name ?? "",
      changedPartitions: partitions.map((values) => values.join(",")),
    });
  }

  #now(): Date {
    return new Date(Math.floor(this.#deps.clock.now() / 1000) * 1000);
  }
}

function checkedValues(table: Table, values: readonly string[] | undefined): string[] {
  if (!values || values.length !== (table.PartitionKeys ?? []).length) {
    throw errors.invalidInput("The number of partition keys do not match the number of partition values");
  }
  return [...values];
}

function attempt(work: () => void): AwsError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof AwsError) return error;
    throw error;
  }
}

/** Which of `total` segments a partition belongs to: any fixed division serves parallel readers. */
function segmentOf(key: string, total: number): number {
  return createHash("sha256").update(key).digest().readUInt32BE() % total;
}

function withoutColumns(partition: Partition): Partition {
  const { Columns: _columns, ...descriptor } = partition.StorageDescriptor ?? {};
  return partition.StorageDescriptor ? { ...partition, StorageDescriptor: descriptor } : partition;
}
