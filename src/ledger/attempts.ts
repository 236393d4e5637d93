import { type Stored, LedgerError } from "./document-store.ts";
import { type AttemptDocument, attemptDocument } from "./documents.ts";
import { ledgerKeys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";

export function readAttempt(
  ledger: Ledger,
  dataset: string,
  run: string,
  attempt: number,
): Promise<Stored<AttemptDocument> | undefined> {
  return ledger.store.get(ledgerKeys.attempt(dataset, run, attempt), attemptDocument);
}

/** Written before StartJobRun. False when this attempt was begun already, by whomever. */
export function beginAttempt(
  ledger: Ledger,
  dataset: string,
  run: string,
  begun: { readonly attempt: number; readonly jobName: string },
): Promise<boolean> {
  return ledger.store.create(ledgerKeys.attempt(dataset, run, begun.attempt), attemptDocument, {
    ...begun,
    createdAt: ledger.now().toISOString(),
  });
}

/** Tells an attempt which job run it became. The first id told stays. */
export async function tellAttempt(
  ledger: Ledger,
  dataset: string,
  run: string,
  attempt: number,
  jobRunId: string,
): Promise<void> {
  const stored = await readAttempt(ledger, dataset, run, attempt);
  if (!stored) throw new LedgerError(`${ledgerKeys.attempt(dataset, run, attempt)} does not exist`);
  if (stored.value.jobRunId !== undefined) return;
  const told = { ...stored.value, jobRunId };
  // Refused: somebody else told it, which is as good.
  await ledger.store.replace(ledgerKeys.attempt(dataset, run, attempt), attemptDocument, told, stored.eTag);
}
