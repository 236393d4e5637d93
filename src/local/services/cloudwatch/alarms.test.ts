import type * as CloudWatch from "@aws-sdk/client-cloudwatch";
import { describe, expect, test } from "vitest";
import { ACCOUNT, ADMIN, DirectBus } from "../../../../test/support/direct-bus.ts";
import { settle } from "../../../../test/support/manual-clock.ts";
import { AwsError } from "../../service.ts";
import { createCloudWatch } from "./service.ts";

const MINUTE = 60_000;
const TOPIC = `arn:aws:sns:eu-west-1:${ACCOUNT}:alerts`;
const FUNCTION = `arn:aws:lambda:eu-west-1:${ACCOUNT}:function:f`;

async function setUp() {
  const bus = new DirectBus();
  const cloudwatch = bus.add(createCloudWatch(bus.deps));
  const published: { Subject?: string | undefined; Message: Record<string, unknown> }[] = [];
  bus.stub("sns:Publish", (input) => {
    published.push({ Subject: input.Subject, Message: JSON.parse(input.Message ?? "") as Record<string, unknown> });
  });
  const invoked: unknown[] = [];
  bus.stub(
    "lambda:Invoke",
    (input) => void invoked.push(JSON.parse(Buffer.from(input.Payload as Uint8Array).toString())),
  );
  const events: unknown[] = [];
  bus.stub("events:PutEvents", (input) => void events.push(...(input.Entries ?? [])));
  const call = async (operation: string, input: object) =>
    (await cloudwatch.operations[operation]?.(input as never, { requestId: "r", principal: ADMIN })) as Record<
      string,
      unknown
    >;
  const alarm = (more: Partial<CloudWatch.PutMetricAlarmInput> = {}) =>
    call("PutMetricAlarm", {
      AlarmName: "depth",
      Namespace: "N",
      MetricName: "m",
      Statistic: "Maximum",
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 0,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "notBreaching",
      AlarmActions: [TOPIC],
      ...more,
    });
  const put = (Value: number, MetricName = "m") =>
    call("PutMetricData", {
      Namespace: "N",
      MetricData: [{ MetricName, Value, Timestamp: new Date(bus.clock.now()) }],
    });
  const state = async (name = "depth", type: CloudWatch.AlarmType = "MetricAlarm") => {
    const all = await call("DescribeAlarms", { AlarmNames: [name], AlarmTypes: [type] });
    const [found] = [
      ...(all["MetricAlarms"] as CloudWatch.MetricAlarm[]),
      ...(all["CompositeAlarms"] as CloudWatch.CompositeAlarm[]),
    ];
    return found;
  };
  await cloudwatch.start?.();
  return { bus, cloudwatch, clock: bus.clock, published, invoked, events, call, alarm, put, state };
}

describe("a metric alarm", () => {
  test("starts without data, alarms just after the minute of a breaching datapoint, and tells its topic as AWS does", async () => {
    const { bus, clock, published, alarm, put, state } = await setUp();
    await alarm({ AlarmDescription: "DLQ not empty", Dimensions: [], OKActions: [TOPIC] });
    expect(await state()).toMatchObject({
      StateValue: "INSUFFICIENT_DATA",
      StateReason: "Unchecked: Initial alarm creation",
    });
    await clock.advance(MINUTE + 5_000);
    expect(await state()).toMatchObject({
      StateValue: "OK",
      StateReason:
        "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].",
    });
    published.length = 0;
    await put(3);
    await clock.advance(MINUTE - 1);
    expect((await state())?.StateValue).toBe("OK");
    await clock.advance(1);
    const reason =
      "Threshold Crossed: 1 out of the last 1 datapoints [3.0 (24/11/26 08:01:00)] was greater than the threshold (0.0) (minimum 1 datapoint for OK -> ALARM transition).";
    expect(await state()).toMatchObject({ StateValue: "ALARM", StateReason: reason });
    expect(published).toEqual([
      {
        Subject: 'ALARM: "depth" in EU (Ireland)',
        Message: {
          AlarmName: "depth",
          AlarmDescription: "DLQ not empty",
          AWSAccountId: ACCOUNT,
          AlarmConfigurationUpdatedTimestamp: "2026-11-24T08:00:00.000+0000",
          NewStateValue: "ALARM",
          NewStateReason: reason,
          StateChangeTime: "2026-11-24T08:02:05.000+0000",
          Region: "EU (Ireland)",
          AlarmArn: `arn:aws:cloudwatch:eu-west-1:${ACCOUNT}:alarm:depth`,
          OldStateValue: "OK",
          OKActions: [TOPIC],
          AlarmActions: [TOPIC],
          InsufficientDataActions: [],
          Trigger: {
            MetricName: "m",
            Namespace: "N",
            StatisticType: "Statistic",
            Statistic: "MAXIMUM",
            Unit: null,
            Dimensions: [],
            Period: 60,
            EvaluationPeriods: 1,
            DatapointsToAlarm: 1,
            ComparisonOperator: "GreaterThanThreshold",
            Threshold: 0,
            TreatMissingData: "notBreaching",
            EvaluateLowSampleCountPercentile: "",
          },
        },
      },
    ]);
    const call = bus.calls.find((record) => record.name === "sns:Publish");
    expect(call?.principal).toMatchObject({
      service: "cloudwatch.amazonaws.com",
      sourceArn: expect.stringContaining(":alarm:depth"),
    });
    await put(0);
    await clock.advance(MINUTE);
    expect((await state())?.StateReason).toContain(
      "[0.0 (24/11/26 08:02:00)] was not greater than the threshold (0.0) (minimum 1 datapoint for ALARM -> OK transition).",
    );
    expect(published.map((one) => one.Subject)).toEqual([
      'ALARM: "depth" in EU (Ireland)',
      'OK: "depth" in EU (Ireland)',
    ]);
  });

  test("acts on a change of state only", async () => {
    const { clock, published, alarm, put } = await setUp();
    await alarm();
    for (let minute = 0; minute < 4; minute++) {
      await put(1);
      await clock.advance(MINUTE);
    }
    await clock.advance(10_000);
    expect(published).toHaveLength(1);
  });

  test("M of N: two of the last three", async () => {
    const { clock, alarm, put, state } = await setUp();
    await alarm({ EvaluationPeriods: 3, DatapointsToAlarm: 2, TreatMissingData: "missing" });
    await clock.advance(10_000);
    const states: (string | undefined)[] = [];
    for (const value of [0, 1, 0, 1, 0, 0]) {
      await put(value);
      await clock.advance(MINUTE);
      states.push((await state())?.StateValue);
    }
    expect(states).toEqual(["OK", "OK", "OK", "ALARM", "OK", "OK"]);
  });

  test("over a longer period looks at a window that slides by the minute", async () => {
    const { clock, alarm, put, state } = await setUp();
    await alarm({ Period: 300, Statistic: "Sum", Threshold: 5 });
    await put(3);
    await clock.advance(4 * MINUTE);
    await put(3);
    await clock.advance(MINUTE + 5_000);
    expect((await state())?.StateValue).toBe("ALARM");
    await clock.advance(MINUTE);
    expect((await state())?.StateValue).toBe("OK");
  });

  test("on metric math, without data: INSUFFICIENT_DATA", async () => {
    const { clock, published, call, put, state } = await setUp();
    const stat = (MetricName: string) => ({ Metric: { Namespace: "N", MetricName }, Period: 60, Stat: "Sum" });
    await call("PutMetricAlarm", {
      AlarmName: "depth",
      EvaluationPeriods: 1,
      Threshold: 0.5,
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
      AlarmActions: [TOPIC],
      InsufficientDataActions: [TOPIC],
      Metrics: [
        { Id: "e", Expression: "errors / calls", Label: "rate" },
        { Id: "errors", MetricStat: stat("errors"), ReturnData: false },
        { Id: "calls", MetricStat: stat("calls"), ReturnData: false },
      ],
    });
    await put(2, "errors");
    await put(4, "calls");
    await clock.advance(MINUTE + 5_000);
    expect((await state())?.StateReason).toContain(
      "[0.5 (24/11/26 08:00:00)] was greater than or equal to the threshold (0.5)",
    );
    expect(published[0]?.Message["Trigger"]).toMatchObject({ Metrics: [{ Id: "e", ReturnData: true }, {}, {}] });
    await clock.advance(5 * MINUTE);
    expect(await state()).toMatchObject({
      StateValue: "INSUFFICIENT_DATA",
      StateReason: "Insufficient Data: 1 datapoint was unknown.",
    });
    expect(published.map((one) => one.Subject?.split(":")[0])).toEqual(["ALARM", "INSUFFICIENT"]);
  });

  test("tells functions and the default bus", async () => {
    const { invoked, events, alarm, call } = await setUp();
    await alarm({ AlarmActions: [FUNCTION] });
    await call("SetAlarmState", { AlarmName: "depth", StateValue: "ALARM", StateReason: "by hand" });
    await settle();
    expect(invoked).toEqual([
      expect.objectContaining({
        source: "aws.cloudwatch",
        alarmArn: expect.stringContaining(":alarm:depth"),
        alarmData: expect.objectContaining({ alarmName: "depth", state: expect.objectContaining({ value: "ALARM" }) }),
      }),
    ]);
    expect(events).toMatchObject([{ Source: "aws.cloudwatch", DetailType: "CloudWatch Alarm State Change" }]);
  });

  test("a state set by hand fires actions, and the next evaluation takes it back", async () => {
    const { clock, published, alarm, call, state } = await setUp();
    await alarm();
    await clock.advance(MINUTE + 5_000);
    await call("SetAlarmState", { AlarmName: "depth", StateValue: "ALARM", StateReason: "by hand" });
    await settle();
    expect(published).toHaveLength(1);
    expect((await state())?.StateReason).toBe("by hand");
    await clock.advance(MINUTE);
    expect((await state())?.StateValue).toBe("OK");
  });

  test("keeps its state when it is changed, and after a crash; an action that was not done is done then", async () => {
    const { bus, clock, published, alarm, call, state } = await setUp();
    await alarm();
    bus.stub("sns:Publish", () => {
      throw new AwsError("InternalError", "down", { status: 500 });
    });
    await call("SetAlarmState", { AlarmName: "depth", StateValue: "ALARM", StateReason: "by hand" });
    await alarm({ Threshold: 1 });
    expect((await state())?.StateValue).toBe("ALARM");
    bus.stub("sns:Publish", (input) => void published.push({ Subject: input.Subject, Message: {} }));
    const again = createCloudWatch(bus.deps);
    await again.start?.();
    await clock.advance(3_000);
    expect(published.length).toBeGreaterThanOrEqual(1);
    const described = await again.operations["DescribeAlarms"]?.({} as never, { requestId: "r", principal: ADMIN });
    expect(described).toMatchObject({ MetricAlarms: [{ AlarmName: "depth", StateValue: "ALARM", Threshold: 1 }] });
    await again.stop?.();
  });

  test("without actions enabled changes in silence; its history tells everything", async () => {
    const { published, alarm, call } = await setUp();
    await alarm();
    await call("DisableAlarmActions", { AlarmNames: ["depth"] });
    await call("SetAlarmState", { AlarmName: "depth", StateValue: "ALARM", StateReason: "1" });
    await call("EnableAlarmActions", { AlarmNames: ["depth"] });
    await call("SetAlarmState", { AlarmName: "depth", StateValue: "OK", StateReason: "2" });
    await call("SetAlarmState", { AlarmName: "depth", StateValue: "ALARM", StateReason: "3" });
    await settle();
    expect(published).toHaveLength(1);
    const { AlarmHistoryItems } = await call("DescribeAlarmHistory", { ScanBy: "TimestampAscending" });
    expect((AlarmHistoryItems as CloudWatch.AlarmHistoryItem[]).map((item) => item.HistorySummary)).toEqual([
      'Alarm "depth" created',
      "Alarm updated from INSUFFICIENT_DATA to ALARM",
      "Alarm updated from ALARM to OK",
      "Alarm updated from OK to ALARM",
      `Successfully executed action ${TOPIC}`,
    ]);
  });

  test.each<[object, RegExp]>([
    [{ EvaluationPeriods: undefined }, /EvaluationPeriods is required/],
    [{ DatapointsToAlarm: 2 }, /DatapointsToAlarm/],
    [{ Period: 90 }, /Period must be/],
    [{ EvaluationPeriods: 1_441 }, /EvaluationPeriods \* Period/],
    [{ ExtendedStatistic: "p90" }, /Exactly one of Statistic/],
    [{ Statistic: undefined, ExtendedStatistic: "tm90" }, /tm90 is not supported/],
    [{ ComparisonOperator: "GreaterThanUpperThreshold" }, /GreaterThanUpperThreshold.* is not supported/],
    [{ AlarmActions: ["arn:aws:automate:eu-west-1:ec2:stop"] }, /automate.* is not supported/],
    [{ ThresholdMetricId: "x" }, /ThresholdMetricId.* is not supported/],
    [{ TreatMissingData: "maybe" }, /TreatMissingData/],
    [{ Metrics: [] }, /Metrics and MetricName/],
  ])("is refused: %j", async (more, reason) => {
    const { alarm } = await setUp();
    await expect(alarm(more)).rejects.toThrow(reason);
  });
});

describe("a composite alarm", () => {
  const composite = (AlarmRule: string, AlarmName = "all") => ({ AlarmName, AlarmRule, AlarmActions: [TOPIC] });

  test("follows its children", async () => {
    const { published, alarm, call, state } = await setUp();
    for (const AlarmName of ["a", "b", "c d"]) await alarm({ AlarmName, AlarmActions: [] });
    const set = async (AlarmName: string, StateValue: string) => {
      await call("SetAlarmState", { AlarmName, StateValue, StateReason: "test" });
      await settle();
      return (await state("all", "CompositeAlarm"))?.StateValue;
    };
    const arn = `arn:aws:cloudwatch:eu-west-1:${ACCOUNT}:alarm:b`;
    await call("PutCompositeAlarm", composite(`ALARM(a) AND (ALARM("${arn}") OR NOT OK("c d"))`));
    expect((await state("all", "CompositeAlarm"))?.StateValue).toBe("OK");
    expect(await set("c d", "OK")).toBe("OK");
    expect(await set("a", "ALARM")).toBe("OK");
    expect(await set("b", "ALARM")).toBe("ALARM");
    expect(published[0]).toMatchObject({
      Subject: 'ALARM: "all" in EU (Ireland)',
      Message: {
        AlarmRule: expect.stringContaining("ALARM(a)"),
        NewStateReason: expect.stringContaining(
          `${arn} transitioned to ALARM at Tuesday 24 November, 2026 08:00:00 UTC`,
        ),
      },
    });
    expect(await set("a", "OK")).toBe("OK");
    await expect(call("DeleteAlarms", { AlarmNames: ["a"] })).rejects.toThrow(/composite alarm all depends on it/);
    await call("DeleteAlarms", { AlarmNames: ["a", "all"] });
  });

  test.each([
    ["ALARM(none)", /none does not exist/],
    ["ALARM(all)", /depend on itself/],
    ["ALARM(outer)", /depend on itself/],
    ["ALARM(a", /expected \)/],
    ["BROKEN(a)", /unexpected BROKEN/],
    ["AT_LEAST(1, ALARM, (a))", /AT_LEAST.* is not supported/],
    ["", /1 to 10240/],
  ])("is refused: %s", async (rule, reason) => {
    const { alarm, call } = await setUp();
    await alarm({ AlarmName: "a" });
    await call("PutCompositeAlarm", composite("ALARM(a)"));
    await call("PutCompositeAlarm", composite("ALARM(all)", "outer"));
    await expect(call("PutCompositeAlarm", composite(rule))).rejects.toThrow(reason);
  });
});

describe("of a template", () => {
  test("alarms with numbers as text, composite alarms and dashboards, again and again", async () => {
    const { cloudwatch, call } = await setUp();
    const provision = async (type: string, properties: object, physicalId?: string) => {
      const provider = cloudwatch.resources[type];
      if (!provider) throw new Error(type);
      const parsed = provider.schema.parse(properties) as never;
      return await provider.provision({
        logicalId: "L",
        stackName: "S",
        physicalId,
        properties: parsed,
        generatedName: () => "S-L-1",
      });
    };
    const properties = {
      Namespace: "AWS/SQS",
      MetricName: "ApproximateNumberOfMessagesVisible",
      Dimensions: [{ Name: "QueueName", Value: "dead" }],
      Statistic: "Maximum",
      Period: "60",
      EvaluationPeriods: "1",
      Threshold: "1",
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
      TreatMissingData: "notBreaching",
      AlarmActions: [TOPIC],
    };
    const first = await provision("AWS::CloudWatch::Alarm", properties);
    expect(first).toEqual({
      physicalId: "S-L-1",
      attributes: { Arn: `arn:aws:cloudwatch:eu-west-1:${ACCOUNT}:alarm:S-L-1` },
    });
    await provision("AWS::CloudWatch::Alarm", { ...properties, Threshold: 2 }, "S-L-1");
    await provision("AWS::CloudWatch::CompositeAlarm", { AlarmName: "all", AlarmRule: "ALARM(S-L-1)" });
    expect(await call("DescribeAlarms", { AlarmTypes: ["MetricAlarm", "CompositeAlarm"] })).toMatchObject({
      MetricAlarms: [{ AlarmName: "S-L-1", Threshold: 2, Period: 60 }],
      CompositeAlarms: [{ AlarmName: "all", StateValue: "OK" }],
    });
    const body = { widgets: [{ type: "text", properties: { markdown: "x" } }] };
    const dashboard = await provision("AWS::CloudWatch::Dashboard", {
      DashboardName: "d",
      DashboardBody: JSON.stringify(body),
    });
    expect(await call("GetDashboard", { DashboardName: dashboard.physicalId })).toMatchObject({
      DashboardBody: JSON.stringify(body),
      DashboardArn: `arn:aws:cloudwatch::${ACCOUNT}:dashboard/d`,
    });
    await cloudwatch.resources["AWS::CloudWatch::Dashboard"]?.delete("d");
    await expect(call("GetDashboard", { DashboardName: "d" })).rejects.toMatchObject({
      code: "DashboardNotFoundError",
    });
  });

  test.each([
    ["not json", "/"],
    ["{}", "/widgets"],
    ['{"widgets":[{"type":"pie","properties":{}}]}', "/widgets/0/type"],
    ['{"widgets":[{"type":"metric"}]}', "/widgets/0"],
  ])("a dashboard is refused with the place that is wrong: %s", async (DashboardBody, DataPath) => {
    const { call } = await setUp();
    await expect(call("PutDashboard", { DashboardName: "d", DashboardBody })).rejects.toMatchObject({
      code: "DashboardInvalidInputError",
      fields: { dashboardValidationMessages: [{ DataPath }] },
    });
  });
});
