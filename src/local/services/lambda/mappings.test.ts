import { existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  UpdateEventSourceMappingCommand,
} from "@aws-sdk/client-lambda";
import {
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from "@aws-sdk/client-sqs";
import type { TraceEvent } from "../../trace.ts";
import { afterEach, describe, expect, test } from "vitest";
import { FUNCTION_ARN, LocalFunctions, queueArn } from "../../../../test/support/local-functions.ts";
import { REGION } from "../../../../test/support/local-services.ts";

let functions: LocalFunctions;

afterEach(() => functions.close());

const isDelivery = (event: TraceEvent) => event.type === "delivery" && event.from === queueArn("queue");

describe("event source mapping", () => {
  async function map(settings: object = {}): Promise<string> {
    const { UUID } = await functions.lambda.send(
      new CreateEventSourceMappingCommand({ FunctionName: "f", EventSourceArn: queueArn("queue"), ...settings }),
    );
    return UUID ?? "";
  }

  async function counts(QueueUrl: string): Promise<Record<string, string>> {
    const { Attributes } = await functions.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }),
    );
    return Attributes ?? {};
  }

  test("a message becomes an event of AWS's shape and is deleted when the function returns", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
    const QueueUrl = await functions.makeQueue("queue");
    await map();
    const deleted = functions.called("DeleteMessageBatch");
    const MessageAttributes = { Title: { DataType: "String", StringValue: "The Whistler" } };
    const { MessageId } = await functions.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: "hello", MessageAttributes }),
    );
    await deleted;
    expect(functions.recorded()[0]?.event.Records).toEqual([
      {
        messageId: MessageId,
        receiptHandle: expect.any(String) as string,
        body: "hello",
        attributes: {
          ApproximateReceiveCount: "1",
          SentTimestamp: expect.stringMatching(/^\d{13}$/) as string,
          SenderId: expect.any(String) as string,
          ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/) as string,
        },
        messageAttributes: {
          Title: { stringValue: "The Whistler", stringListValues: [], binaryListValues: [], dataType: "String" },
        },
        md5OfMessageAttributes: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        md5OfBody: "5d41402abc4b2a76b9719d911017c592",
        eventSource: "aws:sqs",
        eventSourceARN: queueArn("queue"),
        awsRegion: REGION,
      },
    ]);
    expect(await counts(QueueUrl)).toMatchObject({
      ApproximateNumberOfMessages: "0",
      ApproximateNumberOfMessagesNotVisible: "0",
    });
  });

  test("a failed batch comes back after the visibility timeout, with a higher receive count", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction({ Environment: { Variables: { MODE: "throw" } } });
    const QueueUrl = await functions.makeQueue("queue");
    await map();
    const failed = functions.local.trace.waitFor(isDelivery);
    await functions.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
    expect(await failed).toMatchObject({ error: expect.stringContaining("failed") as string });
    const again = functions.local.trace.waitFor(isDelivery);
    await functions.local.clock.advance(31_000);
    await again;
    expect(functions.recorded().map(({ event }) => event.Records[0]?.attributes["ApproximateReceiveCount"])).toEqual([
      "1",
      "2",
    ]);
  });

  test("a window gathers a batch, and a run that skips idle time does not wait for it", async () => {
    functions = await LocalFunctions.start({ skipIdle: true });
    await functions.makeFunction();
    const QueueUrl = await functions.makeQueue("queue");
    await map({ BatchSize: 100, MaximumBatchingWindowInSeconds: 300 });
    const delivered = functions.local.trace.waitFor(isDelivery);
    const Entries = Array.from({ length: 10 }, (_, index) => ({ Id: `m${index}`, MessageBody: `${index}` }));
    await functions.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    await delivered;
    expect(functions.recorded()[0]?.event.Records).toHaveLength(10);
    expect(functions.recorded()[0]?.event.Records[0]).toHaveProperty("md5OfMessageAttributes", null);
  });

  test("messages that no filter lets through are deleted, and no event has them", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
    const QueueUrl = await functions.makeQueue("queue");
    await map({ FilterCriteria: { Filters: [{ Pattern: '{"body":{"kind":["good"]}}' }] } });
    const delivered = functions.local.trace.waitFor(isDelivery);
    await functions.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"kind":"bad"}' }));
    await functions.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"kind":"good"}' }));
    await delivered;
    await functions.called("DeleteMessageBatch");
    expect(functions.recorded().flatMap(({ event }) => event.Records.map(({ body }) => body))).toEqual([
      '{"kind":"good"}',
    ]);
    expect(await counts(QueueUrl)).toMatchObject({ ApproximateNumberOfMessagesNotVisible: "0" });
  });

  test("with ReportBatchItemFailures only the named messages come back", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction(
      {},
      `export const handler = async (event) => ({
        batchItemFailures: event.Records.filter((r) => r.body === "bad").map((r) => ({ itemIdentifier: r.messageId })),
      });`,
    );
    const QueueUrl = await functions.makeQueue("queue");
    await map({ FunctionResponseTypes: ["ReportBatchItemFailures"], MaximumBatchingWindowInSeconds: 1, BatchSize: 2 });
    const deleted = functions.called("DeleteMessageBatch");
    await functions.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "good" }));
    await functions.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "bad" }));
    await deleted;
    expect(await counts(QueueUrl)).toMatchObject({
      ApproximateNumberOfMessages: "0",
      ApproximateNumberOfMessagesNotVisible: "1",
    });
  });

  test("goes from Creating to Enabled, and is gone after Delete", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
    await functions.makeQueue("queue");
    const enabled = functions.local.trace.waitFor((event) => event.type === "state" && event.to === "Enabled");
    const made = await functions.lambda.send(
      new CreateEventSourceMappingCommand({ FunctionName: "f", EventSourceArn: queueArn("queue") }),
    );
    expect(made).toMatchObject({
      $metadata: { httpStatusCode: 202 },
      BatchSize: 10,
      EventSourceArn: queueArn("queue"),
      FunctionArn: FUNCTION_ARN,
      FunctionResponseTypes: [],
      MaximumBatchingWindowInSeconds: 0,
      State: "Creating",
      StateTransitionReason: "USER_INITIATED",
    });
    await enabled;
    const get = () => functions.lambda.send(new GetEventSourceMappingCommand({ UUID: made.UUID }));
    expect(await get()).toMatchObject({ State: "Enabled" });
    await functions.lambda.send(new DeleteEventSourceMappingCommand({ UUID: made.UUID }));
    await expect(get()).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  test("refuses what AWS refuses, with its words", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction({ Timeout: 60 });
    await expect(map()).rejects.toMatchObject({
      name: "InvalidParameterValueException",
      message:
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. " +
        "SQS Error Message: The specified queue does not exist.",
    });
    await functions.makeQueue("queue");
    await expect(map()).rejects.toThrow(
      "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
    );
    await functions.makeFunction({ Timeout: 30 });
    await expect(map({ BatchSize: 11 })).rejects.toThrow(/Maximum batch window/);
    for (const Pattern of ['"text"', "{", '{"body":"x"}']) {
      await expect(map({ FilterCriteria: { Filters: [{ Pattern }] } })).rejects.toThrow(
        "Invalid filter pattern definition.",
      );
    }
    const uuid = await map();
    await expect(map()).rejects.toMatchObject({
      name: "ResourceConflictException",
      message:
        `An event source mapping with SQS arn (" ${queueArn("queue")} ") and function (" f ") already exists. ` +
        `Please update or delete the existing mapping with UUID ${uuid}`,
    });
    await expect(map({ StartingPosition: "LATEST" })).rejects.toThrow(/CreateEventSourceMapping.StartingPosition/);
  });

  test("with a window longer than the queue's visibility, messages stay hidden through window and invocation", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction({ Timeout: 20, Environment: { Variables: { MODE: "throw" } } });
    const QueueUrl = await functions.makeQueue("queue", { VisibilityTimeout: "30" });
    await map({ MaximumBatchingWindowInSeconds: 20 });
    const received = functions.called("ReceiveMessage");
    await functions.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
    await received;
    const failed = functions.local.trace.waitFor(isDelivery);
    await functions.local.clock.advance(20_000);
    await failed;
    // Window + timeout + 30 s = 70 s after the receive.
    await functions.local.clock.advance(45_000);
    expect(await counts(QueueUrl)).toMatchObject({ ApproximateNumberOfMessagesNotVisible: "1" });
    const again = functions.local.trace.waitFor(isDelivery);
    await functions.local.clock.advance(6_000);
    await functions.local.clock.advance(20_000);
    await again;
    expect(functions.recorded()).toHaveLength(2);
  });

  test("a batch is gathered from as many receives as it needs", async () => {
    functions = await LocalFunctions.start({ skipIdle: true });
    await functions.makeFunction();
    const QueueUrl = await functions.makeQueue("queue");
    for (let batch = 0; batch < 3; batch++) {
      const Entries = Array.from({ length: 9 }, (_, index) => ({ Id: `m${index}`, MessageBody: `${batch}-${index}` }));
      await functions.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    }
    const delivered = functions.local.trace.waitFor(isDelivery);
    await map({ BatchSize: 25, MaximumBatchingWindowInSeconds: 5 });
    await delivered;
    expect(functions.recorded()[0]?.event.Records).toHaveLength(25);
  });

  test("an event is cut at 6 MB, and what did not fit comes in the next", async () => {
    functions = await LocalFunctions.start({ skipIdle: true });
    await functions.makeFunction(
      { MemorySize: 512 },
      `import { appendFileSync } from "node:fs";
      export const handler = async (event) => {
        const Records = event.Records.map((record) => ({ body: record.body[0] }));
        appendFileSync(process.env.RECORD, JSON.stringify({ event: { Records } }) + "\\n");
      };`,
    );
    const QueueUrl = await functions.makeQueue("queue");
    for (let message = 0; message < 8; message++) {
      await functions.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: String(message).repeat(1_000_000) }));
    }
    const over = functions.ended(2);
    await map({ BatchSize: 10, MaximumBatchingWindowInSeconds: 5 });
    await over;
    const bodies = functions.recorded().map(({ event }) => event.Records.map(({ body }) => body));
    expect(bodies.map((batch) => batch.length)).toEqual([6, 2]);
    expect(bodies.flat().toSorted()).toEqual("01234567".split(""));
  });

  test("MaximumConcurrency stops receiving: what there is no place for stays in the queue, uncounted", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction(
      { Timeout: 30 },
      `import { existsSync } from "node:fs";
      export const handler = async () => {
        while (!existsSync(process.env.RECORD)) await new Promise((resolve) => setTimeout(resolve, 5));
      };`,
    );
    const QueueUrl = await functions.makeQueue("queue");
    const Entries = ["1", "2", "3"].map((Id) => ({ Id, MessageBody: Id }));
    await functions.sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    let started = 0;
    const two = functions.local.trace.waitFor(
      (event) => event.type === "invocation" && event.status === "started" && ++started === 2,
    );
    await map({ BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } });
    await two;
    expect(await counts(QueueUrl)).toMatchObject({
      ApproximateNumberOfMessages: "1",
      ApproximateNumberOfMessagesNotVisible: "2",
    });
    const over = functions.ended(3);
    writeFileSync(path.join(functions.directory, "record"), "");
    await over;
  });

  test("a throttled function's messages are not lost: they come back after the visibility timeout", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction({ ReservedConcurrentExecutions: 0 });
    const QueueUrl = await functions.makeQueue("queue");
    await map();
    const refused = functions.local.trace.waitFor(isDelivery);
    await functions.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
    expect(await refused).toMatchObject({ error: "Rate Exceeded." });
    await functions.makeFunction();
    const delivered = functions.local.trace.waitFor(isDelivery);
    await functions.local.clock.advance(31_000);
    expect(await delivered).not.toHaveProperty("error");
  });

  test("a message that fails too often goes to the queue's dead-letter queue", async () => {
    functions = await LocalFunctions.start({ skipIdle: true });
    await functions.makeFunction({ Environment: { Variables: { MODE: "throw" } } });
    const dead = await functions.makeQueue("dead");
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: queueArn("dead"), maxReceiveCount: 2 });
    const QueueUrl = await functions.makeQueue("queue", { RedrivePolicy });
    await map();
    await functions.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "poison" }));
    // Visibility timeouts are skipped, and with them the time of a long poll.
    const receive = () => functions.sqs.send(new ReceiveMessageCommand({ QueueUrl: dead, WaitTimeSeconds: 20 }));
    let received = await receive();
    while (!received.Messages) received = await receive();
    expect(received.Messages[0]?.Body).toBe("poison");
    expect(functions.recorded()).toHaveLength(2);
  });

  test("disabled, a mapping leaves messages alone; enabled again, it takes them", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
    const QueueUrl = await functions.makeQueue("queue");
    const UUID = await map();
    const state = (to: string) => functions.local.trace.waitFor((event) => event.type === "state" && event.to === to);
    const disabled = state("Disabled");
    const update = (Enabled: boolean) =>
      functions.lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled, BatchSize: 5 }));
    expect(await update(false)).toMatchObject({ State: "Disabling", BatchSize: 5 });
    await disabled;
    await functions.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
    expect(await counts(QueueUrl)).toMatchObject({ ApproximateNumberOfMessages: "1" });
    const delivered = functions.local.trace.waitFor(isDelivery);
    expect(await update(true)).toMatchObject({ State: "Enabling" });
    await delivered;
    expect(functions.recorded()).toHaveLength(1);
  });

  test("goes on after a restart of the runtime", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
    const QueueUrl = await functions.makeQueue("queue");
    await map();
    functions = await functions.restart();
    const delivered = functions.local.trace.waitFor(isDelivery);
    const { endpoint } = functions.local;
    const after = QueueUrl.replace(/^http:\/\/[^/]+/, endpoint);
    await functions.sqs.send(new SendMessageCommand({ QueueUrl: after, MessageBody: "x" }));
    await delivered;
    expect(functions.recorded()).toHaveLength(1);
  });

  test("shows the messages again that its pollers had when the runtime ended", async () => {
    functions = await LocalFunctions.start();
    // Without the runtime's end it would never return.
    const never = `import { existsSync, writeFileSync } from "node:fs";
      export const handler = async () => {
        if (existsSync(process.env.RECORD)) return { batchItemFailures: [] };
        writeFileSync(process.env.RECORD, "");
        return new Promise((resolve) => setTimeout(resolve, 3_600_000));
      };`;
    await functions.makeFunction({ Timeout: 900 }, never);
    const QueueUrl = await functions.makeQueue("queue", { VisibilityTimeout: "43200" });
    await map();
    await functions.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
    const record = path.join(functions.directory, "record");
    while (!existsSync(record)) await setTimeout(10);
    functions = await functions.restart();
    const deleted = functions.called("DeleteMessageBatch");
    await deleted;
    const after = QueueUrl.replace(/^http:\/\/[^/]+/, functions.local.endpoint);
    expect(await counts(after)).toMatchObject({
      ApproximateNumberOfMessages: "0",
      ApproximateNumberOfMessagesNotVisible: "0",
    });
  });
});
