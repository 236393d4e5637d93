import type * as CloudWatch from "@aws-sdk/client-cloudwatch";
import type { Alarm, CompositeAlarm, HistoryItem, MetricAlarm } from "./alarm-store.ts";

/** An alarm as DescribeAlarms shows it. */
export function describeMetric(alarm: MetricAlarm): CloudWatch.MetricAlarm {
  return { ...definitionOf(alarm.definition), ...common(alarm) };
}

export function describeComposite(alarm: CompositeAlarm): CloudWatch.CompositeAlarm {
  return { ...definitionOf(alarm.definition), ...common(alarm) };
}

export function describeHistory(item: HistoryItem): CloudWatch.AlarmHistoryItem {
  return {
    AlarmName: item.alarmName,
    AlarmType: item.kind === "metric" ? "MetricAlarm" : "CompositeAlarm",
    Timestamp: new Date(item.at),
    HistoryItemType: item.type,
    HistorySummary: item.summary,
    HistoryData: item.data,
  };
}

function definitionOf<Definition extends Alarm["definition"]>(definition: Definition) {
  return {
    ...definition,
    ActionsEnabled: definition.ActionsEnabled ?? true,
    OKActions: definition.OKActions ?? [],
    AlarmActions: definition.AlarmActions ?? [],
    InsufficientDataActions: definition.InsufficientDataActions ?? [],
  };
}

function common({ name, arn, configuredAt, state }: Alarm) {
  return {
    AlarmName: name,
    AlarmArn: arn,
    AlarmConfigurationUpdatedTimestamp: new Date(configuredAt),
    StateValue: state.value,
    StateReason: state.reason,
    StateReasonData: state.reasonData,
    StateUpdatedTimestamp: new Date(state.updatedAt),
    StateTransitionedTimestamp: new Date(state.transitionedAt),
  };
}
