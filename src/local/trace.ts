/**
 * One typed stream of everything that happens in the runtime. Tests wait on it, the CLI prints a file's journey from
 * it, the dashboard draws it. Nothing in the runtime reads it to decide what to do.
 */
export type TraceEvent = { readonly at: number } & (
  | {
      type: "call";
      service: string;
      operation: string;
      /** ARN of who called, or a service principal such as `s3.amazonaws.com`. */
      principal: string;
      requestId: string;
      /** What it was about, in the service's words: a bucket and key, a queue name, a job name. */
      resource?: string;
      error?: string;
      durationMs: number;
    }
  /** A message handed from one box to the next, e.g. bucket to topic, topic to queue, queue to function. */
  | { type: "delivery"; from: string; to: string; messageIds: string[]; error?: string }
  /** A state change of a thing that has states. `id` is the run id, query id, crawl id… */
  | {
      type: "state";
      kind: "job-run" | "crawler" | "query" | "alarm" | "event-source-mapping" | "stack" | "resource" | "rule";
      name: string;
      id?: string;
      from?: string;
      to: string;
      reason?: string;
    }
  | {
      type: "invocation";
      functionName: string;
      requestId: string;
      status: "started" | "succeeded" | "failed" | "timed-out";
      durationMs?: number;
      error?: string;
    }
  | { type: "log"; logGroup: string; logStream: string; message: string }
  /** Something went wrong inside the runtime itself: always shown in full. */
  | { type: "internal-error"; where: string; error: string }
);

/** `Omit` that keeps the members of a union apart. */
type WithoutTime<T> = T extends unknown ? Omit<T, "at"> : never;

export interface Trace {
  emit(event: WithoutTime<TraceEvent>): void;
  /** Subscribes; the returned function unsubscribes. */
  on(listener: (event: TraceEvent) => void): () => void;
  /** The first event from now on (or, with `since`, already seen) that the predicate accepts. */
  waitFor<T extends TraceEvent>(predicate: (event: TraceEvent) => event is T, options?: WaitOptions): Promise<T>;
  waitFor(predicate: (event: TraceEvent) => boolean, options?: WaitOptions): Promise<TraceEvent>;
}

export interface WaitOptions {
  /** Also accept events that happened before, back to the ones still kept; log lines, which may be large, are not. */
  includePast?: boolean;
  signal?: AbortSignal;
}

const KEPT = 10_000;

export function createTrace(now: () => number): Trace {
  const listeners = new Set<(event: TraceEvent) => void>();
  const kept: TraceEvent[] = [];
  const on = (listener: (event: TraceEvent) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return {
    on,
    emit(event) {
      const stamped = { at: now(), ...event } as TraceEvent;
      if (stamped.type !== "log") kept.push(stamped);
      if (kept.length > KEPT * 2) kept.splice(0, kept.length - KEPT);
      for (const listener of listeners) listener(stamped);
    },
    waitFor(predicate: (event: TraceEvent) => boolean, options: WaitOptions = {}): Promise<never> {
      return new Promise<TraceEvent>((resolve, reject) => {
        const past = options.includePast ? kept.find((event) => predicate(event)) : undefined;
        if (past) return resolve(past);
        const { signal } = options;
        if (signal?.aborted) return reject(signal.reason);
        const abort = () => {
          off();
          reject(signal?.reason);
        };
        const off = on((event) => {
          if (!predicate(event)) return;
          off();
          signal?.removeEventListener("abort", abort);
          resolve(event);
        });
        signal?.addEventListener("abort", abort, { once: true });
      }) as Promise<never>;
    },
  };
}
