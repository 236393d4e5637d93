import type * as CloudWatch from "@aws-sdk/client-cloudwatch";
import { describe, expect, test } from "vitest";
import { ADMIN, DirectBus } from "../../../../test/support/direct-bus.ts";
import { createMetricsPublisher } from "./metrics-publisher.ts";
import { createCloudWatch } from "./service.ts";

const MINUTE = 60_000;

function setUp() {
  const bus = new DirectBus();
  const cloudwatch = bus.add(createCloudWatch(bus.deps));
  const start = bus.clock.now();
  const call = async (operation: string, input: object) =>
    (await cloudwatch.operations[operation]?.(input as never, { requestId: "r", principal: ADMIN })) as Record<
      string,
      unknown
    >;
  /** Values by the minute in which they fell. */
  const put = async (
    MetricName: string,
    values: Record<number, number[]>,
    more: Partial<CloudWatch.MetricDatum> = {},
  ) => {
    const MetricData = Object.entries(values).flatMap(([minute, list]) =>
      list.map((Value) => ({ MetricName, Value, Timestamp: new Date(start + Number(minute) * MINUTE), ...more })),
    );
    await call("PutMetricData", { Namespace: "N", MetricData });
  };
  const metric = (Id: string, MetricName = Id, Stat = "Sum", Period = 60): CloudWatch.MetricDataQuery => ({
    Id,
    MetricStat: { Metric: { Namespace: "N", MetricName }, Stat, Period },
    ReturnData: false,
  });
  /** The series of queries over the first ten minutes: values by minute. */
  const query = async (MetricDataQueries: CloudWatch.MetricDataQuery[]) => {
    const { MetricDataResults } = await call("GetMetricData", {
      MetricDataQueries,
      StartTime: new Date(start),
      EndTime: new Date(start + 10 * MINUTE),
      ScanBy: "TimestampAscending",
    });
    return (MetricDataResults as CloudWatch.MetricDataResult[]).map((result) => ({
      id: result.Id,
      label: result.Label,
      points: Object.fromEntries(
        (result.Timestamps ?? []).map((at, index) => [(at.getTime() - start) / MINUTE, result.Values?.[index]]),
      ),
    }));
  };
  const points = async (queries: CloudWatch.MetricDataQuery[]) => (await query(queries)).map((result) => result.points);
  return { bus, clock: bus.clock, start, call, put, metric, query, points };
}

describe("statistics", () => {
  test("of a period, by every name", async () => {
    const { put, metric, points } = setUp();
    await put("m", { 0: [1, 2, 3, 10], 2: [5] });
    const of = async (Stat: string) => (await points([{ ...metric("m", "m", Stat), ReturnData: true }]))[0];
    expect(await of("SampleCount")).toEqual({ 0: 4, 2: 1 });
    expect(await of("Sum")).toEqual({ 0: 16, 2: 5 });
    expect(await of("Average")).toEqual({ 0: 4, 2: 5 });
    expect(await of("Minimum")).toEqual({ 0: 1, 2: 5 });
    expect(await of("Maximum")).toEqual({ 0: 10, 2: 5 });
    expect(await of("p50")).toEqual({ 0: 2.5, 2: 5 });
    expect(await of("p100")).toEqual({ 0: 10, 2: 5 });
    await expect(of("tm99")).rejects.toThrow(/statistic tm99 is not supported/);
    await expect(of("Median")).rejects.toThrow(/Median/);
  });

  test("longer periods gather, values with counts and statistic sets count in full", async () => {
    const { start, call, put, metric, points } = setUp();
    await put("m", { 0: [1], 4: [3], 5: [7] });
    const StatisticValues = { SampleCount: 10, Sum: 100, Minimum: 0, Maximum: 50 };
    const Timestamp = new Date(start);
    await call("PutMetricData", {
      Namespace: "N",
      MetricData: [
        { MetricName: "m", Timestamp, StatisticValues },
        { MetricName: "m", Timestamp, Values: [2, 4], Counts: [3, 1] },
      ],
    });
    expect(await points([{ ...metric("m", "m", "Sum", 300), ReturnData: true }])).toEqual([{ 0: 114, 5: 7 }]);
    expect(await points([{ ...metric("m", "m", "SampleCount", 300), ReturnData: true }])).toEqual([{ 0: 16, 5: 1 }]);
    // Percentiles are not known where a part came as statistics only.
    expect(await points([{ ...metric("m", "m", "p90", 300), ReturnData: true }])).toEqual([{ 5: 7 }]);
  });

  test("a metric is exactly its dimensions: nothing rolls up", async () => {
    const { put, metric, points } = setUp();
    await put(
      "m",
      { 0: [1] },
      {
        Dimensions: [
          { Name: "A", Value: "1" },
          { Name: "B", Value: "2" },
        ],
      },
    );
    expect(await points([{ ...metric("m"), ReturnData: true }])).toEqual([{}]);
    const swapped = {
      Namespace: "N",
      MetricName: "m",
      Dimensions: [
        { Name: "B", Value: "2" },
        { Name: "A", Value: "1" },
      ],
    };
    expect(await points([{ Id: "m", MetricStat: { Metric: swapped, Stat: "Sum", Period: 60 } }])).toEqual([{ 0: 1 }]);
  });

  test("GetMetricStatistics: datapoints with unit, simple and extended statistics", async () => {
    const { start, call, put } = setUp();
    await put("m", { 0: [1, 3] }, { Unit: "Seconds" });
    const input = {
      Namespace: "N",
      MetricName: "m",
      StartTime: new Date(start),
      EndTime: new Date(start + 5 * MINUTE),
      Period: 60,
    };
    expect(await call("GetMetricStatistics", { ...input, Statistics: ["Sum"], ExtendedStatistics: ["p50"] })).toEqual({
      Label: "m",
      Datapoints: [{ Timestamp: new Date(start), Unit: "Seconds", Sum: 4, ExtendedStatistics: { p50: 2 } }],
    });
    const far = { ...input, EndTime: new Date(start + 2_000 * MINUTE), Statistics: ["Sum"] };
    await expect(call("GetMetricStatistics", far)).rejects.toMatchObject({
      code: "InvalidParameterCombinationException",
    });
  });
});

describe("metric math", () => {
  test.each<[string, Record<number, number>]>([
    ["a + b", { 0: 11 }],
    ["a - b * 2", { 0: -19 }],
    ["(a + 1) / 2", { 0: 1, 1: 1.5, 3: 2.5 }],
    ["-a ^ 2", { 0: 1, 1: 4, 3: 16 }],
    ["a / (a - 2)", { 0: -1, 3: 2 }],
    ["a > 1", { 0: 0, 1: 1, 3: 1 }],
    ["a > 1 AND a < 4", { 0: 0, 1: 1, 3: 0 }],
    ["SUM([a, b])", { 0: 11, 1: 2, 2: 20, 3: 4 }],
    ["SUM(METRICS())", { 0: 11, 1: 2, 2: 20, 3: 4 }],
    ["MAX([a,b]) - MIN([a,b])", { 0: 9, 1: 0, 2: 0, 3: 0 }],
    ["AVG([a, b])", { 0: 5.5, 1: 2, 2: 20, 3: 4 }],
    ["a - AVG(a)", { 0: 1 - 7 / 3, 1: 2 - 7 / 3, 3: 4 - 7 / 3 }],
    ["FILL(a, 0)", { 0: 1, 1: 2, 2: 0, 3: 4, 4: 0, 5: 0, 6: 0, 7: 0, 8: 0, 9: 0 }],
    ["FILL(a, REPEAT)", { 0: 1, 1: 2, 2: 2, 3: 4, 4: 4, 5: 4, 6: 4, 7: 4, 8: 4, 9: 4 }],
    ["FILL(a, LINEAR)", { 0: 1, 1: 2, 2: 3, 3: 4 }],
    ["IF(a > 1, a, 0)", { 0: 0, 1: 2, 3: 4 }],
    ["IF(a > 1, a)", { 1: 2, 3: 4 }],
    ["IF(a == 2, b, a)", { 0: 1, 3: 4 }],
    ["RATE(a)", { 1: 1 / 60, 3: 2 / 120 }],
    ["DIFF(a)", { 1: 1, 3: 2 }],
    ["RUNNING_SUM(a)", { 0: 1, 1: 3, 3: 7 }],
    ["a / PERIOD(a) * 60", { 0: 1, 1: 2, 3: 4 }],
    ["FIRST(METRICS('b'))", { 0: 10, 2: 20 }],
    ["FLOOR(a / 3)", { 0: 0, 1: 0, 3: 1 }],
  ])("%s", async (Expression, expected) => {
    const { put, metric, points } = setUp();
    await put("a", { 0: [1], 1: [2], 3: [4] });
    await put("b", { 0: [10], 2: [20] });
    const [result] = await points([metric("a"), metric("b"), { Id: "e", Expression }]);
    expect(Object.keys(result ?? {})).toEqual(Object.keys(expected));
    for (const [minute, value] of Object.entries(expected)) expect(result?.[Number(minute)]).toBeCloseTo(value, 10);
  });

  test("a list of metrics gives one result each", async () => {
    const { put, metric, query } = setUp();
    await put("a", { 0: [1] });
    await put("b", { 0: [2] });
    const results = await query([metric("a"), metric("b"), { Id: "e", Expression: "METRICS() * 10", Label: "ten" }]);
    expect(results).toEqual([
      { id: "e", label: "ten a", points: { 0: 10 } },
      { id: "e", label: "ten b", points: { 0: 20 } },
    ]);
  });

  test.each([
    ["SEARCH('x', 'Sum', 300)", /function SEARCH is not supported/],
    ["ANOMALY_DETECTION_BAND(a)", /function ANOMALY_DETECTION_BAND is not supported/],
    ["SELECT AVG(x) FROM y", /Metrics Insights query is not supported/],
    ["a +", /Error in expression/],
    ["a b", /unexpected b/],
    ["zz", /no query with the id zz/],
    ["e", /depends on itself/],
    ["SUM(a)", /must give a time series/],
    ["a ~ 1", /cannot read/],
  ])("%s is refused", async (Expression, reason) => {
    const { metric, points } = setUp();
    await expect(points([metric("a"), { Id: "e", Expression }])).rejects.toThrow(reason);
  });
});

describe("PutMetricData", () => {
  test("AWS's own namespaces are for AWS's services", async () => {
    const { bus, clock, call } = setUp();
    const MetricData = [{ MetricName: "m", Value: 1 }];
    await expect(call("PutMetricData", { Namespace: "AWS/SQS", MetricData })).rejects.toMatchObject({
      code: "InvalidParameterValueException",
    });
    const publisher = createMetricsPublisher(bus.deps, { service: "sqs.amazonaws.com", namespace: "AWS/SQS" });
    publisher.add("m", { QueueName: "q" }, 1, "Count");
    publisher.add("m", { QueueName: "q" }, 1, "Count");
    publisher.add("m", { QueueName: "q" }, 5, "Count");
    await clock.advance(1_000);
    expect(await call("ListMetrics", { Namespace: "AWS/SQS" })).toMatchObject({
      Metrics: [{ Namespace: "AWS/SQS", MetricName: "m", Dimensions: [{ Name: "QueueName", Value: "q" }] }],
    });
    const put = bus.calls.filter((record) => record.name === "monitoring:PutMetricData");
    expect(put).toHaveLength(1);
    expect(put[0]?.input).toMatchObject({ MetricData: [{ Values: [1, 5], Counts: [2, 1], Unit: "Count" }] });
  });

  test.each<[object, string]>([
    [{ Value: 1, Timestamp: new Date("2026-11-10T07:00:00Z") }, "InvalidParameterValueException"],
    [{ Value: 1, Timestamp: new Date("2026-11-24T11:00:00Z") }, "InvalidParameterValueException"],
    [{ Value: Number.NaN }, "InvalidParameterValueException"],
    [{ Values: [1, 2], Counts: [1] }, "InvalidParameterValueException"],
    [{ Value: 1, Values: [1] }, "InvalidParameterCombinationException"],
    [{ Value: 1, Dimensions: [{ Name: "a", Value: "" }] }, "MissingRequiredParameterException"],
    [{}, "MissingRequiredParameterException"],
  ])("refuses %j", async (datum, code) => {
    const { call } = setUp();
    const MetricData = [{ MetricName: "m", ...datum }];
    await expect(call("PutMetricData", { Namespace: "N", MetricData })).rejects.toMatchObject({ code });
  });
});

test("ListMetrics filters by name and dimensions, and forgets a metric two weeks after its last datapoint", async () => {
  const { clock, call, put } = setUp();
  await put("m", { 0: [1] }, { Dimensions: [{ Name: "A", Value: "1" }] });
  await put("n", { 0: [1] });
  const names = async (input: object) =>
    ((await call("ListMetrics", input))["Metrics"] as CloudWatch.Metric[]).map((metric) => metric.MetricName);
  expect(await names({ Namespace: "N" })).toEqual(["m", "n"]);
  expect(await names({ Dimensions: [{ Name: "A" }] })).toEqual(["m"]);
  expect(await names({ Dimensions: [{ Name: "A", Value: "2" }] })).toEqual([]);
  await clock.advance(4 * 3_600_000);
  expect(await names({ RecentlyActive: "PT3H" })).toEqual([]);
  await clock.advance(14 * 86_400_000);
  expect(await names({})).toEqual([]);
});
