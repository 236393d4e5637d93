import type * as Sns from "@aws-sdk/client-sns";
import type * as Sqs from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { ACCOUNT, ADMIN, DirectBus } from "../../../../test/support/direct-bus.ts";
import { settle } from "../../../../test/support/manual-clock.ts";
import { AwsError } from "../../service.ts";
import { parseProperties } from "../../template/properties.ts";
import { createSqs } from "../sqs/service.ts";
import { createSns } from "./service.ts";

function setUp() {
  const bus = new DirectBus();
  const sqs = bus.add(createSqs(bus.deps));
  const sns = bus.add(createSns(bus.deps));
  const call = async (operation: string, input: object) =>
    (await sns.operations[operation]?.(input as never, { requestId: "r", principal: ADMIN })) as Record<string, never>;
  const topic = async (Name = "t", Attributes = {}) =>
    String((await call("CreateTopic", { Name, Attributes }))["TopicArn"]);
  const queue = async (QueueName: string) => {
    await sqs.operations["CreateQueue"]?.({ QueueName } as never, { requestId: "r", principal: ADMIN });
    return `arn:aws:sqs:eu-west-1:${ACCOUNT}:${QueueName}`;
  };
  const subscribe = async (TopicArn: string, Endpoint: string, Attributes = {}, Protocol = "sqs") =>
    String((await call("Subscribe", { TopicArn, Protocol, Endpoint, Attributes }))["SubscriptionArn"]);
  const publish = async (TopicArn: string, Message: string, more: object = {}) => {
    const { MessageId } = await call("Publish", { TopicArn, Message, ...more });
    await settle();
    return String(MessageId);
  };
  /** Everything in a queue, taken out. */
  const drain = async (arn: string): Promise<Sqs.Message[]> => {
    const QueueUrl = `http://127.0.0.1:4566/${ACCOUNT}/${arn.split(":")[5]}`;
    const input = { QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"], AttributeNames: ["All"] };
    const result = await sqs.operations["ReceiveMessage"]?.(input as never, { requestId: "r", principal: ADMIN });
    return (result as Sqs.ReceiveMessageResult).Messages ?? [];
  };
  return { bus, sns, clock: bus.clock, call, topic, queue, subscribe, publish, drain };
}

const string = (StringValue: string) => ({ DataType: "String", StringValue });

describe("to a queue", () => {
  test("the envelope is what AWS sends, without what was not given", async () => {
    const { topic, queue, subscribe, publish, drain } = setUp();
    const arn = await topic();
    const q = await queue("q");
    const subscription = await subscribe(arn, q);
    const MessageId = await publish(arn, "hello", { Subject: "S", MessageAttributes: { k: string("v") } });
    await publish(arn, "plain");
    const [full, plain] = (await drain(q)).map((message) => JSON.parse(message.Body ?? "") as Record<string, unknown>);
    expect(full).toEqual({
      Type: "Notification",
      MessageId,
      TopicArn: arn,
      Subject: "S",
      Message: "hello",
      Timestamp: "2026-11-24T08:00:00.000Z",
      SignatureVersion: "1",
      Signature: expect.any(String),
      SigningCertURL: expect.stringMatching(/^https:\/\/sns\.eu-west-1\.amazonaws\.com\//),
      UnsubscribeURL: `http://127.0.0.1:4566/?Action=Unsubscribe&SubscriptionArn=${subscription}`,
      MessageAttributes: { k: { Type: "String", Value: "v" } },
    });
    expect(Object.keys(plain ?? {})).not.toContain("Subject");
    expect(Object.keys(plain ?? {})).not.toContain("MessageAttributes");
  });

  test("raw delivery: the published text as body, attributes as the queue's own", async () => {
    const { topic, queue, subscribe, publish, drain } = setUp();
    const arn = await topic();
    const q = await queue("q");
    await subscribe(arn, q, { RawMessageDelivery: "true" });
    const BinaryValue = Buffer.from([1, 2]);
    await publish(arn, "hello", { MessageAttributes: { k: string("v"), b: { DataType: "Binary", BinaryValue } } });
    const [message] = await drain(q);
    expect(message?.Body).toBe("hello");
    expect(message?.MessageAttributes).toEqual({
      k: { DataType: "String", StringValue: "v" },
      b: { DataType: "Binary", BinaryValue },
    });
  });

  test("sent as SNS on behalf of the topic", async () => {
    const { bus, topic, queue, subscribe, publish } = setUp();
    const arn = await topic();
    await subscribe(arn, await queue("q"));
    await publish(arn, "hello");
    const sent = bus.calls.find((record) => record.name === "sqs:SendMessage");
    expect(sent?.principal).toEqual({ kind: "service", service: "sns.amazonaws.com", sourceArn: arn });
  });
});

test("a function gets one record with its own spelling of names, every member there", async () => {
  const { bus, topic, subscribe, publish } = setUp();
  const payloads: unknown[] = [];
  bus.stub("lambda:Invoke", (input) => {
    payloads.push([
      input.FunctionName,
      input.InvocationType,
      JSON.parse(Buffer.from(input.Payload as Uint8Array).toString()),
    ]);
    return { StatusCode: 202 };
  });
  const arn = await topic();
  const fn = `arn:aws:lambda:eu-west-1:${ACCOUNT}:function:f`;
  const subscription = await subscribe(arn, fn, {}, "lambda");
  const MessageId = await publish(arn, "hello");
  expect(payloads).toEqual([
    [
      fn,
      "Event",
      {
        Records: [
          {
            EventSource: "aws:sns",
            EventVersion: "1.0",
            EventSubscriptionArn: subscription,
            Sns: {
              Type: "Notification",
              MessageId,
              TopicArn: arn,
              Subject: null,
              Message: "hello",
              Timestamp: "2026-11-24T08:00:00.000Z",
              SignatureVersion: "1",
              Signature: expect.any(String),
              SigningCertUrl: expect.any(String),
              UnsubscribeUrl: expect.any(String),
              MessageAttributes: {},
            },
          },
        ],
      },
    ],
  ]);
});

describe("when an endpoint fails", () => {
  test("a server error is tried again: at once three times, after a second twice, then with backoff", async () => {
    const { bus, clock, topic, queue, subscribe, publish, drain } = setUp();
    const attempts: number[] = [];
    const start = clock.now();
    bus.intercept = ({ name }) => {
      if (name !== "sqs:SendMessage") return;
      attempts.push(clock.now() - start);
      if (attempts.length < 8) throw new AwsError("ServiceUnavailable", "later", { status: 503 });
    };
    const arn = await topic();
    const q = await queue("q");
    await subscribe(arn, q);
    await publish(arn, "hello");
    await clock.advance(60_000);
    expect(attempts.slice(0, 6)).toEqual([0, 0, 0, 0, 1_000, 2_000]);
    expect(attempts).toHaveLength(8);
    expect(await drain(q)).toHaveLength(1);
    expect(clock.holds).toBe(0);
  });

  test("what was not delivered is delivered after a crash", async () => {
    const { bus, clock, topic, queue, subscribe, publish, drain } = setUp();
    const arn = await topic();
    const q = await queue("q");
    await subscribe(arn, q);
    let broken = true;
    bus.intercept = ({ name }) => {
      if (broken && name === "sqs:SendMessage") throw new AwsError("ServiceUnavailable", "later", { status: 503 });
    };
    await publish(arn, "hello");
    broken = false;
    const again = createSns(bus.deps);
    await again.start?.();
    await clock.advance(0);
    expect((await drain(q)).length).toBeGreaterThanOrEqual(1);
  });

  test("a client error is not: the message goes to the subscription's dead-letter queue", async () => {
    const { bus, topic, queue, subscribe, publish, drain } = setUp();
    const arn = await topic();
    const dead = await queue("dead");
    const missing = `arn:aws:sqs:eu-west-1:${ACCOUNT}:missing`;
    await subscribe(arn, missing, { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead }) });
    await publish(arn, "hello");
    expect(bus.calls.filter((record) => record.name === "sqs:SendMessage")).toHaveLength(2);
    const [letter] = await drain(dead);
    expect(JSON.parse(letter?.Body ?? "")).toMatchObject({ Message: "hello" });
  });

  test("without one it is dropped", async () => {
    const { bus, clock, topic, subscribe, publish } = setUp();
    const arn = await topic();
    await subscribe(arn, `arn:aws:sqs:eu-west-1:${ACCOUNT}:missing`);
    await publish(arn, "hello");
    await clock.advance(3_600_000);
    expect(bus.calls.filter((record) => record.name === "sqs:SendMessage")).toHaveLength(1);
  });
});

describe("filter policies", () => {
  const s3Event = JSON.stringify({ Records: [{ s3: { object: { key: "in/a.csv" } } }] });

  test.each<[policy: object, scope: string, passes: [string, object][], kept: [string, object][]]>([
    [
      { kind: ["order", { prefix: "re" }], price: [{ numeric: [">=", 10] }] },
      "MessageAttributes",
      [["x", { kind: string("return"), price: { DataType: "Number", StringValue: "10.0" } }]],
      [
        ["x", { kind: string("order") }],
        ["x", { kind: string("order"), price: string("10") }],
        [s3Event, {}],
      ],
    ],
    [
      { tags: ["a"] },
      "MessageAttributes",
      [["x", { tags: { DataType: "String.Array", StringValue: '["b","a"]' } }]],
      [["x", { tags: { DataType: "Binary", BinaryValue: Buffer.from("a") } }]],
    ],
    [
      { Records: { s3: { object: { key: [{ prefix: "in/" }] } } } },
      "MessageBody",
      [[s3Event, {}]],
      [
        ['{"Records":[{"s3":{"object":{"key":"out/a.csv"}}}]}', {}],
        ["not json", {}],
      ],
    ],
  ])("%j in scope %s", async (policy, FilterPolicyScope, passes, kept) => {
    const { topic, queue, subscribe, publish, drain } = setUp();
    const arn = await topic();
    const q = await queue("q");
    await subscribe(arn, q, { FilterPolicy: JSON.stringify(policy), FilterPolicyScope, RawMessageDelivery: "true" });
    for (const [message, MessageAttributes] of kept) await publish(arn, message, { MessageAttributes });
    expect(await drain(q)).toEqual([]);
    for (const [message, MessageAttributes] of passes) await publish(arn, message, { MessageAttributes });
    expect(await drain(q)).toHaveLength(passes.length);
  });

  test("a kept back message is counted and never reaches the dead-letter queue", async () => {
    const { bus, sns, topic, queue, subscribe, publish, drain } = setUp();
    const arn = await topic();
    const dead = await queue("dead");
    await subscribe(arn, await queue("q"), {
      FilterPolicy: '{"k":["v"]}',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead }),
    });
    await publish(arn, "x");
    await sns.stop?.();
    expect(await drain(dead)).toEqual([]);
    expect(JSON.stringify(bus.calls.filter((record) => record.name === "monitoring:PutMetricData"))).toContain(
      "NumberOfNotificationsFilteredOut-NoMessageAttributes",
    );
  });

  test.each([
    ["not json", "MessageAttributes"],
    ['{"a":{"b":["c"]}}', "MessageAttributes"],
    ['{"a":[{"unknown":1}]}', "MessageBody"],
    ['{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}', "MessageAttributes"],
    [JSON.stringify({ a: Array.from({ length: 151 }, (_, n) => n) }), "MessageAttributes"],
    ['{"a":[1000000001]}', "MessageAttributes"],
  ])("is refused: %s in scope %s", async (FilterPolicy, FilterPolicyScope) => {
    const { topic, queue, subscribe } = setUp();
    const arn = await topic();
    const q = await queue("q");
    await expect(subscribe(arn, q, { FilterPolicy, FilterPolicyScope })).rejects.toBeInstanceOf(AwsError);
  });
});

describe("subscriptions", () => {
  test("queues and functions confirm themselves; an e-mail address stays pending and gets nothing", async () => {
    const { bus, topic, queue, subscribe, publish, call } = setUp();
    const arn = await topic();
    const confirmed = await subscribe(arn, await queue("q"));
    expect(await subscribe(arn, "a@example.com", {}, "email")).toBe("pending confirmation");
    const { Subscriptions } = await call("ListSubscriptionsByTopic", { TopicArn: arn });
    expect(((Subscriptions ?? []) as Sns.Subscription[]).map((one) => one.SubscriptionArn)).toEqual([
      confirmed,
      "PendingConfirmation",
    ]);
    const { Attributes } = await call("GetTopicAttributes", { TopicArn: arn });
    expect(Attributes).toMatchObject({ SubscriptionsConfirmed: "1", SubscriptionsPending: "1" });
    await publish(arn, "x");
    expect(bus.calls).toHaveLength(1);
  });

  test("subscribing again gives the same subscription, unless attributes differ", async () => {
    const { topic, queue, subscribe, call } = setUp();
    const arn = await topic();
    const q = await queue("q");
    const first = await subscribe(arn, q, { RawMessageDelivery: "true" });
    expect(await subscribe(arn, q)).toBe(first);
    await expect(subscribe(arn, q, { RawMessageDelivery: "false" })).rejects.toMatchObject({
      code: "InvalidParameterException",
    });
    await call("Unsubscribe", { SubscriptionArn: first });
    await expect(call("GetSubscriptionAttributes", { SubscriptionArn: first })).rejects.toMatchObject({
      code: "NotFoundException",
    });
  });

  test("other protocols are refused by name", async () => {
    const { topic, subscribe } = setUp();
    const arn = await topic();
    await expect(subscribe(arn, "https://example.com", {}, "https")).rejects.toThrow(/Protocol https is not supported/);
    await expect(subscribe(arn, "x", {}, "pigeon")).rejects.toThrow(/does not support this protocol string: pigeon/);
  });
});

describe("publishing", () => {
  test("a text per protocol", async () => {
    const { topic, queue, subscribe, publish, drain } = setUp();
    const arn = await topic();
    const q = await queue("q");
    await subscribe(arn, q, { RawMessageDelivery: "true" });
    const texts = JSON.stringify({ default: "for all", sqs: "for queues" });
    await publish(arn, texts, { MessageStructure: "json" });
    expect((await drain(q)).map((message) => message.Body)).toEqual(["for queues"]);
    await expect(publish(arn, "{}", { MessageStructure: "json" })).rejects.toThrow(/No default entry/);
  });

  test("a batch does what it can and names the entries it could not", async () => {
    const { topic, queue, subscribe, call, drain } = setUp();
    const arn = await topic();
    const q = await queue("q");
    await subscribe(arn, q);
    const result = await call("PublishBatch", {
      TopicArn: arn,
      PublishBatchRequestEntries: [
        { Id: "a", Message: "fine" },
        { Id: "b", Message: "" },
      ],
    });
    await settle();
    expect(result["Successful"]).toMatchObject([{ Id: "a" }]);
    expect(result["Failed"]).toMatchObject([{ Id: "b", Code: "InvalidParameter", SenderFault: true }]);
    expect(await drain(q)).toHaveLength(1);
  });

  test.each<[object, RegExp]>([
    [{ Message: "" }, /Empty message/],
    [{ Message: "x", Subject: "two\nlines" }, /Subject/],
    [{ Message: "x", Subject: "x".repeat(101) }, /Subject/],
    [{ Message: "x".repeat(262_145) }, /Message too long/],
    [{ Message: "x", MessageGroupId: "g" }, /MessageGroupId .*is not supported/],
    [{ Message: "x", MessageDeduplicationId: "d" }, /not valid for this topic type/],
    [{ Message: "x", PhoneNumber: "+1" }, /PhoneNumber is not supported/],
  ])("is refused: %j", async (input, reason) => {
    const { topic, call } = setUp();
    const TopicArn = await topic();
    await expect(call("Publish", { TopicArn, ...input })).rejects.toThrow(reason);
  });

  test("to a topic that is not there", async () => {
    const { publish } = setUp();
    const missing = publish(`arn:aws:sns:eu-west-1:${ACCOUNT}:missing`, "x");
    await expect(missing).rejects.toMatchObject({ code: "NotFoundException" });
  });
});

test("a topic's policy is SNS's own until one is set", async () => {
  const { sns, topic, call } = setUp();
  const arn = await topic();
  expect(sns.resourcePolicy(arn)).toContain("__default_policy_ID");
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });
  await call("SetTopicAttributes", { TopicArn: arn, AttributeName: "Policy", AttributeValue: Policy });
  expect(sns.resourcePolicy(arn)).toBe(Policy);
  expect(sns.resourcePolicy("arn:aws:sns:eu-west-1:1:other")).toBeUndefined();
});

test("topic, subscription and policy of a template, again and again", async () => {
  const { sns, queue, publish, drain } = setUp();
  const provision = async (type: string, properties: object, physicalId?: string) => {
    const provider = sns.resources[type];
    if (!provider) throw new Error(type);
    const parsed = provider.schema.parse(properties) as never;
    const names = { logicalId: "L", stackName: "S", generatedName: () => "S-L-1" };
    return await provider.provision({ ...names, properties: parsed, physicalId });
  };
  const q = await queue("q");
  const topic = await provision("AWS::SNS::Topic", { DisplayName: "D" });
  expect(topic.attributes["TopicName"]).toBe("S-L-1");
  const TopicArn = topic.physicalId;
  const given = { TopicArn, Protocol: "sqs", Endpoint: q, RawMessageDelivery: "true" };
  const first = await provision("AWS::SNS::Subscription", { ...given, FilterPolicy: { k: ["v"] } });
  const again = await provision("AWS::SNS::Subscription", given, first.physicalId);
  expect(again.physicalId).toBe(first.physicalId);
  const document = { Version: "2012-10-17", Statement: [] };
  const policy = await provision("AWS::SNS::TopicPolicy", { Topics: [TopicArn], PolicyDocument: document });
  await provision("AWS::SNS::Topic", {}, TopicArn);
  expect(sns.resourcePolicy(TopicArn)).toBe(JSON.stringify(document));
  await publish(TopicArn, "no filter any more");
  expect(await drain(q)).toHaveLength(1);
  await sns.resources["AWS::SNS::TopicPolicy"]?.delete(policy.physicalId);
  expect(sns.resourcePolicy(TopicArn)).toContain("__default_policy_ID");
});

test("an e-mail subscription of a template is accepted, and the report says that nothing comes of it", () => {
  const { sns } = setUp();
  const provider = sns.resources["AWS::SNS::Subscription"];
  if (!provider) throw new Error("no such type");
  const report = (Protocol: string, Endpoint: string) =>
    parseProperties(provider, { TopicArn: "t", Protocol, Endpoint }, "S");
  expect(report("email", "a@example.com").ignored).toEqual([
    { where: "S.Protocol=email", message: expect.stringContaining("PendingConfirmation") },
  ]);
  expect(report("email", "a@example.com").refused).toEqual([]);
  expect(report("sqs", "arn").ignored).toEqual([]);
});
