import {
  BatchCreatePartitionCommand,
  EntityNotFoundException,
  GetTableCommand,
  type GlueClient,
  type Table,
} from "@aws-sdk/client-glue";
import { askForCrawl, readCrawlBit } from "../../ledger/crawl-bit.ts";
import type { CommitLine } from "../../ledger/documents.ts";
import { ledgerKeys } from "../../ledger/keys.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { type CommittedRun, markQueryable } from "../../ledger/published.ts";
import type { DatasetPlan } from "../../plan/plan.ts";
import type { Log } from "../shared/log.ts";
import { compareTable, partitionsOf } from "./table.ts";

export interface Catalog {
  readonly ledger: Ledger;
  readonly glue: GlueClient;
  readonly database: string;
  readonly crawlerName: string;
  readonly log: Log;
}

/** A crawl is made at least this often when something was committed: it finds what nobody thought of. */
const CRAWL_AT_LEAST_EVERY_MS = 24 * 60 * 60_000;
/** https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html */
const PARTITIONS_AT_A_TIME = 100;

/**
 * Makes a committed run's rows known to the catalog. A table that has every column of the plan only needs the run's new
 * partitions, which are registered here at once; otherwise a crawl is asked for. Returns whether a crawl is needed.
 */
export async function announceRun(
  catalog: Catalog,
  dataset: DatasetPlan,
  committed: CommittedRun,
  lines: readonly CommitLine[],
): Promise<{ crawl: boolean }> {
  const { ledger, log } = catalog;
  const outputs = lines.flatMap((line) => line.outputs);
  const at = { dataset: dataset.name, run: committed.run };
  if (outputs.length === 0) {
    await markQueryable(ledger, dataset.name, committed, ledger.now());
    return { crawl: false };
  }
  const table = await findTable(catalog, dataset.table);
  const difference = table && compareTable(table, dataset);
  for (const different of difference?.different ?? []) {
    log.warn("column type differs from the plan", { ...at, table: dataset.table, different });
  }
  if (table && difference?.missing.length === 0) {
    const registered = await registerPartitions(catalog, table, dataset, outputs);
    await markQueryable(ledger, dataset.name, committed, ledger.now());
    log.info("queryable", { ...at, partitions: registered });
    if (!(await crawlIsDue(ledger, dataset.name))) return { crawl: false };
  }
  const asked = await askForCrawl(ledger, dataset.name, committed);
  // A crawl that ended meanwhile has seen the rows already.
  if (!asked) await markQueryable(ledger, dataset.name, committed, ledger.now());
  log.info(asked ? "crawl asked for" : "crawled already", { ...at, missing: difference?.missing ?? "table" });
  return { crawl: asked };
}

async function crawlIsDue(ledger: Ledger, dataset: string): Promise<boolean> {
  const bit = await readCrawlBit(ledger, dataset);
  if (bit && bit.value.waiting.length > 0) return true;
  const last = bit?.value.crawled;
  return !last || ledger.now().getTime() - Date.parse(last.at) >= CRAWL_AT_LEAST_EVERY_MS;
}

async function findTable(catalog: Catalog, name: string): Promise<Table | undefined> {
  try {
    return (await catalog.glue.send(new GetTableCommand({ DatabaseName: catalog.database, Name: name }))).Table;
  } catch (error) {
    if (error instanceof EntityNotFoundException) return undefined;
    throw error;
  }
}

/** Returns how many partitions the catalog did not have. */
async function registerPartitions(
  catalog: Catalog,
  table: Table,
  dataset: DatasetPlan,
  outputs: readonly string[],
): Promise<number> {
  const partitions = partitionsOf(table, catalog.ledger.store.bucket, ledgerKeys.data(dataset.name), outputs);
  let known = 0;
  for (let start = 0; start < partitions.length; start += PARTITIONS_AT_A_TIME) {
    const { Errors = [] } = await catalog.glue.send(
      new BatchCreatePartitionCommand({
        DatabaseName: catalog.database,
        TableName: dataset.table,
        PartitionInputList: partitions.slice(start, start + PARTITIONS_AT_A_TIME),
      }),
    );
    for (const { PartitionValues = [], ErrorDetail } of Errors) {
      if (ErrorDetail?.ErrorCode !== "AlreadyExistsException") {
        const values = PartitionValues.join("/");
        throw new Error(
          `partition ${values} of ${dataset.table}: ${ErrorDetail?.ErrorCode} ${ErrorDetail?.ErrorMessage}`,
        );
      }
      known++;
    }
  }
  return partitions.length - known;
}
