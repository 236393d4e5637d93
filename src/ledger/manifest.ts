import { LedgerError } from "./document-store.ts";
import { type ManifestDocument, manifestDocument } from "./documents.ts";
import { ledgerKeys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { type RunLimits, chooseFiles } from "./pending.ts";
import { type PlanCopy, keepPlan } from "./plans.ts";

/** The run's manifest; undefined when nobody has written it yet. */
export async function readManifest(
  ledger: Ledger,
  dataset: string,
  run: string,
): Promise<ManifestDocument | undefined> {
  return (await ledger.store.get(ledgerKeys.manifest(dataset, run), manifestDocument))?.value;
}

/** The run's manifest, which must exist. */
export async function requireManifest(ledger: Ledger, dataset: string, run: string): Promise<ManifestDocument> {
  const manifest = await readManifest(ledger, dataset, run);
  if (!manifest) throw new LedgerError(`${ledgerKeys.manifest(dataset, run)} does not exist`);
  return manifest;
}

/**
 * The manifest of a run that has the lease, written now unless it exists: the first one wins, whoever wrote it.
 * It may be empty. To be called only by whoever has read, before, that the head names this run.
 */
export async function ensureManifest(
  ledger: Ledger,
  request: { dataset: string; run: string; plan: PlanCopy; limits: RunLimits },
): Promise<ManifestDocument> {
  const { dataset, run, plan, limits } = request;
  const existing = await readManifest(ledger, dataset, run);
  if (existing) return existing;
  const files = await chooseFiles(ledger, dataset, limits);
  if (files.length > 0) await keepPlan(ledger, plan);
  const manifest: ManifestDocument = {
    dataset,
    run,
    claimedAt: ledger.now().toISOString(),
    plan: plan.hash,
    sourceBucket: ledger.sourceBucket,
    files,
  };
  if (await ledger.store.create(ledgerKeys.manifest(dataset, run), manifestDocument, manifest)) return manifest;
  return await requireManifest(ledger, dataset, run);
}
