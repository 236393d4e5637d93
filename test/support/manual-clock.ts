import type { Clock, Timer } from "../../src/local/clock.ts";

interface Entry {
  due: number;
  order: number;
  fire: () => void;
}

/**
 * A clock that stands still until a test moves it, so that boundaries ("visible after exactly 30 s") can be told apart.
 */
export class ManualClock implements Clock {
  readonly offset = 0;
  /** How many holders there are: a test can ask whether work was held and released. */
  holds = 0;
  #now: number;
  #order = 0;
  readonly #entries = new Set<Entry>();

  constructor(start: Date | number = new Date("2026-11-24T08:00:00Z")) {
    this.#now = Number(start);
  }

  now(): number {
    return this.#now;
  }

  timer(delayMs: number, fire: () => void): Timer {
    const entry = { due: this.#now + Math.max(0, delayMs), order: this.#order++, fire };
    this.#entries.add(entry);
    return { cancel: () => void this.#entries.delete(entry) };
  }

  sleep(delayMs: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (options.signal?.aborted) reject(options.signal.reason);
    const timer = this.timer(delayMs, resolve);
    options.signal?.addEventListener("abort", () => {
      timer.cancel();
      reject(options.signal?.reason);
    });
    return promise;
  }

  /** How long every timer still waits, the shortest first. */
  get waits(): number[] {
    return [...this.#entries].map(({ due }) => due - this.#now).toSorted((a, b) => a - b);
  }

  hold(): () => void {
    this.holds++;
    let released = false;
    return () => {
      if (!released) this.holds--;
      released = true;
    };
  }

  /** Moves time on by `ms`; timers fire in order at their own time, and what they start gets to run in between. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await settle();
    for (let next = this.#next(target); next; next = this.#next(target)) {
      this.#now = Math.max(this.#now, next.due);
      this.#entries.delete(next);
      next.fire();
      await settle();
    }
    this.#now = target;
  }

  #next(until: number): Entry | undefined {
    const due = [...this.#entries].filter((entry) => entry.due <= until);
    return due.sort((a, b) => a.due - b.due || a.order - b.order)[0];
  }
}

/** Lets everything run that does not wait for time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
