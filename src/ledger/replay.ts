import { type ObjectState, objectDocument } from "./documents.ts";
import { ledgerKeys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { ensurePending } from "./receive.ts";

/**
 * Makes the newest version of a key wait for a run again, with the next try: a rejected or failed version after its
 * cause is mended, a committed one after the transform changed. What waits already is left as it is.
 * Undefined when the ledger does not know the key; otherwise the state that the version was in.
 */
export async function replay(ledger: Ledger, dataset: string, key: string): Promise<ObjectState | undefined> {
  const documentKey = ledgerKeys.object(dataset, key);
  for (;;) {
    const stored = await ledger.store.get(documentKey, objectDocument);
    if (!stored) return undefined;
    const { newest } = stored.value;
    if (newest.state === "pending") {
      await ensurePending(ledger, dataset, stored.value);
      return "pending";
    }
    const { run: _run, error: _error, ...version } = newest;
    const next = { ...stored.value, newest: { ...version, state: "pending" as const, try: newest.try + 1 } };
    if (!(await ledger.store.replace(documentKey, objectDocument, next, stored.eTag))) continue;
    await ensurePending(ledger, dataset, next);
    return newest.state;
  }
}
