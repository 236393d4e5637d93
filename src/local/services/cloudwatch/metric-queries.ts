import type { MetricDataQuery, MetricStat } from "@aws-sdk/client-cloudwatch";
import { missingParameter, unsupported, validationError } from "./errors.ts";
import { readDimensions } from "./metric-input.ts";
import { parseMath } from "./metric-expression.ts";
import { evaluateMath } from "./metric-math.ts";
import type { MetricStore } from "./metric-store.ts";
import { gridStart, isList } from "./time-series.ts";
import type { MathValue, TimeRange, TimeSeries } from "./time-series.ts";
import { computeStatistic, parseStatistic } from "./statistics.ts";

export interface QueryResult {
  readonly id: string;
  readonly series: TimeSeries;
}

/**
 * Answers the queries of GetMetricData, and of alarms, which are the same: metrics with a statistic, and expressions
 * over them. Times are in milliseconds. One result per series that is to be returned.
 */
export function runQueries(store: MetricStore, queries: readonly MetricDataQuery[], range: TimeRange): QueryResult[] {
  const byId = new Map<string, MetricDataQuery>();
  for (const query of queries) {
    const id = query.Id ?? "";
    if (!/^[a-z]\w{0,254}$/.test(id))
      throw validationError(`The value ${id} for parameter MetricDataQueries.Id is not valid.`);
    if (byId.has(id)) throw validationError(`The values for parameter id in MetricDataQueries are not unique: ${id}`);
    if (Boolean(query.MetricStat) === Boolean(query.Expression)) {
      throw validationError(`Exactly one of Expression and MetricStat must be given for ${id}.`);
    }
    byId.set(id, query);
  }

  const values = new Map<string, MathValue>();
  const underWay = new Set<string>();
  const lookUp = (id: string): MathValue => {
    const known = values.get(id);
    if (known !== undefined) return known;
    const query = byId.get(id);
    if (!query) throw validationError(`Error in expression: there is no query with the id ${id}`);
    if (underWay.has(id)) throw validationError(`Error in expression: ${id} depends on itself`);
    underWay.add(id);
    const value = query.MetricStat
      ? readMetricStat(store, query.MetricStat, query.Label ?? "", range)
      : evaluateMath(parseExpression(query), { lookUp, metrics, range });
    values.set(id, value);
    return value;
  };
  const metrics = (text?: string) =>
    queries
      .filter((query) => query.MetricStat)
      .map((query) => lookUp(query.Id ?? "") as TimeSeries)
      .filter((series) => text === undefined || series.label.includes(text));

  return queries
    .filter((query) => query.ReturnData ?? true)
    .flatMap((query) => {
      const id = query.Id ?? "";
      const value = lookUp(id);
      if (typeof value === "number") {
        throw validationError(`The expression of ${id} gives a number; it must give a time series.`);
      }
      const label = query.Label;
      const all = isList(value) ? value : [value];
      return all.map((series) => {
        const shown =
          isList(value) && label ? `${label} ${series.label}` : (label ?? (query.Expression ? id : series.label));
        return { id, series: { ...series, label: shown } };
      });
    });
}

function parseExpression(query: MetricDataQuery) {
  const expression = query.Expression ?? "";
  if (/^\s*SELECT\b/i.test(expression)) throw unsupported("A Metrics Insights query", "name the metrics one by one.");
  return parseMath(expression);
}

function readMetricStat(store: MetricStore, stat: MetricStat, label: string, range: TimeRange): TimeSeries {
  const { Metric, Period, Stat } = stat;
  if (!Metric?.Namespace) throw missingParameter("MetricStat.Metric.Namespace");
  if (!Metric.MetricName) throw missingParameter("MetricStat.Metric.MetricName");
  if (!Stat) throw missingParameter("MetricStat.Stat");
  const period = checkPeriod(Period) * 1_000;
  const metric = {
    namespace: Metric.Namespace,
    name: Metric.MetricName,
    dimensions: readDimensions(Metric.Dimensions, "MetricStat.Metric"),
  };
  const from = gridStart(range, period);
  const query = { metric, from, until: range.until, period, unit: stat.Unit };
  const points = computeStatistic(store, query, parseStatistic(Stat));
  return {
    label: label || Metric.MetricName,
    period,
    points: new Map(points.map(({ at, value }) => [at, value])),
  };
}

/** Seconds: 1, 5, 10, 20, 30 or a multiple of 60. */
export function checkPeriod(period: number | undefined): number {
  if (period === undefined) throw missingParameter("Period");
  if (![1, 5, 10, 20, 30].includes(period) && !(period > 0 && period % 60 === 0)) {
    throw validationError(
      `The value ${period} for parameter Period is not valid: 1, 5, 10, 20, 30 or a multiple of 60.`,
    );
  }
  return period;
}
