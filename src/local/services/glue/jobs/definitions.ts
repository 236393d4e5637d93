import type {
  CreateJobCommandInput,
  DeleteJobCommandInput,
  GetJobCommandInput,
  GetJobsCommandInput,
  Job,
  JobUpdate,
  ListJobsCommandInput,
  UpdateJobCommandInput,
} from "@aws-sdk/client-glue";
import type { Environment } from "../../../service.ts";
import type { Clock } from "../../../clock.ts";
import { checkArguments } from "./arguments.ts";
import { invalidInput, jobExists, jobNotFound, unsupported } from "./errors.ts";
import type { JobRunner } from "./runner.ts";
import type { JobDefinition, JobStore, StoredJob } from "./store.ts";
import { capacityOf, checkWorkers } from "./workers.ts";

/** From the oldest that Glue still runs; the last is what a job gets that names none. */
const GLUE_VERSIONS = ["3.0", "4.0", "5.0", "6.0", "5.1"];
const MAX_TIMEOUT_MINUTES = 10_080;

/** Members of CreateJob and UpdateJob that mean a Spark job. Everything else is refused by name. */
const SUPPORTED = [
  "Name",
  "Role",
  "Command",
  "Description",
  "JobMode",
  "JobRunQueuingEnabled",
  "ExecutionProperty",
  "DefaultArguments",
  "NonOverridableArguments",
  "MaxRetries",
  "Timeout",
  "Tags",
  "GlueVersion",
  "NumberOfWorkers",
  "WorkerType",
  "ExecutionClass",
];

/** Definitions of jobs. */
export class JobDefinitions {
  readonly #environment: Environment;
  readonly #clock: Clock;
  readonly #store: JobStore;
  readonly #runner: JobRunner;

  constructor(deps: { environment: Environment; clock: Clock }, store: JobStore, runner: JobRunner) {
    this.#environment = deps.environment;
    this.#clock = deps.clock;
    this.#store = store;
    this.#runner = runner;
  }

  find(name: string | undefined): StoredJob {
    const job = name === undefined ? undefined : this.#store.job(name);
    if (!job) throw jobNotFound(name ?? "");
    return job;
  }

  /** Makes a job, or gives an existing one these settings whole. */
  put(input: CreateJobCommandInput): StoredJob {
    const definition = this.#parse(input);
    const existing = this.#store.job(definition.name);
    const now = this.#clock.now();
    return this.#store.putJob({ ...definition, createdOn: existing?.createdOn ?? now, lastModifiedOn: now });
  }

  async delete(name: string): Promise<void> {
    await this.#runner.stopAll(name);
    this.#store.deleteJob(name);
  }

  readonly operations = {
    CreateJob: (input: CreateJobCommandInput) => {
      if (this.#store.job(input.Name ?? "")) throw jobExists(input.Name ?? "");
      return { Name: this.put(input).name };
    },

    UpdateJob: (input: UpdateJobCommandInput) => {
      const { name, tags } = this.find(input.JobName);
      // What the update leaves out goes back to its default (https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateJob.html).
      const update: JobUpdate = input.JobUpdate ?? {};
      this.put({ Role: undefined, Command: undefined, ...update, Name: name, Tags: { ...tags } });
      return { JobName: name };
    },

    GetJob: (input: GetJobCommandInput) => ({ Job: describeJob(this.find(input.JobName)) }),

    GetJobs: (input: GetJobsCommandInput) => {
      const { page, NextToken } = this.#page(input.NextToken, input.MaxResults);
      return { Jobs: page.map(describeJob), ...(NextToken !== undefined && { NextToken }) };
    },

    ListJobs: (input: ListJobsCommandInput) => {
      if (input.Tags !== undefined) throw unsupported("ListJobs.Tags", "filter the answer of GetJobs instead.");
      const { page, NextToken } = this.#page(input.NextToken, input.MaxResults);
      return { JobNames: page.map(({ name }) => name), ...(NextToken !== undefined && { NextToken }) };
    },

    DeleteJob: async (input: DeleteJobCommandInput) => {
      // A job that is not there is no error (https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteJob.html).
      await this.delete(input.JobName ?? "");
      return { JobName: input.JobName };
    },
  };

  #page(after = "", limit = 100): { page: StoredJob[]; NextToken: string | undefined } {
    const found = this.#store.jobs(after, limit + 1);
    const page = found.slice(0, limit);
    return { page, NextToken: found.length > limit ? page.at(-1)?.name : undefined };
  }

  #parse(input: CreateJobCommandInput): JobDefinition {
    const other = Object.entries(input).find(([name, value]) => value !== undefined && !SUPPORTED.includes(name));
    if (other) throw unsupported(`The job's ${other[0]}`, "leave it out to run locally.");
    const { Name: name, Role: role, Command: command } = input;
    if (!name) throw invalidInput("The job's Name is missing.");
    if (!role) throw invalidInput("The job's Role is missing.");
    if (command?.Name !== "glueetl") {
      throw unsupported(`The job's Command.Name ${command?.Name ?? "(none)"}`, "only glueetl is.");
    }
    if (!command.ScriptLocation?.startsWith("s3://"))
      throw invalidInput("Command.ScriptLocation must be s3://bucket/key.");
    if (input.JobMode !== undefined && input.JobMode !== "SCRIPT") {
      throw unsupported(`The job's JobMode ${input.JobMode}`, "only SCRIPT is.");
    }
    const glueVersion = input.GlueVersion ?? "5.1";
    if (!GLUE_VERSIONS.includes(glueVersion))
      throw invalidInput(`Glue version ${glueVersion} is not one of ${GLUE_VERSIONS.toSorted().join(", ")}.`);
    const definition: JobDefinition = {
      name,
      role,
      roleArn: role.startsWith("arn:")
        ? role
        : `arn:${this.#environment.partition}:iam::${this.#environment.account}:role/${role}`,
      description: input.Description,
      scriptLocation: command.ScriptLocation,
      pythonVersion: command.PythonVersion ?? "3",
      glueVersion,
      // Without both, Glue gives a Spark job ten standard units.
      workerType: input.WorkerType ?? "G.1X",
      numberOfWorkers: input.NumberOfWorkers ?? 10,
      // https://docs.aws.amazon.com/glue/latest/dg/add-job.html
      timeoutMinutes: input.Timeout ?? (Number(glueVersion) >= 5 ? 480 : 2_880),
      maxRetries: input.MaxRetries ?? 0,
      maxConcurrentRuns: input.ExecutionProperty?.MaxConcurrentRuns ?? 1,
      queuing: input.JobRunQueuingEnabled ?? false,
      executionClass: input.ExecutionClass ?? "STANDARD",
      defaultArguments: { ...input.DefaultArguments },
      nonOverridableArguments: { ...input.NonOverridableArguments },
      tags: { ...input.Tags },
    };
    checkArguments(definition.defaultArguments);
    checkArguments(definition.nonOverridableArguments);
    checkWorkers(definition);
    checkTimeout(definition.timeoutMinutes);
    if (definition.maxRetries < 0 || definition.maxRetries > 10) throw invalidInput("MaxRetries must be from 0 to 10.");
    if (definition.maxConcurrentRuns < 1) throw invalidInput("MaxConcurrentRuns must be at least 1.");
    if (definition.queuing && definition.maxRetries > 0) {
      throw invalidInput("Job run queuing and MaxRetries cannot be used together.");
    }
    return definition;
  }
}

export function checkTimeout(minutes: number): void {
  if (!(minutes >= 1 && minutes <= MAX_TIMEOUT_MINUTES)) {
    throw invalidInput(`Timeout must be from 1 to ${MAX_TIMEOUT_MINUTES} minutes, not ${minutes}.`);
  }
}

function describeJob(job: StoredJob): Job {
  return {
    Name: job.name,
    JobMode: "SCRIPT",
    JobRunQueuingEnabled: job.queuing,
    ...(job.description !== undefined && { Description: job.description }),
    Role: job.role,
    CreatedOn: new Date(job.createdOn),
    LastModifiedOn: new Date(job.lastModifiedOn),
    ExecutionProperty: { MaxConcurrentRuns: job.maxConcurrentRuns },
    Command: { Name: "glueetl", ScriptLocation: job.scriptLocation, PythonVersion: job.pythonVersion },
    DefaultArguments: { ...job.defaultArguments },
    ...(Object.keys(job.nonOverridableArguments).length > 0 && {
      NonOverridableArguments: { ...job.nonOverridableArguments },
    }),
    MaxRetries: job.maxRetries,
    AllocatedCapacity: capacityOf(job),
    Timeout: job.timeoutMinutes,
    MaxCapacity: capacityOf(job),
    WorkerType: job.workerType as Job["WorkerType"],
    NumberOfWorkers: job.numberOfWorkers,
    GlueVersion: job.glueVersion,
    ExecutionClass: job.executionClass,
  };
}
