import { mapConcurrently, REQUESTS_AT_A_TIME } from "./concurrency.ts";
import { type GiveUpDecision, type PublishDecision, readDecision } from "./decision.ts";
import { LedgerError } from "./document-store.ts";
import { type CommitLine, type ObjectDocument, commitLine, objectDocument } from "./documents.ts";
import { childRuns, compareRuns, ledgerKeys, rootRun } from "./keys.ts";
import { readHead, releaseLease } from "./lease.ts";
import type { Ledger } from "./ledger.ts";
import { requireManifest } from "./manifest.ts";

/**
 * What settling came to.
 * `settled`: everything the run changed is written down and its lease released, by this call or before it.
 * `waits`: `run` (the run itself, or the next part of a split one) is not committed yet.
 */
export type Settlement =
  | { readonly kind: "settled"; readonly released: boolean }
  | { readonly kind: "waits"; readonly run: string; readonly decided: boolean };

/**
 * Writes down what the markers of a run say, in this order: object by object its state and what is loaded, then the
 * run's pendings are deleted, then its staging, and only then the lease is released. A split run is settled leaf by
 * leaf, in order, and released after the last. Whoever may look for what waits does so after this.
 */
export async function settle(ledger: Ledger, dataset: string, run: string): Promise<Settlement> {
  const root = rootRun(run);
  const head = await readHead(ledger, dataset);
  // The lease is released only after everything below is done, so whoever does not find it has nothing to add.
  if (head?.value.active?.run !== root) return { kind: "settled", released: false };
  const waits = await settleTree(ledger, dataset, root);
  if (waits) return { kind: "waits", ...waits };
  return { kind: "settled", released: await releaseLease(ledger, dataset, root) };
}

/** Settles the leaves below `run` in order; the first one that cannot be settled yet, if any. */
async function settleTree(
  ledger: Ledger,
  dataset: string,
  run: string,
): Promise<{ run: string; decided: boolean } | undefined> {
  const decision = await readDecision(ledger, dataset, run);
  if (!decision) return await settleEmpty(ledger, dataset, run);
  if (decision.kind === "put-back") {
    throw new LedgerError(`run ${run} of ${dataset} was put back: putting back is not settled here`);
  }
  if (decision.kind !== "split") return await settleLeaf(ledger, dataset, run, decision);
  for (const child of childRuns(run)) {
    const waits = await settleTree(ledger, dataset, child);
    if (waits) return waits;
  }
  return undefined;
}

/** A run that took nothing has nothing to decide; every other one waits for its decision. */
async function settleEmpty(ledger: Ledger, dataset: string, run: string) {
  const manifest = await requireManifest(ledger, dataset, run);
  return manifest.files.length === 0 ? undefined : { run, decided: false };
}

async function settleLeaf(
  ledger: Ledger,
  dataset: string,
  run: string,
  decision: PublishDecision | GiveUpDecision,
): Promise<{ run: string; decided: boolean } | undefined> {
  const lines = await ledger.store.getLines(ledgerKeys.marker(dataset, decision.day, run), commitLine);
  if (!lines) return { run, decided: true };
  const manifest = await requireManifest(ledger, dataset, run);
  await mapConcurrently(lines, REQUESTS_AT_A_TIME, (line) => settleObject(ledger, line));
  await ledger.store.deleteAll(manifest.files.map((file) => ledgerKeys.pending(dataset, file.pending)));
  await deleteStaging(ledger, dataset, run);
  return undefined;
}

async function settleObject(ledger: Ledger, line: CommitLine): Promise<void> {
  const key = ledgerKeys.object(line.dataset, line.key);
  for (;;) {
    const stored = await ledger.store.get(key, objectDocument);
    if (!stored) throw new LedgerError(`${key} does not exist, and run ${line.run} loaded ${JSON.stringify(line.key)}`);
    const next = afterOutcome(stored.value, line);
    if (!next || (await ledger.store.replace(key, objectDocument, next, stored.eTag))) return;
  }
}

/** The object's document after `line`; undefined when the line has nothing (more) to say about it. */
export function afterOutcome(object: ObjectDocument, line: CommitLine): ObjectDocument | undefined {
  const { newest, loaded } = object;
  const decides = newest.state === "pending" && newest.version === line.version && newest.try === line.try;
  const loads = line.outcome === "committed" && (!loaded || compareRuns(loaded.run, line.run) < 0);
  if (!decides && !loads) return undefined;
  return {
    key: object.key,
    newest: decides
      ? { ...newest, state: line.outcome, run: line.run, error: line.error_message ?? undefined }
      : newest,
    loaded: loads ? { version: line.version, run: line.run, outputs: line.outputs } : loaded,
  };
}

async function deleteStaging(ledger: Ledger, dataset: string, run: string): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of ledger.store.list(ledgerKeys.stagingPrefix(dataset, run))) keys.push(key);
  await ledger.store.deleteAll(keys);
}
