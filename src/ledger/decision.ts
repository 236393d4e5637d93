import { LedgerError } from "./document-store.ts";
import { type DecisionDocument, decisionDocument } from "./documents.ts";
import { ledgerKeys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";

export type PublishDecision = Extract<DecisionDocument, { kind: "publish" }>;
export type GiveUpDecision = Extract<DecisionDocument, { kind: "give-up" }>;

/** What was decided about the run; undefined while nothing is. */
export async function readDecision(
  ledger: Ledger,
  dataset: string,
  run: string,
): Promise<DecisionDocument | undefined> {
  return (await ledger.store.get(ledgerKeys.decision(dataset, run), decisionDocument))?.value;
}

/**
 * Decides about the run, unless somebody has: the first decision stands, and the one that stands is returned.
 * `first` is whether this call wrote it (false also when the answer to its own write was lost).
 */
export async function decide(
  ledger: Ledger,
  dataset: string,
  run: string,
  decision: DecisionDocument,
): Promise<{ readonly decision: DecisionDocument; readonly first: boolean }> {
  const key = ledgerKeys.decision(dataset, run);
  if (await ledger.store.create(key, decisionDocument, decision)) return { decision, first: true };
  const standing = await readDecision(ledger, dataset, run);
  if (!standing) throw new LedgerError(`${key} exists and does not: decisions must never be deleted`);
  return { decision: standing, first: false };
}
