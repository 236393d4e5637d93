import type { DatabaseSync } from "node:sqlite";
import { transaction } from "../../sqlite.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS topics (
    arn TEXT PRIMARY KEY,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS subscriptions (
    arn TEXT PRIMARY KEY,
    topic_arn TEXT NOT NULL,
    protocol TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    confirmed INTEGER NOT NULL,
    attributes TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS subscriptions_by_topic ON subscriptions (topic_arn);
`;

export interface Topic {
  readonly arn: string;
  readonly name: string;
  /** What was set; what was not has SNS's default. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export type Protocol = "sqs" | "lambda" | "email" | "email-json";

export interface Subscription {
  readonly arn: string;
  readonly topicArn: string;
  readonly protocol: Protocol;
  readonly endpoint: string;
  /** Queues and functions of the account confirm themselves; a mailbox would have to click. */
  readonly confirmed: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A message attribute as published: binary values in base64. */
export interface PublishedAttribute {
  readonly Type: string;
  readonly Value: string;
}

/** One message on its way to one subscription. */
export interface TopicMessage {
  readonly messageId: string;
  readonly topicArn: string;
  readonly subject: string | undefined;
  readonly message: string;
  readonly attributes: Readonly<Record<string, PublishedAttribute>>;
  /** Milliseconds since the epoch. */
  readonly publishedAt: number;
}

/** Topics and subscriptions: durable, and all in memory, for every publish needs them. */
export class TopicStore {
  readonly database: DatabaseSync;
  readonly #topics = new Map<string, Topic>();
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(database: DatabaseSync) {
    this.database = database;
    database.exec(SCHEMA);
    for (const row of database.prepare("SELECT * FROM topics").all()) {
      const arn = String(row["arn"]);
      this.#topics.set(arn, {
        arn,
        name: nameOf(arn),
        attributes: JSON.parse(String(row["attributes"])) as Record<string, string>,
        tags: JSON.parse(String(row["tags"])) as Record<string, string>,
      });
    }
    for (const row of database.prepare("SELECT * FROM subscriptions ORDER BY rowid").all()) {
      const arn = String(row["arn"]);
      this.#subscriptions.set(arn, {
        arn,
        topicArn: String(row["topic_arn"]),
        protocol: String(row["protocol"]) as Protocol,
        endpoint: String(row["endpoint"]),
        confirmed: row["confirmed"] === 1,
        attributes: JSON.parse(String(row["attributes"])) as Record<string, string>,
      });
    }
  }

  topic(arn: string): Topic | undefined {
    return this.#topics.get(arn);
  }

  topics(): Topic[] {
    return [...this.#topics.values()].sort((a, b) => (a.arn < b.arn ? -1 : 1));
  }

  putTopic(topic: Omit<Topic, "name">): Topic {
    const kept = { ...topic, name: nameOf(topic.arn) };
    this.database
      .prepare("INSERT OR REPLACE INTO topics VALUES (?, ?, ?)")
      .run(topic.arn, JSON.stringify(topic.attributes), JSON.stringify(topic.tags));
    this.#topics.set(topic.arn, kept);
    return kept;
  }

  /** Deletes a topic with its subscriptions; deliveries under way go on. */
  deleteTopic(arn: string): void {
    transaction(this.database, () => {
      for (const subscription of this.subscriptionsOf(arn)) this.deleteSubscription(subscription.arn);
      this.database.prepare("DELETE FROM topics WHERE arn = ?").run(arn);
    });
    this.#topics.delete(arn);
  }

  subscription(arn: string): Subscription | undefined {
    return this.#subscriptions.get(arn);
  }

  /** In the order in which they were made. */
  subscriptions(): Subscription[] {
    return [...this.#subscriptions.values()];
  }

  subscriptionsOf(topicArn: string): Subscription[] {
    return this.subscriptions().filter((subscription) => subscription.topicArn === topicArn);
  }

  putSubscription(subscription: Subscription): Subscription {
    this.database
      .prepare(
        `INSERT INTO subscriptions VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (arn) DO UPDATE SET confirmed = excluded.confirmed, attributes = excluded.attributes`,
      )
      .run(
        subscription.arn,
        subscription.topicArn,
        subscription.protocol,
        subscription.endpoint,
        subscription.confirmed ? 1 : 0,
        JSON.stringify(subscription.attributes),
      );
    this.#subscriptions.set(subscription.arn, subscription);
    return subscription;
  }

  deleteSubscription(arn: string): void {
    this.database.prepare("DELETE FROM subscriptions WHERE arn = ?").run(arn);
    this.#subscriptions.delete(arn);
  }
}

function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(":") + 1);
}
