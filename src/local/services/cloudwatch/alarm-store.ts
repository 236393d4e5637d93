import type { PutCompositeAlarmInput, PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import type { DatabaseSync } from "node:sqlite";
import { transaction } from "../../sqlite.ts";
import type { AlarmStateValue } from "./alarm-evaluation.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS alarms (
    name TEXT PRIMARY KEY,
    alarm TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS alarm_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    summary TEXT NOT NULL,
    data TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS alarm_history_by_name ON alarm_history (name, at);
`;

/** History is kept for 30 days. */
const HISTORY = 30 * 86_400_000;

/** What the caller gave, in CloudWatch's own names; it replaces the whole definition. */
export type MetricAlarmDefinition = Omit<PutMetricAlarmInput, "AlarmName" | "Tags">;
export type CompositeAlarmDefinition = Omit<PutCompositeAlarmInput, "AlarmName" | "Tags">;

export interface AlarmState {
  readonly value: AlarmStateValue;
  readonly reason: string;
  /** JSON text for machines. */
  readonly reasonData?: string | undefined;
  readonly updatedAt: number;
  readonly transitionedAt: number;
}

interface AlarmCommon {
  readonly name: string;
  readonly arn: string;
  readonly configuredAt: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly state: AlarmState;
}

export type MetricAlarm = AlarmCommon & { readonly kind: "metric"; readonly definition: MetricAlarmDefinition };
export type CompositeAlarm = AlarmCommon & {
  readonly kind: "composite";
  readonly definition: CompositeAlarmDefinition;
};
export type Alarm = MetricAlarm | CompositeAlarm;

type HistoryType = "ConfigurationUpdate" | "StateUpdate" | "Action";

export interface HistoryItem {
  readonly alarmName: string;
  readonly kind: Alarm["kind"];
  readonly at: number;
  readonly type: HistoryType;
  readonly summary: string;
  readonly data: string;
}

/** Alarms with their states, durable and in memory, and what happened to them. */
export class AlarmStore {
  readonly database: DatabaseSync;
  readonly #alarms = new Map<string, Alarm>();

  constructor(database: DatabaseSync) {
    this.database = database;
    database.exec(SCHEMA);
    for (const row of database.prepare("SELECT * FROM alarms").all()) {
      const alarm = JSON.parse(String(row["alarm"])) as Alarm;
      this.#alarms.set(alarm.name, alarm);
    }
  }

  get(name: string): Alarm | undefined {
    return this.#alarms.get(name);
  }

  byArn(arn: string | undefined): Alarm | undefined {
    return this.list().find((alarm) => alarm.arn === arn);
  }

  list(): Alarm[] {
    return [...this.#alarms.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Keeps an alarm together with what is to be remembered of why. */
  put(alarm: Alarm, history?: Pick<HistoryItem, "at" | "type" | "summary" | "data">): void {
    transaction(this.database, () => {
      this.database.prepare("INSERT OR REPLACE INTO alarms VALUES (?, ?)").run(alarm.name, JSON.stringify(alarm));
      if (history) this.remember({ alarmName: alarm.name, kind: alarm.kind, ...history });
    });
    this.#alarms.set(alarm.name, alarm);
  }

  delete(name: string): void {
    this.database.prepare("DELETE FROM alarms WHERE name = ?").run(name);
    this.#alarms.delete(name);
  }

  remember(item: HistoryItem): void {
    this.database
      .prepare("INSERT INTO alarm_history (name, kind, at, type, summary, data) VALUES (?, ?, ?, ?, ?, ?)")
      .run(item.alarmName, item.kind, item.at, item.type, item.summary, item.data);
  }

  /** Oldest first. */
  history(alarmName?: string): HistoryItem[] {
    return this.database
      .prepare("SELECT * FROM alarm_history WHERE ? IS NULL OR name = ? ORDER BY at, id")
      .all(alarmName ?? null, alarmName ?? null)
      .map((row) => ({
        alarmName: String(row["name"]),
        kind: String(row["kind"]) as Alarm["kind"],
        at: Number(row["at"]),
        type: String(row["type"]) as HistoryType,
        summary: String(row["summary"]),
        data: String(row["data"]),
      }));
  }

  expire(now: number): void {
    this.database.prepare("DELETE FROM alarm_history WHERE at < ?").run(now - HISTORY);
  }
}
