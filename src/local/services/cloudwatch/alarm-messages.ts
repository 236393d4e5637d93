import type { Environment } from "../../service.ts";
import type { Alarm, AlarmState, MetricAlarm } from "./alarm-store.ts";
import { formatDate, regionName } from "./alarm-texts.ts";

const MAX_SUBJECT = 100;

/** A change of state that actions are told of. */
export interface Transition {
  readonly alarm: Alarm;
  readonly from: AlarmState;
}

/** `ALARM: "name" in EU (Ireland)`; SNS takes 100 characters. */
export function subject({ alarm }: Transition, environment: Environment): string {
  const state = alarm.state.value === "INSUFFICIENT_DATA" ? "INSUFFICIENT" : alarm.state.value;
  return `${state}: "${alarm.name}" in ${regionName(environment.region)}`.slice(0, MAX_SUBJECT);
}

/** The message that a topic gets: JSON text with quirks of its own, kept as real alarms write them. */
export function topicMessage({ alarm, from }: Transition, environment: Environment): string {
  const { definition, state } = alarm;
  const common = {
    AlarmName: alarm.name,
    AlarmDescription: definition.AlarmDescription ?? null,
    AWSAccountId: environment.account,
    AlarmConfigurationUpdatedTimestamp: formatDate(alarm.configuredAt),
    NewStateValue: state.value,
    NewStateReason: state.reason,
    StateChangeTime: formatDate(state.updatedAt),
    Region: regionName(environment.region),
    AlarmArn: alarm.arn,
    OldStateValue: from.value,
    OKActions: definition.OKActions ?? [],
    AlarmActions: definition.AlarmActions ?? [],
    InsufficientDataActions: definition.InsufficientDataActions ?? [],
  };
  if (alarm.kind === "composite") return JSON.stringify({ ...common, AlarmRule: alarm.definition.AlarmRule });
  return JSON.stringify({ ...common, Trigger: trigger(alarm) });
}

function trigger({ definition }: MetricAlarm) {
  const conditions = {
    Period: definition.Period,
    EvaluationPeriods: definition.EvaluationPeriods,
    DatapointsToAlarm: definition.DatapointsToAlarm ?? definition.EvaluationPeriods,
    ComparisonOperator: definition.ComparisonOperator,
    Threshold: definition.Threshold,
    TreatMissingData: definition.TreatMissingData ?? "missing",
    EvaluateLowSampleCountPercentile: definition.EvaluateLowSampleCountPercentile ?? "",
  };
  if (definition.Metrics) {
    return {
      ...conditions,
      Metrics: definition.Metrics.map(({ Id, Expression, Label, ReturnData, MetricStat }) => ({
        Id,
        Expression,
        Label,
        MetricStat: MetricStat && {
          Metric: {
            MetricName: MetricStat.Metric?.MetricName,
            Namespace: MetricStat.Metric?.Namespace,
            Dimensions: lowerCase(MetricStat.Metric?.Dimensions),
          },
          Period: MetricStat.Period,
          Stat: MetricStat.Stat,
        },
        ReturnData: ReturnData ?? true,
      })),
    };
  }
  const statistic = definition.ExtendedStatistic
    ? { StatisticType: "ExtendedStatistic", ExtendedStatistic: definition.ExtendedStatistic }
    : { StatisticType: "Statistic", Statistic: definition.Statistic?.toUpperCase() };
  return {
    MetricName: definition.MetricName,
    Namespace: definition.Namespace,
    ...statistic,
    Unit: definition.Unit ?? null,
    Dimensions: lowerCase(definition.Dimensions),
    ...conditions,
  };
}

/** In alarm messages the members of a dimension are written small, and the value comes first. */
function lowerCase(dimensions: readonly { Name?: string; Value?: string }[] = []) {
  return dimensions.map(({ Name, Value }) => ({ value: Value, name: Name }));
}

/**
 * The event on the default bus, and (under other names) the payload of a function.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
 */
export function eventDetail({ alarm, from }: Transition) {
  const { definition } = alarm;
  return {
    alarmName: alarm.name,
    state: eventState(alarm.state),
    previousState: eventState(from),
    configuration:
      alarm.kind === "composite"
        ? { description: definition.AlarmDescription, alarmRule: alarm.definition.AlarmRule }
        : { description: definition.AlarmDescription, metrics: eventMetrics(alarm) },
  };
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html */
export function functionPayload(transition: Transition, environment: Environment): string {
  const { alarm } = transition;
  return JSON.stringify({
    source: "aws.cloudwatch",
    alarmArn: alarm.arn,
    accountId: environment.account,
    time: formatDate(alarm.state.updatedAt),
    region: environment.region,
    alarmData: eventDetail(transition),
  });
}

function eventState(state: AlarmState) {
  return {
    value: state.value,
    reason: state.reason,
    reasonData: state.reasonData,
    timestamp: formatDate(state.updatedAt),
  };
}

function eventMetrics({ definition }: MetricAlarm) {
  if (definition.Metrics) {
    return definition.Metrics.map(({ Id, Expression, Label, ReturnData, MetricStat }) => ({
      id: Id,
      expression: Expression,
      label: Label,
      metricStat: MetricStat && {
        metric: {
          namespace: MetricStat.Metric?.Namespace,
          name: MetricStat.Metric?.MetricName,
          dimensions: dimensionsObject(MetricStat.Metric?.Dimensions),
        },
        period: MetricStat.Period,
        stat: MetricStat.Stat,
      },
      returnData: ReturnData ?? true,
    }));
  }
  return [
    {
      id: "m1",
      metricStat: {
        metric: {
          namespace: definition.Namespace,
          name: definition.MetricName,
          dimensions: dimensionsObject(definition.Dimensions),
        },
        period: definition.Period,
        stat: definition.Statistic ?? definition.ExtendedStatistic,
      },
      returnData: true,
    },
  ];
}

function dimensionsObject(dimensions: readonly { Name?: string; Value?: string }[] = []) {
  return Object.fromEntries(dimensions.map(({ Name, Value }) => [Name, Value]));
}
