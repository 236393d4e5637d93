import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { JobProcess } from "./job-process.ts";

/** A run as the runtime hands it over: what of `JobEngineRun` (src/local/job-engine.ts) this engine looks at. */
export interface DuckDbRun {
  readonly jobRunId: string;
  readonly arguments: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly clockOffset: number;
  readonly workDirectory: string;
  readonly memoryMiB: number;
  log(stream: "output" | "error", line: string): void;
  readonly signal: AbortSignal;
}

export type DuckDbRunResult = { succeeded: true } | { succeeded: false; errorMessage: string };

export interface DuckDbEngine {
  run(run: DuckDbRun): Promise<DuckDbRunResult>;
  /** Makes a process ready for a run with this much memory. One at most is kept: the next `run` takes it. */
  prepare(memoryMiB: number): void;
  /** Ends the process that is ready; resolves when it is gone. Runs go on. */
  close(): Promise<void>;
}

/**
 * After a run its files are still on their way to being queryable; the next process is made when that is over.
 * In milliseconds.
 */
const NEXT_SPARE_MS = 400;

/**
 * The engine that runs EtlJob on this machine. It does not look at the job's script: it executes the plan that the
 * arguments lead to, which is what the script does on Glue. The process is killed when the run is aborted.
 *
 * A process needs most of a second before it can begin, which is more than the work of a small file. So once asked to
 * prepare, the engine keeps one process that waits for its run.
 */
export function createDuckDbEngine(): DuckDbEngine {
  let spare: JobProcess | undefined;
  let next: NodeJS.Timeout | undefined;
  let keepsSpare = false;

  const prepare = (memoryMiB: number) => {
    keepsSpare = true;
    if (spare?.isReadyFor(memoryMiB)) return;
    spare?.kill();
    spare = new JobProcess(memoryMiB);
  };
  const take = (memoryMiB: number) => {
    clearTimeout(next);
    const taken = spare?.isReadyFor(memoryMiB) ? spare : undefined;
    if (taken) spare = undefined;
    return taken ?? new JobProcess(memoryMiB);
  };
  return {
    prepare,
    async run(run) {
      if (run.signal.aborted) return { succeeded: false, errorMessage: "The run was stopped before it began." };
      const result = await runIn(take(run.memoryMiB), run);
      clearTimeout(next);
      if (keepsSpare) next = setTimeout(() => prepare(run.memoryMiB), NEXT_SPARE_MS).unref();
      return result;
    },
    async close() {
      keepsSpare = false;
      clearTimeout(next);
      const last = spare;
      spare = undefined;
      last?.kill();
      await last?.ended;
    },
  };
}

async function runIn(job: JobProcess, run: DuckDbRun): Promise<DuckDbRunResult> {
  const kill = () => job.kill();
  run.signal.addEventListener("abort", kill, { once: true });
  try {
    let lastError = "";
    const output = readLines(job.stdout, (line) => run.log("output", line));
    const errors = readLines(job.stderr, (line) => {
      lastError = line;
      run.log("error", line);
    });
    job.begin({
      arguments: { ...run.arguments, "--JOB_RUN_ID": run.jobRunId },
      environment: run.environment,
      clockOffset: run.clockOffset,
      directory: run.workDirectory,
    });
    const { code, signal } = await job.ended;
    await Promise.all([output, errors]);
    if (code === 0) return { succeeded: true };
    return {
      succeeded: false,
      errorMessage: run.signal.aborted ? "The run was stopped." : failure(code, signal, lastError, run),
    };
  } finally {
    run.signal.removeEventListener("abort", kill);
  }
}

function failure(code: number | null, signal: string | null, lastError: string, { memoryMiB }: DuckDbRun): string {
  if (code === 1 && lastError !== "") return lastError;
  const how = signal === null ? `exit code ${code}` : signal;
  const hint =
    signal === "SIGKILL" || code === OUT_OF_MEMORY ? `; it may have run out of memory (limit ${memoryMiB} MiB)` : "";
  return `The job's process ended unexpectedly (${how})${hint}.${lastError === "" ? "" : ` It last said: ${lastError}`}`;
}

/** What a shell would report of SIGABRT, which Node raises when its heap is full. */
const OUT_OF_MEMORY = 134;

async function readLines(stream: Readable, take: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) take(line);
}
