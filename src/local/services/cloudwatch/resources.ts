import type { PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import { z } from "zod";
import { boolean, integer, jsonText, number, tags } from "../../properties.ts";
import type { ResourceProvider } from "../../service.ts";
import { defineResource } from "../../service.ts";
import type { createAlarmOperations } from "./alarm-operations.ts";
import type { Alarm, AlarmStore } from "./alarm-store.ts";
import type { Dashboards } from "./dashboards.ts";

const dimensions = z.array(z.strictObject({ Name: z.string(), Value: z.string() }));

const actionProperties = {
  AlarmName: z.string().optional(),
  AlarmDescription: z.string().optional(),
  ActionsEnabled: boolean.optional(),
  OKActions: z.array(z.string()).optional(),
  AlarmActions: z.array(z.string()).optional(),
  InsufficientDataActions: z.array(z.string()).optional(),
  Tags: tags.optional(),
};

const metricQuery = z.strictObject({
  Id: z.string(),
  Expression: z.string().optional(),
  Label: z.string().optional(),
  Period: integer.optional(),
  ReturnData: boolean.optional(),
  MetricStat: z
    .strictObject({
      Metric: z.strictObject({
        Namespace: z.string(),
        MetricName: z.string(),
        Dimensions: dimensions.optional(),
      }),
      Period: integer,
      Stat: z.string(),
      Unit: z.string().optional(),
    })
    .optional(),
});

export function createCloudWatchResources(
  dashboards: Dashboards,
  store: AlarmStore,
  alarms: ReturnType<typeof createAlarmOperations>,
): Record<string, ResourceProvider> {
  const finish = (alarm: Alarm, given: readonly { Key: string; Value: string }[] | undefined) => {
    const current = store.get(alarm.name) ?? alarm;
    store.put({ ...current, tags: Object.fromEntries((given ?? []).map((tag) => [tag.Key, tag.Value])) });
    return { physicalId: alarm.name, attributes: { Arn: alarm.arn } };
  };

  const dashboard = defineResource({
    schema: z.strictObject({ DashboardName: z.string().optional(), DashboardBody: jsonText }),
    ignored: { Tags: "not kept: nothing local reads the tags of a dashboard" },
    attributes: [],
    provision({ properties, physicalId, generatedName }) {
      const name = properties.DashboardName ?? physicalId ?? generatedName(255);
      dashboards.put(name, properties.DashboardBody);
      return { physicalId: name, attributes: {} };
    },
    delete: (name) => dashboards.delete(name),
  });

  const alarm = defineResource({
    schema: z.strictObject({
      ...actionProperties,
      MetricName: z.string().optional(),
      Namespace: z.string().optional(),
      Statistic: z.string().optional(),
      ExtendedStatistic: z.string().optional(),
      Dimensions: dimensions.optional(),
      Period: integer.optional(),
      Unit: z.string().optional(),
      EvaluationPeriods: integer,
      DatapointsToAlarm: integer.optional(),
      Threshold: number.optional(),
      ComparisonOperator: z.string(),
      TreatMissingData: z.string().optional(),
      Metrics: z.array(metricQuery).optional(),
    }),
    attributes: ["Arn"],
    provision({ properties, physicalId, generatedName }) {
      const { Tags, ...given } = properties;
      const AlarmName = given.AlarmName ?? physicalId ?? generatedName(255);
      // Enumerations are checked with CloudWatch's own answers, not by the schema.
      return finish(alarms.putMetricAlarm({ ...given, AlarmName } as PutMetricAlarmInput), Tags);
    },
    delete: (name) => alarms.remove([name]),
  });

  const composite = defineResource({
    schema: z.strictObject({ ...actionProperties, AlarmRule: z.string() }),
    attributes: ["Arn"],
    provision({ properties, physicalId, generatedName }) {
      const { Tags, ...given } = properties;
      const AlarmName = given.AlarmName ?? physicalId ?? generatedName(255);
      return finish(alarms.putCompositeAlarm({ ...given, AlarmName }), Tags);
    },
    delete: (name) => alarms.remove([name]),
  });

  return {
    "AWS::CloudWatch::Dashboard": dashboard,
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::CloudWatch::CompositeAlarm": composite,
  };
}
