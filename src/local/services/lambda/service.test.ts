import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  AddPermissionCommand,
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  GetFunctionCommand,
  GetPolicyCommand,
  InvokeCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ACCOUNT, REGION, startLocalServices, type LocalServices } from "../../../../test/support/local-services.ts";
import type { TraceEvent } from "../../trace.ts";
import { createSqs } from "../sqs/service.ts";
import { createLambda, type LambdaService } from "./service.ts";

const QUEUE_ARN = `arn:aws:sqs:${REGION}:${ACCOUNT}:queue`;

/** Appends every event to a file beside it, then does what the event, or the message, says. */
const HANDLER = `
import { appendFileSync } from "node:fs";
export const handler = async (event, context) => {
  appendFileSync(process.env.RECORD, JSON.stringify({ event, now: Date.now(), requestId: context.awsRequestId }) + "\\n");
  const mode = process.env.MODE ?? event?.mode;
  if (mode === "throw") throw new TypeError("boom");
  if (mode === "answer") return JSON.parse(process.env.ANSWER);
  return { mode };
};`;

let directory: string;
let local: LocalServices;
let lambda: LambdaClient;
let sqs: SQSClient;
let role: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "lambda-test-"));
});

afterEach(async () => {
  await local.close();
  rmSync(directory, { recursive: true, force: true });
});

async function start(options: { skipIdle?: boolean; state?: string } = {}): Promise<void> {
  const fresh = options.state === undefined || !existsSync(options.state);
  local = await startLocalServices({
    services: [createSqs, createLambda],
    assets: { find: (_, key) => ({ path: path.join(directory, key), kind: "directory" }) },
    ...options,
  });
  if (fresh) role = await local.role("function", "lambda.amazonaws.com");
  lambda = local.client(LambdaClient);
  sqs = local.client(SQSClient);
}

async function provision(type: string, properties: object, physicalId?: string): Promise<string> {
  const provider = (local.dispatcher.services.get("lambda") as LambdaService).resources[type];
  if (!provider) throw new Error(`no provider for ${type}`);
  const made = await provider.provision({
    logicalId: "Resource",
    stackName: "stack",
    properties: provider.schema.parse(properties) as never,
    ...(physicalId !== undefined && { physicalId }),
    generatedName: () => "stack-Resource-1",
  });
  return made.physicalId;
}

/** A function whose bundle is `code` (or the recording handler). */
async function makeFunction(properties: Record<string, unknown> = {}, code = HANDLER): Promise<void> {
  mkdirSync(path.join(directory, "bundle"), { recursive: true });
  writeFileSync(path.join(directory, "bundle", "index.mjs"), code);
  const { Environment, ...others } = properties as { Environment?: { Variables: Record<string, string> } };
  await provision("AWS::Lambda::Function", {
    FunctionName: "f",
    Runtime: "nodejs24.x",
    Handler: "index.handler",
    Role: role,
    Code: { S3Bucket: "assets", S3Key: "bundle" },
    Environment: { Variables: { RECORD: path.join(directory, "record"), ...Environment?.Variables } },
    ...others,
  });
}

async function makeQueue(name = "queue", attributes: Record<string, string> = {}): Promise<string> {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  return QueueUrl ?? "";
}

interface Recorded {
  event: { Records: { messageId: string; body: string; attributes: Record<string, string> }[] };
  now: number;
  requestId: string;
}

function recorded(): Recorded[] {
  const file = path.join(directory, "record");
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);
}

const isDelivery = (event: TraceEvent) => event.type === "delivery" && event.from === QUEUE_ARN;
const hasEnded = (event: TraceEvent) => event.type === "invocation" && event.status !== "started";

function ended(times: number): Promise<void> {
  let count = 0;
  return local.trace.waitFor((event) => hasEnded(event) && ++count === times).then(() => {});
}

async function invoke(payload: unknown, options: Partial<ConstructorParameters<typeof InvokeCommand>[0]> = {}) {
  const Payload = Buffer.from(JSON.stringify(payload));
  const result = await lambda.send(new InvokeCommand({ FunctionName: "f", Payload, ...options }));
  return { ...result, text: Buffer.from(result.Payload ?? []).toString() };
}

describe("synchronous invocation", () => {
  test("answers with the handler's value, the version and, if asked, the end of the log", async () => {
    await start();
    await makeFunction();
    const result = await invoke({ mode: "x" }, { LogType: "Tail" });
    expect(result).toMatchObject({ StatusCode: 200, ExecutedVersion: "$LATEST", text: '{"mode":"x"}' });
    expect(result.FunctionError).toBeUndefined();
    const log = Buffer.from(result.LogResult ?? "", "base64").toString();
    const requestId = recorded()[0]?.requestId;
    expect(log).toMatch(new RegExp(`^START RequestId: ${requestId} Version: \\$LATEST\n`));
    expect(log).toMatch(/REPORT RequestId: .*\tMemory Size: 128 MB\t.*Init Duration: /);
  });

  test("a handler that throws is status 200 with FunctionError", async () => {
    await start();
    await makeFunction();
    const result = await invoke({ mode: "throw" });
    expect(result).toMatchObject({ StatusCode: 200, FunctionError: "Unhandled" });
    expect(JSON.parse(result.text)).toMatchObject({ errorType: "TypeError", errorMessage: "boom" });
  });

  test("reserved concurrency 0 throttles", async () => {
    await start();
    await makeFunction();
    await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName: "f", ReservedConcurrentExecutions: 0 }));
    await expect(invoke({})).rejects.toMatchObject({
      name: "TooManyRequestsException",
      Reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
      $metadata: { httpStatusCode: 429 },
    });
  });

  test("what is not JSON, a function that is not there and a qualifier are refused as AWS does", async () => {
    await start();
    await makeFunction();
    const send = (input: object) => lambda.send(new InvokeCommand({ FunctionName: "f", ...input }));
    await expect(send({ Payload: Buffer.from("{") })).rejects.toMatchObject({ name: "InvalidRequestContentException" });
    await expect(send({ FunctionName: "g" })).rejects.toMatchObject({
      name: "ResourceNotFoundException",
      message: `Function not found: arn:aws:lambda:${REGION}:${ACCOUNT}:function:g`,
    });
    await expect(send({ Qualifier: "live" })).rejects.toMatchObject({ name: "ResourceNotFoundException" });
    await expect(send({ InvocationType: "DryRun" })).resolves.toMatchObject({ StatusCode: 204 });
  });

  test("a changed configuration takes effect with the next invocation; an unchanged one keeps the process", async () => {
    await start();
    await makeFunction({}, "let calls = 0; export const handler = async () => [process.env.V, ++calls];");
    expect((await invoke({})).text).toBe("[null,1]");
    await makeFunction({}, "let calls = 0; export const handler = async () => [process.env.V, ++calls];");
    expect((await invoke({})).text).toBe("[null,2]");
    await lambda.send(
      new UpdateFunctionConfigurationCommand({ FunctionName: "f", Environment: { Variables: { V: "2" } } }),
    );
    expect((await invoke({})).text).toBe('["2",1]');
  });
});

describe("functions", () => {
  test("are described as the template made them", async () => {
    await start();
    await makeFunction({ Timeout: "7", MemorySize: 256, LoggingConfig: { LogFormat: "JSON" } });
    const { Configuration } = await lambda.send(new GetFunctionCommand({ FunctionName: "f" }));
    expect(Configuration).toMatchObject({
      FunctionArn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:f`,
      Timeout: 7,
      MemorySize: 256,
      State: "Active",
      LoggingConfig: { LogFormat: "JSON", LogGroup: "/aws/lambda/f", ApplicationLogLevel: "INFO" },
    });
  });

  test("other runtimes, reserved variables and code that is no directory are refused by name", async () => {
    await start();
    await expect(makeFunction({ Runtime: "python3.13" })).rejects.toThrow(/Runtime python3.13 is not supported/);
    const variables = { Environment: { Variables: { AWS_REGION: "x" } } };
    await expect(makeFunction(variables)).rejects.toThrow(/Reserved keys used in this request: AWS_REGION/);
    await expect(makeFunction({ Timeout: 901 })).rejects.toThrow(/Timeout/);
    await expect(makeFunction({ Layers: ["arn"] })).rejects.toThrow(/Layers/);
  });

  test("inline code runs", async () => {
    await start();
    await makeFunction({ Code: { ZipFile: "exports.handler = async (event) => event.a + 1" } });
    expect((await invoke({ a: 1 })).text).toBe("2");
  });

  test("their resource policy names who may invoke them", async () => {
    await start();
    await makeFunction();
    const permission = { StatementId: "s", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com" };
    const add = () =>
      lambda.send(new AddPermissionCommand({ FunctionName: "f", ...permission, SourceArn: "arn:aws:s3:::b" }));
    await add();
    await expect(add()).rejects.toMatchObject({ name: "ResourceConflictException" });
    const { Policy } = await lambda.send(new GetPolicyCommand({ FunctionName: "f" }));
    expect(JSON.parse(Policy ?? "")).toEqual({
      Version: "2012-10-17",
      Id: "default",
      Statement: [
        {
          Sid: "s",
          Effect: "Allow",
          Principal: { Service: "s3.amazonaws.com" },
          Action: "lambda:InvokeFunction",
          Resource: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:f`,
          Condition: { ArnLike: { "AWS:SourceArn": "arn:aws:s3:::b" } },
        },
      ],
    });
  });
});

describe("asynchronous invocation", () => {
  test("answers 202 before the function runs, with no payload", async () => {
    await start();
    await makeFunction();
    const over = ended(1);
    expect(await invoke({ a: 1 }, { InvocationType: "Event" })).toMatchObject({ StatusCode: 202, text: "" });
    await over;
    expect(recorded()).toMatchObject([{ event: { a: 1 } }]);
  });

  test("an error is retried after one and two minutes with the same request id, then the record goes to the destination", async () => {
    await start({ skipIdle: true });
    await makeFunction({ Environment: { Variables: { MODE: "throw" } } });
    const QueueUrl = await makeQueue("failed");
    const Destination = `arn:aws:sqs:${REGION}:${ACCOUNT}:failed`;
    await lambda.send(
      new PutFunctionEventInvokeConfigCommand({
        FunctionName: "f",
        DestinationConfig: { OnFailure: { Destination } },
      }),
    );
    const sent = local.trace.waitFor((event) => event.type === "call" && event.operation === "SendMessage");
    await invoke({ a: 1 }, { InvocationType: "Event" });
    await sent;
    const [first, second, third] = recorded();
    expect(second?.requestId).toBe(first?.requestId);
    expect(recorded()).toHaveLength(3);
    expect((second?.now ?? 0) - (first?.now ?? 0)).toBeGreaterThanOrEqual(60_000);
    expect((third?.now ?? 0) - (second?.now ?? 0)).toBeGreaterThanOrEqual(120_000);
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(JSON.parse(Messages?.[0]?.Body ?? "")).toMatchObject({
      version: "1.0",
      requestContext: {
        requestId: first?.requestId,
        functionArn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:f:$LATEST`,
        condition: "RetriesExhausted",
        approximateInvokeCount: 3,
      },
      requestPayload: { a: 1 },
      responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
      responsePayload: { errorType: "TypeError", errorMessage: "boom" },
    });
  });

  test("the dead-letter queue gets the original event, with what went wrong in attributes", async () => {
    await start({ skipIdle: true });
    const QueueUrl = await makeQueue("dead");
    await makeFunction({
      Environment: { Variables: { MODE: "throw" } },
      DeadLetterConfig: { TargetArn: `arn:aws:sqs:${REGION}:${ACCOUNT}:dead` },
    });
    const sent = local.trace.waitFor((event) => event.type === "call" && event.operation === "SendMessage");
    await invoke({ a: 1 }, { InvocationType: "Event" });
    await sent;
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["All"] }));
    expect(Messages?.[0]).toMatchObject({
      Body: '{"a":1}',
      MessageAttributes: {
        RequestID: { DataType: "String", StringValue: recorded()[0]?.requestId },
        ErrorCode: { DataType: "Number", StringValue: "200" },
        ErrorMessage: { DataType: "String", StringValue: "boom" },
      },
    });
  });

  test("an event that waits for its retry survives the end of the runtime", async () => {
    const state = path.join(directory, "state");
    await start({ state });
    await makeFunction({ Environment: { Variables: { MODE: "throw" } } });
    const over = ended(1);
    await invoke({ a: 1 }, { InvocationType: "Event" });
    await over;
    await local.close();
    await start({ state });
    const again = ended(1);
    await local.clock.advance(61_000);
    await again;
    expect(recorded()).toHaveLength(2);
    expect(recorded()[1]?.requestId).toBe(recorded()[0]?.requestId);
  });
});

describe("event source mapping", () => {
  async function map(settings: object = {}): Promise<string> {
    const { UUID } = await lambda.send(
      new CreateEventSourceMappingCommand({ FunctionName: "f", EventSourceArn: QUEUE_ARN, ...settings }),
    );
    return UUID ?? "";
  }

  async function counts(QueueUrl: string): Promise<Record<string, string>> {
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }));
    return Attributes ?? {};
  }

  test("a message becomes an event of AWS's shape and is deleted when the function returns", async () => {
    await start();
    await makeFunction();
    const QueueUrl = await makeQueue();
    await map();
    const deleted = local.trace.waitFor((event) => event.type === "call" && event.operation === "DeleteMessageBatch");
    const MessageAttributes = { Title: { DataType: "String", StringValue: "The Whistler" } };
    const { MessageId } = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "hello", MessageAttributes }));
    await deleted;
    expect(recorded()[0]?.event.Records).toEqual([
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
        eventSourceARN: QUEUE_ARN,
        awsRegion: REGION,
      },
    ]);
    expect(await counts(QueueUrl)).toMatchObject({
      ApproximateNumberOfMessages: "0",
      ApproximateNumberOfMessagesNotVisible: "0",
    });
  });

  test("a failed batch comes back after the visibility timeout, with a higher receive count", async () => {
    await start();
    await makeFunction({ Environment: { Variables: { MODE: "throw" } } });
    const QueueUrl = await makeQueue();
    await map();
    const failed = local.trace.waitFor(isDelivery);
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "x" }));
    expect(await failed).toMatchObject({ error: expect.stringContaining("failed") as string });
    const again = local.trace.waitFor(isDelivery);
    await local.clock.advance(31_000);
    await again;
    expect(recorded().map(({ event }) => event.Records[0]?.attributes["ApproximateReceiveCount"])).toEqual(["1", "2"]);
  });

  test("a window gathers a batch, and a run that skips idle time does not wait for it", async () => {
    await start({ skipIdle: true });
    await makeFunction();
    const QueueUrl = await makeQueue();
    await map({ BatchSize: 100, MaximumBatchingWindowInSeconds: 300 });
    const delivered = local.trace.waitFor(isDelivery);
    const Entries = Array.from({ length: 10 }, (_, index) => ({ Id: `m${index}`, MessageBody: `${index}` }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    await delivered;
    expect(recorded()[0]?.event.Records).toHaveLength(10);
    expect(recorded()[0]?.event.Records[0]).toHaveProperty("md5OfMessageAttributes", null);
  });

  test("messages that no filter lets through are deleted, and no event has them", async () => {
    await start();
    await makeFunction();
    const QueueUrl = await makeQueue();
    await map({ FilterCriteria: { Filters: [{ Pattern: '{"body":{"kind":["good"]}}' }] } });
    const delivered = local.trace.waitFor(isDelivery);
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"kind":"bad"}' }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{"kind":"good"}' }));
    await delivered;
    await local.trace.waitFor((event) => event.type === "call" && event.operation === "DeleteMessageBatch");
    expect(recorded().flatMap(({ event }) => event.Records.map(({ body }) => body))).toEqual(['{"kind":"good"}']);
    expect(await counts(QueueUrl)).toMatchObject({ ApproximateNumberOfMessagesNotVisible: "0" });
  });

  test("with ReportBatchItemFailures only the named messages come back", async () => {
    await start();
    await makeFunction(
      {},
      `export const handler = async (event) => ({
        batchItemFailures: event.Records.filter((r) => r.body === "bad").map((r) => ({ itemIdentifier: r.messageId })),
      });`,
    );
    const QueueUrl = await makeQueue();
    await map({ FunctionResponseTypes: ["ReportBatchItemFailures"], MaximumBatchingWindowInSeconds: 1, BatchSize: 2 });
    const deleted = local.trace.waitFor((event) => event.type === "call" && event.operation === "DeleteMessageBatch");
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "good" }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "bad" }));
    await deleted;
    expect(await counts(QueueUrl)).toMatchObject({
      ApproximateNumberOfMessages: "0",
      ApproximateNumberOfMessagesNotVisible: "1",
    });
  });

  test("goes from Creating to Enabled, and is gone after Delete", async () => {
    await start();
    await makeFunction();
    await makeQueue();
    const enabled = local.trace.waitFor((event) => event.type === "state" && event.to === "Enabled");
    const made = await lambda.send(
      new CreateEventSourceMappingCommand({ FunctionName: "f", EventSourceArn: QUEUE_ARN }),
    );
    expect(made).toMatchObject({
      $metadata: { httpStatusCode: 202 },
      BatchSize: 10,
      EventSourceArn: QUEUE_ARN,
      FunctionArn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:f`,
      FunctionResponseTypes: [],
      MaximumBatchingWindowInSeconds: 0,
      State: "Creating",
      StateTransitionReason: "USER_INITIATED",
    });
    await enabled;
    const get = () => lambda.send(new GetEventSourceMappingCommand({ UUID: made.UUID }));
    expect(await get()).toMatchObject({ State: "Enabled" });
    await lambda.send(new DeleteEventSourceMappingCommand({ UUID: made.UUID }));
    await expect(get()).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  });

  test("refuses what AWS refuses, with its words", async () => {
    await start();
    await makeFunction({ Timeout: 60 });
    await expect(map()).rejects.toMatchObject({
      name: "InvalidParameterValueException",
      message:
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. " +
        "SQS Error Message: The specified queue does not exist.",
    });
    await makeQueue();
    await expect(map()).rejects.toThrow(
      "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds",
    );
    await makeFunction({ Timeout: 30 });
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
        `An event source mapping with SQS arn (" ${QUEUE_ARN} ") and function (" f ") already exists. ` +
        `Please update or delete the existing mapping with UUID ${uuid}`,
    });
    await expect(map({ StartingPosition: "LATEST" })).rejects.toThrow(/CreateEventSourceMapping.StartingPosition/);
  });
});
