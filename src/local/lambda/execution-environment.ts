import { spawn, type ChildProcess } from "node:child_process";
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import type { Clock, Timer } from "../clock.ts";
import type { ChildScripts } from "./child-scripts.ts";
import type { FunctionConfiguration } from "./function-configuration.ts";
import { MAX_SYNCHRONOUS_PAYLOAD } from "./function-configuration.ts";
import type { LogStreamWriter } from "./log-stream.ts";
import { failurePayload, functionErrorOf, type InvocationRequest, type InvocationResult } from "./invocation.ts";
import { LogLines } from "./log-lines.ts";
import { peakMemory, residentMemory } from "./memory.ts";
import type { Reaper } from "./reaper.ts";
import { RuntimeApi } from "./runtime-api.ts";

/** Lambda's limit for the initialisation of a function on demand. */
const INIT_TIMEOUT_SECONDS = 10;
/** Reading /proc is cheap; elsewhere each look starts a process. */
const MEMORY_POLL_MS = process.platform === "linux" ? 25 : 250;
const TAIL_BYTES = 4096;

/** Why the host killed the process. */
type Cause = "timeout" | "memory" | "retired";

interface Current {
  readonly request: InvocationRequest;
  /** When the event was handed out. */
  startedAt: number | undefined;
  /** The end of the invocation's log: at least its last 4 KB. */
  tail: string;
  logsComplete: boolean;
  answer: { payload: string; status: "success" | "error" } | undefined;
  settle: () => void;
}

export interface EnvironmentDeps {
  readonly clock: Clock;
  readonly reaper: Reaper;
  readonly scripts: ChildScripts;
  readonly log: LogStreamWriter;
  readonly variables: (runtimeApi: string) => Record<string, string>;
  readonly temporaryDirectory: string;
}

/**
 * One execution environment: a process that handles one invocation at a time, frozen in between as Lambda freezes it,
 * so that work a handler forgot to await stands still here too.
 */
export class ExecutionEnvironment {
  readonly configuration: FunctionConfiguration;
  readonly #deps: EnvironmentDeps;
  readonly #lines: LogLines;
  readonly #api: RuntimeApi;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #spawnedAt: number;
  #initDurationMs: number | undefined;
  #initError: string | undefined;
  #cause: Cause | undefined;
  #exit: { code: number | null; signal: NodeJS.Signals | null } | undefined;
  #current: Current | undefined;
  #ready = false;
  #frozen = false;
  #deadline: Timer | undefined;
  #memoryTimer: Timer | undefined;
  #maxMemory = 0;

  /** Starts the process; it initialises while the first invocation already waits for it. */
  static async start(configuration: FunctionConfiguration, deps: EnvironmentDeps): Promise<ExecutionEnvironment> {
    return new ExecutionEnvironment(configuration, deps, await RuntimeApi.listen());
  }

  private constructor(configuration: FunctionConfiguration, deps: EnvironmentDeps, api: RuntimeApi) {
    this.configuration = configuration;
    this.#deps = deps;
    this.#api = api;
    this.#lines = new LogLines(configuration);
    api.attach({
      ready: () => this.#onReady(),
      response: (id, body) => this.#onAnswer(id, body, "success"),
      error: (id, body) => this.#onAnswer(id, body, "error"),
      initError: (body) => {
        this.#initError = body.toString();
      },
    });
    this.#spawnedAt = deps.clock.now();
    this.#child = spawn(
      process.execPath,
      [
        // What Lambda leaves to the old generation; buffers are outside of it, hence the watch on the whole process.
        `--max-old-space-size=${Math.floor(configuration.memoryMiB * 0.9)}`,
        "--import",
        guardUrl(deps.scripts.guard, deps.clock.offset),
        deps.scripts.bootstrap,
      ],
      {
        cwd: configuration.directory,
        env: deps.variables(api.address),
        // A process group of its own: children of the function go with it, and a Ctrl-C in the terminal does not reach it.
        detached: true,
        stdio: ["ignore", "pipe", "pipe", "pipe"],
      },
    );
    if (this.#child.pid !== undefined) deps.reaper.watch(this.#child.pid);
    this.#readOutput();
    this.#closed = this.#watchExit();
    this.#startLimit(INIT_TIMEOUT_SECONDS);
  }

  /** False once the process has gone or was told to. */
  get alive(): boolean {
    return this.#exit === undefined && this.#cause === undefined;
  }

  /** When the process was started, in milliseconds of runtime time. */
  get startedAt(): number {
    return this.#spawnedAt;
  }

  /**
   * Runs one invocation. Resolves with nothing when the process, which had served others, turned out to be dead before
   * the event was handed out: the invocation belongs to another environment then.
   */
  async invoke(request: InvocationRequest): Promise<InvocationResult | undefined> {
    const cold = this.#initDurationMs === undefined;
    const current = await new Promise<Current>((resolve) => {
      const current: Current = {
        request,
        startedAt: undefined,
        tail: "",
        logsComplete: false,
        answer: undefined,
        settle: () => resolve(current),
      };
      this.#current = current;
      if (this.#exit) current.settle();
      else if (this.#ready) this.#deliver(current);
    });
    this.#current = undefined;
    this.#stopLimits();
    if (current.startedAt === undefined && !cold) return undefined;
    const result = this.#conclude(current, cold);
    if (!this.alive) await this.#closed;
    else if (this.#ready) this.#freeze();
    void this.#deps.log.flush();
    return result;
  }

  /** Ends the process; resolves when it has gone. */
  async kill(): Promise<void> {
    this.#killWith("retired");
    await this.#closed;
  }

  // --- what the process says ------------------------------------------------------------------------------------------

  #onReady(): void {
    this.#ready = true;
    if (this.#initDurationMs === undefined) {
      this.#initDurationMs = this.#deps.clock.now() - this.#spawnedAt;
      this.#stopLimits();
    }
    if (this.#current) this.#deliver(this.#current);
    else this.#freeze();
  }

  #deliver(current: Current): void {
    if (current.startedAt !== undefined) return;
    const { clock } = this.#deps;
    const { configuration } = this;
    const { requestId, payload, clientContext } = current.request;
    current.startedAt = clock.now();
    this.#ready = false;
    this.#thaw();
    this.#writeLines(this.#lines.start(current.startedAt, requestId));
    this.#startLimit(configuration.timeoutSeconds);
    this.#api.deliver({
      requestId,
      payload,
      clientContext,
      deadline: current.startedAt + configuration.timeoutSeconds * 1000,
      functionArn: configuration.functionArn,
      traceId: undefined,
      clockOffset: clock.offset,
    });
  }

  #onAnswer(requestId: string, body: Buffer, status: "success" | "error"): void {
    const current = this.#current;
    if (current?.request.requestId !== requestId || current.answer) return;
    if (body.length > MAX_SYNCHRONOUS_PAYLOAD) {
      const message = `Response payload size exceeded maximum allowed payload size (${MAX_SYNCHRONOUS_PAYLOAD} bytes).`;
      const payload = JSON.stringify({ errorType: "Function.ResponseSizeTooLarge", errorMessage: message });
      current.answer = { payload, status: "error" };
    } else current.answer = { payload: body.toString(), status };
    this.#settleWhenLogged(current);
  }

  #settleWhenLogged(current: Current): void {
    // stdout and stderr are pipes of their own: one more turn of the event loop reads what was written before.
    if (current.answer && current.logsComplete) setImmediate(current.settle);
  }

  #readOutput(): void {
    const [, stdout, stderr, events] = this.#child.stdio;
    for (const stream of [stdout, stderr]) {
      createInterface({ input: stream as Readable }).on("line", (line) => this.#writeLines([`${line}\n`]));
    }
    createInterface({ input: events as Readable }).on("line", (line) => {
      const event = logEvent(line);
      if ("message" in event) return this.#writeLines([event.message], event.time);
      const current = this.#current;
      if (current?.request.requestId !== event.done) return;
      current.logsComplete = true;
      this.#settleWhenLogged(current);
    });
  }

  async #watchExit(): Promise<void> {
    const child = this.#child;
    const closed = new Promise((resolve) => child.once("close", resolve));
    this.#exit = await new Promise((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
      // A process that cannot even be started has no exit.
      child.once("error", () => resolve({ code: 1, signal: null }));
    });
    this.#ready = false;
    if (child.pid !== undefined) {
      killGroup(child.pid);
      this.#deps.reaper.forget(child.pid);
      await closed;
    }
    this.#stopLimits();
    this.#api.close();
    this.#current?.settle();
    await this.#deps.log.flush();
    await rm(this.#deps.temporaryDirectory, { recursive: true, force: true });
  }

  // --- limits -----------------------------------------------------------------------------------------------------------

  #startLimit(seconds: number): void {
    this.#deadline = this.#deps.clock.timer(seconds * 1000, () => this.#killWith("timeout"));
    const poll = () => {
      const look = async () => {
        await this.#checkMemory();
        // The limit may have been taken away, or set anew, during the look.
        if (this.#memoryTimer === timer) poll();
      };
      const timer = this.#deps.clock.timer(MEMORY_POLL_MS, () => void look(), { background: true });
      this.#memoryTimer = timer;
    };
    poll();
  }

  #stopLimits(): void {
    this.#deadline?.cancel();
    this.#memoryTimer?.cancel();
    this.#deadline = this.#memoryTimer = undefined;
  }

  async #checkMemory(): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined || this.#exit) return;
    const bytes = await residentMemory(pid);
    if (bytes === undefined) return;
    this.#maxMemory = Math.max(this.#maxMemory, bytes);
    if (bytes > this.configuration.memoryMiB * 2 ** 20) this.#killWith("memory");
  }

  #killWith(cause: Cause): void {
    if (!this.alive) return;
    this.#cause = cause;
    if (this.#child.pid !== undefined) killGroup(this.#child.pid);
  }

  #freeze(): void {
    if (this.#frozen || !this.alive) return;
    this.#frozen = true;
    this.#child.kill("SIGSTOP");
  }

  #thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#child.kill("SIGCONT");
  }

  // --- the result -------------------------------------------------------------------------------------------------------

  #conclude(current: Current, cold: boolean): InvocationResult {
    const now = this.#deps.clock.now();
    const { requestId } = current.request;
    const outcome = current.answer ?? this.#failure(current);
    const errorType = outcome.status === "success" ? undefined : functionErrorOf(outcome.payload).errorType;
    if (current.startedAt === undefined) {
      // It never became ready.
      const status = outcome.status === "timeout" ? "timeout" : "error";
      this.#writeLines(this.#lines.initFailed(now, now - this.#spawnedAt, status, errorType), now, current);
      this.#writeLines(this.#lines.start(now, requestId), now, current);
    } else if (outcome.status === "timeout") {
      this.#writeLines(this.#lines.timedOut(now, requestId, this.configuration.timeoutSeconds), now, current);
    }
    this.#maxMemory = Math.max(this.#maxMemory, (this.#child.pid && peakMemory(this.#child.pid)) || 0);
    const durationMs = now - (current.startedAt ?? this.#spawnedAt);
    this.#writeLines(
      this.#lines.end(now, {
        requestId,
        status: outcome.status,
        errorType: this.#cause === "memory" ? "Runtime.OutOfMemory" : errorType,
        durationMs,
        initDurationMs: cold ? this.#initDurationMs : undefined,
        maxMemoryBytes: this.#maxMemory,
      }),
      now,
      current,
    );
    return { ...outcome, durationMs, logTail: tailOf(current.tail) };
  }

  #failure(current: Current): { payload: string; status: "error" | "timeout" } {
    const { requestId } = current.request;
    if (this.#initError !== undefined && current.startedAt === undefined) {
      return { payload: this.#initError, status: "error" };
    }
    if (this.#cause === "timeout") {
      const seconds = current.startedAt === undefined ? INIT_TIMEOUT_SECONDS : this.configuration.timeoutSeconds;
      const message = `Task timed out after ${seconds.toFixed(2)} seconds`;
      return { payload: failurePayload("Sandbox.Timedout", requestId, message), status: "timeout" };
    }
    const { code, signal } = this.#exit ?? { code: null, signal: null };
    const how =
      signal !== null
        ? `Runtime exited with error: signal: ${SIGNALS[signal] ?? signal}`
        : code === 0
          ? "Runtime exited without providing a reason"
          : `Runtime exited with error: exit status ${code}`;
    return { payload: failurePayload("Runtime.ExitError", requestId, how), status: "error" };
  }

  #writeLines(lines: string[], time?: number, current = this.#current): void {
    for (const line of lines) {
      this.#deps.log.write(line, time);
      if (current) current.tail = `${current.tail}${line.endsWith("\n") ? line : `${line}\n`}`.slice(-TAIL_BYTES);
    }
  }
}

function guardUrl(guard: string, clockOffset: number): string {
  const url = pathToFileURL(guard);
  url.searchParams.set("clock-offset", String(clockOffset));
  return url.href;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}

/** As Go's os.ProcessState words them, which Lambda passes on. */
const SIGNALS: Partial<Record<NodeJS.Signals, string>> = {
  SIGABRT: "aborted",
  SIGKILL: "killed",
  SIGSEGV: "segmentation fault",
  SIGTERM: "terminated",
};

/** A character has at least one byte, so the last 4,096 characters hold the last 4 KB. */
function tailOf(text: string): string {
  return Buffer.from(text).subarray(-TAIL_BYTES).toString();
}

/** What the bootstrap wrote. A process that was killed in the middle of a line leaves a part of it, which is logged as it is. */
function logEvent(line: string): { time?: number; message: string } | { done: string } {
  try {
    return JSON.parse(line) as { time: number; message: string } | { done: string };
  } catch {
    return { message: line };
  }
}
