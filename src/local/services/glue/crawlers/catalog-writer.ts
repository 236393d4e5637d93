import { createHash } from "node:crypto";
import type { Crawler, Partition, PartitionInput, Table, TableInput } from "@aws-sdk/client-glue";
import type { Bus } from "../../../bus.ts";
import type { Principal } from "../../../service.ts";
import type { CrawlerConfiguration } from "./configuration.ts";
import { tableDifferences, withInheritance, withUpdates } from "./schema-changes.ts";
import type { CrawledTable } from "./table-input.ts";

export interface WriteRequest {
  readonly bus: Bus;
  readonly principal: Principal;
  readonly crawler: Crawler;
  readonly configuration: CrawlerConfiguration;
  readonly now: Date;
  readonly log: (message: string) => void;
  /** Set in an incremental crawl, which changes nothing that is there. */
  readonly seen: ReadonlySet<string> | undefined;
}

export interface CrawlSummary {
  tablesCreated: number;
  tablesUpdated: number;
  tablesDeleted: number;
  partitionsCreated: number;
  partitionsUpdated: number;
  partitionsDeleted: number;
}

const BATCH = 100;

/** Brings the catalog to what was found, by the crawler's policies. */
export class CatalogWriter {
  readonly summary: CrawlSummary = {
    tablesCreated: 0,
    tablesUpdated: 0,
    tablesDeleted: 0,
    partitionsCreated: 0,
    partitionsUpdated: 0,
    partitionsDeleted: 0,
  };
  readonly #request: WriteRequest;
  readonly #database: string;
  readonly #updates: boolean;
  readonly #deletes: "LOG" | "DELETE_FROM_DATABASE" | "DEPRECATE_IN_DATABASE";

  constructor(request: WriteRequest) {
    this.#request = request;
    this.#database = request.crawler.DatabaseName ?? "default";
    const { UpdateBehavior = "UPDATE_IN_DATABASE", DeleteBehavior = "DEPRECATE_IN_DATABASE" } =
      request.crawler.SchemaChangePolicy ?? {};
    // Incremental crawls change nothing that is there: https://docs.aws.amazon.com/glue/latest/dg/incremental-crawls.html
    this.#updates = request.seen === undefined && UpdateBehavior === "UPDATE_IN_DATABASE";
    this.#deletes = request.seen === undefined ? DeleteBehavior : "LOG";
  }

  async write(found: readonly CrawledTable[]): Promise<void> {
    const existing = await this.#tables();
    const kept = new Set<string>();
    for (const crawled of found) {
      const table = this.#place(crawled, existing, kept);
      kept.add(table.input.Name);
      const before = existing.get(table.input.Name);
      const current = before ? await this.#updateTable(before, table.input) : await this.#createTable(table.input);
      if (table.partitions.length > 0 || before) await this.#partitions(table, current);
    }
    if (this.#request.seen === undefined) await this.#removed(existing, kept);
  }

  async #tables(): Promise<Map<string, Table>> {
    const { bus, principal } = this.#request;
    const tables = new Map<string, Table>();
    for (let token: string | undefined; ;) {
      const page = await bus.call("glue:GetTables", { DatabaseName: this.#database, NextToken: token }, principal);
      for (const table of page.TableList ?? []) tables.set(table.Name ?? "", table);
      token = page.NextToken;
      if (!token) return tables;
    }
  }

  /** Another table of the same name, somewhere else: this one gets a hash of its place behind its name. */
  #place(crawled: CrawledTable, existing: ReadonlyMap<string, Table>, kept: ReadonlySet<string>): CrawledTable {
    const { Name, StorageDescriptor } = crawled.input;
    const location = StorageDescriptor?.Location;
    const other = existing.get(Name);
    const same = sameLocation(other?.StorageDescriptor?.Location, location);
    if ((!other || same) && !kept.has(Name)) return crawled;
    const hash = createHash("md5")
      .update(location ?? "")
      .digest("hex");
    return { ...crawled, input: { ...crawled.input, Name: `${Name}_${hash}` } };
  }

  async #createTable(input: TableInput): Promise<TableInput> {
    const { bus, principal, log } = this.#request;
    await bus.call("glue:CreateTable", { DatabaseName: this.#database, TableInput: input }, principal);
    log(`INFO : Created table ${input.Name} in database ${this.#database}`);
    this.summary.tablesCreated++;
    return input;
  }

  async #updateTable(before: Table, found: TableInput): Promise<TableInput> {
    const { bus, principal, configuration, log } = this.#request;
    const differences = tableDifferences(before, found);
    if (differences.length === 0) return before;
    if (!this.#updates && !configuration.mergeNewColumns) {
      log(
        `INFO : Table ${before.Name} in database ${this.#database} has changed (${differences.join(", ")}); the policy is to log it`,
      );
      return before;
    }
    const updated = withUpdates(before, found, configuration.mergeNewColumns);
    if (tableDifferences(before, updated).length === 0) return before;
    await bus.call("glue:UpdateTable", { DatabaseName: this.#database, TableInput: updated }, principal);
    log(`INFO : Updated table ${before.Name} in database ${this.#database}`);
    this.summary.tablesUpdated++;
    return updated;
  }

  async #partitions(crawled: CrawledTable, table: TableInput): Promise<void> {
    const { bus, principal, configuration, log } = this.#request;
    const at = { DatabaseName: this.#database, TableName: crawled.input.Name };
    const existing = await this.#existingPartitions(crawled.input.Name);
    const wanted = crawled.partitions.map((partition) =>
      configuration.inheritFromTable ? withInheritance(partition, table) : partition,
    );
    const missing = wanted.filter((partition) => !existing.has(JSON.stringify(partition.Values)));
    for (let start = 0; start < missing.length; start += BATCH) {
      const batch = missing.slice(start, start + BATCH);
      const { Errors: failed = [] } = await bus.call(
        "glue:BatchCreatePartition",
        { ...at, PartitionInputList: batch },
        principal,
      );
      for (const { PartitionValues, ErrorDetail } of failed) {
        log(`ERROR : Partition ${PartitionValues?.join(",")} of ${crawled.input.Name}: ${ErrorDetail?.ErrorMessage}`);
      }
      this.summary.partitionsCreated += batch.length - failed.length;
    }
    if (missing.length > 0)
      log(`INFO : Created ${missing.length} partitions for table ${crawled.input.Name} in database ${this.#database}`);
    await this.#updatePartitions(at, wanted, existing);
    const values = new Set(wanted.map((partition) => JSON.stringify(partition.Values)));
    if (this.#request.seen === undefined)
      await this.#removePartitions(
        at,
        [...existing].filter(([key]) => !values.has(key)),
      );
  }

  async #existingPartitions(table: string): Promise<Map<string, Partition>> {
    const { bus, principal } = this.#request;
    const partitions = new Map<string, Partition>();
    for (let token: string | undefined; ;) {
      const page = await bus.call(
        "glue:GetPartitions",
        { DatabaseName: this.#database, TableName: table, NextToken: token },
        principal,
      );
      for (const partition of page.Partitions ?? []) partitions.set(JSON.stringify(partition.Values), partition);
      token = page.NextToken;
      if (!token) return partitions;
    }
  }

  async #updatePartitions(
    at: { DatabaseName: string; TableName: string },
    wanted: readonly PartitionInput[],
    existing: ReadonlyMap<string, Partition>,
  ): Promise<void> {
    const { bus, principal, configuration } = this.#request;
    if (!this.#updates && !configuration.inheritFromTable) return;
    for (const partition of wanted) {
      const before = existing.get(JSON.stringify(partition.Values));
      if (!before || tableDifferences(before, partition).length === 0) continue;
      await bus.call(
        "glue:UpdatePartition",
        { ...at, PartitionValueList: partition.Values, PartitionInput: partition },
        principal,
      );
      this.summary.partitionsUpdated++;
    }
  }

  async #removePartitions(
    at: { DatabaseName: string; TableName: string },
    gone: readonly [string, Partition][],
  ): Promise<void> {
    const { bus, principal, log } = this.#request;
    for (const [, partition] of gone) {
      if (this.#deletes !== "DELETE_FROM_DATABASE") {
        log(
          `INFO : Partition ${partition.Values?.join(",")} of table ${at.TableName} has no objects any more; it stays in the catalog`,
        );
        continue;
      }
      await bus.call("glue:DeletePartition", { ...at, PartitionValues: partition.Values }, principal);
      this.summary.partitionsDeleted++;
    }
  }

  /** Tables of this crawler of which nothing was found any more. */
  async #removed(existing: ReadonlyMap<string, Table>, kept: ReadonlySet<string>): Promise<void> {
    const { bus, principal, crawler, log, now } = this.#request;
    for (const [name, table] of existing) {
      if (kept.has(name) || table.Parameters?.["UPDATED_BY_CRAWLER"] !== crawler.Name) continue;
      const location = table.StorageDescriptor?.Location ?? "";
      const targets = crawler.Targets?.S3Targets ?? [];
      if (!targets.some((target) => location.startsWith(target.Path ?? ""))) continue;
      if (this.#deletes === "DELETE_FROM_DATABASE") {
        await bus.call("glue:DeleteTable", { DatabaseName: this.#database, Name: name }, principal);
        this.summary.tablesDeleted++;
      } else if (
        this.#deletes === "DEPRECATE_IN_DATABASE" &&
        table.Parameters?.["DEPRECATED_BY_CRAWLER"] === undefined
      ) {
        const updated = withUpdates(table, { Parameters: { DEPRECATED_BY_CRAWLER: String(now.getTime()) } }, true);
        await bus.call("glue:UpdateTable", { DatabaseName: this.#database, TableInput: updated }, principal);
        this.summary.tablesUpdated++;
      } else {
        log(`INFO : Table ${name} in database ${this.#database} has no objects any more; it stays in the catalog`);
      }
    }
  }
}

function sameLocation(a: string | undefined, b: string | undefined): boolean {
  return a?.replace(/\/$/u, "") === b?.replace(/\/$/u, "");
}
