import type { AlarmStateValue, MissingData } from "./alarm-evaluation.ts";
import type { MetricAlarmDefinition } from "./alarm-store.ts";

const COMPARISONS: Readonly<Record<string, string>> = {
  GreaterThanThreshold: "greater than",
  GreaterThanOrEqualToThreshold: "greater than or equal to",
  LessThanThreshold: "less than",
  LessThanOrEqualToThreshold: "less than or equal to",
};

interface EvaluatedPoint {
  readonly at: number;
  readonly value: number;
}

export interface Evaluated {
  /** The datapoints that decided, newest first. */
  readonly points: readonly EvaluatedPoint[];
  readonly breaching: number;
  /** How many of N periods had no datapoint. */
  readonly missing: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
}

/**
 * Why an alarm went into a state, in CloudWatch's words: `Threshold Crossed: 1 out of the last 1 datapoints [1.0
 * (24/11/26 08:10:00)] was greater than the threshold (0.0) (minimum 1 datapoint for OK -> ALARM transition).`
 */
export function stateReason(definition: MetricAlarmDefinition, state: AlarmStateValue, evaluated: Evaluated): string {
  const { points, breaching, missing, evaluationPeriods, datapointsToAlarm } = evaluated;
  if (state === "INSUFFICIENT_DATA") {
    return `Insufficient Data: ${count(missing, "datapoint")} ${missing === 1 ? "was" : "were"} unknown.`;
  }
  const treated = missing > 0 ? treatedAs(missing, definition.TreatMissingData as MissingData | undefined) : undefined;
  if (points.length === 0) {
    const periods = count(evaluationPeriods, "period");
    return `Threshold Crossed: no datapoints were received for ${periods}${treated ? ` and ${treated}` : ""}.`;
  }
  const alarm = state === "ALARM";
  const told = alarm ? breaching : points.length - breaching;
  const list = points.map(({ at, value }) => `${formatNumber(value)} (${formatShortDate(at)})`).join(", ");
  const verb = told === 1 ? "was" : "were";
  const comparison = COMPARISONS[definition.ComparisonOperator ?? ""] ?? "";
  const minimum = alarm ? datapointsToAlarm : evaluationPeriods - datapointsToAlarm + 1;
  const transition = alarm ? "OK -> ALARM" : "ALARM -> OK";
  return (
    `Threshold Crossed: ${told} out of the last ${count(points.length, "datapoint", true)} [${list}] ${verb} ` +
    `${alarm ? "" : "not "}${comparison} the threshold (${formatNumber(definition.Threshold ?? 0)})` +
    `${treated ? ` and ${treated}` : ""} (minimum ${count(minimum, "datapoint")} for ${transition} transition).`
  );
}

/** What `StateReasonData` holds. */
export function stateReasonData(
  definition: MetricAlarmDefinition,
  evaluated: Evaluated,
  query: { at: number; from: number },
): string {
  return JSON.stringify({
    version: "1.0",
    queryDate: formatDate(query.at),
    startDate: formatDate(query.from),
    statistic: definition.Statistic ?? definition.ExtendedStatistic,
    period: definition.Period,
    recentDatapoints: evaluated.points.map((point) => point.value).toReversed(),
    threshold: definition.Threshold,
    evaluatedDatapoints: evaluated.points.map(({ at, value }) => ({ timestamp: formatDate(at), value })),
  });
}

function treatedAs(missing: number, setting: MissingData | undefined): string | undefined {
  const named = { breaching: "Breaching", notBreaching: "NonBreaching", ignore: undefined, missing: undefined };
  const as = named[setting ?? "missing"];
  return as && `${count(missing, "missing datapoint")} ${missing === 1 ? "was" : "were"} treated as [${as}]`;
}

function count(number: number, noun: string, always = false): string {
  return `${number} ${noun}${number === 1 && !always ? "" : "s"}`;
}

/** As Java writes a double: `1.0`, `0.25`. */
function formatNumber(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** `2026-11-24T08:11:13.927+0000`: no colon in the offset. */
export function formatDate(at: number): string {
  return new Date(at).toISOString().replace("Z", "+0000");
}

/** `24/11/26 08:10:00`, UTC. */
function formatShortDate(at: number): string {
  const [date = "", time = ""] = new Date(at).toISOString().split("T");
  const [year = "", month, day] = date.split("-");
  return `${day}/${month}/${year.slice(2)} ${time.slice(0, 8)}`;
}

/** Alarm mails name the Region in words. */
const REGIONS: Readonly<Record<string, string>> = {
  "us-east-1": "US East (N. Virginia)",
  "us-east-2": "US East (Ohio)",
  "us-west-1": "US West (N. California)",
  "us-west-2": "US West (Oregon)",
  "ca-central-1": "Canada (Central)",
  "eu-west-1": "EU (Ireland)",
  "eu-west-2": "EU (London)",
  "eu-west-3": "EU (Paris)",
  "eu-central-1": "EU (Frankfurt)",
  "eu-north-1": "EU (Stockholm)",
  "eu-south-1": "EU (Milan)",
  "ap-south-1": "Asia Pacific (Mumbai)",
  "ap-northeast-1": "Asia Pacific (Tokyo)",
  "ap-northeast-2": "Asia Pacific (Seoul)",
  "ap-southeast-1": "Asia Pacific (Singapore)",
  "ap-southeast-2": "Asia Pacific (Sydney)",
  "sa-east-1": "South America (Sao Paulo)",
};

export function regionName(region: string): string {
  return REGIONS[region] ?? region;
}
