/**
 * The only source of time under `src/local`: everything that waits, expires, retries or stamps asks a `Clock`.
 *
 * The runtime's clock is the machine's plus an offset. Tests move the offset; a one-shot run skips idle time: when
 * nothing holds the clock, it jumps to the next foreground timer instead of sleeping until it.
 */
export interface Clock {
  /** Milliseconds since the epoch, in runtime time. */
  now(): number;
  /** How far runtime time is ahead of the machine's, in milliseconds. Child processes are started with it. */
  readonly offset: number;
  /**
   * Calls `fire` once, `delayMs` of runtime time from now.
   * A `background` timer (a schedule, a metrics tick) never makes idle time worth skipping.
   */
  timer(delayMs: number, fire: () => void, options?: { background?: boolean }): Timer;
  /** Resolves after `delayMs` of runtime time; rejects with the signal's reason when aborted. */
  sleep(delayMs: number, options?: { background?: boolean; signal?: AbortSignal }): Promise<void>;
  /** Says that real work is going on: idle time is not skipped until the returned function was called. */
  hold(): () => void;
}

export interface Timer {
  cancel(): void;
}

interface Pending {
  due: number;
  order: number;
  background: boolean;
  fire: () => void;
}

/** The clock of a runtime. `skipIdle` is for one-shot runs; `advance` is for tests and the failure levers. */
export class RuntimeClock implements Clock {
  #offset = 0;
  #order = 0;
  #holds = 0;
  #closed = false;
  #wake: NodeJS.Timeout | undefined;
  #skip: NodeJS.Immediate | undefined;
  readonly #pending = new Set<Pending>();
  readonly #skipIdle: boolean;

  constructor(options: { skipIdle?: boolean; offset?: number } = {}) {
    this.#skipIdle = options.skipIdle ?? false;
    this.#offset = options.offset ?? 0;
  }

  get offset(): number {
    return this.#offset;
  }

  now(): number {
    return Date.now() + this.#offset;
  }

  timer(delayMs: number, fire: () => void, options: { background?: boolean } = {}): Timer {
    const entry: Pending = {
      due: this.now() + Math.max(0, delayMs),
      order: this.#order++,
      background: options.background ?? false,
      fire,
    };
    this.#pending.add(entry);
    this.#schedule();
    return {
      cancel: () => {
        this.#pending.delete(entry);
        this.#schedule();
      },
    };
  }

  sleep(delayMs: number, options: { background?: boolean; signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        timer.cancel();
        reject(signal?.reason);
      };
      const timer = this.timer(
        delayMs,
        () => {
          signal?.removeEventListener("abort", abort);
          resolve();
        },
        options,
      );
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  hold(): () => void {
    this.#holds++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#holds--;
      this.#schedule();
    };
  }

  /** Moves runtime time forward by `ms`, firing every timer that becomes due, in order of their due times. */
  async advance(ms: number): Promise<void> {
    const target = this.now() + ms;
    for (let next = this.#next(); next && next.due <= target; next = this.#next()) {
      this.#offset += Math.max(0, next.due - this.now());
      this.#fire(next);
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#offset += Math.max(0, target - this.now());
    this.#schedule();
  }

  /** Forgets every timer: nothing fires any more. */
  close(): void {
    this.#closed = true;
    this.#pending.clear();
    clearTimeout(this.#wake);
    clearImmediate(this.#skip);
  }

  #next(foregroundOnly = false): Pending | undefined {
    let first: Pending | undefined;
    for (const entry of this.#pending) {
      if (foregroundOnly && entry.background) continue;
      if (!first || entry.due < first.due || (entry.due === first.due && entry.order < first.order)) first = entry;
    }
    return first;
  }

  #fire(entry: Pending): void {
    this.#pending.delete(entry);
    entry.fire();
  }

  #schedule(): void {
    if (this.#closed) return;
    clearTimeout(this.#wake);
    const next = this.#next();
    if (!next) return;
    this.#wake = setTimeout(() => this.#fireDue(), Math.min(2 ** 31 - 1, Math.max(0, next.due - this.now())));
    if (this.#skipIdle && this.#holds === 0 && !this.#skip) this.#skip = setImmediate(() => this.#skipAhead());
  }

  #fireDue(): void {
    for (let next = this.#next(); next && next.due <= this.now(); next = this.#next()) this.#fire(next);
    this.#schedule();
  }

  #skipAhead(): void {
    this.#skip = undefined;
    if (this.#closed || this.#holds > 0) return;
    const next = this.#next(true);
    if (!next) return;
    this.#offset += Math.max(0, next.due - this.now());
    this.#fireDue();
  }
}
