import { mkdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { StateDirectory } from "./service.ts";

/** Grows when the layout of the state changes so that an older or newer runtime could not read it. */
export const STATE_FORMAT = 1;

export interface OpenState extends StateDirectory {
  close(): void;
}

/**
 * Opens a state directory for this runtime alone. Throws `StateError` when another runtime has it, or when it was
 * written by a version with another format.
 *
 * The lock is a write transaction on `runtime.db` that stays open: the operating system lets go of it however the
 * process ends, so there is no stale lock to clean up.
 */
export function openState(directory: string, pid: number = process.pid): OpenState {
  const root = path.resolve(directory);
  mkdirSync(root, { recursive: true });
  const lock = takeLock(root, pid);
  const databases = new Map<string, DatabaseSync>();
  return {
    path: root,
    database(name) {
      const open = databases.get(name);
      if (open) return open;
      const database = new DatabaseSync(path.join(root, `${name}.db`));
      // Durable over kill -9: WAL loses nothing then, only a power cut may take the last moments.
      database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;");
      databases.set(name, database);
      return database;
    },
    directory(...segments) {
      const wanted = path.join(root, ...segments);
      mkdirSync(wanted, { recursive: true });
      return wanted;
    },
    close() {
      for (const database of databases.values()) database.close();
      databases.clear();
      lock.close();
    },
  };
}

/** The state directory cannot be used; the message says what to do. */
export class StateError extends Error {
  override readonly name = "StateError";
  readonly reason: "in use" | "format";

  constructor(reason: StateError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

function takeLock(root: string, pid: number): DatabaseSync {
  const lock = new DatabaseSync(path.join(root, "runtime.db"));
  try {
    lock.exec("BEGIN IMMEDIATE");
  } catch {
    const holder = Number(lock.prepare("SELECT pid FROM runtime").get()?.["pid"]);
    lock.close();
    throw new StateError(
      "in use",
      `Another runtime (process ${holder}) is using the state in ${root}. Stop it, or choose another directory.`,
    );
  }
  const format = Number(lock.prepare("PRAGMA user_version").get()?.["user_version"] ?? 0);
  if (format !== 0 && format !== STATE_FORMAT) {
    lock.close();
    throw new StateError(
      "format",
      `The state in ${root} has format ${format}, this version reads format ${STATE_FORMAT}. ` +
        "Start empty, or use the version that wrote it.",
    );
  }
  lock.exec(`PRAGMA user_version = ${STATE_FORMAT}; CREATE TABLE IF NOT EXISTS runtime (pid INTEGER NOT NULL) STRICT;`);
  lock.exec("DELETE FROM runtime");
  lock.prepare("INSERT INTO runtime VALUES (?)").run(pid);
  // Readers must see the process id, so it is committed before the lasting transaction begins.
  lock.exec("COMMIT; BEGIN IMMEDIATE");
  return lock;
}
