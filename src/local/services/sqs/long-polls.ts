import type { Clock, Timer } from "../../clock.ts";

export interface LongPoll<Item> {
  /** Takes what is there now; an empty list means: go on waiting. */
  take(): Item[];
  /** How long to wait, in milliseconds. */
  waitMs: number;
  /** Aborted when the caller has gone. */
  signal: AbortSignal | undefined;
}

interface Waiter<Item> {
  poll: LongPoll<Item>;
  settle(items: Item[]): void;
  fail(error: unknown): void;
}

/**
 * Receives that wait for messages. A waiting one costs nothing: it is woken when something arrived (`notify`), when a
 * hidden message becomes visible, or when its time is over. Who came first is served first. One whose caller has gone
 * is out of the line before the next message comes, so it swallows none.
 */
export class LongPolls<Item> {
  readonly #clock: Clock;
  readonly #nextVisibleAt: (queue: string, now: number) => number | undefined;
  readonly #waiters = new Map<string, Set<Waiter<Item>>>();
  readonly #visibility = new Map<string, Timer>();

  constructor(clock: Clock, nextVisibleAt: (queue: string, now: number) => number | undefined) {
    this.#clock = clock;
    this.#nextVisibleAt = nextVisibleAt;
  }

  wait(queue: string, poll: LongPoll<Item>): Promise<Item[]> {
    const { promise, resolve, reject } = Promise.withResolvers<Item[]>();
    const waiters = this.#waiters.get(queue) ?? new Set();
    this.#waiters.set(queue, waiters);
    const leave = () => {
      waiters.delete(waiter);
      timeout.cancel();
      poll.signal?.removeEventListener("abort", abandon);
      if (waiters.size === 0) this.#disarm(queue);
    };
    const waiter: Waiter<Item> = {
      poll,
      settle: (items) => {
        leave();
        // From here to the consumer's own hold, the message is being worked on: time must not be skipped in between.
        if (items.length > 0) setImmediate(this.#clock.hold());
        resolve(items);
      },
      fail: (error) => {
        leave();
        reject(error);
      },
    };
    const abandon = () => waiter.settle([]);
    const timeout = this.#clock.timer(poll.waitMs, () => waiter.settle([]), { background: true });
    poll.signal?.addEventListener("abort", abandon, { once: true });
    waiters.add(waiter);
    if (poll.signal?.aborted) abandon();
    else this.#arm(queue);
    return promise;
  }

  /** Something may have become receivable in this queue. */
  notify(queue: string): void {
    for (const waiter of this.#waiters.get(queue) ?? []) {
      try {
        const items = waiter.poll.take();
        if (items.length === 0) break;
        waiter.settle(items);
      } catch (error) {
        waiter.fail(error);
      }
    }
    this.#arm(queue);
  }

  /** A hidden message of this queue is gone: nobody wakes for it any more. */
  forget(queue: string): void {
    this.#arm(queue);
  }

  /** Ends every wait with nothing: the service stops. */
  close(): void {
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.settle([]);
  }

  /** Wakes at the next visibility, and only while somebody waits: that is idle time worth skipping. */
  #arm(queue: string): void {
    this.#disarm(queue);
    if (!this.#waiters.get(queue)?.size) return;
    const now = this.#clock.now();
    const at = this.#nextVisibleAt(queue, now);
    if (at !== undefined)
      this.#visibility.set(
        queue,
        this.#clock.timer(at - now, () => this.notify(queue)),
      );
  }

  #disarm(queue: string): void {
    this.#visibility.get(queue)?.cancel();
    this.#visibility.delete(queue);
  }
}
