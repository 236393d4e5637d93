import type { DatabaseSync } from "node:sqlite";

export interface StackRow {
  readonly name: string;
  readonly id: string;
  /** The template's JSON text, as it was read. */
  readonly template: string;
  readonly description: string | null;
  readonly parameters: string;
  readonly outputs: string;
  readonly status: string;
  readonly reason: string | null;
  readonly createdAt: number;
  readonly updatedAt: number | null;
  /** Endpoint at the last deployment: some physical ids (queue URLs) carry it. */
  readonly endpoint: string;
}

export interface StackOutput {
  readonly key: string;
  readonly value: string;
  readonly description: string | null;
  readonly exportName: string | null;
}

export interface ResourceRow {
  readonly stack: string;
  readonly logicalId: string;
  readonly type: string;
  /** Empty until the resource was made. */
  readonly physicalId: string;
  /** JSON of the evaluated properties at the last successful provisioning; empty before. */
  readonly properties: string;
  readonly attributes: string;
  readonly status: string;
  readonly reason: string | null;
  readonly updatedAt: number;
  /** Grows with every new resource: deletion goes backwards. */
  readonly position: number;
  /** Random part of generated names: the same on every try. */
  readonly suffix: string;
  readonly deletionPolicy: string;
}

export interface StackEventRow {
  readonly id: string;
  readonly stack: string;
  readonly stackId: string;
  readonly logicalId: string;
  readonly physicalId: string;
  readonly type: string;
  readonly status: string;
  readonly reason: string | null;
  readonly properties: string | null;
  readonly at: number;
}

/** Stacks, their resources and their events, durable. */
export class StackStore {
  readonly database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.database = database;
    database.exec(`
      CREATE TABLE IF NOT EXISTS stacks (
        name TEXT PRIMARY KEY, id TEXT NOT NULL, template TEXT NOT NULL, description TEXT, parameters TEXT NOT NULL,
        outputs TEXT NOT NULL, status TEXT NOT NULL, reason TEXT, createdAt INTEGER NOT NULL, updatedAt INTEGER,
        endpoint TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS resources (
        stack TEXT NOT NULL, logicalId TEXT NOT NULL, type TEXT NOT NULL, physicalId TEXT NOT NULL,
        properties TEXT NOT NULL, attributes TEXT NOT NULL, status TEXT NOT NULL, reason TEXT,
        updatedAt INTEGER NOT NULL, position INTEGER NOT NULL, suffix TEXT NOT NULL, deletionPolicy TEXT NOT NULL,
        PRIMARY KEY (stack, logicalId)) STRICT;
      CREATE TABLE IF NOT EXISTS replaced (sequence INTEGER PRIMARY KEY, stack TEXT NOT NULL, row TEXT NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS events (
        sequence INTEGER PRIMARY KEY, id TEXT NOT NULL, stack TEXT NOT NULL, stackId TEXT NOT NULL,
        logicalId TEXT NOT NULL, physicalId TEXT NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL, reason TEXT,
        properties TEXT, at INTEGER NOT NULL) STRICT;
      CREATE INDEX IF NOT EXISTS events_of_stack ON events (stack, sequence);
    `);
  }

  /** By name or by id. */
  stack(nameOrId: string): StackRow | undefined {
    return this.database.prepare("SELECT * FROM stacks WHERE name = ?1 OR id = ?1").get(nameOrId) as
      StackRow | undefined;
  }

  stacks(): StackRow[] {
    return this.database.prepare("SELECT * FROM stacks ORDER BY createdAt DESC, name").all() as unknown as StackRow[];
  }

  putStack(stack: StackRow): void {
    this.database
      .prepare(
        `INSERT OR REPLACE INTO stacks VALUES (:name, :id, :template, :description, :parameters, :outputs, :status,
           :reason, :createdAt, :updatedAt, :endpoint)`,
      )
      .run({ ...stack });
  }

  /** In the order in which they were made. */
  resources(stack: string): ResourceRow[] {
    return this.database
      .prepare("SELECT * FROM resources WHERE stack = ? ORDER BY position")
      .all(stack) as unknown as ResourceRow[];
  }

  putResource(resource: ResourceRow): void {
    this.database
      .prepare(
        `INSERT OR REPLACE INTO resources VALUES (:stack, :logicalId, :type, :physicalId, :properties, :attributes,
           :status, :reason, :updatedAt, :position, :suffix, :deletionPolicy)`,
      )
      .run({ ...resource });
  }

  deleteResource(stack: string, logicalId: string): void {
    this.database.prepare("DELETE FROM resources WHERE stack = ? AND logicalId = ?").run(stack, logicalId);
  }

  /** Physical resources that were replaced by an update and are to be deleted at its end, oldest first. */
  replaced(stack: string): ResourceRow[] {
    return this.database
      .prepare("SELECT row FROM replaced WHERE stack = ? ORDER BY sequence")
      .all(stack)
      .map(({ row }) => JSON.parse(String(row)) as ResourceRow);
  }

  addReplaced(row: ResourceRow): void {
    this.database.prepare("INSERT INTO replaced (stack, row) VALUES (?, ?)").run(row.stack, JSON.stringify(row));
  }

  forgetReplaced(row: ResourceRow): void {
    this.database.prepare("DELETE FROM replaced WHERE stack = ? AND row = ?").run(row.stack, JSON.stringify(row));
  }

  nextPosition(stack: string): number {
    const row = this.database.prepare("SELECT max(position) AS last FROM resources WHERE stack = ?").get(stack);
    return Number(row?.["last"] ?? 0) + 1;
  }

  addEvent(event: StackEventRow): void {
    this.database
      .prepare(
        `INSERT INTO events (id, stack, stackId, logicalId, physicalId, type, status, reason, properties, at)
         VALUES (:id, :stack, :stackId, :logicalId, :physicalId, :type, :status, :reason, :properties, :at)`,
      )
      .run({ ...event });
  }

  /** Newest first. */
  events(stack: string, limit: number, offset: number): StackEventRow[] {
    return this.database
      .prepare("SELECT * FROM events WHERE stack = ? ORDER BY sequence DESC LIMIT ? OFFSET ?")
      .all(stack, limit, offset) as unknown as StackEventRow[];
  }
}
