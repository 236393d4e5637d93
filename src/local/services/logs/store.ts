import type { DatabaseSync } from "node:sqlite";
import { transaction } from "../../sqlite.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS log_groups (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    retention_days INTEGER,
    stored_bytes INTEGER NOT NULL DEFAULT 0,
    tags TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS log_streams (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    first_event_at INTEGER,
    last_event_at INTEGER,
    last_ingestion_at INTEGER,
    UNIQUE (group_id, name)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS log_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL,
    stream_id INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    ingested_at INTEGER NOT NULL,
    message TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS log_events_by_stream ON log_events (stream_id, timestamp, id);
  CREATE INDEX IF NOT EXISTS log_events_by_group ON log_events (group_id, timestamp, id);
  CREATE TABLE IF NOT EXISTS resource_policies (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
`;

const DAY = 86_400_000;

export interface LogGroup {
  readonly id: number;
  readonly name: string;
  readonly createdAt: number;
  /** Undefined: kept for ever. */
  readonly retentionDays: number | undefined;
  readonly storedBytes: number;
  readonly tags: Readonly<Record<string, string>>;
}

export interface LogStream {
  readonly id: number;
  readonly groupId: number;
  readonly name: string;
  readonly createdAt: number;
  readonly firstEventAt: number | undefined;
  readonly lastEventAt: number | undefined;
  readonly lastIngestionAt: number | undefined;
}

export interface LogEvent {
  readonly id: number;
  readonly streamName: string;
  /** Milliseconds since the epoch, as said by whoever logged it. */
  readonly timestamp: number;
  readonly ingestedAt: number;
  readonly message: string;
}

/** A place between events; events are ordered by time, then by arrival. */
export interface Position {
  readonly timestamp: number;
  readonly id: number;
}

export interface EventQuery {
  readonly groupId: number;
  /** All streams of the group when undefined. */
  readonly streamIds: readonly number[] | undefined;
  /** From this time on, and before that one, in milliseconds. */
  readonly from: number;
  readonly until: number;
  readonly after?: Position | undefined;
  readonly before?: Position | undefined;
  readonly newestFirst: boolean;
  readonly limit: number;
}

/** Log groups, streams and events. */
export class LogStore {
  readonly database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.database = database;
    database.exec(SCHEMA);
  }

  group(name: string): LogGroup | undefined {
    const row = this.database.prepare("SELECT * FROM log_groups WHERE name = ?").get(name);
    return row && toGroup(row);
  }

  groups(): LogGroup[] {
    return this.database.prepare("SELECT * FROM log_groups ORDER BY name").all().map(toGroup);
  }

  createGroup(name: string, tags: Record<string, string>, now: number): void {
    this.database
      .prepare("INSERT INTO log_groups (name, created_at, tags) VALUES (?, ?, ?)")
      .run(name, now, JSON.stringify(tags));
  }

  changeGroup(group: LogGroup, changes: Partial<Pick<LogGroup, "retentionDays" | "tags">>): void {
    const next = { ...group, ...changes };
    this.database
      .prepare("UPDATE log_groups SET retention_days = ?, tags = ? WHERE id = ?")
      .run(next.retentionDays ?? null, JSON.stringify(next.tags), group.id);
  }

  deleteGroup(group: LogGroup): void {
    transaction(this.database, () => {
      this.database.prepare("DELETE FROM log_events WHERE group_id = ?").run(group.id);
      this.database.prepare("DELETE FROM log_streams WHERE group_id = ?").run(group.id);
      this.database.prepare("DELETE FROM log_groups WHERE id = ?").run(group.id);
    });
  }

  stream(group: LogGroup, name: string): LogStream | undefined {
    const row = this.database.prepare("SELECT * FROM log_streams WHERE group_id = ? AND name = ?").get(group.id, name);
    return row && toStream(row);
  }

  streams(group: LogGroup): LogStream[] {
    return this.database
      .prepare("SELECT * FROM log_streams WHERE group_id = ? ORDER BY name")
      .all(group.id)
      .map(toStream);
  }

  createStream(group: LogGroup, name: string, now: number): void {
    this.database
      .prepare("INSERT INTO log_streams (group_id, name, created_at) VALUES (?, ?, ?)")
      .run(group.id, name, now);
  }

  deleteStream(stream: LogStream): void {
    transaction(this.database, () => {
      this.database.prepare("DELETE FROM log_events WHERE stream_id = ?").run(stream.id);
      this.database.prepare("DELETE FROM log_streams WHERE id = ?").run(stream.id);
    });
  }

  /** Adds events that are in order of time. */
  append(stream: LogStream, events: readonly { timestamp: number; message: string }[], now: number): void {
    const [first] = events;
    const last = events.at(-1);
    if (!first || !last) return;
    transaction(this.database, () => {
      const insert = this.database.prepare(
        "INSERT INTO log_events (group_id, stream_id, timestamp, ingested_at, message) VALUES (?, ?, ?, ?, ?)",
      );
      let bytes = 0;
      for (const { timestamp, message } of events) {
        insert.run(stream.groupId, stream.id, timestamp, now, message);
        bytes += Buffer.byteLength(message);
      }
      this.database
        .prepare(
          `UPDATE log_streams SET first_event_at = min(coalesce(first_event_at, ?), ?),
             last_event_at = max(coalesce(last_event_at, ?), ?), last_ingestion_at = ? WHERE id = ?`,
        )
        .run(first.timestamp, first.timestamp, last.timestamp, last.timestamp, now, stream.id);
      this.database
        .prepare("UPDATE log_groups SET stored_bytes = stored_bytes + ? WHERE id = ?")
        .run(bytes, stream.groupId);
    });
  }

  /** Events of a query, in the direction in which it reads. */
  events(query: EventQuery): LogEvent[] {
    const conditions = ["e.group_id = ?", "e.timestamp >= ?", "e.timestamp < ?"];
    const values: number[] = [query.groupId, query.from, query.until];
    if (query.streamIds) {
      conditions.push(`e.stream_id IN (${query.streamIds.map(() => "?").join(", ")})`);
      values.push(...query.streamIds);
    }
    for (const [sign, position] of [
      [">", query.after],
      ["<", query.before],
    ] as const) {
      if (!position) continue;
      conditions.push(`(e.timestamp, e.id) ${sign} (?, ?)`);
      values.push(position.timestamp, position.id);
    }
    const order = query.newestFirst ? "DESC" : "ASC";
    return this.database
      .prepare(
        `SELECT e.id, e.timestamp, e.ingested_at, e.message, s.name AS stream FROM log_events e
         JOIN log_streams s ON s.id = e.stream_id WHERE ${conditions.join(" AND ")}
         ORDER BY e.timestamp ${order}, e.id ${order} LIMIT ?`,
      )
      .all(...values, query.limit)
      .map((row) => ({
        id: Number(row["id"]),
        streamName: String(row["stream"]),
        timestamp: Number(row["timestamp"]),
        ingestedAt: Number(row["ingested_at"]),
        message: String(row["message"]),
      }));
  }

  /** Forgets events that are older than their group keeps them. */
  expire(now: number): void {
    for (const group of this.groups()) {
      if (group.retentionDays === undefined) continue;
      const oldest = now - group.retentionDays * DAY;
      this.database.prepare("DELETE FROM log_events WHERE group_id = ? AND timestamp < ?").run(group.id, oldest);
    }
  }

  policies(): { name: string; document: string; updatedAt: number }[] {
    return this.database
      .prepare("SELECT * FROM resource_policies ORDER BY name")
      .all()
      .map((row) => ({
        name: String(row["name"]),
        document: String(row["document"]),
        updatedAt: Number(row["updated_at"]),
      }));
  }

  putPolicy(name: string, document: string, now: number): void {
    this.database.prepare("INSERT OR REPLACE INTO resource_policies VALUES (?, ?, ?)").run(name, document, now);
  }

  deletePolicy(name: string): boolean {
    return this.database.prepare("DELETE FROM resource_policies WHERE name = ?").run(name).changes > 0;
  }
}

type Row = Record<string, unknown>;

function toGroup(row: Row): LogGroup {
  return {
    id: Number(row["id"]),
    name: String(row["name"]),
    createdAt: Number(row["created_at"]),
    retentionDays: optional(row["retention_days"]),
    storedBytes: Number(row["stored_bytes"]),
    tags: JSON.parse(String(row["tags"])) as Record<string, string>,
  };
}

function toStream(row: Row): LogStream {
  return {
    id: Number(row["id"]),
    groupId: Number(row["group_id"]),
    name: String(row["name"]),
    createdAt: Number(row["created_at"]),
    firstEventAt: optional(row["first_event_at"]),
    lastEventAt: optional(row["last_event_at"]),
    lastIngestionAt: optional(row["last_ingestion_at"]),
  };
}

function optional(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
