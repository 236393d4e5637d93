import type { DatabaseSync } from "node:sqlite";
import { transaction } from "../../sqlite.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS series (
    id INTEGER PRIMARY KEY,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    dimensions TEXT NOT NULL,
    last_at INTEGER NOT NULL,
    UNIQUE (namespace, name, dimensions)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS samples (
    series_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    unit TEXT NOT NULL,
    is_set INTEGER NOT NULL,
    value REAL NOT NULL,
    count REAL NOT NULL,
    sum REAL NOT NULL,
    min REAL NOT NULL,
    max REAL NOT NULL,
    PRIMARY KEY (series_id, at, unit, is_set, value)
  ) STRICT, WITHOUT ROWID;
`;

/** CloudWatch keeps datapoints for 455 days. */
const RETENTION = 455 * 86_400_000;

/** A metric is its namespace, its name and exactly these dimensions; nothing is rolled up over dimensions. */
export interface MetricIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** What was reported for one moment: a value that came `count` times, or a set of which only statistics are known. */
export type Sample = { readonly at: number; readonly unit: string } & (
  | { readonly value: number; readonly count: number }
  | { readonly count: number; readonly sum: number; readonly min: number; readonly max: number }
);

/** Everything reported in one period. */
export interface Bucket {
  /** Start of the period, in milliseconds. */
  readonly start: number;
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}

export interface SampleQuery {
  readonly metric: MetricIdentity;
  /** Milliseconds, a multiple of the period; up to but without `until`. */
  readonly from: number;
  readonly until: number;
  /** Milliseconds. */
  readonly period: number;
  readonly unit?: string | undefined;
}

/** Datapoints: every distinct value of a moment is one row with its count, so that percentiles are exact. */
export class MetricStore {
  readonly database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.database = database;
    database.exec(SCHEMA);
  }

  add(metrics: readonly { metric: MetricIdentity; samples: readonly Sample[] }[]): void {
    transaction(this.database, () => {
      const series = this.database.prepare(
        `INSERT INTO series (namespace, name, dimensions, last_at) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at) RETURNING id`,
      );
      const insert = this.database.prepare(
        `INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET count = count + excluded.count, sum = sum + excluded.sum,
           min = min(min, excluded.min), max = max(max, excluded.max)`,
      );
      for (const { metric, samples } of metrics) {
        const lastAt = Math.max(...samples.map((sample) => sample.at));
        const row = series.get(metric.namespace, metric.name, dimensionsKey(metric.dimensions), lastAt);
        const id = Number(row?.["id"]);
        for (const sample of samples) {
          const { at, unit, count } = sample;
          if ("value" in sample) {
            const { value } = sample;
            insert.run(id, at, unit, 0, value, count, value * count, value, value);
          } else insert.run(id, at, unit, 1, 0, count, sample.sum, sample.min, sample.max);
        }
      }
    });
  }

  /** The periods that have data, oldest first. */
  buckets(query: SampleQuery): Bucket[] {
    const id = this.#seriesId(query.metric);
    if (id === undefined) return [];
    return this.database
      .prepare(
        // Numbers are bound as reals, so the division is one, too.
        `SELECT CAST((at - ?) / ? AS INTEGER) AS bucket, sum(count) AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max,
                min(unit) AS unit
         FROM samples WHERE series_id = ? AND at >= ? AND at < ? AND (? IS NULL OR unit = ?)
         GROUP BY bucket ORDER BY bucket`,
      )
      .all(query.from, query.period, id, query.from, query.until, query.unit ?? null, query.unit ?? null)
      .map((row) => ({
        start: query.from + Number(row["bucket"]) * query.period,
        count: Number(row["count"]),
        sum: Number(row["sum"]),
        min: Number(row["min"]),
        max: Number(row["max"]),
        unit: String(row["unit"]),
      }));
  }

  /**
   * The values of one period in ascending order with their counts, or undefined when a part of them is known by
   * statistics only (then there are no percentiles).
   */
  values(query: SampleQuery): { value: number; count: number }[] | undefined {
    const id = this.#seriesId(query.metric);
    if (id === undefined) return [];
    const rows = this.database
      .prepare(
        `SELECT is_set, min, max, count FROM samples
         WHERE series_id = ? AND at >= ? AND at < ? AND (? IS NULL OR unit = ?) ORDER BY min`,
      )
      .all(id, query.from, query.until, query.unit ?? null, query.unit ?? null);
    if (rows.some((row) => row["is_set"] === 1 && row["min"] !== row["max"])) return undefined;
    return rows.map((row) => ({ value: Number(row["min"]), count: Number(row["count"]) }));
  }

  /** All metrics, of one namespace if given, with when they last had data. */
  list(namespace?: string): (MetricIdentity & { lastAt: number })[] {
    return this.database
      .prepare("SELECT * FROM series WHERE ? IS NULL OR namespace = ? ORDER BY namespace, name, dimensions")
      .all(namespace ?? null, namespace ?? null)
      .map((row) => ({
        namespace: String(row["namespace"]),
        name: String(row["name"]),
        dimensions: Object.fromEntries(JSON.parse(String(row["dimensions"])) as [string, string][]),
        lastAt: Number(row["last_at"]),
      }));
  }

  /** Forgets what CloudWatch would have forgotten. */
  expire(now: number): void {
    transaction(this.database, () => {
      this.database.prepare("DELETE FROM samples WHERE at < ?").run(now - RETENTION);
      this.database.prepare("DELETE FROM series WHERE last_at < ?").run(now - RETENTION);
    });
  }

  #seriesId(metric: MetricIdentity): number | undefined {
    const row = this.database
      .prepare("SELECT id FROM series WHERE namespace = ? AND name = ? AND dimensions = ?")
      .get(metric.namespace, metric.name, dimensionsKey(metric.dimensions));
    return typeof row?.["id"] === "number" ? row["id"] : undefined;
  }
}

function dimensionsKey(dimensions: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1)));
}
