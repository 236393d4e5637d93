import type * as CloudWatch from "@aws-sdk/client-cloudwatch";
import type { ServiceDeps } from "../../service.ts";
import { AwsError } from "../../service.ts";
import { checkCompositeAlarm, checkMetricAlarm } from "./alarm-definition.ts";
import { describeComposite, describeHistory, describeMetric } from "./alarm-descriptions.ts";
import type { AlarmEngine } from "./alarm-engine.ts";
import type { AlarmStateValue } from "./alarm-evaluation.ts";
import type { Alarm, AlarmStore, CompositeAlarm, MetricAlarm } from "./alarm-store.ts";
import { parseCompositeRule } from "./composite-rule.ts";
import { unsupported, validationError } from "./errors.ts";
import { page } from "./metric-operations.ts";

const PAGE = 50;

/** Alarms: making, describing, setting off, forgetting. */
export function createAlarmOperations(deps: ServiceDeps, store: AlarmStore, engine: AlarmEngine) {
  const { clock, environment } = deps;
  const arnOf = (name: string) =>
    `arn:${environment.partition}:cloudwatch:${environment.region}:${environment.account}:alarm:${name}`;

  const find = (name: string | undefined): Alarm => {
    const alarm = store.get(name ?? "");
    if (!alarm) throw new AwsError("ResourceNotFound", `Unknown alarm ${name ?? ""}`);
    return alarm;
  };

  /** What is the same of every alarm; an existing one keeps its state, and its tags. */
  const common = (name: string, kind: Alarm["kind"], tags: readonly CloudWatch.Tag[] | undefined) => {
    const previous = store.get(name);
    if (previous && previous.kind !== kind)
      throw validationError(`An alarm of another type is called ${name} already.`);
    const now = clock.now();
    const state = previous?.state ?? {
      value: "INSUFFICIENT_DATA" as const,
      reason: "Unchecked: Initial alarm creation",
      updatedAt: now,
      transitionedAt: now,
    };
    return { name, arn: arnOf(name), configuredAt: now, tags: previous?.tags ?? toTags(tags), state };
  };

  const keep = <Kept extends Alarm>(alarm: Kept): Kept => {
    const type = store.get(alarm.name) ? "Update" : "Create";
    store.put(alarm, {
      at: clock.now(),
      type: "ConfigurationUpdate",
      summary: `Alarm "${alarm.name}" ${type === "Create" ? "created" : "updated"}`,
      data: JSON.stringify({ version: "1.0", type, updatedAlarm: alarm.definition }),
    });
    return alarm;
  };

  const putMetricAlarm = (input: CloudWatch.PutMetricAlarmInput): MetricAlarm => {
    const { AlarmName: name = "", Tags, ...definition } = input;
    checkMetricAlarm(name, definition);
    return keep({ ...common(name, "metric", Tags), kind: "metric", definition });
  };

  const putCompositeAlarm = (input: CloudWatch.PutCompositeAlarmInput): CompositeAlarm => {
    const { AlarmName: name = "", Tags, ...definition } = input;
    checkCompositeAlarm(name, definition);
    const dependsOn = (alarmName: string): string[] => {
      const alarm = store.get(alarmName);
      if (alarm?.kind !== "composite") return [alarmName];
      const { children } = parseCompositeRule(alarm.definition.AlarmRule ?? "");
      return [alarmName, ...children.flatMap((child) => dependsOn(child))];
    };
    for (const child of parseCompositeRule(definition.AlarmRule ?? "").children) {
      if (child === name || dependsOn(child).includes(name)) {
        throw validationError(`AlarmRule of ${name} would depend on itself.`);
      }
      if (!store.get(child))
        throw validationError(`Could not save the composite alarm: alarm ${child} does not exist.`);
    }
    const alarm = keep<CompositeAlarm>({ ...common(name, "composite", Tags), kind: "composite", definition });
    engine.evaluateComposite(alarm);
    return alarm;
  };

  const remove = (names: readonly string[]) => {
    for (const parent of store.list()) {
      if (parent.kind !== "composite" || names.includes(parent.name)) continue;
      const child = parseCompositeRule(parent.definition.AlarmRule ?? "").children.find((one) => names.includes(one));
      if (child)
        throw validationError(`Alarm ${child} cannot be deleted: composite alarm ${parent.name} depends on it.`);
    }
    for (const name of names) store.delete(name);
  };

  const setActionsEnabled = (names: readonly string[] | undefined, ActionsEnabled: boolean) => {
    for (const name of names ?? []) {
      const alarm = store.get(name);
      if (alarm?.kind === "metric") store.put({ ...alarm, definition: { ...alarm.definition, ActionsEnabled } });
      if (alarm?.kind === "composite") store.put({ ...alarm, definition: { ...alarm.definition, ActionsEnabled } });
    }
    return {};
  };

  const tagged = (arn: string | undefined): Alarm => {
    const alarm = store.byArn(arn);
    if (!alarm) throw new AwsError("ResourceNotFoundException", `Resource ${arn ?? ""} does not exist`);
    return alarm;
  };

  const operations = {
    PutMetricAlarm: (input: CloudWatch.PutMetricAlarmCommandInput) => {
      putMetricAlarm(input);
      return {};
    },

    PutCompositeAlarm: (input: CloudWatch.PutCompositeAlarmCommandInput) => {
      putCompositeAlarm(input);
      return {};
    },

    DeleteAlarms: (input: CloudWatch.DeleteAlarmsCommandInput) => {
      remove(input.AlarmNames ?? []);
      return {};
    },

    DescribeAlarms: (input: CloudWatch.DescribeAlarmsCommandInput) => {
      if (input.ChildrenOfAlarmName || input.ParentsOfAlarmName) {
        throw unsupported("Asking for children or parents of an alarm", "read the AlarmRule.");
      }
      if (input.AlarmNames && input.AlarmNamePrefix) {
        throw validationError("AlarmNames and AlarmNamePrefix cannot be given together.");
      }
      const types = input.AlarmTypes ?? ["MetricAlarm"];
      const matching = store
        .list()
        .filter(
          (alarm) =>
            types.includes(alarm.kind === "metric" ? "MetricAlarm" : "CompositeAlarm") &&
            (input.AlarmNames?.includes(alarm.name) ?? true) &&
            alarm.name.startsWith(input.AlarmNamePrefix ?? "") &&
            (input.StateValue === undefined || alarm.state.value === input.StateValue) &&
            (input.ActionPrefix === undefined ||
              actionsOf(alarm).some((arn) => arn.startsWith(input.ActionPrefix ?? ""))),
        );
      const { items, NextToken } = page(matching, input.MaxRecords ?? PAGE, input.NextToken);
      return {
        MetricAlarms: items.flatMap((alarm) => (alarm.kind === "metric" ? [describeMetric(alarm)] : [])),
        CompositeAlarms: items.flatMap((alarm) => (alarm.kind === "composite" ? [describeComposite(alarm)] : [])),
        NextToken,
      };
    },

    DescribeAlarmsForMetric: (input: CloudWatch.DescribeAlarmsForMetricCommandInput) => ({
      MetricAlarms: store.list().flatMap((alarm) => {
        if (alarm.kind !== "metric") return [];
        const { MetricName, Namespace, Dimensions } = alarm.definition;
        const same =
          MetricName === input.MetricName &&
          Namespace === input.Namespace &&
          dimensionsText(Dimensions) === dimensionsText(input.Dimensions);
        return same ? [describeMetric(alarm)] : [];
      }),
    }),

    DescribeAlarmHistory: (input: CloudWatch.DescribeAlarmHistoryCommandInput) => {
      const from = input.StartDate?.getTime() ?? 0;
      const until = input.EndDate?.getTime() ?? Number.MAX_SAFE_INTEGER;
      const items = store
        .history(input.AlarmName)
        .filter(
          (item) =>
            item.at >= from &&
            item.at <= until &&
            (input.HistoryItemType === undefined || item.type === input.HistoryItemType),
        );
      if (input.ScanBy !== "TimestampAscending") items.reverse();
      const { items: shown, NextToken } = page(items, input.MaxRecords ?? PAGE, input.NextToken);
      return { AlarmHistoryItems: shown.map((item) => describeHistory(item)), NextToken };
    },

    SetAlarmState: (input: CloudWatch.SetAlarmStateCommandInput) => {
      const alarm = find(input.AlarmName);
      const value = input.StateValue;
      if (value !== "OK" && value !== "ALARM" && value !== "INSUFFICIENT_DATA") {
        throw validationError(`StateValue must be OK, ALARM or INSUFFICIENT_DATA, not ${String(value)}`);
      }
      engine.setState(alarm, {
        value: value satisfies AlarmStateValue,
        reason: input.StateReason ?? "",
        reasonData: input.StateReasonData,
      });
      return {};
    },

    EnableAlarmActions: (input: CloudWatch.EnableAlarmActionsCommandInput) => setActionsEnabled(input.AlarmNames, true),

    DisableAlarmActions: (input: CloudWatch.DisableAlarmActionsCommandInput) =>
      setActionsEnabled(input.AlarmNames, false),

    TagResource: (input: CloudWatch.TagResourceCommandInput) => {
      const alarm = tagged(input.ResourceARN);
      store.put({ ...alarm, tags: { ...alarm.tags, ...toTags(input.Tags) } });
      return {};
    },

    UntagResource: (input: CloudWatch.UntagResourceCommandInput) => {
      const alarm = tagged(input.ResourceARN);
      const kept = Object.entries(alarm.tags).filter(([key]) => !input.TagKeys?.includes(key));
      store.put({ ...alarm, tags: Object.fromEntries(kept) });
      return {};
    },

    ListTagsForResource: (input: CloudWatch.ListTagsForResourceCommandInput) => ({
      Tags: Object.entries(tagged(input.ResourceARN).tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  };

  return { operations, putMetricAlarm, putCompositeAlarm, remove };
}

function toTags(tags: readonly CloudWatch.Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
}

function actionsOf({ definition }: Alarm): string[] {
  const { OKActions = [], AlarmActions = [], InsufficientDataActions = [] } = definition;
  return [...OKActions, ...AlarmActions, ...InsufficientDataActions];
}

function dimensionsText(dimensions: readonly CloudWatch.Dimension[] = []): string {
  return JSON.stringify(dimensions.map(({ Name, Value }) => `${Name ?? ""}=${Value ?? ""}`).sort());
}
