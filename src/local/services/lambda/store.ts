import type { DatabaseSync } from "node:sqlite";
import type { LoggingConfiguration, Runtime } from "../../lambda/function-configuration.ts";

export type FunctionCode =
  { kind: "asset"; bucket: string; key: string } | { kind: "inline"; directory: string; hash: string };

export interface StoredFunction {
  readonly name: string;
  readonly code: FunctionCode;
  readonly runtime: Runtime;
  readonly handler: string;
  readonly roleArn: string;
  readonly description: string;
  readonly timeoutSeconds: number;
  readonly memoryMiB: number;
  readonly variables: Readonly<Record<string, string>>;
  readonly logging: LoggingConfiguration;
  readonly deadLetterArn: string | undefined;
  readonly reservedConcurrency: number | undefined;
  readonly architectures: readonly string[];
  readonly ephemeralStorageMiB: number;
  readonly tracing: "Active" | "PassThrough";
  readonly tags: Readonly<Record<string, string>>;
  /** Changes with every change. */
  readonly revisionId: string;
  /** Milliseconds. */
  readonly lastModified: number;
}

/** One statement of a function's resource policy. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Principal: { Service: string } | { AWS: string } | "*";
  readonly Action: string;
  readonly Resource: string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export type MappingState = "Creating" | "Enabling" | "Enabled" | "Disabling" | "Disabled" | "Updating" | "Deleting";

export interface StoredMapping {
  readonly uuid: string;
  readonly functionName: string;
  readonly queueArn: string;
  readonly enabled: boolean;
  readonly batchSize: number;
  readonly windowSeconds: number;
  readonly reportBatchItemFailures: boolean;
  readonly maximumConcurrency: number | undefined;
  /** JSON texts of the filters. */
  readonly filters: readonly string[];
  readonly countEvents: boolean;
  readonly lastModified: number;
}

export interface EventInvokeConfig {
  readonly functionName: string;
  readonly maximumRetryAttempts: number | undefined;
  readonly maximumEventAgeSeconds: number | undefined;
  readonly onSuccess: string | undefined;
  readonly onFailure: string | undefined;
  readonly lastModified: number;
}

export interface AsyncEvent {
  readonly requestId: string;
  readonly functionName: string;
  readonly payload: string;
  readonly acceptedAt: number;
  /** Invocations that ended in a function error. */
  readonly attempts: number;
  /** Attempts that did not reach the function, since the last that did. */
  readonly throttles: number;
  readonly nextAt: number;
}

/** A table of JSON documents by key. */
class Documents<T> {
  readonly #database: DatabaseSync;
  readonly #table: string;

  constructor(database: DatabaseSync, table: string) {
    this.#database = database;
    this.#table = table;
    database.exec(`CREATE TABLE IF NOT EXISTS ${table} (key TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT`);
  }

  get(key: string): T | undefined {
    const row = this.#database.prepare(`SELECT document FROM ${this.#table} WHERE key = ?`).get(key);
    return row && (JSON.parse(String(row["document"])) as T);
  }

  /** In the order of their keys. */
  list(): T[] {
    return this.#database
      .prepare(`SELECT document FROM ${this.#table} ORDER BY key`)
      .all()
      .map((row) => JSON.parse(String(row["document"])) as T);
  }

  put(key: string, document: T): T {
    this.#database
      .prepare(`INSERT INTO ${this.#table} VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET document = excluded.document`)
      .run(key, JSON.stringify(document));
    return document;
  }

  delete(key: string): boolean {
    return this.#database.prepare(`DELETE FROM ${this.#table} WHERE key = ?`).run(key).changes > 0;
  }
}

/** Everything that Lambda keeps: functions, policies, mappings, and the events accepted but not yet dealt with. */
export class LambdaStore {
  readonly functions: Documents<StoredFunction>;
  /** The statements of a function's resource policy, by function name. */
  readonly policies: Documents<Statement[]>;
  readonly mappings: Documents<StoredMapping>;
  readonly eventInvokeConfigs: Documents<EventInvokeConfig>;
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.functions = new Documents(database, "functions");
    this.policies = new Documents(database, "policies");
    this.mappings = new Documents(database, "mappings");
    this.eventInvokeConfigs = new Documents(database, "event_invoke_configs");
    database.exec(`
      CREATE TABLE IF NOT EXISTS async_events (
        request_id TEXT PRIMARY KEY, function_name TEXT NOT NULL, payload TEXT NOT NULL, accepted_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL, throttles INTEGER NOT NULL, next_at INTEGER NOT NULL) STRICT;
      CREATE INDEX IF NOT EXISTS async_events_by_time ON async_events (next_at)`);
  }

  putEvent(event: AsyncEvent): void {
    this.#database
      .prepare("INSERT OR REPLACE INTO async_events VALUES (?, ?, ?, ?, ?, ?, ?)")
      .run(
        event.requestId,
        event.functionName,
        event.payload,
        event.acceptedAt,
        event.attempts,
        event.throttles,
        event.nextAt,
      );
  }

  deleteEvent(requestId: string): void {
    this.#database.prepare("DELETE FROM async_events WHERE request_id = ?").run(requestId);
  }

  /** Accepted events, the next due one first. */
  events(): AsyncEvent[] {
    return this.#database
      .prepare("SELECT * FROM async_events ORDER BY next_at, accepted_at, rowid")
      .all()
      .map((row) => ({
        requestId: String(row["request_id"]),
        functionName: String(row["function_name"]),
        payload: String(row["payload"]),
        acceptedAt: Number(row["accepted_at"]),
        attempts: Number(row["attempts"]),
        throttles: Number(row["throttles"]),
        nextAt: Number(row["next_at"]),
      }));
  }
}
