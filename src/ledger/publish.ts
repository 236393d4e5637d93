import { applyDecision } from "./apply.ts";
import { LedgerError } from "./document-store.ts";
import { type PublishDecision, decide, readDecision } from "./decision.ts";
import type { CommitLine, DecisionDocument, ManifestDocument } from "./documents.ts";
import type { Ledger } from "./ledger.ts";
import { requireManifest } from "./manifest.ts";

/** What one attempt of a run has staged and wants to publish. */
export interface Staged {
  readonly attempt: number;
  readonly jobRunId: string;
  /** Files under data/ to be replaced by the same without the old rows; `ifMatch` is the ETag they were read with. */
  readonly replacements: PublishDecision["replacements"];
  readonly additions: PublishDecision["additions"];
  /** One line per file of the manifest. `decided_at` is set here. */
  readonly lines: readonly Omit<CommitLine, "decided_at">[];
}

/**
 * `published`: the run is committed; `decision` is what stands, of this attempt or of another.
 * `stopped`: the run was split, given up or put back; this attempt must change nothing.
 */
export type Publication =
  | { readonly outcome: "published"; readonly decision: PublishDecision; readonly by: "this attempt" | "another" }
  | { readonly outcome: "stopped"; readonly decision: Exclude<DecisionDocument, { kind: "publish" }> };

/**
 * What an executor asks first. `open`: load these files. Otherwise the run has been decided: what had to be applied is
 * applied already when this returns, and there is nothing to do.
 */
export async function openRun(
  ledger: Ledger,
  dataset: string,
  run: string,
): Promise<{ readonly outcome: "open"; readonly manifest: ManifestDocument } | Publication> {
  const manifest = await requireManifest(ledger, dataset, run);
  const decision = await readDecision(ledger, dataset, run);
  return decision ? await follow(ledger, dataset, run, decision, "another") : { outcome: "open", manifest };
}

/**
 * Publishes what an attempt has staged: writes the decision, unless there is one, and carries out the one that stands.
 * Throws when `staged` does not account for every file of the manifest, before anything is written.
 */
export async function publish(ledger: Ledger, manifest: ManifestDocument, staged: Staged): Promise<Publication> {
  const { dataset, run } = manifest;
  checkLines(manifest, staged.lines);
  const decidedAt = ledger.now().toISOString();
  const proposed: PublishDecision = {
    kind: "publish",
    attempt: staged.attempt,
    jobRunId: staged.jobRunId,
    decidedAt,
    day: decidedAt.slice(0, 10),
    replacements: staged.replacements,
    additions: staged.additions,
    lines: staged.lines.map((line) => ({ ...line, decided_at: decidedAt })),
  };
  const { decision } = await decide(ledger, dataset, run, proposed);
  const ours = decision.kind === "publish" && decision.jobRunId === staged.jobRunId;
  return await follow(ledger, dataset, run, decision, ours ? "this attempt" : "another");
}

async function follow(
  ledger: Ledger,
  dataset: string,
  run: string,
  decision: DecisionDocument,
  by: "this attempt" | "another",
): Promise<Publication> {
  if (decision.kind !== "publish") return { outcome: "stopped", decision };
  await applyDecision(ledger, dataset, run, decision);
  return { outcome: "published", decision, by };
}

function checkLines(manifest: ManifestDocument, lines: readonly { key: string; version: string; try: number }[]): void {
  const id = (line: { key: string; version: string; try: number }) =>
    JSON.stringify([line.key, line.version, line.try]);
  const expected = manifest.files.map(id).sort();
  const found = lines.map(id).sort();
  if (expected.length === found.length && expected.every((one, index) => one === found[index])) return;
  throw new LedgerError(
    `run ${manifest.run} of ${manifest.dataset}: ${found.length} lines do not account for its ${expected.length} files`,
  );
}
