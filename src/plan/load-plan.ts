import { createHash } from "node:crypto";
import { planSchema } from "./plan.ts";
import type { Plan } from "./plan.ts";

/** Reads a plan's JSON text. Throws with the first few things that are wrong with it. */
export function parsePlan(json: string): Plan {
  const parsed = planSchema.safeParse(JSON.parse(json));
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 3).map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new Error(`This is not a plan that this version of Millrace can read. ${issues.join("; ")}`);
}

/** The plan's bytes as they are stored: the same definition gives the same bytes. */
export function printPlan(plan: Plan): string {
  return `${JSON.stringify(plan, null, 2)}\n`;
}

/** SHA-256 of a plan's bytes, in hexadecimal: its name in the ledger. */
export function planHash(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
