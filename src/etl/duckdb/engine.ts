import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

/** What the engine tells the job's process beside its arguments. */
export const JOB_ENVIRONMENT = {
  /** How far the runtime's clock is ahead of the machine's, in milliseconds. */
  clockOffset: "MILLRACE_CLOCK_OFFSET_MS",
  /** Memory that the run may use, in MiB. */
  memoryMiB: "MILLRACE_MEMORY_MIB",
} as const;

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
}

/** The program, as source or as built. */
const JOB = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./job.ts" : "./job.js", import.meta.url));

/** Node's own heap stays small: rows are in DuckDB. */
const HEAP_MIB = 1024;

/**
 * The engine that runs EtlJob on this machine. It does not look at the job's script: it executes the plan that the
 * arguments lead to, which is what the script does on Glue. The process is killed when the run is aborted.
 */
export function createDuckDbEngine(): DuckDbEngine {
  return { run };
}

async function run(run: DuckDbRun): Promise<DuckDbRunResult> {
  if (run.signal.aborted) return { succeeded: false, errorMessage: "The run was stopped before it began." };
  const given = Object.entries({ ...run.arguments, "--JOB_RUN_ID": run.jobRunId }).flat();
  const flags = [`--max-old-space-size=${Math.min(HEAP_MIB, run.memoryMiB)}`, "--enable-source-maps"];
  const child = spawn(process.execPath, [...flags, JOB, ...given], {
    cwd: run.workDirectory,
    env: {
      ...run.environment,
      [JOB_ENVIRONMENT.clockOffset]: String(run.clockOffset),
      [JOB_ENVIRONMENT.memoryMiB]: String(run.memoryMiB),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = () => child.kill("SIGKILL");
  run.signal.addEventListener("abort", kill, { once: true });
  try {
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    let lastError = "";
    const output = readLines(child.stdout, (line) => run.log("output", line));
    const errors = readLines(child.stderr, (line) => {
      lastError = line;
      run.log("error", line);
    });
    const { code, signal } = await ended;
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
