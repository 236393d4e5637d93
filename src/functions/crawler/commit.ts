import { LedgerError } from "../../ledger/document-store.ts";
import { commitLine } from "../../ledger/documents.ts";
import { ledgerKeys, parseMarkerKey } from "../../ledger/keys.ts";
import { settle } from "../../ledger/outcome.ts";
import type { PlanCopy } from "../../ledger/plans.ts";
import { advance } from "../shared/advance.ts";
import { type Alerts, alertOfRun, publishAlert } from "../shared/alert.ts";
import type { Starter } from "../shared/start-run.ts";
import { type Catalog, announceRun } from "./catalog.ts";
import { startCrawl } from "./crawl.ts";

export interface CommitDeps extends Starter, Catalog {
  readonly pipeline: string;
  readonly alerts: Alerts | undefined;
}

/**
 * After a marker was written: settles the run and releases its lease, starts what waits, and only then sees to the
 * catalog and the alert, which must not hold the dataset up. Anything that fails makes the event come again; what was
 * done is found done.
 */
export async function afterCommit(deps: CommitDeps, plan: PlanCopy, markerKey: string): Promise<void> {
  const marker = parseMarkerKey(markerKey);
  if (!marker) throw new LedgerError(`${markerKey} is not the key of a marker`);
  const { dataset, run } = marker;
  const settlement = await settle(deps.ledger, dataset, run);
  deps.log.info("settled", { dataset, run, ...settlement });

  const outcomes = await Promise.allSettled([
    settlement.kind === "settled" ? moveOn(deps, plan, dataset) : undefined,
    publishRun(deps, plan, marker, markerKey),
  ]);
  const errors = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
  if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors, `after commit of ${run}`);
}

async function moveOn(deps: CommitDeps, plan: PlanCopy, dataset: string): Promise<void> {
  deps.log.info("dataset moved on", { dataset, ...(await advance(deps, plan, dataset)) });
}

async function publishRun(
  deps: CommitDeps,
  plan: PlanCopy,
  marker: { dataset: string; day: string; run: string },
  markerKey: string,
): Promise<void> {
  const dataset = plan.plan.datasets[marker.dataset];
  if (!dataset) {
    deps.log.warn("dataset is not in the plan", { dataset: marker.dataset, run: marker.run });
    return;
  }
  const lines = await deps.ledger.store.getLines(markerKey, commitLine);
  if (!lines) throw new LedgerError(`${ledgerKeys.marker(marker.dataset, marker.day, marker.run)} does not exist`);
  const { crawl } = await announceRun(deps, dataset, { run: marker.run, day: marker.day }, lines);
  if (crawl) await startCrawl(deps, Object.keys(plan.plan.datasets));
  const alert = alertOfRun(deps.pipeline, dataset, lines);
  if (alert && deps.alerts) await publishAlert(deps.alerts, alert);
}
