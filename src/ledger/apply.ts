import { CopyObjectCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
import { mapConcurrently } from "./concurrency.ts";
import { LedgerError } from "./document-store.ts";
import { commitLine } from "./documents.ts";
import type { GiveUpDecision, PublishDecision } from "./decision.ts";
import { ledgerKeys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { conditionally, unlessMissing } from "./s3-answers.ts";

/** How many copies one applier has under way at a time. */
const COPIES_AT_A_TIME = 16;

/**
 * Carries out a decision and writes the marker. Anybody may do it, any number of times, at once or later: each step is
 * a conditional write that is refused when it was done before. Replacements come first and additions after, so that a
 * reader never sees a row twice; nothing under data/ is deleted.
 *
 * Fails when a staged file is missing although there is no marker: then somebody deleted staging, and going on would
 * lose rows.
 */
export async function applyDecision(
  ledger: Ledger,
  dataset: string,
  run: string,
  decision: PublishDecision | GiveUpDecision,
): Promise<void> {
  if (await hasMarker(ledger, dataset, decision.day, run)) return;
  if (decision.kind === "publish") {
    const { replacements, additions } = decision;
    const step = { dataset, run, day: decision.day };
    const replaced = await mapConcurrently(replacements, COPIES_AT_A_TIME, ({ key, ifMatch, staged }) =>
      copyFromStaging(ledger, step, staged, key, { IfMatch: ifMatch }),
    );
    if (replaced.includes("committed")) return;
    const added = await mapConcurrently(additions, COPIES_AT_A_TIME, ({ key, staged }) =>
      copyFromStaging(ledger, step, staged, key, { IfNoneMatch: "*" }),
    );
    if (added.includes("committed")) return;
  }
  // Refused: another applier of the same decision wrote the same lines.
  await ledger.store.createLines(ledgerKeys.marker(dataset, decision.day, run), commitLine, decision.lines);
}

/** Whether the run's marker is written, which ends everything about publishing it. */
export async function hasMarker(ledger: Ledger, dataset: string, day: string, run: string): Promise<boolean> {
  return await exists(ledger, ledgerKeys.marker(dataset, day, run));
}

/** `committed`: staging is gone because the run was committed by somebody else meanwhile. */
async function copyFromStaging(
  ledger: Ledger,
  step: { dataset: string; run: string; day: string },
  staged: string,
  key: string,
  condition: { IfMatch: string } | { IfNoneMatch: "*" },
): Promise<"copied" | "done before" | "committed"> {
  const { store } = ledger;
  const answer = await conditionally(
    () =>
      store.client.send(
        new CopyObjectCommand({
          Bucket: store.bucket,
          Key: key,
          CopySource: `${store.bucket}/${staged.split("/").map(encodeURIComponent).join("/")}`,
          ...condition,
        }),
      ),
    store.pause,
  );
  if (answer.kind === "done") return "copied";
  // 412: the target has other content than before this decision, and only this decision's copy can have changed it.
  if (answer.kind === "refused") return "done before";
  // 404 is the staged file, or the target of a replacement (a file without rows that was swept after the commit).
  if (await exists(ledger, staged)) {
    if ("IfMatch" in condition) return "done before";
    throw new LedgerError(`${staged} could not be copied to ${key}: S3 says that it does not exist, and it does`);
  }
  if (await hasMarker(ledger, step.dataset, step.day, step.run)) return "committed";
  throw new LedgerError(`${staged} is missing, and run ${step.run} of ${step.dataset} is not committed`);
}

async function exists(ledger: Ledger, key: string): Promise<boolean> {
  const { client, bucket } = ledger.store;
  return (await unlessMissing(() => client.send(new HeadObjectCommand({ Bucket: bucket, Key: key })))) !== undefined;
}
