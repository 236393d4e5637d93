import { GetJobRunCommand } from "@aws-sdk/client-glue";
import { applyDecision, hasMarker } from "../../ledger/apply.ts";
import { readDecision } from "../../ledger/decision.ts";
import { giveUp } from "../../ledger/give-up.ts";
import { requireManifest } from "../../ledger/manifest.ts";
import { type StartedAttempt, type Starter, startAttempt } from "./start-run.ts";

/**
 * `running`: its job has not ended badly. `committed`: its marker is written, and settling is CrawlerFunction's.
 * `tried again`: another attempt is started. `given up`: its versions have failed, for good until they are replayed.
 */
export type Recovery = "running" | "committed" | "tried again" | "given up";

/** A run has this many attempts before it is given up. */
const ATTEMPTS = 3;
/** A decided run only has to be carried out; but what fails so often will not work by itself. */
const ATTEMPTS_TO_CARRY_OUT = 10;
/** What most jobs need at least: until then nobody asks how the attempt went. */
const PATIENCE_MS = 60_000;

const ENDED_BADLY: readonly (string | undefined)[] = ["FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED"];

/**
 * Looks after a run whose last attempt was started a while ago. Committed: nothing to do. Decided: another attempt of
 * the job carries the decision out. Else it tries again, and gives up after the third attempt, or when a person
 * stopped the job.
 */
export async function recoverRun(
  starter: Starter,
  dataset: string,
  run: string,
  last: StartedAttempt,
): Promise<Recovery> {
  const { ledger, glue, log } = starter;
  const { attempt, jobRunId, jobName } = last;
  if (ledger.now().getTime() - Date.parse(last.createdAt) < PATIENCE_MS) return "running";
  const { JobRun } = await glue.send(new GetJobRunCommand({ JobName: jobName, RunId: jobRunId }));
  const state = JobRun?.JobRunState;
  if (!ENDED_BADLY.includes(state)) return "running";

  const decision = await readDecision(ledger, dataset, run);
  if (decision?.kind === "publish" && (await hasMarker(ledger, dataset, decision.day, run))) return "committed";
  if (decision?.kind === "give-up") {
    await applyDecision(ledger, dataset, run, decision);
    return "given up";
  }
  // Split or put back: its parts, or its versions, are looked after as such.
  if (decision && decision.kind !== "publish") return "running";
  const most = decision ? ATTEMPTS_TO_CARRY_OUT : ATTEMPTS;
  if (attempt < most && state !== "STOPPED") {
    log.warn("attempt failed", { dataset, run, attempt, jobRunId, state, message: JobRun?.ErrorMessage });
    await startAttempt(starter, dataset, run, attempt + 1);
    return "tried again";
  }
  if (decision) throw new Error(`run ${run} of ${dataset} is decided and ${attempt} attempts could not carry it out`);
  const why = state === "STOPPED" ? "the job was stopped" : `the job failed ${attempt} times`;
  const reason = `${why}: ${JobRun?.ErrorMessage ?? `it ended ${state}`}`;
  const standing = await giveUp(ledger, await requireManifest(ledger, dataset, run), { attempt, jobRunId, reason });
  log.warn("run given up", { dataset, run, reason, standing: standing.kind });
  return standing.kind === "give-up" ? "given up" : "running";
}
