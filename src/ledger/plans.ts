import { parsePlan, planHash } from "../plan/load-plan.ts";
import { type Plan, planSchema } from "../plan/plan.ts";
import { ledgerKeys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { LedgerError } from "./document-store.ts";

/** A plan with the bytes it came from: its hash names the copy that runs are executed by. */
export interface PlanCopy {
  readonly plan: Plan;
  readonly text: string;
  readonly hash: string;
}

export function planCopy(text: string): PlanCopy {
  return { plan: parsePlan(text), text, hash: planHash(text) };
}

/** Copies a plan into the ledger, so that cleaning up the stack's assets cannot strand a run. */
export async function keepPlan(ledger: Ledger, copy: PlanCopy): Promise<void> {
  await ledger.store.createText(ledgerKeys.plan(copy.hash), copy.text, "application/json");
}

/** The plan that a manifest names. */
export async function readPlan(ledger: Ledger, hash: string): Promise<Plan> {
  const stored = await ledger.store.get(ledgerKeys.plan(hash), planSchema);
  if (!stored) throw new LedgerError(`${ledgerKeys.plan(hash)} does not exist`);
  return stored.value;
}
