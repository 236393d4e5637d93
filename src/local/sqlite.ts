import type { DatabaseSync } from "node:sqlite";

/** Runs `work` in one write transaction: all of it is kept, or nothing. `work` must be synchronous. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  // A transaction inside a transaction is part of it.
  if (database.isTransaction) return work();
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}
