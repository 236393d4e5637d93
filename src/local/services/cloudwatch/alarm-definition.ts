import type { CompositeAlarmDefinition, MetricAlarmDefinition } from "./alarm-store.ts";
import { parseCompositeRule } from "./composite-rule.ts";
import { invalidParameterCombination, missingParameter, unsupported, validationError } from "./errors.ts";
import { parseMath } from "./metric-expression.ts";
import { parseStatistic } from "./statistics.ts";

const COMPARISONS = [
  "GreaterThanOrEqualToThreshold",
  "GreaterThanThreshold",
  "LessThanThreshold",
  "LessThanOrEqualToThreshold",
];
const MISSING = ["breaching", "notBreaching", "ignore", "missing"];
const SECONDS_PER_DAY = 86_400;
const MAX_ACTIONS = 5;

/** Checks what PutMetricAlarm is given; what does not run locally is refused by name. */
export function checkMetricAlarm(name: string, definition: MetricAlarmDefinition): void {
  checkCommon(name, definition);
  const other = (
    [
      "ThresholdMetricId",
      "EvaluationWindow",
      "WarmUpConfiguration",
      "EvaluationCriteria",
      "EvaluationInterval",
    ] as const
  ).find((member) => definition[member] !== undefined);
  if (other) throw unsupported(`${other} of alarm ${name}`, "leave it out.");
  if (definition.EvaluateLowSampleCountPercentile === "ignore") {
    throw unsupported(`EvaluateLowSampleCountPercentile "ignore" of alarm ${name}`, "leave it out.");
  }
  const { EvaluationPeriods: periods, DatapointsToAlarm: datapoints, ComparisonOperator: comparison } = definition;
  if (periods === undefined) throw missingParameter("EvaluationPeriods");
  if (!(periods >= 1)) throw validationError("EvaluationPeriods must be at least 1.");
  if (datapoints !== undefined && !(datapoints >= 1 && datapoints <= periods)) {
    throw validationError(`DatapointsToAlarm must be between 1 and EvaluationPeriods (${periods}).`);
  }
  if (comparison === undefined) throw missingParameter("ComparisonOperator");
  if (!COMPARISONS.includes(comparison)) {
    throw unsupported(`ComparisonOperator ${comparison} of alarm ${name}`, `use ${COMPARISONS.join(", ")}.`);
  }
  if (definition.Threshold === undefined) throw missingParameter("Threshold");
  if (!MISSING.includes(definition.TreatMissingData ?? "missing")) {
    throw validationError(`TreatMissingData must be one of ${MISSING.join(", ")}.`);
  }
  if (definition.Metrics) checkMath(definition);
  else checkSingle(definition, periods);
}

function checkSingle(definition: MetricAlarmDefinition, periods: number): void {
  for (const member of ["MetricName", "Namespace", "Period"] as const) {
    if (definition[member] === undefined) throw missingParameter(member);
  }
  if (Boolean(definition.Statistic) === Boolean(definition.ExtendedStatistic)) {
    throw invalidParameterCombination("Exactly one of Statistic and ExtendedStatistic must be specified.");
  }
  parseStatistic(definition.Statistic ?? definition.ExtendedStatistic ?? "");
  const period = definition.Period ?? 0;
  if (![10, 20, 30].includes(period) && !(period > 0 && period % 60 === 0)) {
    throw validationError("Period must be 10, 20, 30 or a multiple of 60.");
  }
  // Alarms on periods of an hour and more may look back a week.
  const longest = period >= 3_600 ? 7 * SECONDS_PER_DAY : SECONDS_PER_DAY;
  if (period * periods > longest) {
    throw validationError(
      `Metrics cannot be checked across more than ${longest / SECONDS_PER_DAY} day(s) (EvaluationPeriods * Period must be <= ${longest}).`,
    );
  }
}

function checkMath(definition: MetricAlarmDefinition): void {
  const single = (
    ["MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit"] as const
  ).find((member) => definition[member] !== undefined);
  if (single) throw invalidParameterCombination(`Metrics and ${single} cannot be given together.`);
  const queries = definition.Metrics ?? [];
  if (queries.filter((query) => query.ReturnData ?? true).length !== 1) {
    throw validationError("Exactly one element of the metrics list should return data.");
  }
  for (const query of queries) {
    if (query.Expression) parseMath(query.Expression);
    else parseStatistic(query.MetricStat?.Stat ?? "");
  }
}

export function checkCompositeAlarm(name: string, definition: CompositeAlarmDefinition): void {
  checkCommon(name, definition);
  const suppressor = (
    ["ActionsSuppressor", "ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod"] as const
  ).find((member) => definition[member] !== undefined);
  if (suppressor) throw unsupported(`${suppressor} of alarm ${name}`, "leave it out.");
  parseCompositeRule(definition.AlarmRule ?? "");
}

function checkCommon(name: string, definition: MetricAlarmDefinition | CompositeAlarmDefinition): void {
  if (name.length < 1 || name.length > 255) throw validationError("AlarmName must be 1 to 255 characters long.");
  if ((definition.AlarmDescription ?? "").length > 1_024) {
    throw validationError("AlarmDescription must be at most 1024 characters long.");
  }
  for (const member of ["OKActions", "AlarmActions", "InsufficientDataActions"] as const) {
    const actions = definition[member] ?? [];
    if (actions.length > MAX_ACTIONS) throw validationError(`${member} takes at most ${MAX_ACTIONS} actions.`);
    for (const arn of actions) {
      const [scheme, , service = ""] = arn.split(":");
      if (scheme !== "arn") throw validationError(`Invalid arn syntax: ${arn}`);
      if (service !== "sns" && service !== "lambda") {
        throw unsupported(`The action ${arn} of alarm ${name}`, "actions are topics and functions.");
      }
    }
  }
}
