import type * as Logs from "@aws-sdk/client-cloudwatch-logs";
import type * as CloudWatch from "@aws-sdk/client-cloudwatch";
import { describe, expect, test } from "vitest";
import { ACCOUNT, ADMIN, DirectBus } from "../../../../test/support/direct-bus.ts";
import { settle } from "../../../../test/support/manual-clock.ts";
import { createLogs } from "./service.ts";

const DAY = 86_400_000;
const names = { logGroupName: "/aws/lambda/f", logStreamName: "s" };

async function setUp(retentionInDays?: number) {
  const bus = new DirectBus();
  const logs = bus.add(createLogs(bus.deps));
  const call = async (operation: string, input: object) =>
    (await logs.operations[operation]?.(input as never, { requestId: "r", principal: ADMIN })) as Record<
      string,
      unknown
    >;
  await call("CreateLogGroup", names);
  await call("CreateLogStream", names);
  if (retentionInDays) await call("PutRetentionPolicy", { ...names, retentionInDays });
  const put = async (messages: string[], at = bus.clock.now(), stream = "s") =>
    (await call("PutLogEvents", {
      ...names,
      logStreamName: stream,
      logEvents: messages.map((message, index) => ({ timestamp: at + index, message })),
    })) as unknown as Logs.PutLogEventsResponse;
  const get = async (input: object = {}) =>
    (await call("GetLogEvents", { ...names, ...input })) as unknown as Logs.GetLogEventsResponse;
  const filter = async (input: object = {}) =>
    (await call("FilterLogEvents", {
      logGroupName: names.logGroupName,
      ...input,
    })) as unknown as Logs.FilterLogEventsResponse;
  return { bus, logs, clock: bus.clock, call, put, get, filter };
}

const texts = (answer: { events?: { message?: string }[] }) => (answer.events ?? []).map((event) => event.message);

describe("GetLogEvents", () => {
  test("reads the newest page, and pages by token both ways until a token repeats", async () => {
    const { put, get } = await setUp();
    await put(["a", "b", "c", "d", "e"]);
    const last = await get({ limit: 2 });
    expect(texts(last)).toEqual(["d", "e"]);
    const before = await get({ limit: 2, nextToken: last.nextBackwardToken });
    expect(texts(before)).toEqual(["b", "c"]);
    const end = await get({ limit: 2, nextToken: last.nextForwardToken });
    expect(texts(end)).toEqual([]);
    expect(end.nextForwardToken).toBe(last.nextForwardToken);
    expect(texts(await get({ limit: 2, startFromHead: true }))).toEqual(["a", "b"]);
  });

  test("by time: from startTime on, before endTime", async () => {
    const { clock, put, get } = await setUp();
    await put(["a", "b", "c"]);
    expect(texts(await get({ startTime: clock.now() + 1, endTime: clock.now() + 2 }))).toEqual(["b"]);
  });
});

describe("FilterLogEvents", () => {
  test("finds by pattern over all streams, in order of time, page by page", async () => {
    const { clock, call, put, filter } = await setUp();
    await call("CreateLogStream", { ...names, logStreamName: "other" });
    await put(["ERROR 1", "fine", "ERROR 3"]);
    await put(["ERROR 2"], clock.now() + 1, "other");
    const first = await filter({ filterPattern: "ERROR", limit: 2 });
    expect(first.events?.map((event) => [event.logStreamName, event.message])).toEqual([
      ["s", "ERROR 1"],
      ["other", "ERROR 2"],
    ]);
    const second = await filter({ filterPattern: "ERROR", limit: 2, nextToken: first.nextToken });
    expect(texts(second)).toEqual(["ERROR 3"]);
    expect(second.nextToken).toBeUndefined();
    expect(texts(await filter({ logStreamNamePrefix: "oth" }))).toEqual(["ERROR 2"]);
  });
});

describe("PutLogEvents", () => {
  test("leaves out what is too old, expired or too new, and says which", async () => {
    const { clock, call, filter } = await setUp(3);
    const now = clock.now();
    // One call may not span more than a day, so this takes two.
    const put = (times: number[]) =>
      call("PutLogEvents", {
        ...names,
        logEvents: times.map((timestamp) => ({ timestamp, message: String(timestamp) })),
      });
    expect(await put([now - 3 * DAY - 1, now - 3 * DAY])).toMatchObject({
      rejectedLogEventsInfo: { expiredLogEventEndIndex: 1 },
    });
    expect(await put([now, now + 3 * 3_600_000])).toMatchObject({
      rejectedLogEventsInfo: { tooNewLogEventStartIndex: 1 },
    });
    expect(await put([now - 15 * DAY])).toMatchObject({ rejectedLogEventsInfo: { tooOldLogEventEndIndex: 1 } });
    expect(texts(await filter())).toEqual([String(now - 3 * DAY), String(now)]);
  });

  test.each<[string, { timestamp: number; message: string }[]]>([
    ["chronological order", [2, 1].map((timestamp) => ({ timestamp, message: "x" }))],
    ["cannot span more than 24 hours", [0, DAY + 1].map((timestamp) => ({ timestamp, message: "x" }))],
    ["Upload too large", [{ timestamp: 0, message: "x".repeat(1_048_576) }]],
    ["between 1 and 10000", []],
  ])("is refused: %s", async (reason, logEvents) => {
    const { call } = await setUp();
    const refused = call("PutLogEvents", { ...names, logEvents });
    await expect(refused).rejects.toMatchObject({
      code: "InvalidParameterException",
      message: expect.stringContaining(reason),
    });
  });

  test("events go when their group's retention is over", async () => {
    const { clock, logs, put, filter } = await setUp(1);
    await put(["old"]);
    await logs.start?.();
    await clock.advance(DAY + 3_600_000);
    expect(texts(await filter())).toEqual([]);
    await logs.stop?.();
  });

  test("metrics in a line are published; applications have no AWS/ namespaces; other lines stay lines", async () => {
    const { bus, clock, put } = await setUp();
    const line = (Namespace: string, more: object = {}) =>
      JSON.stringify({
        _aws: {
          Timestamp: clock.now(),
          CloudWatchMetrics: [
            { Namespace, Dimensions: [["Stage"], []], Metrics: [{ Name: "Rows", Unit: "Count" }, { Name: "Ms" }] },
          ],
        },
        Stage: "etl",
        Rows: 12,
        Ms: [1, 2],
        ...more,
      });
    await put([
      line("Pipeline"),
      line("AWS/Lambda"),
      line("Text", { Rows: "12", Ms: "x" }),
      '{"_aws":1}',
      '{"_aws',
      "plain",
    ]);
    await settle();
    const published = bus.calls.filter((record) => record.name === "monitoring:PutMetricData");
    expect(published).toHaveLength(1);
    const { Namespace, MetricData } = (published[0]?.input ?? {}) as Partial<CloudWatch.PutMetricDataInput>;
    expect(Namespace).toBe("Pipeline");
    expect(MetricData?.map((metric) => [metric.MetricName, metric.Values, metric.Unit, metric.Dimensions])).toEqual([
      ["Rows", [12], "Count", [{ Name: "Stage", Value: "etl" }]],
      ["Ms", [1, 2], "None", [{ Name: "Stage", Value: "etl" }]],
      ["Rows", [12], "Count", []],
      ["Ms", [1, 2], "None", []],
    ]);
    expect(published[0]?.principal).toMatchObject({ kind: "service", service: "logs.amazonaws.com" });
  });

  test("every line is in the runtime's trace", async () => {
    const { bus, put } = await setUp();
    const seen = bus.trace.waitFor((event) => event.type === "log");
    await put(["hello"]);
    expect(await seen).toMatchObject({ logGroup: "/aws/lambda/f", logStream: "s", message: "hello" });
  });
});

describe("groups and streams", () => {
  test("are described with their times", async () => {
    const { clock, call, put } = await setUp(14);
    const now = clock.now();
    await put(["a", "b"]);
    expect((await call("DescribeLogGroups", { logGroupNamePrefix: "/aws/lambda" }))["logGroups"]).toEqual([
      expect.objectContaining({
        logGroupName: "/aws/lambda/f",
        arn: `arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:/aws/lambda/f:*`,
        retentionInDays: 14,
        storedBytes: 2,
      }),
    ]);
    expect(
      (await call("DescribeLogStreams", { ...names, orderBy: "LastEventTime", descending: true }))["logStreams"],
    ).toEqual([expect.objectContaining({ logStreamName: "s", firstEventTimestamp: now, lastEventTimestamp: now + 1 })]);
  });

  test.each<[string, object, string]>([
    ["CreateLogGroup", names, "ResourceAlreadyExistsException"],
    ["CreateLogStream", names, "ResourceAlreadyExistsException"],
    ["CreateLogStream", { logGroupName: "none", logStreamName: "s" }, "ResourceNotFoundException"],
    ["GetLogEvents", { ...names, logStreamName: "none" }, "ResourceNotFoundException"],
    ["PutRetentionPolicy", { ...names, retentionInDays: 2 }, "InvalidParameterException"],
    ["CreateLogGroup", { logGroupName: "k", kmsKeyId: "x" }, "InvalidParameterException"],
  ])("%s %j: %s", async (operation, input, code) => {
    const { call } = await setUp();
    await expect(call(operation, input)).rejects.toMatchObject({ code });
  });

  test("a group of a template, again and again", async () => {
    const { logs, call } = await setUp();
    const provider = logs.resources["AWS::Logs::LogGroup"];
    const provision = async (properties: object, physicalId?: string) =>
      await provider?.provision({
        logicalId: "G",
        stackName: "S",
        physicalId,
        properties: provider.schema.parse(properties) as never,
        generatedName: () => "S-G-1",
      });
    const made = await provision({ RetentionInDays: "30" });
    expect(made).toEqual({
      physicalId: "S-G-1",
      attributes: { Arn: `arn:aws:logs:eu-west-1:${ACCOUNT}:log-group:S-G-1:*` },
    });
    await provision({}, "S-G-1");
    const { logGroups } = await call("DescribeLogGroups", { logGroupNamePrefix: "S-G" });
    expect(logGroups).toMatchObject([{ retentionInDays: undefined }]);
    // AWS refuses a name that is taken; a template cannot adopt a group that something else made.
    await expect(provision({ LogGroupName: names.logGroupName })).rejects.toMatchObject({
      code: "ResourceAlreadyExistsException",
    });
    await provider?.delete("S-G-1");
  });
});
