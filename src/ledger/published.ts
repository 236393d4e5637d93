import { publishedLine } from "./documents.ts";
import { ledgerKeys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";

export interface CommittedRun {
  readonly run: string;
  /** UTC day of the run's marker. */
  readonly day: string;
}

/** Writes down, once per run, that its rows can be queried: the first time said stays. */
export async function markQueryable(ledger: Ledger, dataset: string, committed: CommittedRun, at: Date): Promise<void> {
  await ledger.store.createLines(ledgerKeys.published(dataset, committed.day, committed.run), publishedLine, [
    { dataset, run: committed.run, queryable_at: at.toISOString() },
  ]);
}
