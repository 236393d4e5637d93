import type * as Events from "@aws-sdk/client-eventbridge";
import type * as Sqs from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { ACCOUNT, ADMIN, DirectBus } from "../../../../test/support/direct-bus.ts";
import { settle } from "../../../../test/support/manual-clock.ts";
import { AwsError } from "../../service.ts";
import type { Principal } from "../../service.ts";
import { createSqs } from "../sqs/service.ts";
import { createEvents } from "./service.ts";

const GLUE: Principal = { kind: "service", service: "glue.amazonaws.com", sourceArn: "arn:aws:glue:x" };
const context = { requestId: "r", principal: ADMIN };

function setUp() {
  const bus = new DirectBus();
  const sqs = bus.add(createSqs(bus.deps));
  const events = bus.add(createEvents(bus.deps));
  const call = async (operation: string, input: object, principal: Principal = ADMIN) =>
    (await events.operations[operation]?.(input as never, { requestId: "r", principal })) as Record<string, unknown>;
  const queue = async (QueueName: string) => {
    await sqs.operations["CreateQueue"]?.({ QueueName } as never, context);
    return `arn:aws:sqs:eu-west-1:${ACCOUNT}:${QueueName}`;
  };
  const rule = async (Name: string, EventPattern: object, targets: Events.Target[], EventBusName?: string) => {
    const { RuleArn } = await call("PutRule", { Name, EventPattern: JSON.stringify(EventPattern), EventBusName });
    await call("PutTargets", { Rule: Name, Targets: targets, EventBusName });
    return String(RuleArn);
  };
  const put = async (entry: Events.PutEventsRequestEntry, principal?: Principal) => {
    const result = await call("PutEvents", { Entries: [entry] }, principal);
    await settle();
    return result as unknown as Events.PutEventsResponse;
  };
  const drain = async (arn: string): Promise<Sqs.Message[]> => {
    const QueueUrl = `http://127.0.0.1:4566/${ACCOUNT}/${arn.split(":")[5]}`;
    const input = { QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] };
    const result = (await sqs.operations["ReceiveMessage"]?.(input as never, context)) as Sqs.ReceiveMessageResult;
    return result.Messages ?? [];
  };
  return { bus, events, clock: bus.clock, call, queue, rule, put, drain };
}

const entry = (Detail: object = {}, more: object = {}) => ({
  Source: "shop",
  DetailType: "order placed",
  Detail: JSON.stringify(Detail),
  ...more,
});

describe("events", () => {
  test("go to the targets of the rules that match, whole, as EventBridge on behalf of the rule", async () => {
    const { bus, queue, rule, put, drain } = setUp();
    const q = await queue("q");
    const arn = await rule("r", { source: ["shop"], detail: { n: [{ numeric: [">", 1] }] } }, [{ Id: "1", Arn: q }]);
    await put(entry({ n: 1 }));
    const { Entries } = await put(entry({ n: 2 }, { Resources: ["x"], Time: new Date("2026-01-02T03:04:05.678Z") }));
    const [message, ...more] = await drain(q);
    expect(more).toEqual([]);
    expect(JSON.parse(message?.Body ?? "")).toEqual({
      version: "0",
      id: Entries?.[0]?.EventId,
      "detail-type": "order placed",
      source: "shop",
      account: ACCOUNT,
      time: "2026-01-02T03:04:05Z",
      region: "eu-west-1",
      resources: ["x"],
      detail: { n: 2 },
    });
    const sent = bus.calls.find((record) => record.name === "sqs:SendMessage");
    expect(sent?.principal).toEqual({ kind: "service", service: "events.amazonaws.com", sourceArn: arn });
  });

  test("of aws.* come from AWS's services only", async () => {
    const { queue, rule, put, drain } = setUp();
    const q = await queue("q");
    await rule("r", { source: ["aws.glue"] }, [{ Id: "1", Arn: q }]);
    const glue = entry({}, { Source: "aws.glue" });
    expect(await put(glue)).toMatchObject({
      FailedEntryCount: 1,
      Entries: [{ ErrorCode: "NotAuthorizedForSourceException" }],
    });
    expect(await put(glue, GLUE)).toMatchObject({ FailedEntryCount: 0 });
    expect(await drain(q)).toHaveLength(1);
  });

  test("are refused one by one, each with its reason", async () => {
    const { call } = setUp();
    const entries = [entry(), entry({}, { Detail: "[]" }), entry({}, { Source: undefined })];
    const result = await call("PutEvents", { Entries: entries });
    expect(result).toMatchObject({
      FailedEntryCount: 2,
      Entries: [{ EventId: expect.any(String) }, { ErrorCode: "MalformedDetail" }, { ErrorCode: "InvalidArgument" }],
    });
    await expect(call("PutEvents", { Entries: [] })).rejects.toMatchObject({ code: "ValidationException" });
    await expect(call("PutEvents", { Entries: [entry({ x: "x".repeat(1_100_000) })] })).rejects.toMatchObject({
      code: "ValidationException",
    });
  });

  test("go to functions, topics and log groups too", async () => {
    const { bus, rule, put } = setUp();
    const got: unknown[] = [];
    bus.stub("lambda:Invoke", (input) => {
      got.push([input.FunctionName, input.InvocationType, Buffer.from(input.Payload as Uint8Array).toString()]);
    });
    bus.stub("sns:Publish", (input) => void got.push([input.TopicArn, input.Message]));
    bus.stub("logs:CreateLogStream", () => {
      throw new AwsError("ResourceAlreadyExistsException", "there");
    });
    bus.stub("logs:PutLogEvents", (input) => void got.push([input.logGroupName, input.logEvents?.[0]?.message]));
    const arn = (rest: string) => `arn:aws:${rest.replace(":", `:eu-west-1:${ACCOUNT}:`)}`;
    await rule("r", { source: ["shop"] }, [
      { Id: "1", Arn: arn("lambda:function:f"), Input: '"l"' },
      { Id: "2", Arn: arn("sns:t"), Input: '"s"' },
      { Id: "3", Arn: arn("logs:log-group:/aws/events/g:*"), Input: '"g"' },
    ]);
    await put(entry());
    expect(got).toEqual([
      [arn("lambda:function:f"), "Event", '"l"'],
      [arn("sns:t"), '"s"'],
      ["/aws/events/g", '"g"'],
    ]);
  });

  test("on a bus of one's own meet that bus's rules", async () => {
    const { call, queue, rule, put, drain } = setUp();
    const q = await queue("q");
    await call("CreateEventBus", { Name: "own" });
    const arn = await rule("r", { source: ["shop"] }, [{ Id: "1", Arn: q }], "own");
    expect(arn).toBe(`arn:aws:events:eu-west-1:${ACCOUNT}:rule/own/r`);
    await put(entry());
    expect(await drain(q)).toEqual([]);
    await put(entry({}, { EventBusName: "own" }));
    await put(entry({}, { EventBusName: `arn:aws:events:eu-west-1:${ACCOUNT}:event-bus/own` }));
    expect(await drain(q)).toHaveLength(2);
    await expect(call("DeleteEventBus", { Name: "own" })).rejects.toMatchObject({ code: "ValidationException" });
  });
});

test("PutPermission keeps the condition it was given", async () => {
  const { call, events } = setUp();
  await call("PutPermission", {
    StatementId: "org",
    Action: "events:PutEvents",
    Principal: "*",
    Condition: { Type: "StringEquals", Key: "aws:PrincipalOrgID", Value: "o-1" },
  });
  const { Policy } = await call("DescribeEventBus", {});
  expect(JSON.parse(Policy as string)).toMatchObject({
    Statement: [{ Sid: "org", Condition: { StringEquals: { "aws:PrincipalOrgID": "o-1" } } }],
  });
  expect(events.resourcePolicy("arn:aws:events:eu-west-1:111122223333:event-bus/default")).toBe(Policy);
});

describe("a target that fails", () => {
  test("for want of itself gets no second try: the event goes to the dead-letter queue and says why", async () => {
    const { bus, queue, rule, put, drain } = setUp();
    const dead = await queue("dead");
    const missing = `arn:aws:sqs:eu-west-1:${ACCOUNT}:missing`;
    const arn = await rule("r", { source: ["shop"] }, [{ Id: "1", Arn: missing, DeadLetterConfig: { Arn: dead } }]);
    await put(entry({ n: 1 }));
    const [letter] = await drain(dead);
    expect(JSON.parse(letter?.Body ?? "")).toMatchObject({ source: "shop", detail: { n: 1 } });
    const texts = Object.entries(letter?.MessageAttributes ?? {}).map(([name, value]) => [name, value.StringValue]);
    expect(Object.fromEntries(texts)).toEqual({
      RULE_ARN: arn,
      TARGET_ARN: missing,
      ERROR_CODE: "NO_RESOURCE",
      ERROR_MESSAGE: "The specified queue does not exist.",
      RETRY_ATTEMPTS: "0",
    });
    expect(bus.calls.filter((record) => record.name === "sqs:SendMessage")).toHaveLength(2);
  });

  test("by its own fault is tried again as the retry policy says, then the letter names the limit", async () => {
    const { bus, clock, queue, rule, put, drain } = setUp();
    const dead = await queue("dead");
    let attempts = 0;
    bus.stub("lambda:Invoke", () => {
      attempts++;
      throw new AwsError("TooManyRequestsException", "Rate exceeded", { status: 429 });
    });
    const Arn = `arn:aws:lambda:eu-west-1:${ACCOUNT}:function:f`;
    const RetryPolicy = { MaximumRetryAttempts: 2 };
    await rule("r", { source: ["shop"] }, [{ Id: "1", Arn, RetryPolicy, DeadLetterConfig: { Arn: dead } }]);
    await put(entry());
    await clock.advance(60_000);
    expect(attempts).toBe(3);
    const [letter] = await drain(dead);
    expect(letter?.MessageAttributes).toMatchObject({
      ERROR_CODE: { StringValue: "THROTTLING" },
      RETRY_ATTEMPTS: { StringValue: "2" },
      EXHAUSTED_RETRY_CONDITION: { StringValue: "MaximumRetryAttempts" },
    });
    expect(clock.holds).toBe(0);
  });

  test("by default is tried 186 times within a day", async () => {
    const { bus, clock, rule, put } = setUp();
    const times: number[] = [];
    bus.stub("lambda:Invoke", () => {
      times.push(clock.now());
      throw new AwsError("ServiceException", "broken", { status: 500 });
    });
    await rule("r", { source: ["shop"] }, [{ Id: "1", Arn: `arn:aws:lambda:eu-west-1:${ACCOUNT}:function:f` }]);
    await put(entry());
    await clock.advance(2 * 86_400_000);
    expect(times.length).toBeGreaterThan(150);
    expect(times.length).toBeLessThanOrEqual(186);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThanOrEqual(86_400_000);
  });

  test("is tried again after a crash", async () => {
    const { bus, clock, queue, rule, put, drain } = setUp();
    const q = await queue("q");
    await rule("r", { source: ["shop"] }, [{ Id: "1", Arn: q }]);
    bus.intercept = ({ name }) => {
      if (name === "sqs:SendMessage") throw new AwsError("ServiceUnavailable", "later", { status: 503 });
    };
    await put(entry());
    bus.intercept = () => undefined;
    await createEvents(bus.deps).start?.();
    await clock.advance(1_000);
    expect((await drain(q)).length).toBeGreaterThanOrEqual(1);
  });
});

describe("schedules", () => {
  test("fire on time with a Scheduled Event, keep their rhythm over a restart, stop when disabled", async () => {
    const { bus, clock, events, call, queue, drain } = setUp();
    const q = await queue("q");
    const { RuleArn } = await call("PutRule", { Name: "tick", ScheduleExpression: "rate(5 minutes)" });
    await call("PutTargets", { Rule: "tick", Targets: [{ Id: "1", Arn: q }] });
    await events.start?.();
    await clock.advance(299_999);
    expect(await drain(q)).toEqual([]);
    await clock.advance(1);
    const [message] = await drain(q);
    expect(JSON.parse(message?.Body ?? "")).toMatchObject({
      source: "aws.events",
      "detail-type": "Scheduled Event",
      resources: [RuleArn],
      time: "2026-11-24T08:05:00Z",
      detail: {},
    });
    await clock.advance(120_000);
    await events.stop?.();
    const again = createEvents(bus.deps);
    await again.start?.();
    await clock.advance(179_999);
    expect(await drain(q)).toHaveLength(1); // the first one is visible again
    await clock.advance(1);
    expect(await drain(q)).toHaveLength(1);
    await again.operations["DisableRule"]?.({ Name: "tick" } as never, context);
    await clock.advance(20_000);
    await drain(q);
    await clock.advance(3_600_000);
    expect(bus.calls.filter((record) => record.name === "sqs:SendMessage")).toHaveLength(2);
  });
});

describe("rules", () => {
  test("PutRule replaces all but the targets", async () => {
    const { call, rule } = setUp();
    await rule("r", { source: ["a"] }, [{ Id: "1", Arn: `arn:aws:sqs:eu-west-1:${ACCOUNT}:q` }]);
    await call("PutRule", { Name: "r", ScheduleExpression: "rate(1 hour)", State: "DISABLED" });
    const described = await call("DescribeRule", { Name: "r" });
    expect(described).toMatchObject({ State: "DISABLED", ScheduleExpression: "rate(1 hour)", EventPattern: undefined });
    expect((await call("ListTargetsByRule", { Rule: "r" }))["Targets"]).toHaveLength(1);
    await expect(call("DeleteRule", { Name: "r" })).rejects.toThrow("Rule can't be deleted since it has targets.");
    await call("RemoveTargets", { Rule: "r", Ids: ["1"] });
    await call("DeleteRule", { Name: "r" });
    await expect(call("DescribeRule", { Name: "r" })).rejects.toMatchObject({ code: "ResourceNotFoundException" });
  });

  test.each<[object, string]>([
    [{ Name: "r" }, "ValidationException"],
    [{ Name: "no space", ScheduleExpression: "rate(1 hour)" }, "ValidationException"],
    [{ Name: "r", ScheduleExpression: "rate(1 hours)" }, "ValidationException"],
    [{ Name: "r", EventPattern: "{" }, "InvalidEventPatternException"],
    [{ Name: "r", EventPattern: '{"a":"b"}' }, "InvalidEventPatternException"],
    [{ Name: "r", EventPattern: '{"a":["b"]}', EventBusName: "none" }, "ResourceNotFoundException"],
  ])("%j is refused: %s", async (input, code) => {
    const { call } = setUp();
    await expect(call("PutRule", input)).rejects.toMatchObject({ code });
  });

  test("targets: five at most, of services that run here, others refused by name", async () => {
    const { call } = setUp();
    await call("PutRule", { Name: "r", EventPattern: '{"a":["b"]}' });
    const target = (Id: string, Arn: string) => ({ Id, Arn });
    const six = Array.from({ length: 6 }, (_, n) => target(`${n}`, `arn:aws:sqs:eu-west-1:${ACCOUNT}:q`));
    await expect(call("PutTargets", { Rule: "r", Targets: six })).rejects.toMatchObject({
      code: "LimitExceededException",
    });
    const kinesis = target("1", `arn:aws:kinesis:eu-west-1:${ACCOUNT}:stream/s`);
    await expect(call("PutTargets", { Rule: "r", Targets: [kinesis] })).rejects.toThrow(/kinesis.* is not supported/);
    const withRole = { ...target("1", `arn:aws:sqs:eu-west-1:${ACCOUNT}:q`), RoleArn: "arn:aws:iam::1:role/r" };
    await expect(call("PutTargets", { Rule: "r", Targets: [withRole] })).rejects.toThrow(/RoleArn of target 1/);
  });

  test("TestEventPattern asks for a whole event", async () => {
    const { call } = setUp();
    const Event = JSON.stringify({ id: "1", account: "1", source: "s", time: "t", region: "r", "detail-type": "d" });
    expect(await call("TestEventPattern", { EventPattern: '{"source":["s"]}', Event })).toEqual({ Result: true });
    expect(await call("TestEventPattern", { EventPattern: '{"source":["x"]}', Event })).toEqual({ Result: false });
    await expect(call("TestEventPattern", { EventPattern: '{"source":["s"]}', Event: "{}" })).rejects.toMatchObject({
      code: "ValidationException",
    });
  });

  test("of a template: pattern, targets and input, again and again", async () => {
    const { events, call, queue, put, drain } = setUp();
    const q = await queue("q");
    const provider = events.resources["AWS::Events::Rule"];
    const provision = async (properties: object, physicalId?: string) =>
      await provider?.provision({
        logicalId: "R",
        stackName: "S",
        physicalId,
        properties: provider.schema.parse(properties) as never,
        generatedName: () => "S-R-1",
      });
    const EventPattern = { source: ["shop"] };
    const RetryPolicy = { MaximumRetryAttempts: "3" };
    const first = await provision({
      EventPattern,
      Targets: [
        { Id: "A", Arn: q, RetryPolicy },
        { Id: "B", Arn: q },
      ],
    });
    expect(first).toEqual({
      physicalId: "S-R-1",
      attributes: { Arn: `arn:aws:events:eu-west-1:${ACCOUNT}:rule/S-R-1` },
    });
    await provision({ EventPattern, Targets: [{ Id: "C", Arn: q, InputPath: "$.detail" }] }, first?.physicalId);
    await put(entry({ n: 1 }));
    expect((await drain(q)).map((message) => message.Body)).toEqual(['{"n":1}']);
    await provider?.delete("S-R-1");
    expect((await call("ListRules", {}))["Rules"]).toEqual([]);
  });
});
