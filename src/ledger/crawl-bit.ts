import type { Stored } from "./document-store.ts";
import { type CrawlDocument, crawlDocument } from "./documents.ts";
import { compareRuns, ledgerKeys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { type CommittedRun, markQueryable } from "./published.ts";

/**
 * The pending-crawl bit of a dataset: set while runs wait for a crawl. One crawler serves every dataset of a pipeline,
 * and a crawl may be running already, so the order is: set the bit; find the crawler idle and mark; start it. A crawl
 * that began later than the one that was the last when the mark was made began after the mark: it saw the rows.
 */
const NOTHING: CrawlDocument = { crawled: null, waiting: [], mark: null };

/** The bit as it stands; undefined before the dataset's first crawl was asked for. */
export function readCrawlBit(ledger: Ledger, dataset: string): Promise<Stored<CrawlDocument> | undefined> {
  return ledger.store.get(ledgerKeys.crawl(dataset), crawlDocument);
}

/** Sets the bit for `committed`. False when a crawl that covers the run has succeeded since. */
export async function askForCrawl(ledger: Ledger, dataset: string, committed: CommittedRun): Promise<boolean> {
  const { value } = await change(ledger, dataset, (bit) => {
    if (isCovered(bit, committed.run) || bit.waiting.some(({ run }) => run === committed.run)) return bit;
    return { ...bit, waiting: [...bit.waiting, committed].sort((a, b) => compareRuns(a.run, b.run)) };
  });
  return !isCovered(value, committed.run);
}

/**
 * Notes that the next crawl will see everything that `bit` says waits. `bit` must have been read before the crawler was
 * looked at, and the crawler was idle then; `lastCrawl` is the start time of its last crawl (null when it had none).
 * False when the bit has changed since: read it and look at the crawler again.
 */
export async function markForCrawl(
  ledger: Ledger,
  dataset: string,
  bit: Stored<CrawlDocument>,
  lastCrawl: string | null,
): Promise<boolean> {
  const newest = bit.value.waiting.at(-1);
  if (!newest) return true;
  const marked: CrawlDocument = { ...bit.value, mark: { run: newest.run, after: lastCrawl } };
  return await ledger.store.replace(ledgerKeys.crawl(dataset), crawlDocument, marked, bit.eTag);
}

/**
 * Clears the bit after a successful crawl that began at `crawl`, as far as it is known to have seen the rows, and
 * writes down that those runs can be queried. Returns them.
 */
export async function clearCrawled(ledger: Ledger, dataset: string, crawl: string, at: Date): Promise<CommittedRun[]> {
  for (;;) {
    const stored = await ledger.store.get(ledgerKeys.crawl(dataset), crawlDocument);
    const mark = stored?.value.mark;
    if (!stored || !mark || (mark.after !== null && crawl <= mark.after)) return [];
    const seen = stored.value.waiting.filter(({ run }) => compareRuns(run, mark.run) <= 0);
    for (const committed of seen) await markQueryable(ledger, dataset, committed, at);
    const next: CrawlDocument = {
      crawled: { run: mark.run, at: at.toISOString() },
      waiting: stored.value.waiting.filter(({ run }) => compareRuns(run, mark.run) > 0),
      mark: null,
    };
    if (await ledger.store.replace(ledgerKeys.crawl(dataset), crawlDocument, next, stored.eTag)) return seen;
  }
}

function isCovered(bit: CrawlDocument, run: string): boolean {
  return bit.crawled !== null && compareRuns(run, bit.crawled.run) <= 0;
}

async function change(
  ledger: Ledger,
  dataset: string,
  next: (bit: CrawlDocument) => CrawlDocument,
): Promise<{ value: CrawlDocument }> {
  const key = ledgerKeys.crawl(dataset);
  for (;;) {
    const stored = await ledger.store.get(key, crawlDocument);
    const before = stored?.value ?? NOTHING;
    const value = next(before);
    if (value === before) return { value };
    const written = stored
      ? await ledger.store.replace(key, crawlDocument, value, stored.eTag)
      : await ledger.store.create(key, crawlDocument, value);
    if (written) return { value };
  }
}
