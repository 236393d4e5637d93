/**
 * What runs a Glue job's script. The runtime knows Glue's side (states, limits, logs, events); the engine is handed in
 * by whoever starts the runtime, and runs the job in a process of its own.
 */
export interface JobEngine {
  /** Runs to the end. Rejects only when the engine itself is broken; a failed job is a result. */
  run(run: JobEngineRun): Promise<JobEngineResult>;
  /** Runs with this much memory are to be expected: an engine may keep a process ready, so that they begin at once. */
  prepare?(memoryMiB: number): void;
  /** The runtime stops, and every run has ended: what was kept ready must be gone when this resolves. */
  close?(): Promise<void>;
}

export interface JobEngineRun {
  readonly jobName: string;
  readonly jobRunId: string;
  /** The script as a local file (resolved from ScriptLocation with the job role's permission). */
  readonly scriptPath: string;
  /** As the script sees them in argv: default, run and non-overridable arguments merged, each key with its `--`. */
  readonly arguments: Readonly<Record<string, string>>;
  /** AWS_ENDPOINT_URL, AWS_REGION and the job role's credentials; nothing of the parent's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** How far the runtime's clock is ahead of the machine's, in milliseconds. */
  readonly clockOffset: number;
  /** An empty directory for this run, deleted afterwards. */
  readonly workDirectory: string;
  /** Memory that the run may use, in MiB (of the job's workers). */
  readonly memoryMiB: number;
  /** Lines for the log groups /aws-glue/jobs/output and /aws-glue/jobs/error. */
  log(stream: "output" | "error", line: string): void;
  /** Aborted when the run is stopped or times out: the process must be gone when `run` settles. */
  readonly signal: AbortSignal;
}

export type JobEngineResult = { succeeded: true } | { succeeded: false; errorMessage: string };
