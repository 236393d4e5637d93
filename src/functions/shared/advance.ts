import { readHead, releaseLease, takeLease } from "../../ledger/lease.ts";
import { ensureManifest } from "../../ledger/manifest.ts";
import { somethingWaits } from "../../ledger/pending.ts";
import type { PlanCopy } from "../../ledger/plans.ts";
import { type Recovery, recoverRun } from "./recover-run.ts";
import { type Start, type Starter, helpAttempt, readLastAttempt, startAttempt } from "./start-run.ts";

/** What the dataset is doing now. */
export type Advance =
  | { readonly kind: "idle" }
  | { readonly kind: "halted"; readonly reason: string }
  | { readonly kind: "run"; readonly run: string; readonly state: Start["kind"] | Recovery };

/**
 * Moves a dataset on: takes the lease when something waits and nobody has it, writes the run's manifest, starts its
 * job; or helps the run that has the lease over any of these. Whoever wrote a pending calls this afterwards, and
 * whoever released a lease: so nothing waits unseen, whichever of the two came first.
 */
export async function advance(starter: Starter, plan: PlanCopy, dataset: string): Promise<Advance> {
  const { ledger, log } = starter;
  const limits = plan.plan.datasets[dataset]?.limits;
  if (!limits) {
    log.warn("dataset is not in the plan", { dataset });
    return { kind: "idle" };
  }
  for (;;) {
    const head = await readHead(ledger, dataset);
    if (head?.value.halted) return { kind: "halted", reason: head.value.halted.reason };
    let run = head?.value.active?.run;
    if (run !== undefined) {
      const last = await readLastAttempt(ledger, dataset, run);
      if (last > 0) return { kind: "run", run, state: await carryOn(starter, dataset, run, last) };
    } else {
      if (!(await somethingWaits(ledger, dataset))) return { kind: "idle" };
      run = await takeLease(ledger, dataset, head);
      if (run === undefined) continue;
    }
    const manifest = await ensureManifest(ledger, { dataset, run, plan, limits });
    if (manifest.files.length > 0) {
      log.info("claimed", { dataset, run, files: manifest.files.length });
      return { kind: "run", run, state: (await startAttempt(starter, dataset, run, 1)).kind };
    }
    log.info("nothing to load", { dataset, run });
    await releaseLease(ledger, dataset, run);
  }
}

/** A run that was begun: its last attempt is started if it is not, and recovered from if its job ended badly. */
async function carryOn(
  starter: Starter,
  dataset: string,
  run: string,
  lastAttempt: number,
): Promise<Start["kind"] | Recovery> {
  const start = await helpAttempt(starter, dataset, run, lastAttempt);
  return start.kind === "running" ? await recoverRun(starter, dataset, run, start.attempt) : start.kind;
}
