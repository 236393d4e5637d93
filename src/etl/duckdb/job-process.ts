import { type ChildProcessByStdio, spawn } from "node:child_process";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** What a job's process is told when its run begins: one line of JSON on its stdin. */
export interface JobRequest {
  /** As the script sees them, each key with its `--`. */
  readonly arguments: Readonly<Record<string, string>>;
  /** Where AWS is, and who the job is there. */
  readonly environment: Readonly<Record<string, string>>;
  /** How far the runtime's clock is ahead of the machine's, in milliseconds. */
  readonly clockOffset: number;
  /** The run's own directory, empty. */
  readonly directory: string;
}

export interface JobEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The program, as source or as built. */
const JOB = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./job.ts" : "./job.js", import.meta.url));

/** Node's own heap stays small: rows are in DuckDB. */
const HEAP_MIB = 1024;

/**
 * A process that makes itself ready for a run and waits for it. Until the run begins it does not keep this process
 * alive, and it ends when this process does: its stdin ends then, however it happens.
 */
export class JobProcess {
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the process is gone and has said all; rejects when it could not be started. */
  readonly ended: Promise<JobEnd>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #memoryMiB: number;

  constructor(memoryMiB: number) {
    this.#memoryMiB = memoryMiB;
    const flags = [`--max-old-space-size=${Math.min(HEAP_MIB, memoryMiB)}`, "--enable-source-maps"];
    const child = spawn(process.execPath, [...flags, JOB, String(memoryMiB)], {
      cwd: tmpdir(),
      env: {},
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    this.stdout = child.stdout;
    this.stderr = child.stderr;
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    // While nobody waits for a run, a process that cannot be started is nobody's failure.
    this.ended.catch(() => {});
    // One that ends before it has read its run says why by its end.
    child.stdin.on("error", () => {});
    child.unref();
    for (const pipe of this.#pipes()) pipe.unref();
  }

  /** Whether it lives, and has the memory that a run asks for. */
  isReadyFor(memoryMiB: number): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return this.#memoryMiB === memoryMiB && pid !== undefined && exitCode === null && signalCode === null;
  }

  begin(request: JobRequest): void {
    this.#child.ref();
    for (const pipe of this.#pipes()) pipe.ref();
    this.#child.stdin.end(`${JSON.stringify(request)}\n`);
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #pipes(): Socket[] {
    const { stdin, stdout, stderr } = this.#child;
    return [stdin, stdout, stderr].filter((stream) => stream instanceof Socket);
  }
}
