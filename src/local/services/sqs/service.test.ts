import { createHash } from "node:crypto";
import type * as Sqs from "@aws-sdk/client-sqs";
import { describe, expect, test } from "vitest";
import { ACCOUNT, ADMIN, DirectBus } from "../../../../test/support/direct-bus.ts";
import { settle } from "../../../../test/support/manual-clock.ts";
import type { Principal } from "../../service.ts";
import { createSqs } from "./service.ts";

function setUp() {
  const bus = new DirectBus();
  const sqs = bus.add(createSqs(bus.deps));
  /** Any operation, by name, as the wire calls it. */
  const call = async (
    operation: string,
    input: object,
    options: { principal?: Principal; signal?: AbortSignal } = {},
  ) =>
    (await sqs.operations[operation]?.(input as never, {
      requestId: "r",
      principal: options.principal ?? ADMIN,
      signal: options.signal,
    })) as Record<string, never>;
  const queue = async (name: string, Attributes: Record<string, string> = {}) =>
    String((await call("CreateQueue", { QueueName: name, Attributes }))["QueueUrl"]);
  const send = async (QueueUrl: string, MessageBody: string, more: object = {}) =>
    String((await call("SendMessage", { QueueUrl, MessageBody, ...more }))["MessageId"]);
  const receive = async (QueueUrl: string, more: object = {}, signal?: AbortSignal): Promise<Sqs.Message[]> =>
    (await call("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10, ...more }, { signal }))["Messages"] ?? [];
  const attributes = async (QueueUrl: string): Promise<Record<string, string>> =>
    (await call("GetQueueAttributes", { QueueUrl, AttributeNames: ["All"] }))["Attributes"] ?? {};
  return { bus, sqs, clock: bus.clock, call, queue, send, receive, attributes };
}

const arn = (name: string) => `arn:aws:sqs:eu-west-1:${ACCOUNT}:${name}`;
const redriveTo = (name: string, maxReceiveCount: number | string) => ({
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arn(name), maxReceiveCount }),
});

describe("visibility", () => {
  test("a received message is hidden for exactly its visibility timeout, then comes back with a higher count", async () => {
    const { clock, queue, send, receive } = setUp();
    const url = await queue("q", { VisibilityTimeout: "30" });
    await send(url, "hello");
    const [first] = await receive(url, { AttributeNames: ["All"] });
    await clock.advance(29_999);
    expect(await receive(url)).toEqual([]);
    await clock.advance(1);
    const [second] = await receive(url, { MessageSystemAttributeNames: ["ApproximateReceiveCount"] });
    expect(first?.Attributes?.ApproximateReceiveCount).toBe("1");
    expect(second?.Attributes).toEqual({ ApproximateReceiveCount: "2" });
    expect(second?.MessageId).toBe(first?.MessageId);
    expect(second?.ReceiptHandle).not.toBe(first?.ReceiptHandle);
  });

  test("an old receipt handle deletes nothing, and says so to nobody", async () => {
    const { clock, queue, send, receive, call, attributes } = setUp();
    const url = await queue("q", { VisibilityTimeout: "1" });
    await send(url, "hello");
    const [first] = await receive(url);
    await clock.advance(1_000);
    const [second] = await receive(url);
    await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: first?.ReceiptHandle });
    expect((await attributes(url))["ApproximateNumberOfMessagesNotVisible"]).toBe("1");
    await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: second?.ReceiptHandle });
    expect((await attributes(url))["ApproximateNumberOfMessagesNotVisible"]).toBe("0");
  });

  test("ChangeMessageVisibility counts from now, 0 shows the message at once, and a visible one is not in flight", async () => {
    const { clock, queue, send, receive, call } = setUp();
    const url = await queue("q", { VisibilityTimeout: "10" });
    await send(url, "hello");
    const [message] = await receive(url);
    const change = (VisibilityTimeout: number) =>
      call("ChangeMessageVisibility", { QueueUrl: url, ReceiptHandle: message?.ReceiptHandle, VisibilityTimeout });
    await clock.advance(9_000);
    await change(10);
    await clock.advance(9_999);
    expect(await receive(url)).toEqual([]);
    await change(0);
    await expect(change(5)).rejects.toMatchObject({ code: "MessageNotInflight" });
    expect(await receive(url)).toHaveLength(1);
  });

  test("a message cannot stay in flight beyond 12 hours from its receive", async () => {
    const { clock, queue, send, receive, call } = setUp();
    const url = await queue("q", { VisibilityTimeout: "43200" });
    await send(url, "hello");
    const [message] = await receive(url);
    await clock.advance(1_000);
    await expect(
      call("ChangeMessageVisibility", {
        QueueUrl: url,
        ReceiptHandle: message?.ReceiptHandle,
        VisibilityTimeout: 43_200,
      }),
    ).rejects.toMatchObject({ code: "InvalidParameterValue", message: expect.stringContaining("beyond the limit") });
  });

  test("delays: of the message, else of the queue", async () => {
    const { clock, queue, send, receive, attributes } = setUp();
    const url = await queue("q", { DelaySeconds: "5" });
    await send(url, "queue's");
    await send(url, "own", { DelaySeconds: 0 });
    expect((await receive(url)).map((message) => message.Body)).toEqual(["own"]);
    expect((await attributes(url))["ApproximateNumberOfMessagesDelayed"]).toBe("1");
    await clock.advance(5_000);
    expect((await receive(url)).map((message) => message.Body)).toEqual(["queue's"]);
  });

  test("messages older than the retention period are gone", async () => {
    const { clock, queue, send, receive, attributes } = setUp();
    const url = await queue("q", { MessageRetentionPeriod: "60" });
    await send(url, "old");
    await clock.advance(60_000);
    expect(await receive(url)).toEqual([]);
    expect((await attributes(url))["ApproximateNumberOfMessages"]).toBe("0");
  });
});

describe("long polls", () => {
  test("wake up at once when a message arrives, first come first served", async () => {
    const { queue, send, receive } = setUp();
    const url = await queue("q");
    const first = receive(url, { WaitTimeSeconds: 20 });
    const second = receive(url, { WaitTimeSeconds: 20 });
    await settle();
    await send(url, "one");
    expect((await first).map((message) => message.Body)).toEqual(["one"]);
    await send(url, "two");
    expect((await second).map((message) => message.Body)).toEqual(["two"]);
  });

  test("end empty after their wait, and wake when a hidden message comes back", async () => {
    const { clock, queue, send, receive } = setUp();
    const url = await queue("q", { VisibilityTimeout: "7" });
    const empty = receive(url, { WaitTimeSeconds: 5 });
    await clock.advance(5_000);
    expect(await empty).toEqual([]);
    await send(url, "again");
    await receive(url);
    const waiting = receive(url, { WaitTimeSeconds: 20 });
    await clock.advance(7_000);
    expect(await waiting).toHaveLength(1);
  });

  test("one whose caller has gone takes no message with it", async () => {
    const { queue, send, receive, attributes } = setUp();
    const url = await queue("q");
    const gone = new AbortController();
    const abandoned = receive(url, { WaitTimeSeconds: 20 }, gone.signal);
    await settle();
    gone.abort();
    await send(url, "kept");
    expect(await abandoned).toEqual([]);
    expect((await attributes(url))["ApproximateNumberOfMessages"]).toBe("1");
  });

  test("waiting does not hold the clock; handing over a message does, until the consumer could take over", async () => {
    const { clock, queue, send, receive } = setUp();
    const url = await queue("q");
    const waiting = receive(url, { WaitTimeSeconds: 20 });
    await settle();
    expect(clock.holds).toBe(0);
    await send(url, "x");
    await waiting;
    expect(clock.holds).toBe(1);
    await settle();
    expect(clock.holds).toBe(0);
  });

  test("wait for no hidden message that was deleted: a one-shot run would skip its whole visibility timeout", async () => {
    const { clock, queue, send, receive, call } = setUp();
    const url = await queue("q", { VisibilityTimeout: "1800" });
    await send(url, "hello");
    const [message] = await receive(url);
    const poll = receive(url, { WaitTimeSeconds: 20 });
    await settle();
    expect(clock.waits).toContain(1_800_000);
    await call("DeleteMessage", { QueueUrl: url, ReceiptHandle: message?.ReceiptHandle });
    expect(clock.waits).not.toContain(1_800_000);
    await clock.advance(20_000);
    expect(await poll).toEqual([]);
  });

  test("fail when their queue is deleted", async () => {
    const { queue, receive, call } = setUp();
    const url = await queue("q");
    const waiting = receive(url, { WaitTimeSeconds: 20 });
    const failure = waiting.catch((error: unknown) => error);
    await settle();
    await call("DeleteQueue", { QueueUrl: url });
    expect(await failure).toMatchObject({ code: "QueueDoesNotExist" });
  });
});

describe("redrive", () => {
  test("with maxReceiveCount 3 a consumer sees a message three times; the next receive moves it", async () => {
    const { clock, queue, send, receive } = setUp();
    const dead = await queue("dead");
    const url = await queue("q", { VisibilityTimeout: "1", ...redriveTo("dead", "3") });
    const id = await send(url, "poison");
    for (let time = 1; time <= 3; time++) {
      expect(await receive(url)).toHaveLength(1);
      await clock.advance(1_000);
    }
    expect(await receive(dead)).toEqual([]);
    expect(await receive(url)).toEqual([]);
    const [letter] = await receive(dead, { AttributeNames: ["All"] });
    expect(letter).toMatchObject({ MessageId: id, Body: "poison" });
    expect(letter?.Attributes).toMatchObject({ ApproximateReceiveCount: "4", DeadLetterQueueSourceArn: arn("q") });
  });

  test("a receive that redrives goes on to deliver what is behind, and wakes who waits on the dead-letter queue", async () => {
    const { queue, send, receive } = setUp();
    const dead = await queue("dead");
    const url = await queue("q", redriveTo("dead", 1));
    await send(url, "poison");
    await receive(url, { VisibilityTimeout: 0 });
    await send(url, "good");
    const letters = receive(dead, { WaitTimeSeconds: 20 });
    await settle();
    expect((await receive(url, { MaxNumberOfMessages: 1 })).map((message) => message.Body)).toEqual(["good"]);
    expect((await letters).map((message) => message.Body)).toEqual(["poison"]);
  });

  test("a policy with a name that SQS does not know is refused, not half obeyed", async () => {
    const { queue } = setUp();
    await queue("dead");
    const misspelt = { deadLetterTargetArn: arn("dead"), maxRecieveCount: 3 };
    await expect(queue("q", { RedrivePolicy: JSON.stringify(misspelt) })).rejects.toMatchObject({
      code: "InvalidParameterValue",
      message: expect.stringContaining("maxRecieveCount") as string,
    });
  });

  test("the target must exist and allow this source", async () => {
    const { queue } = setUp();
    await expect(queue("q", redriveTo("nowhere", 3))).rejects.toMatchObject({
      code: "InvalidParameterValue",
      message: expect.stringContaining("Dead letter target does not exist"),
    });
    await queue("closed", { RedriveAllowPolicy: JSON.stringify({ redrivePermission: "denyAll" }) });
    await expect(queue("q", redriveTo("closed", 3))).rejects.toMatchObject({ code: "InvalidParameterValue" });
    const byQueue = { redrivePermission: "byQueue", sourceQueueArns: [arn("q")] };
    await queue("chosen", { RedriveAllowPolicy: JSON.stringify(byQueue) });
    await expect(queue("other", redriveTo("chosen", 3))).rejects.toMatchObject({ code: "InvalidParameterValue" });
    await expect(queue("q", redriveTo("chosen", 3))).resolves.toContain("/q");
  });

  test("a move task brings letters back to their source at the asked rate, as new messages, over a restart", async () => {
    const { bus, clock, sqs, queue, send, receive, call } = setUp();
    const dead = await queue("dead");
    const url = await queue("q", redriveTo("dead", 1));
    for (const body of ["a", "b", "c"]) await send(url, body);
    await receive(url, { VisibilityTimeout: 0 });
    await receive(url);
    const { TaskHandle } = await call("StartMessageMoveTask", {
      SourceArn: arn("dead"),
      MaxNumberOfMessagesPerSecond: 2,
    });
    await clock.advance(0);
    const moved = await receive(url, { AttributeNames: ["All"], VisibilityTimeout: 0 });
    expect(moved.map((message) => message.Body)).toEqual(["a", "b"]);
    expect(moved[0]?.Attributes?.ApproximateReceiveCount).toBe("1");

    await sqs.stop?.();
    const restarted = createSqs(bus.deps);
    await restarted.start?.();
    await clock.advance(1_000);
    const { Results } = await call("ListMessageMoveTasks", { SourceArn: arn("dead") });
    expect(Results).toEqual([
      expect.objectContaining({ Status: "COMPLETED", ApproximateNumberOfMessagesMoved: 3, TaskHandle: undefined }),
    ]);
    expect(await receive(dead)).toEqual([]);
    await expect(call("CancelMessageMoveTask", { TaskHandle })).rejects.toMatchObject({ status: 400 });
    await restarted.stop?.();
  });

  test("a move task stops at a message that was sent to the dead-letter queue directly", async () => {
    const { clock, queue, send, call } = setUp();
    const dead = await queue("dead");
    await queue("q", redriveTo("dead", 1));
    await send(dead, "direct");
    await call("StartMessageMoveTask", { SourceArn: arn("dead") });
    await clock.advance(0);
    const { Results } = await call("ListMessageMoveTasks", { SourceArn: arn("dead") });
    expect(Results).toMatchObject([{ Status: "FAILED", FailureReason: "CouldNotDetermineMessageSource" }]);
  });

  test("only a dead-letter queue can be moved from", async () => {
    const { queue, call } = setUp();
    await queue("q");
    await expect(call("StartMessageMoveTask", { SourceArn: arn("q") })).rejects.toMatchObject({
      message: "Source queue must be configured as a Dead Letter Queue.",
    });
    await expect(call("StartMessageMoveTask", { SourceArn: arn("none") })).rejects.toMatchObject({
      code: "ResourceNotFoundException",
    });
  });
});

describe("messages", () => {
  test("digests are the ones that SDKs check", async () => {
    const { queue, call, receive } = setUp();
    const url = await queue("q");
    const MessageAttributes = {
      b: { DataType: "Binary", BinaryValue: new Uint8Array([1, 2, 3]) },
      a: { DataType: "Number.int", StringValue: "7" },
    };
    const sent = await call("SendMessage", { QueueUrl: url, MessageBody: "grüße", MessageAttributes });
    const sized = (bytes: Buffer) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    };
    const text = (value: string) => sized(Buffer.from(value));
    const expected = Buffer.concat([
      Buffer.concat([text("a"), text("Number.int"), Buffer.of(1), text("7")]),
      Buffer.concat([text("b"), text("Binary"), Buffer.of(2), sized(Buffer.of(1, 2, 3))]),
    ]);
    const md5 = (bytes: Buffer) => createHash("md5").update(bytes).digest("hex");
    expect(sent).toMatchObject({ MD5OfMessageBody: md5(Buffer.from("grüße")), MD5OfMessageAttributes: md5(expected) });

    const [all] = await receive(url, { MessageAttributeNames: ["All"], VisibilityTimeout: 0 });
    expect(all?.MD5OfMessageAttributes).toBe(md5(expected));
    expect(all?.MessageAttributes?.["b"]?.BinaryValue).toEqual(Buffer.of(1, 2, 3));
    const [some] = await receive(url, { MessageAttributeNames: ["a"], VisibilityTimeout: 0 });
    expect(Object.keys(some?.MessageAttributes ?? {})).toEqual(["a"]);
    const [none] = await receive(url);
    expect(none).not.toHaveProperty("MessageAttributes.a");
  });

  test("a batch does what it can and names the entries it could not", async () => {
    const { queue, call, receive } = setUp();
    const url = await queue("q", { MaximumMessageSize: "1024" });
    const result = await call("SendMessageBatch", {
      QueueUrl: url,
      Entries: [
        { Id: "ok", MessageBody: "fine" },
        { Id: "bad", MessageBody: "\u0000" },
        { Id: "big", MessageBody: "x".repeat(1_025) },
      ],
    });
    expect(result["Successful"]).toMatchObject([{ Id: "ok" }]);
    expect(result["Failed"]).toMatchObject([
      { Id: "bad", SenderFault: true, Code: "InvalidMessageContents" },
      { Id: "big", SenderFault: true, Code: "InvalidParameterValue" },
    ]);
    const [message] = await receive(url);
    const deleted = await call("DeleteMessageBatch", {
      QueueUrl: url,
      Entries: [
        { Id: "1", ReceiptHandle: message?.ReceiptHandle },
        { Id: "2", ReceiptHandle: "nonsense" },
      ],
    });
    expect(deleted["Successful"]).toEqual([{ Id: "1" }]);
    expect(deleted["Failed"]).toMatchObject([{ Id: "2", Code: "ReceiptHandleIsInvalid" }]);
  });

  test.each([
    ["EmptyBatchRequest", []],
    ["TooManyEntriesInBatchRequest", Array.from({ length: 11 }, (_, n) => ({ Id: `e${n}`, MessageBody: "x" }))],
    ["BatchEntryIdsNotDistinct", [1, 2].map(() => ({ Id: "same", MessageBody: "x" }))],
    ["InvalidBatchEntryId", [{ Id: "not ok", MessageBody: "x" }]],
    ["BatchRequestTooLong", [1, 2].map((n) => ({ Id: `e${n}`, MessageBody: "x".repeat(600_000) }))],
  ])("a batch is refused whole: %s", async (code, Entries) => {
    const { queue, call } = setUp();
    const url = await queue("q");
    await expect(call("SendMessageBatch", { QueueUrl: url, Entries })).rejects.toMatchObject({ code });
  });

  test.each([
    ["InvalidParameterValue", { MaxNumberOfMessages: 11 }],
    ["InvalidParameterValue", { WaitTimeSeconds: 21 }],
    ["InvalidParameterValue", { VisibilityTimeout: 43_201 }],
    ["InvalidAttributeName", { AttributeNames: ["Nonsense"] }],
  ])("a receive is refused: %s for %j", async (code, input) => {
    const { queue, receive } = setUp();
    await expect(receive(await queue("q"), input)).rejects.toMatchObject({ code });
  });
});

describe("queues", () => {
  test("a URL stays valid when the runtime comes back on another port", async () => {
    const { bus, queue, send, call } = setUp();
    const url = await queue("q");
    expect(url).toBe(`http://127.0.0.1:4566/${ACCOUNT}/q`);
    bus.port = 9999;
    await send(url, "x");
    expect((await call("GetQueueUrl", { QueueName: "q" }))["QueueUrl"]).toBe(`http://127.0.0.1:9999/${ACCOUNT}/q`);
  });

  test("queues and messages are where they were after a crash", async () => {
    const { bus, queue, send, receive } = setUp();
    const url = await queue("q", { VisibilityTimeout: "77" });
    await send(url, "one");
    await send(url, "two");
    await receive(url, { MaxNumberOfMessages: 1 });
    const again = createSqs(bus.deps);
    const context = { requestId: "r", principal: ADMIN };
    const result = (await again.operations["GetQueueAttributes"]?.(
      { QueueUrl: url, AttributeNames: ["All"] } as never,
      context,
    )) as Sqs.GetQueueAttributesResult;
    expect(result.Attributes).toMatchObject({
      VisibilityTimeout: "77",
      ApproximateNumberOfMessages: "1",
      ApproximateNumberOfMessagesNotVisible: "1",
    });
  });

  test("CreateQueue again gives the same queue, unless an attribute differs", async () => {
    const { queue } = setUp();
    const url = await queue("q", { VisibilityTimeout: "10" });
    expect(await queue("q", { VisibilityTimeout: "10" })).toBe(url);
    expect(await queue("q")).toBe(url);
    await expect(queue("q", { VisibilityTimeout: "11" })).rejects.toMatchObject({ code: "QueueNameExists" });
  });

  test("a name is free again a minute after its queue was deleted", async () => {
    const { clock, queue, call } = setUp();
    const url = await queue("q");
    await call("DeleteQueue", { QueueUrl: url });
    await expect(call("PurgeQueue", { QueueUrl: url })).rejects.toMatchObject({ code: "QueueDoesNotExist" });
    await expect(queue("q")).rejects.toMatchObject({ code: "QueueDeletedRecently" });
    await clock.advance(60_000);
    await expect(queue("q")).resolves.toBe(url);
  });

  test("a purge empties the queue, once a minute", async () => {
    const { queue, send, call, receive } = setUp();
    const url = await queue("q");
    await send(url, "x");
    await call("PurgeQueue", { QueueUrl: url });
    expect(await receive(url)).toEqual([]);
    await expect(call("PurgeQueue", { QueueUrl: url })).rejects.toMatchObject({ code: "PurgeQueueInProgress" });
  });

  test("what does not run locally is refused by name", async () => {
    const { queue, call } = setUp();
    await expect(queue("q.fifo", { FifoQueue: "true" })).rejects.toThrow(/FIFO queue q\.fifo is not supported/);
    await expect(queue("q", { KmsMasterKeyId: "alias/aws/sqs" })).rejects.toThrow(/KmsMasterKeyId is not supported/);
    const message = { QueueUrl: await queue("plain"), MessageBody: "x" };
    await expect(call("SendMessage", { ...message, MessageGroupId: "g" })).rejects.toThrow(
      /MessageGroupId.* is not supported/,
    );
    await expect(call("SendMessage", { ...message, MessageDeduplicationId: "d" })).rejects.toThrow(
      /not valid for this queue type/,
    );
    await expect(queue("q", { Nonsense: "1" })).rejects.toMatchObject({ code: "InvalidAttributeName" });
    await expect(queue("q", { DelaySeconds: "901" })).rejects.toMatchObject({ code: "InvalidAttributeValue" });
  });

  test("the queue's policy can be asked for by ARN", async () => {
    const { sqs, queue, call } = setUp();
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [] });
    const url = await queue("q", { Policy });
    expect(sqs.resourcePolicy(arn("q"))).toBe(Policy);
    await call("SetQueueAttributes", { QueueUrl: url, Attributes: { Policy: "" } });
    expect(sqs.resourcePolicy(arn("q"))).toBeUndefined();
    await call("AddPermission", { QueueUrl: url, Label: "l", AWSAccountIds: [ACCOUNT], Actions: ["SendMessage"] });
    expect(sqs.resourcePolicy(arn("q"))).toContain(`arn:aws:iam::${ACCOUNT}:root`);
  });

  test("levels are published for the minute that ended", async () => {
    const { bus, clock, sqs, queue, send } = setUp();
    const url = await queue("q");
    await sqs.start?.();
    await send(url, "x");
    await clock.advance(60_000);
    const published = bus.calls.filter((record) => record.name === "monitoring:PutMetricData");
    const data = published.flatMap((record) => (record.input as { MetricData: { MetricName: string }[] }).MetricData);
    expect(data).toContainEqual(
      expect.objectContaining({
        MetricName: "ApproximateNumberOfMessagesVisible",
        Values: [1],
        Timestamp: new Date(clock.now() - 60_000),
        Dimensions: [{ Name: "QueueName", Value: "q" }],
      }),
    );
    expect(data.map((metric) => metric.MetricName)).toContain("NumberOfMessagesSent");
    await sqs.stop?.();
  });
});
