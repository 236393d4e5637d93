import type * as CloudWatch from "@aws-sdk/client-cloudwatch";
import type { CallContext, ServiceDeps } from "../../service.ts";
import { AwsError } from "../../service.ts";
import { invalidParameterCombination, invalidParameterValue, missingParameter, unsupported } from "./errors.ts";
import { readDimensions, readMetricData } from "./metric-input.ts";
import { checkPeriod, runQueries } from "./metric-queries.ts";
import type { MetricStore } from "./metric-store.ts";
import { parseStatistic, percentile, simple } from "./statistics.ts";
import type { SimpleStatistic } from "./statistics.ts";

const MAX_QUERIES = 500;
const MAX_DATAPOINTS = 100_800;
const MAX_STATISTICS_POINTS = 1_440;
const LIST_PAGE = 500;
const THREE_HOURS = 3 * 3_600_000;
/** ListMetrics forgets a metric two weeks after its last datapoint. */
const LISTED = 14 * 86_400_000;

/** Writing and reading metrics. */
export function createMetricOperations(deps: ServiceDeps, store: MetricStore) {
  const { clock, environment } = deps;

  return {
    PutMetricData: (input: CloudWatch.PutMetricDataCommandInput, context: CallContext) => {
      if (input.EntityMetricData) throw unsupported("EntityMetricData", "give the metrics in MetricData.");
      store.add(readMetricData(input.Namespace, input.MetricData ?? [], context.principal, clock.now()));
      return {};
    },

    ListMetrics: (input: CloudWatch.ListMetricsCommandInput) => {
      const oldest = clock.now() - (input.RecentlyActive === "PT3H" ? THREE_HOURS : LISTED);
      const metrics = store
        .list(input.Namespace)
        .filter(
          (metric) =>
            metric.lastAt >= oldest &&
            (input.MetricName === undefined || metric.name === input.MetricName) &&
            (input.Dimensions ?? []).every(
              ({ Name = "", Value }) =>
                Object.hasOwn(metric.dimensions, Name) && (Value === undefined || metric.dimensions[Name] === Value),
            ),
        );
      const { items, NextToken } = page(metrics, LIST_PAGE, input.NextToken);
      return {
        Metrics: items.map(({ namespace, name, dimensions }) => ({
          Namespace: namespace,
          MetricName: name,
          Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
        })),
        OwningAccounts: input.IncludeLinkedAccounts ? items.map(() => environment.account) : undefined,
        NextToken,
      };
    },

    GetMetricData: (input: CloudWatch.GetMetricDataCommandInput) => {
      const queries = input.MetricDataQueries ?? [];
      if (queries.length < 1 || queries.length > MAX_QUERIES) {
        throw invalidParameterValue(`MetricDataQueries must have between 1 and ${MAX_QUERIES} members.`);
      }
      const range = readRange(input.StartTime, input.EndTime);
      const ascending = input.ScanBy === "TimestampAscending";
      const limit = input.MaxDatapoints ?? MAX_DATAPOINTS;
      let left = limit;
      const results = runQueries(store, queries, range).map(({ id, series }): CloudWatch.MetricDataResult => {
        const points = [...series.points].sort(([a], [b]) => (ascending ? a - b : b - a));
        const shown = points.slice(0, Math.max(0, left));
        left -= shown.length;
        return {
          Id: id,
          Label: series.label,
          Timestamps: shown.map(([at]) => new Date(at)),
          Values: shown.map(([, value]) => value),
          StatusCode: shown.length < points.length ? "PartialData" : "Complete",
        };
      });
      return { MetricDataResults: results, Messages: [] };
    },

    GetMetricStatistics: (input: CloudWatch.GetMetricStatisticsCommandInput) => {
      if (!input.Namespace) throw missingParameter("Namespace");
      if (!input.MetricName) throw missingParameter("MetricName");
      const period = checkPeriod(input.Period) * 1_000;
      const { from: start, until } = readRange(input.StartTime, input.EndTime);
      const from = Math.floor(start / period) * period;
      const names: string[] = [...(input.Statistics ?? []), ...(input.ExtendedStatistics ?? [])];
      if (names.length === 0) {
        throw invalidParameterCombination(
          "At least one of the parameters Statistics and ExtendedStatistics must be specified.",
        );
      }
      if ((until - from) / period > MAX_STATISTICS_POINTS) {
        throw invalidParameterCombination(
          `You have requested up to ${Math.ceil((until - from) / period)} datapoints, which exceeds the limit of ${MAX_STATISTICS_POINTS}. You may reduce the datapoints requested by increasing Period, or decreasing the time range.`,
        );
      }
      const statistics = names.map((name) => ({ name, statistic: parseStatistic(name) }));
      const metric = {
        namespace: input.Namespace,
        name: input.MetricName,
        dimensions: readDimensions(input.Dimensions, "Dimensions"),
      };
      const query = { metric, from, until, period, unit: input.Unit };
      const Datapoints = store.buckets(query).map((bucket): CloudWatch.Datapoint => {
        const point: CloudWatch.Datapoint = {
          Timestamp: new Date(bucket.start),
          Unit: bucket.unit as CloudWatch.StandardUnit,
        };
        const extended: Record<string, number> = {};
        for (const { name, statistic } of statistics) {
          if (typeof statistic === "string") point[name as SimpleStatistic] = simple(bucket, statistic);
          else {
            const window = { ...query, from: bucket.start, until: bucket.start + period };
            const value = percentile(store, window, statistic.percentile);
            if (value !== undefined) extended[name] = value;
          }
        }
        return Object.keys(extended).length > 0 ? { ...point, ExtendedStatistics: extended } : point;
      });
      return { Label: input.MetricName, Datapoints };
    },
  };
}

function readRange(start: Date | undefined, end: Date | undefined): { from: number; until: number } {
  if (!start) throw missingParameter("StartTime");
  if (!end) throw missingParameter("EndTime");
  if (start.getTime() >= end.getTime()) {
    throw new AwsError("ValidationException", "The parameter StartTime must be less than the parameter EndTime.", {
      status: 400,
    });
  }
  return { from: start.getTime(), until: end.getTime() };
}

/** A page of items, and a token for the next when there are more. */
export function page<Item>(items: readonly Item[], limit: number, token: string | undefined) {
  const start = token ? Number(Buffer.from(token, "base64url").toString()) : 0;
  if (!Number.isInteger(start)) throw new AwsError("InvalidNextToken", "The next token specified is invalid.");
  const end = start + limit;
  const NextToken = end < items.length ? Buffer.from(String(end)).toString("base64url") : undefined;
  return { items: items.slice(start, end), NextToken };
}
