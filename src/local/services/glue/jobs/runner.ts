import { rm } from "node:fs/promises";
import type { JobEngine, JobEngineResult } from "../../../job-engine.ts";
import { LogStreamWriter } from "../../../lambda/log-stream.ts";
import type { Principal, ServiceDeps } from "../../../service.ts";
import type { MetricsPublisher } from "../../cloudwatch/metrics-publisher.ts";
import { scriptArguments } from "./arguments.ts";
import { announceRun } from "./events.ts";
import { ACTIVE, type JobRun, type JobStore, type RunState, type StoredJob, TERMINAL } from "./store.ts";
import { memoryMiBOf } from "./workers.ts";

const MINUTE_MS = 60_000;
/** What Glue names the sessions in which jobs run. */
const SESSION_NAME = "GlueJobRunnerSession";
export const LOG_GROUP = "/aws-glue/jobs";

type EndState = Extract<RunState, "STOPPED" | "SUCCEEDED" | "FAILED" | "TIMEOUT">;

/** Why a run's process is told to end. */
type Interruption = "stopped" | "timed out" | "runtime stops";

/** Takes runs from WAITING or STARTING to their end. State is stored first; trace and events follow it. */
export class JobRunner {
  readonly #deps: ServiceDeps;
  readonly #store: JobStore;
  readonly #engine: JobEngine;
  readonly #metrics: MetricsPublisher;
  readonly #live = new Map<string, { abort(why: Interruption): void; ended: Promise<void> }>();
  #started = false;
  #stopped = false;

  constructor(deps: ServiceDeps, store: JobStore, engine: JobEngine, metrics: MetricsPublisher) {
    this.#deps = deps;
    this.#store = store;
    this.#engine = engine;
    this.#metrics = metrics;
  }

  /** Ends what was going on when the runtime was killed, and takes up what waits. */
  async start(): Promise<void> {
    this.#started = true;
    // What the processes of a killed runtime left behind; a run that goes on already has a directory of its own.
    if (this.#live.size === 0) await rm(this.#deps.state.directory("glue", "work"), { recursive: true, force: true });
    for (const run of this.#store.inState(ACTIVE)) {
      if (this.#live.has(run.id)) continue;
      if (run.state === "STOPPING") await this.#end(run, "STOPPED", undefined);
      else
        await this.#end(
          run,
          "FAILED",
          "The process that ran the job has gone: the local runtime was stopped or killed.",
        );
    }
    for (const run of this.#store.inState(["WAITING"])) this.#admit(run.jobName);
    const [job] = this.#store.jobs("", 1);
    if (job) this.#engine.prepare?.(memoryMiBOf(job));
  }

  /** Ends every process. The runs are left as they are: the next start finds that they were interrupted. */
  async stop(): Promise<void> {
    this.#started = false;
    this.#stopped = true;
    const live = [...this.#live.values()];
    for (const run of live) run.abort("runtime stops");
    await Promise.all(live.map(({ ended }) => ended));
    await this.#engine.close?.();
  }

  /** Starts a run that is stored as STARTING; when the runtime stops, the next start finds it interrupted. */
  launch(run: JobRun): void {
    this.#emit(run, undefined);
    if (this.#stopped) return;
    const controller = new AbortController();
    const release = this.#deps.clock.hold();
    const ended = this.#execute(run, controller)
      .catch((error: unknown) => {
        this.#deps.trace.emit({ type: "internal-error", where: `job run ${run.id}`, error: String(error) });
      })
      .finally(() => {
        this.#live.delete(run.id);
        release();
      });
    this.#live.set(run.id, { abort: (why) => controller.abort(why), ended });
  }

  /** Stops a run that has not ended: at once when it only waits, else when its process has gone. */
  async interrupt(run: JobRun): Promise<void> {
    if (run.state === "WAITING") return this.#end(run, "STOPPED", undefined);
    this.#change(run, { state: "STOPPING" });
    this.#live.get(run.id)?.abort("stopped");
  }

  /** Stops what a deleted job has going on; resolves when it has ended. */
  async stopAll(jobName: string): Promise<void> {
    const runs = this.#store.inState([...ACTIVE, "WAITING"], jobName);
    // Waiting ones first, or they would take the places of those that end.
    for (const run of runs.toSorted((a, b) => Number(b.state === "WAITING") - Number(a.state === "WAITING"))) {
      if (run.state !== "STOPPING") await this.interrupt(run);
    }
    await Promise.all(runs.map(async ({ id }) => this.#live.get(id)?.ended));
  }

  async #execute(run: JobRun, controller: AbortController): Promise<void> {
    let result: JobEngineResult;
    try {
      const job = this.#store.job(run.jobName);
      result = job ? await this.#run(job, run, controller) : { succeeded: false, errorMessage: "The job was deleted." };
    } catch (error) {
      result = { succeeded: false, errorMessage: error instanceof Error ? error.message : String(error) };
    }
    const current = this.#store.run(run.id) ?? run;
    // A script that was faster than its interruption has done its work.
    if (result.succeeded) return this.#end(current, "SUCCEEDED", undefined);
    const { signal } = controller;
    if (!signal.aborted) return this.#end(current, "FAILED", result.errorMessage);
    switch (signal.reason as Interruption) {
      case "stopped":
        return this.#end(current, "STOPPED", undefined);
      case "timed out":
        return this.#end(current, "TIMEOUT", undefined);
      case "runtime stops":
    }
  }

  async #run(job: StoredJob, run: JobRun, controller: AbortController): Promise<JobEngineResult> {
    const { bus, clock, environment, state } = this.#deps;
    const session = await bus.assumeRole(job.roleArn, SESSION_NAME);
    const script = await bus.objectFile(parseS3(job.scriptLocation), session.principal);
    const { signal } = controller;
    signal.throwIfAborted();
    const logs = {
      output: new LogStreamWriter(this.#deps, `${LOG_GROUP}/output`, run.id, session.principal),
      error: new LogStreamWriter(this.#deps, `${LOG_GROUP}/error`, run.id, session.principal),
    };
    const workDirectory = state.directory("glue", "work", run.id);
    this.#change(run, { state: "RUNNING", runningSince: clock.now() });
    const timer = clock.timer(run.timeoutMinutes * MINUTE_MS, () => controller.abort("timed out"));
    try {
      return await this.#engine.run({
        jobName: job.name,
        jobRunId: run.id,
        scriptPath: script.path,
        arguments: scriptArguments(job, run),
        environment: {
          AWS_ENDPOINT_URL: environment.endpoint(),
          AWS_REGION: environment.region,
          AWS_DEFAULT_REGION: environment.region,
          AWS_ACCESS_KEY_ID: session.accessKeyId,
          AWS_SECRET_ACCESS_KEY: session.secretAccessKey,
          AWS_SESSION_TOKEN: session.sessionToken,
        },
        clockOffset: clock.offset,
        workDirectory,
        memoryMiB: memoryMiBOf(run),
        log: (stream, line) => logs[stream].write(line),
        signal,
      });
    } finally {
      timer.cancel();
      await Promise.all([logs.output.flush(), logs.error.flush()]);
      await rm(workDirectory, { recursive: true, force: true });
    }
  }

  async #end(run: JobRun, state: EndState, errorMessage: string | undefined): Promise<void> {
    const ended = this.#change(run, {
      state,
      errorMessage,
      stateDetail: undefined,
      completedOn: this.#deps.clock.now(),
    });
    this.#measure(ended);
    await announceRun(this.#deps, this.#principal(run.jobName), ended);
    const job = this.#store.job(run.jobName);
    if (!job) return;
    if (state === "FAILED" && run.attempt < job.maxRetries) this.#retry(ended);
    this.#admit(run.jobName);
  }

  /** Glue's own retry: a run of its own, that names the one before. */
  #retry(run: JobRun): void {
    const attempt = run.attempt + 1;
    const now = this.#deps.clock.now();
    const first = run.id.replace(/_attempt_\d+$/, "");
    this.launch(
      this.#store.putRun({
        ...run,
        id: `${first}_attempt_${attempt}`,
        attempt,
        previousRunId: run.id,
        state: "STARTING",
        errorMessage: undefined,
        startedOn: now,
        lastModifiedOn: now,
        runningSince: undefined,
        completedOn: undefined,
      }),
    );
  }

  /** Gives free places of a job to the runs that wait for one. */
  #admit(jobName: string): void {
    const job = this.#store.job(jobName);
    if (!job || !this.#started) return;
    let free = job.maxConcurrentRuns - this.#store.inState(ACTIVE, jobName).length;
    for (const run of this.#store.inState(["WAITING"], jobName)) {
      if (free-- <= 0) return;
      this.launch(this.#store.putRun({ ...run, state: "STARTING", stateDetail: undefined }));
    }
  }

  #change(run: JobRun, changes: Partial<JobRun>): JobRun {
    const before = this.#store.run(run.id) ?? run;
    // Somebody asked for the end while the run was still starting.
    if (changes.state === "RUNNING" && before.state === "STOPPING") return before;
    const changed = this.#store.putRun({ ...before, ...changes, lastModifiedOn: this.#deps.clock.now() });
    this.#emit(changed, before.state);
    return changed;
  }

  #emit(run: JobRun, from: RunState | undefined): void {
    this.#deps.trace.emit({
      type: "state",
      kind: "job-run",
      name: run.jobName,
      id: run.id,
      to: run.state,
      ...(from !== undefined && { from }),
      ...(run.errorMessage !== undefined && { reason: run.errorMessage }),
    });
  }

  /** https://docs.aws.amazon.com/glue/latest/dg/monitoring-awsglue-with-cloudwatch-metrics.html */
  #measure(run: JobRun): void {
    const job = this.#store.job(run.jobName);
    if (!job || run.completedOn === undefined || !TERMINAL.includes(run.state)) return;
    const given = { ...job.defaultArguments, ...run.arguments, ...job.nonOverridableArguments };
    for (const JobRunId of ["ALL", run.id]) {
      const dimensions = { JobName: run.jobName, JobRunId, Type: "count" };
      if ("--enable-metrics" in given && run.runningSince !== undefined) {
        const elapsed = run.completedOn - run.runningSince;
        this.#metrics.add("glue.driver.aggregate.elapsedTime", dimensions, elapsed, "Milliseconds");
      }
      if (given["--enable-observability-metrics"] === "true") {
        const name = run.state === "SUCCEEDED" ? "glue.succeed.ALL" : "glue.error.ALL";
        this.#metrics.add(name, { ...dimensions, ObservabilityGroup: "error" }, 1, "Count");
      }
    }
  }

  #principal(jobName: string): Principal {
    const { partition, region, account } = this.#deps.environment;
    const sourceArn = `arn:${partition}:glue:${region}:${account}:job/${jobName}`;
    return { kind: "service", service: "glue.amazonaws.com", sourceArn };
  }
}

function parseS3(location: string): { bucket: string; key: string } {
  const { bucket, key } = /^s3a?:\/\/(?<bucket>[^/]+)\/(?<key>.+)$/.exec(location)?.groups ?? {};
  if (bucket === undefined || key === undefined) throw new Error(`ScriptLocation ${location} is not s3://bucket/key`);
  return { bucket, key };
}
