import { rm } from "node:fs/promises";
import path from "node:path";
import { AwsError, type ServiceDeps } from "../service.ts";
import type { Timer } from "../clock.ts";
import { childScripts, type ChildScripts } from "./child-scripts.ts";
import { environmentVariables } from "./environment-variables.ts";
import { ExecutionEnvironment } from "./execution-environment.ts";
import type { FunctionConfiguration } from "./function-configuration.ts";
import { LogStreamWriter } from "./log-stream.ts";
import { functionErrorOf, type InvocationRequest, type InvocationResult } from "./invocation.ts";
import { Reaper } from "./reaper.ts";

const IDLE_MS = 5 * 60_000;
/** Lambda replaces environments every few hours, busy or not; here more often, so that leaks and stale state show. */
const LIFETIME_MS = 45 * 60_000;

/**
 * The account's concurrency. AWS gives a new account 10 and an older one 1,000; each unit is a process of some 60 MB
 * here, so this is for a laptop.
 */
const ACCOUNT_CONCURRENCY = 32;

/** Runs functions: keeps a pool of execution environments, and limits how many work at once. */
export class LambdaHost {
  readonly #deps: ServiceDeps;
  readonly #concurrency: number;
  readonly #reaper = new Reaper();
  readonly #all = new Set<ExecutionEnvironment>();
  /** Idle environments with the timers that end them, the most recently used last. */
  readonly #idle = new Map<ExecutionEnvironment, Timer>();
  /** Invocations going on, per function. */
  readonly #busy = new Map<string, number>();
  readonly #running = new Set<Promise<InvocationResult>>();
  #scripts: Promise<ChildScripts> | undefined;
  #stopped = false;

  constructor(deps: ServiceDeps, options: { accountConcurrency?: number } = {}) {
    this.#deps = deps;
    this.#concurrency = options.accountConcurrency ?? ACCOUNT_CONCURRENCY;
  }

  /** Invocations of a function that are going on. */
  busy(functionName: string): number {
    return this.#busy.get(functionName) ?? 0;
  }

  /**
   * Runs one invocation to its end. A function that fails is a result. Rejects with TooManyRequestsException when the
   * function's or the account's concurrency is used up, and when the function's role cannot be assumed.
   */
  async invoke(configuration: FunctionConfiguration, request: InvocationRequest): Promise<InvocationResult> {
    const { functionName } = configuration;
    const { trace, clock } = this.#deps;
    this.#admit(configuration);
    const release = clock.hold();
    this.#busy.set(functionName, this.busy(functionName) + 1);
    try {
      trace.emit({ type: "invocation", functionName, requestId: request.requestId, status: "started" });
      const running = this.#run(configuration, request);
      this.#running.add(running);
      const result = await running.finally(() => this.#running.delete(running));
      trace.emit({
        type: "invocation",
        functionName,
        requestId: request.requestId,
        status: { success: "succeeded" as const, error: "failed" as const, timeout: "timed-out" as const }[
          result.status
        ],
        durationMs: result.durationMs,
        ...(result.status !== "success" && { error: describeError(result.payload) }),
      });
      return result;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      trace.emit({ type: "invocation", functionName, requestId: request.requestId, status: "failed", error: reason });
      throw error;
    } finally {
      const busy = this.busy(functionName) - 1;
      if (busy === 0) this.#busy.delete(functionName);
      else this.#busy.set(functionName, busy);
      release();
    }
  }

  async #run(configuration: FunctionConfiguration, request: InvocationRequest): Promise<InvocationResult> {
    for (;;) {
      const environment = this.#takeIdle(configuration) ?? (await this.#create(configuration));
      const result = await environment.invoke(request);
      this.#putBack(environment);
      if (result) return result;
    }
  }

  /** Forgets a function's idle environments: its code or configuration changed, or it is gone. */
  discard(functionName: string): void {
    for (const [environment, timer] of this.#idle) {
      if (environment.configuration.functionName === functionName) this.#end(environment, timer);
    }
  }

  /** Kills every process; resolves when all have gone. Invocations that were going on fail. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#idle.values()) timer.cancel();
    this.#idle.clear();
    await Promise.all([...this.#all].map((environment) => environment.kill()));
    // One that was just being started is killed by whoever started it.
    await Promise.allSettled(this.#running);
    this.#reaper.stop();
  }

  #admit({ functionName, reservedConcurrency }: FunctionConfiguration): void {
    if (this.#stopped) throw new AwsError("ServiceException", "The runtime is stopping.", { status: 500 });
    if (reservedConcurrency !== undefined && this.busy(functionName) >= reservedConcurrency) {
      throw throttled("ReservedFunctionConcurrentInvocationLimitExceeded");
    }
    const total = [...this.#busy.values()].reduce((sum, count) => sum + count, 0);
    if (total >= this.#concurrency) throw throttled("ConcurrentInvocationLimitExceeded");
  }

  #takeIdle({ functionName, revisionId }: FunctionConfiguration): ExecutionEnvironment | undefined {
    for (const [environment, timer] of [...this.#idle].reverse()) {
      if (environment.configuration.functionName !== functionName) continue;
      const fresh = this.#deps.clock.now() - environment.startedAt < LIFETIME_MS;
      if (!environment.alive || !fresh || environment.configuration.revisionId !== revisionId) {
        this.#end(environment, timer);
        continue;
      }
      timer.cancel();
      this.#idle.delete(environment);
      return environment;
    }
    return undefined;
  }

  #putBack(environment: ExecutionEnvironment): void {
    if (!environment.alive || this.#stopped) {
      this.#all.delete(environment);
      return;
    }
    const timer = this.#deps.clock.timer(IDLE_MS, () => this.#end(environment, timer), { background: true });
    this.#idle.set(environment, timer);
    // Idle environments count too: they hold memory.
    if (this.#all.size > this.#concurrency) {
      const [oldest] = this.#idle;
      if (oldest) this.#end(...oldest);
    }
  }

  #end(environment: ExecutionEnvironment, timer: Timer): void {
    timer.cancel();
    this.#idle.delete(environment);
    void environment.kill().finally(() => this.#all.delete(environment));
  }

  /** Before the first process: what a killed runtime left behind goes, and the scripts come. */
  async #prepare(): Promise<ChildScripts> {
    const { state } = this.#deps;
    await rm(state.directory("lambda", "tmp"), { recursive: true, force: true });
    return childScripts(state.directory("lambda", "scripts"));
  }

  async #create(configuration: FunctionConfiguration): Promise<ExecutionEnvironment> {
    const { bus, clock, ids, state, environment: account } = this.#deps;
    const { functionName, logging } = configuration;
    const session = await bus.assumeRole(configuration.roleArn, functionName);
    const id = ids.hex(32);
    const day = new Date(clock.now()).toISOString().slice(0, 10).replaceAll("-", "/");
    const logStream = `${day}/[$LATEST]${id}`;
    const scripts = await (this.#scripts ??= this.#prepare());
    const temporaryDirectory = path.resolve(state.directory("lambda", "tmp", id));
    const environment = await ExecutionEnvironment.start(configuration, {
      clock,
      reaper: this.#reaper,
      scripts,
      log: new LogStreamWriter({ bus, clock }, logging.group, logStream, session.principal),
      temporaryDirectory,
      variables: (runtimeApi) =>
        environmentVariables(configuration, {
          region: account.region,
          endpoint: account.endpoint(),
          session,
          runtimeApi,
          logStream,
          temporaryDirectory,
        }),
    });
    this.#all.add(environment);
    // Stopped in the meantime: `stop` could not know of this one.
    if (this.#stopped) await environment.kill();
    return environment;
  }
}

function throttled(reason: string): AwsError {
  return new AwsError("TooManyRequestsException", "Rate Exceeded.", {
    status: 429,
    fields: { Reason: reason, Type: "User" },
  });
}

function describeError(payload: string): string {
  const { errorType, errorMessage } = functionErrorOf(payload);
  return [errorType, errorMessage].filter((part) => part !== undefined).join(": ");
}
