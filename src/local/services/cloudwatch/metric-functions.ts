import { unsupported, validationError } from "./errors.ts";
import type { MathNode } from "./metric-expression.ts";
import { combine, gridStart, isList, keep, mapPoints } from "./time-series.ts";
import type { MathValue, TimeRange, TimeSeries } from "./time-series.ts";

export interface MathScope {
  /** The value of another query by its id. */
  lookUp(id: string): MathValue;
  /** All queries that are metrics, those whose label holds the text if one is given: METRICS(). */
  metrics(text?: string): readonly TimeSeries[];
  /** The range asked for, for functions that fill it. */
  readonly range: TimeRange;
}

/** A function call with the means to evaluate its arguments. */
interface Call {
  readonly name: string;
  readonly items: readonly MathNode[];
  readonly scope: MathScope;
  evaluate(node: MathNode): MathValue;
}

type MathFunction = (call: Call) => MathValue;

const FUNCTIONS: Readonly<Record<string, MathFunction>> = {
  ABS: pointwise(Math.abs),
  CEIL: pointwise(Math.ceil),
  FLOOR: pointwise(Math.floor),
  LOG: pointwise(Math.log),
  LOG10: pointwise(Math.log10),
  NOT: pointwise((value) => Number(value === 0)),
  AVG: aggregate((values) => sum(values) / values.length),
  SUM: aggregate(sum),
  MIN: aggregate((values) => Math.min(...values)),
  MAX: aggregate((values) => Math.max(...values)),
  STDDEV: aggregate(deviation),
  RATE: perSeries((series) => change(series, (value, seconds) => value / seconds)),
  DIFF: perSeries((series) => change(series, (value) => value)),
  DIFF_TIME: perSeries((series) => change(series, (_, seconds) => seconds)),
  RUNNING_SUM: perSeries(runningSum),
  PERIOD: (call) => single(call).period / 1_000,
  FIRST: (call) => first(list(argument(call, 0)), call.name),
  LAST: (call) => first(list(argument(call, 0)).toReversed(), call.name),
  FILL: fill,
  IF: choose,
  METRICS: metrics,
  TIME_SERIES: timeSeries,
};

/** Evaluates a call. Functions that CloudWatch has beyond these are refused by name rather than answered wrongly. */
export function callFunction(
  { name, items }: Extract<MathNode, { kind: "call" }>,
  scope: MathScope,
  evaluate: (node: MathNode) => MathValue,
): MathValue {
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (known) return known({ name, items, scope, evaluate });
  throw unsupported(`The metric math function ${name}`, `use ${Object.keys(FUNCTIONS).join(", ")}.`);
}

function argument(call: Call, index: number): MathValue {
  const node = call.items[index];
  if (!node) throw validationError(`${call.name} needs ${index + 1} argument${index === 0 ? "" : "s"}`);
  return call.evaluate(node);
}

function pointwise(operation: (value: number) => number): MathFunction {
  return (call) => combine(argument(call, 0), 0, (value) => operation(value));
}

function perSeries(operation: (series: TimeSeries) => TimeSeries): MathFunction {
  return (call) => {
    const value = argument(call, 0);
    if (typeof value === "number") throw validationError(`${call.name} needs a metric, not a number`);
    return isList(value) ? value.map(operation) : operation(value);
  };
}

/** Of one series the aggregate is a number; of a list it is a series, point by point over those that have one. */
function aggregate(operation: (values: number[]) => number): MathFunction {
  return (call) => {
    const value = argument(call, 0);
    if (typeof value === "number") return operation([value]);
    if (!isList(value)) {
      const values = [...value.points.values()];
      return values.length > 0 ? operation(values) : Number.NaN;
    }
    const [series] = value;
    if (!series) throw validationError(`${call.name} needs at least one metric`);
    const points = new Map<number, number>();
    for (const at of times(value)) {
      keep(points, at, operation(value.flatMap((one) => one.points.get(at) ?? [])));
    }
    return { ...series, label: call.name, points };
  };
}

function times(list: readonly TimeSeries[]): number[] {
  return [...new Set(list.flatMap((series) => [...series.points.keys()]))].sort((a, b) => a - b);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function deviation(values: readonly number[]): number {
  const mean = sum(values) / values.length;
  return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / values.length);
}

/** Each point against the one before it; the first has none. */
function change(series: TimeSeries, operation: (difference: number, seconds: number) => number): TimeSeries {
  const points = new Map<number, number>();
  let previous: [number, number] | undefined;
  for (const [at, value] of [...series.points].sort(([a], [b]) => a - b)) {
    if (previous) keep(points, at, operation(value - previous[1], (at - previous[0]) / 1_000));
    previous = [at, value];
  }
  return { ...series, points };
}

function runningSum(series: TimeSeries): TimeSeries {
  let total = 0;
  const ordered = new Map([...series.points].sort(([a], [b]) => a - b));
  return mapPoints({ ...series, points: ordered }, (value) => (total += value));
}

function single(call: Call): TimeSeries {
  const value = argument(call, 0);
  if (typeof value === "number" || isList(value)) throw validationError(`${call.name} needs one metric`);
  return value;
}

function list(value: MathValue): readonly TimeSeries[] {
  if (typeof value === "number") throw validationError("A list of metrics is needed, not a number");
  return isList(value) ? value : [value];
}

function first(series: readonly TimeSeries[], name: string): TimeSeries {
  const [found] = series;
  if (!found) throw validationError(`${name} needs at least one metric`);
  return found;
}

/** FILL(m, 0), FILL(m, REPEAT), FILL(m, LINEAR): a value for every period of the range that has none. */
function fill(call: Call): MathValue {
  const value = argument(call, 0);
  if (typeof value === "number") throw validationError("FILL needs a metric, not a number");
  const mode = call.items[1];
  const keyword = mode?.kind === "name" ? mode.name.toUpperCase() : undefined;
  const constant = keyword === "REPEAT" || keyword === "LINEAR" ? undefined : argument(call, 1);
  const fillOne = (series: TimeSeries): TimeSeries => {
    const points = new Map<number, number>();
    const known = [...series.points].sort(([a], [b]) => a - b);
    let before: [number, number] | undefined;
    const start = gridStart(call.scope.range, series.period);
    for (let at = start; at < call.scope.range.until; at += series.period) {
      const own = series.points.get(at);
      if (own !== undefined) {
        points.set(at, own);
        before = [at, own];
        continue;
      }
      if (constant !== undefined) {
        const filling = typeof constant === "number" ? constant : single(call).points.get(at);
        if (filling !== undefined) points.set(at, filling);
      } else if (before && keyword === "REPEAT") points.set(at, before[1]);
      else if (before) {
        const last = before;
        const after = known.find(([time]) => time > at);
        if (after) points.set(at, last[1] + ((after[1] - last[1]) * (at - last[0])) / (after[0] - last[0]));
      }
    }
    return { ...series, points };
  };
  return isList(value) ? value.map(fillOne) : fillOne(value);
}

/** IF(condition, then, else): point by point where the condition is a metric; without `else` such points are left out. */
function choose(call: Call): MathValue {
  const condition = argument(call, 0);
  const yes = argument(call, 1);
  const no = call.items[2] ? argument(call, 2) : undefined;
  if (isList(condition) || isList(yes) || (no !== undefined && isList(no))) {
    throw validationError("IF does not take lists of metrics");
  }
  if (typeof condition === "number") {
    const chosen = condition === 0 ? no : yes;
    if (chosen === undefined) throw validationError("IF has no value for a condition that is 0");
    return chosen;
  }
  const points = new Map<number, number>();
  for (const [at, value] of condition.points) {
    const chosen = value === 0 ? no : yes;
    const picked = typeof chosen === "object" ? chosen.points.get(at) : chosen;
    if (picked !== undefined) points.set(at, picked);
  }
  return { ...condition, points };
}

function metrics(call: Call): MathValue {
  const [node] = call.items;
  if (node && node.kind !== "text") throw validationError("METRICS takes a text in quotes");
  return call.scope.metrics(node?.value);
}

/** A number as a series: the same value in every minute of the range. */
function timeSeries(call: Call): MathValue {
  const value = argument(call, 0);
  if (typeof value !== "number") throw validationError("TIME_SERIES takes a number");
  const period = 60_000;
  const points = new Map<number, number>();
  for (let at = gridStart(call.scope.range, period); at < call.scope.range.until; at += period) points.set(at, value);
  return { label: "TIME_SERIES", period, points };
}
