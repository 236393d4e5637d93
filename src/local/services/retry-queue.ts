import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Timer } from "../clock.ts";
import type { ServiceDeps } from "../service.ts";

export interface RetryQueueOptions<Item> {
  readonly database: DatabaseSync;
  readonly table: string;
  /** Tries once; a rejection is a failed attempt. */
  attempt(item: Item): Promise<void>;
  /** Milliseconds until the next attempt, or undefined to give up. `firstAt` is when the item was added. */
  retryDelay(error: Error, attempts: number, item: Item, firstAt: number): number | undefined;
  giveUp(item: Item, error: Error, attempts: number): Promise<void> | void;
}

interface Pending<Item> {
  readonly id: number;
  readonly item: Item;
  readonly attempts: number;
  readonly firstAt: number;
  readonly nextAt: number;
}

/**
 * Work that must be done at least once: durable before it starts, tried again as its owner says, taken up again after
 * a restart. While an attempt runs, idle time is not skipped; while one waits, it is.
 */
export class RetryQueue<Item> {
  readonly #deps: Pick<ServiceDeps, "clock" | "trace">;
  readonly #options: RetryQueueOptions<Item>;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #timers = new Map<number, Timer>();
  /** Items whose attempt is going on. */
  readonly #running = new Set<number>();
  #stopped = false;

  constructor(deps: Pick<ServiceDeps, "clock" | "trace">, options: RetryQueueOptions<Item>) {
    this.#deps = deps;
    this.#options = options;
    options.database.exec(`
      CREATE TABLE IF NOT EXISTS ${options.table} (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        item TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        first_at INTEGER NOT NULL,
        next_at INTEGER NOT NULL
      ) STRICT`);
    const { database, table } = options;
    this.#insert = database.prepare(`INSERT INTO ${table} (item, attempts, first_at, next_at) VALUES (?, 0, ?, ?)`);
    this.#delete = database.prepare(`DELETE FROM ${table} WHERE id = ?`);
  }

  /** Writes an item down, in the caller's transaction if there is one; call the returned function to start on it. */
  add(item: Item): () => void {
    const now = this.#deps.clock.now();
    const { lastInsertRowid } = this.#insert.run(JSON.stringify(item), now, now);
    const pending = { id: Number(lastInsertRowid), item, attempts: 0, firstAt: now, nextAt: now };
    return () => void this.#run(pending);
  }

  /** Takes up what was left when the runtime stopped; what was added since then is under way already. */
  resume(): void {
    const rows = this.#options.database.prepare(`SELECT * FROM ${this.#options.table} ORDER BY id`).all();
    for (const row of rows) {
      const id = Number(row["id"]);
      if (this.#running.has(id) || this.#timers.has(id)) continue;
      this.#schedule({
        id,
        item: JSON.parse(String(row["item"])) as Item,
        attempts: Number(row["attempts"]),
        firstAt: Number(row["first_at"]),
        nextAt: Number(row["next_at"]),
      });
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #schedule(pending: Pending<Item>): void {
    if (this.#stopped) return;
    const timer = this.#deps.clock.timer(pending.nextAt - this.#deps.clock.now(), () => {
      this.#timers.delete(pending.id);
      void this.#run(pending);
    });
    this.#timers.set(pending.id, timer);
  }

  async #run(pending: Pending<Item>): Promise<void> {
    const release = this.#deps.clock.hold();
    this.#running.add(pending.id);
    try {
      const error = await this.#options.attempt(pending.item).then(() => undefined, toError);
      if (error) await this.#failed(pending, error);
      else this.#remove(pending);
    } catch (error) {
      this.#deps.trace.emit({ type: "internal-error", where: this.#options.table, error: String(error) });
    } finally {
      this.#running.delete(pending.id);
      release();
    }
  }

  async #failed(pending: Pending<Item>, error: Error): Promise<void> {
    const attempts = pending.attempts + 1;
    const delay = this.#options.retryDelay(error, attempts, pending.item, pending.firstAt);
    if (delay === undefined) {
      await this.#options.giveUp(pending.item, error, attempts);
      this.#remove(pending);
      return;
    }
    const next = { ...pending, attempts, nextAt: this.#deps.clock.now() + delay };
    this.#options.database
      .prepare(`UPDATE ${this.#options.table} SET attempts = ?, next_at = ? WHERE id = ?`)
      .run(next.attempts, next.nextAt, next.id);
    this.#schedule(next);
  }

  #remove(pending: Pending<Item>): void {
    this.#delete.run(pending.id);
  }
}

function toError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error(String(failure));
}
