import type {
  BatchStopJobRunCommandInput,
  BatchStopJobRunError,
  GetJobRunCommandInput,
  GetJobRunsCommandInput,
  JobRun as DescribedRun,
  StartJobRunCommandInput,
} from "@aws-sdk/client-glue";
import type { Clock } from "../../../clock.ts";
import type { Ids } from "../../../ids.ts";
import { checkArguments } from "./arguments.ts";
import { checkTimeout, type JobDefinitions } from "./definitions.ts";
import { concurrentRunsExceeded, invalidInput, jobRunNotFound, missingMetadata, unsupported } from "./errors.ts";
import { type JobRunner, LOG_GROUP } from "./runner.ts";
import { ACTIVE, type JobRun, type JobStore, TERMINAL } from "./store.ts";
import { capacityOf, checkWorkers } from "./workers.ts";

const SUPPORTED = [
  "JobName",
  "Arguments",
  "Timeout",
  "WorkerType",
  "NumberOfWorkers",
  "ExecutionClass",
  "JobRunQueuingEnabled",
];

/** Starts, shows and stops runs of jobs. */
export class JobRuns {
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly #store: JobStore;
  readonly #definitions: JobDefinitions;
  readonly #runner: JobRunner;

  constructor(deps: { clock: Clock; ids: Ids }, store: JobStore, definitions: JobDefinitions, runner: JobRunner) {
    this.#clock = deps.clock;
    this.#ids = deps.ids;
    this.#store = store;
    this.#definitions = definitions;
    this.#runner = runner;
  }

  readonly operations = {
    StartJobRun: (input: StartJobRunCommandInput) => ({ JobRunId: this.#start(input).id }),

    GetJobRun: (input: GetJobRunCommandInput) => ({ JobRun: this.#describe(this.#find(input.JobName, input.RunId)) }),

    GetJobRuns: (input: GetJobRunsCommandInput) => {
      const { name } = this.#definitions.find(input.JobName);
      const limit = input.MaxResults ?? 100;
      const before = input.NextToken === undefined ? Number.MAX_SAFE_INTEGER : Number(input.NextToken);
      if (!Number.isSafeInteger(before)) throw invalidInput("NextToken is not one that GetJobRuns gave.");
      const found = this.#store.runs(name, before, limit + 1);
      const page = found.slice(0, limit);
      return {
        JobRuns: page.map(({ run }) => this.#describe(run)),
        ...(found.length > limit && { NextToken: String(page.at(-1)?.sequence) }),
      };
    },

    BatchStopJobRun: async (input: BatchStopJobRunCommandInput) => {
      const { name } = this.#definitions.find(input.JobName);
      const ids = input.JobRunIds ?? [];
      if (ids.length === 0 || ids.length > 25) throw invalidInput("JobRunIds must have from 1 to 25 members.");
      const SuccessfulSubmissions: { JobName: string; JobRunId: string }[] = [];
      const Errors: BatchStopJobRunError[] = [];
      for (const id of ids) {
        const run = this.#store.run(id);
        const refusal = refusalToStop(run?.jobName === name ? run : undefined, id);
        if (refusal) Errors.push({ JobName: name, JobRunId: id, ErrorDetail: refusal });
        else SuccessfulSubmissions.push({ JobName: name, JobRunId: id });
        if (run && !refusal && run.state !== "STOPPING") await this.#runner.interrupt(run);
      }
      return { SuccessfulSubmissions, Errors };
    },
  };

  #start(input: StartJobRunCommandInput): JobRun {
    const other = Object.entries(input).find(([name, value]) => value !== undefined && !SUPPORTED.includes(name));
    if (other) throw unsupported(`StartJobRun.${other[0]}`, "leave it out to run locally.");
    const job = this.#store.job(input.JobName ?? "");
    if (!job) throw missingMetadata();
    const now = this.#clock.now();
    const settings = {
      arguments: { ...input.Arguments },
      timeoutMinutes: input.Timeout ?? job.timeoutMinutes,
      workerType: input.WorkerType ?? job.workerType,
      numberOfWorkers: input.NumberOfWorkers ?? job.numberOfWorkers,
      queuing: input.JobRunQueuingEnabled ?? job.queuing,
      executionClass: input.ExecutionClass ?? job.executionClass,
    };
    checkArguments({ ...job.defaultArguments, ...settings.arguments });
    checkWorkers(settings);
    checkTimeout(settings.timeoutMinutes);
    const full = this.#store.inState(ACTIVE, job.name).length >= job.maxConcurrentRuns;
    if (full && !settings.queuing) throw concurrentRunsExceeded(job.name);
    const run = this.#store.putRun({
      ...settings,
      id: `jr_${this.#ids.hex(64)}`,
      jobName: job.name,
      state: full ? "WAITING" : "STARTING",
      attempt: 0,
      previousRunId: undefined,
      glueVersion: job.glueVersion,
      errorMessage: undefined,
      stateDetail: full ? `The job's MaxConcurrentRuns (${job.maxConcurrentRuns}) is reached.` : undefined,
      startedOn: now,
      lastModifiedOn: now,
      runningSince: undefined,
      completedOn: undefined,
    });
    if (!full) this.#runner.launch(run);
    return run;
  }

  #find(jobName: string | undefined, runId: string | undefined): JobRun {
    const { name } = this.#definitions.find(jobName);
    const run = this.#store.run(runId ?? "");
    if (run?.jobName !== name) throw jobRunNotFound(runId ?? "");
    return run;
  }

  #describe(run: JobRun): DescribedRun {
    const until = run.completedOn ?? this.#clock.now();
    const optional = {
      PreviousRunId: run.previousRunId,
      CompletedOn: run.completedOn === undefined ? undefined : new Date(run.completedOn),
      ErrorMessage: run.errorMessage,
      StateDetail: run.stateDetail,
    };
    return {
      Id: run.id,
      Attempt: run.attempt,
      JobName: run.jobName,
      JobMode: "SCRIPT",
      JobRunQueuingEnabled: run.queuing,
      StartedOn: new Date(run.startedOn),
      LastModifiedOn: new Date(run.lastModifiedOn),
      JobRunState: run.state,
      Arguments: { ...run.arguments },
      PredecessorRuns: [],
      AllocatedCapacity: capacityOf(run),
      ExecutionTime: run.runningSince === undefined ? 0 : Math.floor((until - run.runningSince) / 1000),
      Timeout: run.timeoutMinutes,
      MaxCapacity: capacityOf(run),
      WorkerType: run.workerType as DescribedRun["WorkerType"],
      NumberOfWorkers: run.numberOfWorkers,
      LogGroupName: LOG_GROUP,
      GlueVersion: run.glueVersion,
      ExecutionClass: run.executionClass,
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    };
  }
}

/** Codes: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-exceptions.html */
function refusalToStop(run: JobRun | undefined, id: string): BatchStopJobRunError["ErrorDetail"] | undefined {
  if (!run) return { ErrorCode: "EntityNotFoundException", ErrorMessage: `Job run ${id} not found.` };
  if (!TERMINAL.includes(run.state)) return undefined;
  return {
    ErrorCode: "JobRunInTerminalStateException",
    ErrorMessage: `Job run ${id} has ended already: ${run.state}.`,
  };
}
