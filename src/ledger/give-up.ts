import { applyDecision } from "./apply.ts";
import { decide } from "./decision.ts";
import type { CommitLine, DecisionDocument, ManifestDocument } from "./documents.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Gives a run up: every version of its manifest has the outcome failed, with `reason`. The decision comes first, so
 * that a late attempt cannot publish what was given up; where something else was decided before, that stands and is
 * returned, and nothing is done about it here.
 */
export async function giveUp(
  ledger: Ledger,
  manifest: ManifestDocument,
  failed: { readonly attempt: number; readonly jobRunId: string; readonly reason: string },
): Promise<DecisionDocument> {
  const { dataset, run } = manifest;
  const decidedAt = ledger.now().toISOString();
  const lines = manifest.files.map((file): CommitLine => ({
    dataset,
    key: file.key,
    version: file.version,
    try: file.try,
    outcome: "failed",
    run,
    attempt: failed.attempt,
    job_run_id: failed.jobRunId,
    plan: manifest.plan,
    bytes: file.size,
    rows_in: 0,
    rows_out: 0,
    rows_rejected: 0,
    received_at: file.receivedAt,
    claimed_at: manifest.claimedAt,
    decided_at: decidedAt,
    error_reason: "failed",
    error_message: failed.reason,
    outputs: [],
  }));
  const day = decidedAt.slice(0, 10);
  const proposed: DecisionDocument = { kind: "give-up", decidedAt, day, reason: failed.reason, lines };
  const { decision } = await decide(ledger, dataset, run, proposed);
  if (decision.kind === "give-up") await applyDecision(ledger, dataset, run, decision);
  return decision;
}
