import type { Target } from "@aws-sdk/client-eventbridge";
import type { DatabaseSync } from "node:sqlite";
import { transaction } from "../../sqlite.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS buses (
    name TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    description TEXT,
    policy TEXT,
    tags TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS rules (
    bus TEXT NOT NULL,
    name TEXT NOT NULL,
    rule TEXT NOT NULL,
    targets TEXT NOT NULL,
    PRIMARY KEY (bus, name)
  ) STRICT;
`;

export const DEFAULT_BUS = "default";

export interface EventBus {
  readonly name: string;
  readonly createdAt: number;
  readonly description?: string | undefined;
  readonly policy?: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Rule {
  readonly bus: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly description?: string | undefined;
  readonly eventPattern?: string | undefined;
  readonly scheduleExpression?: string | undefined;
  /** Since when the schedule counts, in milliseconds: a rate's first event comes one interval later. */
  readonly scheduledFrom: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly targets: readonly Target[];
}

/** Event buses and their rules with targets: durable, and all in memory, for every event needs them. */
export class RuleStore {
  readonly database: DatabaseSync;
  readonly #buses = new Map<string, EventBus>();
  readonly #rules = new Map<string, Rule>();

  constructor(database: DatabaseSync, now: number) {
    this.database = database;
    database.exec(SCHEMA);
    for (const row of database.prepare("SELECT * FROM buses").all()) {
      const text = (name: string) => (typeof row[name] === "string" ? row[name] : undefined);
      const name = String(row["name"]);
      this.#buses.set(name, {
        name,
        createdAt: Number(row["created_at"]),
        description: text("description"),
        policy: text("policy"),
        tags: JSON.parse(String(row["tags"])) as Record<string, string>,
      });
    }
    if (!this.#buses.has(DEFAULT_BUS)) this.putBus({ name: DEFAULT_BUS, createdAt: now, tags: {} });
    for (const row of database.prepare("SELECT * FROM rules").all()) {
      const rule = JSON.parse(String(row["rule"])) as Omit<Rule, "targets">;
      this.#rules.set(key(rule.bus, rule.name), { ...rule, targets: JSON.parse(String(row["targets"])) as Target[] });
    }
  }

  bus(name: string): EventBus | undefined {
    return this.#buses.get(name);
  }

  buses(): EventBus[] {
    return [...this.#buses.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  putBus(bus: EventBus): EventBus {
    this.database
      .prepare("INSERT OR REPLACE INTO buses VALUES (?, ?, ?, ?, ?)")
      .run(bus.name, bus.createdAt, bus.description ?? null, bus.policy ?? null, JSON.stringify(bus.tags));
    this.#buses.set(bus.name, bus);
    return bus;
  }

  deleteBus(name: string): void {
    this.database.prepare("DELETE FROM buses WHERE name = ?").run(name);
    this.#buses.delete(name);
  }

  rule(bus: string, name: string): Rule | undefined {
    return this.#rules.get(key(bus, name));
  }

  /** The rules of one bus, or all, by name. */
  rules(bus?: string): Rule[] {
    const rules = [...this.#rules.values()].filter((rule) => bus === undefined || rule.bus === bus);
    return rules.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  putRule(rule: Rule): Rule {
    const { targets, ...rest } = rule;
    transaction(this.database, () =>
      this.database
        .prepare("INSERT OR REPLACE INTO rules VALUES (?, ?, ?, ?)")
        .run(rule.bus, rule.name, JSON.stringify(rest), JSON.stringify(targets)),
    );
    this.#rules.set(key(rule.bus, rule.name), rule);
    return rule;
  }

  deleteRule(rule: Rule): void {
    this.database.prepare("DELETE FROM rules WHERE bus = ? AND name = ?").run(rule.bus, rule.name);
    this.#rules.delete(key(rule.bus, rule.name));
  }
}

function key(bus: string, name: string): string {
  return `${bus}/${name}`;
}
