import type { Stored } from "./document-store.ts";
import { type HeadDocument, headDocument } from "./documents.ts";
import { ledgerKeys, runId } from "./keys.ts";
import type { Ledger } from "./ledger.ts";

/** The dataset's lease; undefined before its first run. */
export function readHead(ledger: Ledger, dataset: string): Promise<Stored<HeadDocument> | undefined> {
  return ledger.store.get(ledgerKeys.head(dataset), headDocument);
}

/**
 * Takes the lease with the next run number, if the head is still as it was read and nobody has it.
 * Undefined: somebody was faster; look again. A lost reply looks the same, and then the head names the run.
 */
export async function takeLease(
  ledger: Ledger,
  dataset: string,
  head: Stored<HeadDocument> | undefined,
): Promise<string | undefined> {
  if (head?.value.active || head?.value.halted) return undefined;
  const number = head?.value.nextRun ?? 1;
  const run = runId(number);
  const next: HeadDocument = {
    nextRun: number + 1,
    active: { run, claimedAt: ledger.now().toISOString() },
    halted: null,
  };
  const key = ledgerKeys.head(dataset);
  const taken = head
    ? await ledger.store.replace(key, headDocument, next, head.eTag)
    : await ledger.store.create(key, headDocument, next);
  return taken ? run : undefined;
}

/**
 * Gives the lease back if `run` has it: only when everything that `run` changed is written down.
 * `nextRun` stays, so the head never looks as it did before. True when this call did it.
 */
export async function releaseLease(ledger: Ledger, dataset: string, run: string): Promise<boolean> {
  for (;;) {
    const head = await readHead(ledger, dataset);
    if (head?.value.active?.run !== run) return false;
    const next: HeadDocument = { ...head.value, active: null };
    if (await ledger.store.replace(ledgerKeys.head(dataset), headDocument, next, head.eTag)) return true;
  }
}
