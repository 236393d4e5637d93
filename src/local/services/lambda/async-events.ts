import type { Timer } from "../../clock.ts";
import { functionErrorOf, type InvocationResult } from "../../lambda/invocation.ts";
import { AwsError, type ServiceDeps } from "../../service.ts";
import { deliverDeadLetter, deliverRecord, type Outcome } from "./destinations.ts";
import type { Functions } from "./functions.ts";
import { isThrottle, type Invoker } from "./invoker.ts";
import type { LambdaMetrics } from "./metrics.ts";
import type { AsyncEvent, LambdaStore, StoredFunction } from "./store.ts";

/** Before the first and the second retry after a function error. */
const RETRY_DELAYS_MS = [60_000, 120_000];
const DEFAULT_RETRIES = 2;
const DEFAULT_MAX_AGE_SECONDS = 21_600;
/** Between attempts that do not reach the function: from one second, doubling, up to five minutes. */
const MAX_THROTTLE_DELAY_MS = 300_000;
/** Events of one function handed over at the same time. AWS does not say how its queue scales. */
const CONCURRENCY_PER_FUNCTION = 10;

/**
 * The queue between an asynchronous invocation and its function
 * (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html). An accepted event is durable: it ends by success,
 * or in a destination or dead-letter queue, or counted as dropped. After a crash it may be delivered again.
 */
export class AsyncEvents {
  readonly #deps: ServiceDeps;
  readonly #store: LambdaStore;
  readonly #functions: Functions;
  readonly #invoker: Invoker;
  readonly #metrics: LambdaMetrics;
  /** Events waiting for their time or for a free place, by request id. */
  readonly #waiting = new Map<string, AsyncEvent>();
  readonly #running = new Map<string, number>();
  #timer: Timer | undefined;
  #started = false;

  constructor(deps: ServiceDeps, store: LambdaStore, functions: Functions, invoker: Invoker, metrics: LambdaMetrics) {
    this.#deps = deps;
    this.#store = store;
    this.#functions = functions;
    this.#invoker = invoker;
    this.#metrics = metrics;
  }

  /** Takes an event into the queue; it is on disk when this returns. */
  accept(event: Pick<AsyncEvent, "requestId" | "functionName" | "payload">): void {
    const now = this.#deps.clock.now();
    const accepted = { ...event, acceptedAt: now, attempts: 0, throttles: 0, nextAt: now };
    this.#store.putEvent(accepted);
    this.#metrics.add(event.functionName, "AsyncEventsReceived");
    this.#waiting.set(event.requestId, accepted);
    this.#pump();
  }

  /** Takes up what was accepted before the runtime stopped. */
  start(): void {
    this.#started = true;
    for (const event of this.#store.events()) this.#waiting.set(event.requestId, event);
    this.#pump();
  }

  stop(): void {
    this.#started = false;
    this.#timer?.cancel();
  }

  #pump(): void {
    if (!this.#started) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    const now = this.#deps.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const event of this.#waiting.values()) {
      const running = this.#running.get(event.functionName) ?? 0;
      if (running >= CONCURRENCY_PER_FUNCTION) continue;
      if (event.nextAt > now) {
        next = Math.min(next, event.nextAt);
        continue;
      }
      this.#waiting.delete(event.requestId);
      this.#running.set(event.functionName, running + 1);
      void this.#run(event);
    }
    if (next < Number.POSITIVE_INFINITY) this.#timer = this.#deps.clock.timer(next - now, () => this.#pump());
  }

  async #run(event: AsyncEvent): Promise<void> {
    const release = this.#deps.clock.hold();
    try {
      await this.#attempt(event);
    } catch (error) {
      this.#deps.trace.emit({
        type: "internal-error",
        where: `asynchronous invocation ${event.requestId} of ${event.functionName}`,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    } finally {
      this.#running.set(event.functionName, (this.#running.get(event.functionName) ?? 1) - 1);
      this.#pump();
      release();
    }
  }

  async #attempt(event: AsyncEvent): Promise<void> {
    const { clock } = this.#deps;
    const stored = this.#store.functions.get(event.functionName);
    if (!stored) return this.#drop(event);
    const { retries, maxAgeMs } = this.#limits(event.functionName);
    if (clock.now() - event.acceptedAt > maxAgeMs) {
      return this.#end(stored, event, { condition: "EventAgeExceeded", payload: undefined });
    }
    if (event.attempts === 0) this.#metrics.add(stored.name, "AsyncEventAge", clock.now() - event.acceptedAt);
    let result: InvocationResult;
    try {
      result = await this.#invoker.invoke(event.functionName, event);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      if (!this.#started) return; // Stopping: it is on disk, and taken up again.
      // A function whose concurrency is set to nothing is not tried again.
      if (isThrottle(error) && stored.reservedConcurrency === 0) {
        return this.#end(stored, event, { condition: "RetriesExhausted", payload: undefined });
      }
      const delay = Math.min(MAX_THROTTLE_DELAY_MS, 1000 * 2 ** event.throttles);
      return this.#later({ ...event, throttles: event.throttles + 1, nextAt: clock.now() + delay });
    }
    if (!this.#started) return;
    const tried = { ...event, attempts: event.attempts + 1, throttles: 0 };
    if (result.status === "success") return this.#end(stored, tried, { condition: "Success", payload: result.payload });
    if (tried.attempts > retries) {
      return this.#end(stored, tried, { condition: "RetriesExhausted", payload: result.payload });
    }
    const nextAt = clock.now() + (RETRY_DELAYS_MS[event.attempts] ?? 0);
    if (nextAt - event.acceptedAt > maxAgeMs) {
      return this.#end(stored, tried, { condition: "EventAgeExceeded", payload: result.payload });
    }
    this.#later({ ...tried, nextAt });
  }

  #later(event: AsyncEvent): void {
    this.#store.putEvent(event);
    this.#waiting.set(event.requestId, event);
  }

  #drop(event: AsyncEvent): void {
    this.#metrics.add(event.functionName, "AsyncEventsDropped");
    this.#store.deleteEvent(event.requestId);
  }

  async #end(stored: StoredFunction, event: AsyncEvent, outcome: Outcome): Promise<void> {
    const config = this.#store.eventInvokeConfigs.get(stored.name);
    const succeeded = outcome.condition === "Success";
    const destination = succeeded ? config?.onSuccess : config?.onFailure;
    if (destination !== undefined) {
      await this.#deliver(stored, "DestinationDeliveryFailures", async (principal) => {
        await deliverRecord(this.#deps, principal, destination, this.#functions.arn(stored.name), event, outcome);
      });
    }
    const { deadLetterArn } = stored;
    if (!succeeded && deadLetterArn !== undefined) {
      const error = outcome.payload === undefined ? { code: 429 } : { ...functionErrorOf(outcome.payload), code: 200 };
      await this.#deliver(stored, "DeadLetterErrors", async (principal) => {
        await deliverDeadLetter(this.#deps, principal, deadLetterArn, event, error);
      });
    }
    if (!succeeded && destination === undefined && deadLetterArn === undefined) return this.#drop(event);
    this.#store.deleteEvent(event.requestId);
  }

  async #deliver(
    stored: StoredFunction,
    failureMetric: "DestinationDeliveryFailures" | "DeadLetterErrors",
    deliver: (principal: Awaited<ReturnType<ServiceDeps["bus"]["assumeRole"]>>["principal"]) => Promise<void>,
  ): Promise<void> {
    try {
      const session = await this.#deps.bus.assumeRole(stored.roleArn, stored.name);
      await deliver(session.principal);
    } catch (error) {
      // As AWS: the event is lost to the destination, and only the metric (here also the trace) says so.
      this.#metrics.add(stored.name, failureMetric);
      this.#deps.trace.emit({
        type: "delivery",
        from: this.#functions.arn(stored.name),
        to: failureMetric === "DeadLetterErrors" ? "dead-letter target" : "destination",
        messageIds: [],
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  #limits(functionName: string): { retries: number; maxAgeMs: number } {
    const config = this.#store.eventInvokeConfigs.get(functionName);
    return {
      retries: config?.maximumRetryAttempts ?? DEFAULT_RETRIES,
      maxAgeMs: (config?.maximumEventAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS) * 1000,
    };
  }
}
