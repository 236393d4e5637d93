import type { DatabaseSync } from "node:sqlite";
import { transaction } from "../../sqlite.ts";
import { parseRedrivePolicy } from "./attributes.ts";
import type { QueueAttributes, RedrivePolicy } from "./attributes.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS queues (
    name TEXT PRIMARY KEY,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    purged_at INTEGER,
    deleted_at INTEGER
  ) STRICT;
  CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    message_id TEXT NOT NULL,
    body TEXT NOT NULL,
    attributes TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    trace_header TEXT,
    sent_at INTEGER NOT NULL,
    visible_at INTEGER NOT NULL,
    in_flight INTEGER NOT NULL DEFAULT 0,
    receive_count INTEGER NOT NULL DEFAULT 0,
    receives_here INTEGER NOT NULL DEFAULT 0,
    first_received_at INTEGER,
    received_at INTEGER,
    receipt TEXT,
    source_arn TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS messages_by_visibility ON messages (queue, visible_at, id);
  CREATE INDEX IF NOT EXISTS messages_by_age ON messages (queue, sent_at);
  CREATE TABLE IF NOT EXISTS move_tasks (
    handle TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    source_arn TEXT NOT NULL,
    destination_arn TEXT,
    rate INTEGER,
    moved INTEGER NOT NULL,
    to_move INTEGER NOT NULL,
    failure_reason TEXT,
    started_at INTEGER NOT NULL
  ) STRICT;
`;

export interface Queue {
  readonly name: string;
  readonly arn: string;
  readonly attributes: QueueAttributes;
  readonly tags: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly purgedAt: number | undefined;
  /** Parsed from the attributes, as are the numbers below (seconds, bytes). */
  readonly redrive: RedrivePolicy | undefined;
  readonly visibilityTimeout: number;
  readonly retention: number;
  readonly delay: number;
  readonly waitTime: number;
  readonly maximumMessageSize: number;
}

interface QueueRow {
  name: string;
  attributes: string;
  tags: string;
  created_at: number;
  modified_at: number;
  purged_at: number | null;
  deleted_at: number | null;
}

/** The queues themselves: durable, and all in memory, for every call needs one. */
export class QueueStore {
  readonly database: DatabaseSync;
  readonly #arnPrefix: string;
  readonly #queues = new Map<string, Queue>();

  constructor(database: DatabaseSync, arnPrefix: string) {
    this.database = database;
    this.#arnPrefix = arnPrefix;
    database.exec(SCHEMA);
    const rows = database.prepare("SELECT * FROM queues WHERE deleted_at IS NULL").all() as unknown as QueueRow[];
    for (const row of rows) this.#keep(row);
  }

  get(name: string): Queue | undefined {
    return this.#queues.get(name);
  }

  byArn(arn: string): Queue | undefined {
    return arn.startsWith(this.#arnPrefix) ? this.#queues.get(arn.slice(this.#arnPrefix.length)) : undefined;
  }

  /** All queues, by name. */
  list(): Queue[] {
    return [...this.#queues.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The queues whose dead-letter queue this is. */
  sourcesOf(deadLetterQueue: Queue): Queue[] {
    return this.list().filter((queue) => queue.redrive?.deadLetterTargetArn === deadLetterQueue.arn);
  }

  /** When a queue of this name was deleted, if one was. */
  deletedAt(name: string): number | undefined {
    const row = this.database.prepare("SELECT deleted_at FROM queues WHERE name = ?").get(name);
    return typeof row?.["deleted_at"] === "number" ? row["deleted_at"] : undefined;
  }

  create(name: string, attributes: QueueAttributes, tags: Record<string, string>, now: number): Queue {
    return this.#write({
      name,
      attributes: JSON.stringify(attributes),
      tags: JSON.stringify(tags),
      created_at: now,
      modified_at: now,
      purged_at: null,
      deleted_at: null,
    });
  }

  change(queue: Queue, changes: Partial<Pick<Queue, "attributes" | "tags" | "purgedAt" | "modifiedAt">>): Queue {
    const next = { ...queue, ...changes };
    return this.#write({
      name: next.name,
      attributes: JSON.stringify(next.attributes),
      tags: JSON.stringify(next.tags),
      created_at: next.createdAt,
      modified_at: next.modifiedAt,
      purged_at: next.purgedAt ?? null,
      deleted_at: null,
    });
  }

  delete(queue: Queue, now: number): void {
    transaction(this.database, () => {
      this.database.prepare("UPDATE queues SET deleted_at = ? WHERE name = ?").run(now, queue.name);
      this.database.prepare("DELETE FROM messages WHERE queue = ?").run(queue.name);
    });
    this.#queues.delete(queue.name);
  }

  #write(row: QueueRow): Queue {
    this.database
      .prepare("INSERT OR REPLACE INTO queues VALUES (?, ?, ?, ?, ?, ?, ?)")
      .run(row.name, row.attributes, row.tags, row.created_at, row.modified_at, row.purged_at, row.deleted_at);
    return this.#keep(row);
  }

  #keep(row: QueueRow): Queue {
    const attributes = JSON.parse(row.attributes) as QueueAttributes;
    const number = (name: string) => Number(attributes[name]);
    const queue: Queue = {
      name: row.name,
      arn: this.#arnPrefix + row.name,
      attributes,
      tags: JSON.parse(row.tags) as Record<string, string>,
      createdAt: row.created_at,
      modifiedAt: row.modified_at,
      purgedAt: row.purged_at ?? undefined,
      redrive: parseRedrivePolicy(attributes["RedrivePolicy"]),
      visibilityTimeout: number("VisibilityTimeout"),
      retention: number("MessageRetentionPeriod"),
      delay: number("DelaySeconds"),
      waitTime: number("ReceiveMessageWaitTimeSeconds"),
      maximumMessageSize: number("MaximumMessageSize"),
    };
    this.#queues.set(queue.name, queue);
    return queue;
  }
}
