import { unsupported, validationError } from "./errors.ts";
import type { Bucket, MetricStore, SampleQuery } from "./metric-store.ts";

const SIMPLE = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"] as const;
export type SimpleStatistic = (typeof SIMPLE)[number];

/** A statistic of a period: a simple one, or a percentile such as `p99.9`. */
export type Statistic = SimpleStatistic | { readonly percentile: number };

export interface Datapoint {
  /** Start of the period, in milliseconds. */
  readonly at: number;
  readonly value: number;
}

/** Parses `Average`, `p90`…; statistics that CloudWatch has beyond those are refused by name. */
export function parseStatistic(text: string): Statistic {
  const simple = SIMPLE.find((name) => name === text);
  if (simple) return simple;
  const [, percent] = /^p(\d{1,3}(?:\.\d{1,10})?)$/.exec(text) ?? [];
  if (percent !== undefined && Number(percent) <= 100) return { percentile: Number(percent) };
  if (/^(?:tm|wm|tc|ts|iqm|pr)/i.test(text)) {
    throw unsupported(`The statistic ${text}`, `use ${SIMPLE.join(", ")} or a percentile.`);
  }
  throw validationError(`The value ${text} for parameter Stat is not supported.`);
}

/** The datapoints of a statistic, oldest first; periods without data have none. */
export function computeStatistic(store: MetricStore, query: SampleQuery, statistic: Statistic): Datapoint[] {
  return store.buckets(query).flatMap((bucket) => {
    const value =
      typeof statistic === "string"
        ? simple(bucket, statistic)
        : percentile(store, { ...query, from: bucket.start, until: bucket.start + query.period }, statistic.percentile);
    return value === undefined ? [] : [{ at: bucket.start, value }];
  });
}

export function simple(bucket: Bucket, statistic: SimpleStatistic): number {
  switch (statistic) {
    case "SampleCount":
      return bucket.count;
    case "Average":
      return bucket.sum / bucket.count;
    case "Sum":
      return bucket.sum;
    case "Minimum":
      return bucket.min;
    default:
      return bucket.max;
  }
}

/** By linear interpolation between the two nearest ranks. */
export function percentile(store: MetricStore, query: SampleQuery, percent: number): number | undefined {
  const values = store.values(query);
  const total = values?.reduce((sum, { count }) => sum + count, 0) ?? 0;
  if (!values || total === 0) return undefined;
  const rank = (percent / 100) * (total - 1);
  const low = valueAtRank(values, Math.floor(rank));
  const high = valueAtRank(values, Math.ceil(rank));
  return low + (high - low) * (rank - Math.floor(rank));
}

function valueAtRank(values: readonly { value: number; count: number }[], rank: number): number {
  let seen = 0;
  for (const { value, count } of values) {
    seen += count;
    if (rank < seen) return value;
  }
  return values.at(-1)?.value ?? 0;
}
