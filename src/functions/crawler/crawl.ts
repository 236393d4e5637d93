import {
  CrawlerRunningException,
  GetCrawlerCommand,
  type LastCrawlInfo,
  StartCrawlerCommand,
} from "@aws-sdk/client-glue";
import { clearCrawled, markForCrawl, readCrawlBit } from "../../ledger/crawl-bit.ts";
import { compareRuns } from "../../ledger/keys.ts";
import { type Alerts, publishAlert } from "../shared/alert.ts";
import type { Catalog } from "./catalog.ts";

/** The crawler has ended and is still writing down what it found: too early to say anything; the event comes again. */
export class CrawlerNotReady extends Error {
  override readonly name = "CrawlerNotReady";
}

export type Crawl = "started" | "running" | "not needed";

/**
 * Starts the crawler if a dataset waits for it and it is idle. While it runs nothing is done: the event of its end
 * starts the next crawl.
 */
export async function startCrawl(catalog: Catalog, datasets: readonly string[]): Promise<Crawl> {
  const { ledger, glue, crawlerName, log } = catalog;
  for (;;) {
    // The bits are read before the crawler is looked at: a crawl that starts after that look sees what they ask for.
    const bits = [];
    for (const dataset of datasets) {
      const bit = await readCrawlBit(ledger, dataset);
      if (bit && bit.value.waiting.length > 0) bits.push({ dataset, bit });
    }
    if (bits.length === 0) return "not needed";
    const crawler = await readCrawler(catalog);
    if (crawler.state !== "READY") return "running";
    let unchanged = true;
    for (const { dataset, bit } of bits) {
      unchanged &&= await markForCrawl(ledger, dataset, bit, startOf(crawler.last));
    }
    if (!unchanged) continue;
    try {
      await glue.send(new StartCrawlerCommand({ Name: crawlerName }));
    } catch (error) {
      // Somebody started it after our look: that crawl sees what our marks name.
      if (error instanceof CrawlerRunningException) return "running";
      throw error;
    }
    log.info("crawl started", { crawler: crawlerName, datasets: bits.map(({ dataset }) => dataset) });
    return "started";
  }
}

/**
 * After the crawler said that it ended. The event is a hint; what counts is the crawler's own account of its last
 * crawl. A crawl that failed is not simply started again (its cause would fail it again): the next commit does that.
 */
export async function crawlEnded(
  catalog: Catalog,
  options: { readonly datasets: readonly string[]; readonly pipeline: string; readonly alerts: Alerts | undefined },
): Promise<void> {
  const { ledger, log, crawlerName } = catalog;
  const { datasets } = options;
  const { state, last } = await readCrawler(catalog);
  const began = startOf(last);
  if (last?.Status === "SUCCEEDED" && began !== null) {
    for (const dataset of datasets) {
      for (const { run } of await clearCrawled(ledger, dataset, began, ledger.now())) {
        log.info("queryable", { dataset, run, crawl: began });
      }
    }
  } else if (last && began !== null) {
    log.warn("crawl failed", { crawler: crawlerName, status: last.Status, message: last.ErrorMessage });
    if (options.alerts) {
      await publishAlert(options.alerts, {
        kind: "crawl",
        id: `${options.pipeline}/crawl/${began}`,
        pipeline: options.pipeline,
        crawler: crawlerName,
        status: last.Status ?? "FAILED",
        message: last.ErrorMessage ?? "the crawler gave no reason",
      });
    }
  }
  if (state === "STOPPING") throw new CrawlerNotReady(`${crawlerName} has not finished writing to the catalog`);
  if (state !== "READY") return;
  if (last?.Status === "SUCCEEDED" || (await somethingUntried(catalog, datasets))) await startCrawl(catalog, datasets);
}

/** Whether runs wait that the failed crawl was not started for. */
async function somethingUntried(catalog: Catalog, datasets: readonly string[]): Promise<boolean> {
  for (const dataset of datasets) {
    const bit = (await readCrawlBit(catalog.ledger, dataset))?.value;
    const newest = bit?.waiting.at(-1);
    if (newest && (!bit?.mark || compareRuns(newest.run, bit.mark.run) > 0)) return true;
  }
  return false;
}

async function readCrawler(catalog: Catalog): Promise<{ state: string; last: LastCrawlInfo | undefined }> {
  const { Crawler } = await catalog.glue.send(new GetCrawlerCommand({ Name: catalog.crawlerName }));
  if (!Crawler?.State) throw new Error(`Glue did not say the state of ${catalog.crawlerName}`);
  return { state: Crawler.State, last: Crawler.LastCrawl };
}

function startOf(last: LastCrawlInfo | undefined): string | null {
  return last?.StartTime?.toISOString() ?? null;
}
