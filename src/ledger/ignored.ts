import { ignoredDocument } from "./documents.ts";
import { ledgerKeys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";

/** Writes down, once per version, why an object of SourceBucket is left alone, so that `status` can account for it. */
export async function ignore(
  ledger: Ledger,
  object: { readonly key: string; readonly version: string; readonly reason: string },
): Promise<void> {
  const { key, version, reason } = object;
  await ledger.store.create(ledgerKeys.ignored(key, version), ignoredDocument, {
    key,
    version,
    receivedAt: ledger.now().toISOString(),
    reason,
  });
}
