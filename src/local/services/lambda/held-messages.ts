import type { DatabaseSync } from "node:sqlite";
import { transaction } from "../../sqlite.ts";

/** Receipt handles of the messages that pollers have and no function has dealt with yet, kept over a kill. */
export class HeldMessages {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec(
      "CREATE TABLE IF NOT EXISTS held_messages (receipt_handle TEXT PRIMARY KEY, mapping TEXT NOT NULL) STRICT",
    );
  }

  hold(mapping: string, receiptHandles: readonly string[]): void {
    const insert = this.#database.prepare("INSERT OR REPLACE INTO held_messages VALUES (?, ?)");
    transaction(this.#database, () => receiptHandles.forEach((handle) => insert.run(handle, mapping)));
  }

  letGo(receiptHandles: readonly string[]): void {
    const remove = this.#database.prepare("DELETE FROM held_messages WHERE receipt_handle = ?");
    transaction(this.#database, () => receiptHandles.forEach((handle) => remove.run(handle)));
  }

  /** What a poller of this mapping had when it ended. */
  of(mapping: string): string[] {
    const rows = this.#database.prepare("SELECT receipt_handle FROM held_messages WHERE mapping = ?").all(mapping);
    return rows.map((row) => String(row["receipt_handle"]));
  }
}
