import { validationError } from "./errors.ts";

/** Values by the start of their period, in milliseconds. */
export interface TimeSeries {
  readonly label: string;
  /** Milliseconds. */
  readonly period: number;
  readonly points: ReadonlyMap<number, number>;
}

/** The time that a question is about, in milliseconds; up to but without `until`. */
export interface TimeRange {
  readonly from: number;
  readonly until: number;
  /** Periods end at `until`, as an alarm's sliding window does; else they begin at multiples of themselves. */
  readonly sliding?: boolean;
}

/** Where the first period of a range begins. */
export function gridStart(range: TimeRange, period: number): number {
  if (!range.sliding) return Math.floor(range.from / period) * period;
  return range.until - Math.ceil((range.until - range.from) / period) * period;
}

/** What an expression can be worth: a number, a series, or several series. */
export type MathValue = number | TimeSeries | readonly TimeSeries[];

/** Applies an operation point by point; points that only one of two series has are left out. */
export function combine(left: MathValue, right: MathValue, operation: (a: number, b: number) => number): MathValue {
  if (isList(left)) {
    if (isList(right)) throw validationError("An operation between two lists of metrics is not possible");
    return left.map((series) => combine(series, right, operation) as TimeSeries);
  }
  if (isList(right)) return right.map((series) => combine(left, series, operation) as TimeSeries);
  if (typeof left === "number") {
    return typeof right === "number" ? operation(left, right) : mapPoints(right, (value) => operation(left, value));
  }
  if (typeof right === "number") return mapPoints(left, (value) => operation(value, right));
  const points = new Map<number, number>();
  for (const [at, value] of left.points) {
    const other = right.points.get(at);
    if (other !== undefined) keep(points, at, operation(value, other));
  }
  return { ...left, points };
}

/** A series of what `change` makes of each value; what is no number any more (a division by zero) has no point. */
export function mapPoints(series: TimeSeries, change: (value: number, at: number) => number): TimeSeries {
  const points = new Map<number, number>();
  for (const [at, value] of series.points) keep(points, at, change(value, at));
  return { ...series, points };
}

export function keep(points: Map<number, number>, at: number, value: number): void {
  if (Number.isFinite(value)) points.set(at, value);
}

export function isList(value: MathValue): value is readonly TimeSeries[] {
  return Array.isArray(value);
}
