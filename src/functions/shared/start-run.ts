import { GetJobRunsCommand, type GlueClient, type JobRun, StartJobRunCommand } from "@aws-sdk/client-glue";
import { beginAttempt, readAttempt, tellAttempt } from "../../ledger/attempts.ts";
import type { AttemptDocument } from "../../ledger/documents.ts";
import { parseAttemptKey, ledgerKeys } from "../../ledger/keys.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { JOB_ARGUMENTS } from "../../plan/job-arguments.ts";
import type { Log } from "./log.ts";

export interface Starter {
  readonly ledger: Ledger;
  readonly glue: GlueClient;
  readonly jobName: string;
  readonly log: Log;
}

/**
 * `started` now, by this call. `running`: it was started before as `attempt`, and may have ended since.
 * `elsewhere`: somebody else began the attempt just now and is about to start it.
 */
export type Start =
  { readonly kind: "started" | "elsewhere" } | { readonly kind: "running"; readonly attempt: StartedAttempt };

export type StartedAttempt = AttemptDocument & { readonly jobRunId: string };

/**
 * How long whoever wrote an attempt is given to start it. StartJobRun is not idempotent: helping too early means a
 * second job run (which does no harm to the data, and costs).
 */
const PATIENCE_MS = 60_000;

/**
 * Number of the last attempt of a run that was begun, 0 for none. From the names of its documents: one listing instead
 * of reading a manifest of a thousand files.
 */
export async function readLastAttempt(ledger: Ledger, dataset: string, run: string): Promise<number> {
  let last = 0;
  for await (const { key } of ledger.store.list(ledgerKeys.runPrefix(dataset, run))) {
    last = Math.max(last, parseAttemptKey(key) ?? 0);
  }
  return last;
}

/** Begins an attempt and starts its job run; helps when somebody else began it. The run's manifest must be written. */
export async function startAttempt(starter: Starter, dataset: string, run: string, attempt: number): Promise<Start> {
  const { ledger, jobName } = starter;
  if (!(await beginAttempt(ledger, dataset, run, { attempt, jobName }))) {
    return await helpAttempt(starter, dataset, run, attempt);
  }
  await startJobRun(starter, dataset, run, attempt);
  return { kind: "started" };
}

/**
 * Makes sure that an attempt which was begun is started. One without a JobRunId proves nothing: the job's runs are asked
 * for its arguments.
 */
export async function helpAttempt(starter: Starter, dataset: string, run: string, attempt: number): Promise<Start> {
  const { ledger, log } = starter;
  const begun = (await readAttempt(ledger, dataset, run, attempt))?.value;
  if (!begun) return await startAttempt(starter, dataset, run, attempt);
  const { jobRunId } = begun;
  if (jobRunId !== undefined) return { kind: "running", attempt: { ...begun, jobRunId } };
  const createdAt = new Date(begun.createdAt);
  if (ledger.now().getTime() - createdAt.getTime() < PATIENCE_MS) return { kind: "elsewhere" };
  const started = await findJobRun(starter, { dataset, run, attempt, since: createdAt });
  if (started !== undefined) {
    log.info("attempt found started", { dataset, run, attempt, jobRunId: started });
    await tellAttempt(ledger, dataset, run, attempt, started);
    return { kind: "running", attempt: { ...begun, jobRunId: started } };
  }
  await startJobRun(starter, dataset, run, attempt);
  return { kind: "started" };
}

async function startJobRun(starter: Starter, dataset: string, run: string, attempt: number): Promise<void> {
  const { ledger, glue, jobName, log } = starter;
  const { JobRunId } = await glue.send(
    new StartJobRunCommand({ JobName: jobName, Arguments: jobArguments(dataset, run, attempt) }),
  );
  if (JobRunId === undefined) throw new Error(`Glue started ${jobName} without saying its run id`);
  log.info("run started", { dataset, run, attempt, jobRunId: JobRunId });
  await tellAttempt(ledger, dataset, run, attempt, JobRunId);
}

function jobArguments(dataset: string, run: string, attempt: number): Record<string, string> {
  return {
    [JOB_ARGUMENTS.dataset]: dataset,
    [JOB_ARGUMENTS.run]: run,
    [JOB_ARGUMENTS.attempt]: String(attempt),
  };
}

/** Clocks of AWS services and ours differ a little. */
const CLOCK_DIFFERENCE_MS = 5 * 60_000;

/** GetJobRuns cannot filter by argument, so its pages are read until one is wholly older than the attempt. */
async function findJobRun(
  starter: Starter,
  wanted: { dataset: string; run: string; attempt: number; since: Date },
): Promise<string | undefined> {
  const expected = Object.entries(jobArguments(wanted.dataset, wanted.run, wanted.attempt));
  const isWanted = (jobRun: JobRun) => expected.every(([name, value]) => jobRun.Arguments?.[name] === value);
  const oldest = wanted.since.getTime() - CLOCK_DIFFERENCE_MS;
  let token: string | undefined;
  do {
    const page = await starter.glue.send(
      new GetJobRunsCommand({ JobName: starter.jobName, MaxResults: 200, NextToken: token }),
    );
    const runs = page.JobRuns ?? [];
    const found = runs.find(isWanted);
    if (found?.Id !== undefined) return found.Id;
    const allOlder = runs.every((jobRun) => (jobRun.StartedOn?.getTime() ?? Infinity) < oldest);
    token = runs.length > 0 && allOlder ? undefined : page.NextToken;
  } while (token !== undefined);
  return undefined;
}
