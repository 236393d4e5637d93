import { writeFileSync } from "node:fs";
import path from "node:path";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { PutFunctionEventInvokeConfigCommand } from "@aws-sdk/client-lambda";
import { ReceiveMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, describe, expect, test } from "vitest";
import { FUNCTION_ARN, LocalFunctions, queueArn } from "../../../../test/support/local-functions.ts";
import { ACCOUNT, REGION } from "../../../../test/support/local-services.ts";
import { createEvents } from "../events/service.ts";

let functions: LocalFunctions;

afterEach(() => functions.close());

describe("asynchronous invocation", () => {
  test("answers 202 before the function runs, with no payload", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
    const over = functions.ended(1);
    expect(await functions.invoke({ a: 1 }, { InvocationType: "Event" })).toMatchObject({ StatusCode: 202, text: "" });
    await over;
    expect(functions.recorded()).toMatchObject([{ event: { a: 1 } }]);
  });

  test("an error is retried after one and two minutes with the same request id, then the record goes to the destination", async () => {
    functions = await LocalFunctions.start({ skipIdle: true });
    await functions.makeFunction({ Environment: { Variables: { MODE: "throw" } } });
    const QueueUrl = await functions.makeQueue("failed");
    const Destination = queueArn("failed");
    await functions.lambda.send(
      new PutFunctionEventInvokeConfigCommand({
        FunctionName: "f",
        DestinationConfig: { OnFailure: { Destination } },
      }),
    );
    const sent = functions.called("SendMessage");
    await functions.invoke({ a: 1 }, { InvocationType: "Event" });
    await sent;
    const [first, second, third] = functions.recorded();
    expect(second?.requestId).toBe(first?.requestId);
    expect(functions.recorded()).toHaveLength(3);
    expect((second?.now ?? 0) - (first?.now ?? 0)).toBeGreaterThanOrEqual(60_000);
    expect((third?.now ?? 0) - (second?.now ?? 0)).toBeGreaterThanOrEqual(120_000);
    const { Messages } = await functions.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(JSON.parse(Messages?.[0]?.Body ?? "")).toMatchObject({
      version: "1.0",
      requestContext: {
        requestId: first?.requestId,
        functionArn: `${FUNCTION_ARN}:$LATEST`,
        condition: "RetriesExhausted",
        approximateInvokeCount: 3,
      },
      requestPayload: { a: 1 },
      responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
      responsePayload: { errorType: "TypeError", errorMessage: "boom" },
    });
  });

  test("the dead-letter queue gets the original event, with what went wrong in attributes", async () => {
    functions = await LocalFunctions.start({ skipIdle: true });
    const QueueUrl = await functions.makeQueue("dead");
    await functions.makeFunction({
      Environment: { Variables: { MODE: "throw" } },
      DeadLetterConfig: { TargetArn: queueArn("dead") },
    });
    const sent = functions.called("SendMessage");
    await functions.invoke({ a: 1 }, { InvocationType: "Event" });
    await sent;
    const { Messages } = await functions.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["All"] }),
    );
    expect(Messages?.[0]).toMatchObject({
      Body: '{"a":1}',
      MessageAttributes: {
        RequestID: { DataType: "String", StringValue: functions.recorded()[0]?.requestId },
        ErrorCode: { DataType: "Number", StringValue: "200" },
        ErrorMessage: { DataType: "String", StringValue: "boom" },
      },
    });
  });

  test("an event that waits for its retry survives the end of the runtime", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction({ Environment: { Variables: { MODE: "throw" } } });
    const over = functions.ended(1);
    await functions.invoke({ a: 1 }, { InvocationType: "Event" });
    await over;
    functions = await functions.restart();
    const again = functions.ended(1);
    await functions.local.clock.advance(61_000);
    await again;
    expect(functions.recorded()).toHaveLength(2);
    expect(functions.recorded()[1]?.requestId).toBe(functions.recorded()[0]?.requestId);
  });

  /** The record that arrives in the queue when the function is invoked under this configuration. */
  async function recordOf(config: object, properties: object): Promise<Record<string, unknown>> {
    functions = await LocalFunctions.start({ skipIdle: true });
    const QueueUrl = await functions.makeQueue("records");
    await functions.makeFunction({ ...properties });
    await functions.lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: "f", ...config }));
    const sent = functions.called("SendMessage");
    await functions.invoke({ mode: "x" }, { InvocationType: "Event" });
    await sent;
    const { Messages } = await functions.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    return JSON.parse(Messages?.[0]?.Body ?? "") as Record<string, unknown>;
  }

  const toRecords = { Destination: queueArn("records") };

  test("a success goes to the destination for it, with the function's answer", async () => {
    const record = await recordOf({ DestinationConfig: { OnSuccess: toRecords } }, {});
    expect(record).toMatchObject({
      requestContext: { condition: "Success", approximateInvokeCount: 1 },
      responseContext: { statusCode: 200, executedVersion: "$LATEST" },
      responsePayload: { mode: "x" },
    });
    expect(record["responseContext"]).not.toHaveProperty("functionError");
  });

  test("MaximumRetryAttempts 0 gives up after the first error", async () => {
    const record = await recordOf(
      { MaximumRetryAttempts: 0, DestinationConfig: { OnFailure: toRecords } },
      { Environment: { Variables: { MODE: "throw" } } },
    );
    expect(record).toMatchObject({ requestContext: { condition: "RetriesExhausted", approximateInvokeCount: 1 } });
  });

  test("an event that would be too old at its next retry is given up", async () => {
    const record = await recordOf(
      { MaximumEventAgeInSeconds: 90, DestinationConfig: { OnFailure: toRecords } },
      { Environment: { Variables: { MODE: "throw" } } },
    );
    expect(record).toMatchObject({ requestContext: { condition: "EventAgeExceeded", approximateInvokeCount: 2 } });
  });

  test("a function without concurrency is not tried at all", async () => {
    const record = await recordOf({ DestinationConfig: { OnFailure: toRecords } }, { ReservedConcurrentExecutions: 0 });
    expect(record).toMatchObject({ requestContext: { approximateInvokeCount: 0 }, requestPayload: { mode: "x" } });
    expect(record).not.toHaveProperty("responsePayload");
    expect(functions.recorded()).toEqual([]);
  });

  test("a throttled event waits, and is delivered when there is room again", async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction({ ReservedConcurrentExecutions: 1, Timeout: 30 }, WAITING_HANDLER);
    const first = functions.invoke({ wait: path.join(functions.directory, "go") });
    await functions.local.trace.waitFor((event) => event.type === "invocation" && event.status === "started");
    await functions.invoke({ mode: "late" }, { InvocationType: "Event" });
    writeFileSync(path.join(functions.directory, "go"), "");
    await first;
    const over = functions.ended(1);
    await functions.local.clock.advance(2_000);
    await expect(over).resolves.toBeUndefined();
  });
});

describe("a destination on EventBridge", () => {
  test("gets an event whose source is lambda", async () => {
    functions = await LocalFunctions.start({ services: [createEvents] });
    const QueueUrl = await functions.makeQueue("records");
    const events = functions.local.client(EventBridgeClient);
    const EventPattern = JSON.stringify({ source: ["lambda"] });
    await events.send(new PutRuleCommand({ Name: "rule", EventPattern }));
    await events.send(new PutTargetsCommand({ Rule: "rule", Targets: [{ Id: "q", Arn: queueArn("records") }] }));
    await functions.makeFunction();
    const Destination = `arn:aws:events:${REGION}:${ACCOUNT}:event-bus/default`;
    const DestinationConfig = { OnSuccess: { Destination } };
    await functions.lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName: "f", DestinationConfig }));
    const sent = functions.called("SendMessage");
    await functions.invoke({ mode: "x" }, { InvocationType: "Event" });
    await sent;
    const { Messages } = await functions.sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(JSON.parse(Messages?.[0]?.Body ?? "")).toMatchObject({
      source: "lambda",
      "detail-type": "Lambda Function Invocation Result - Success",
      resources: [Destination, `${FUNCTION_ARN}:$LATEST`],
      detail: { requestPayload: { mode: "x" }, responsePayload: { mode: "x" } },
    });
  });
});

/** Ends when a file is there. */
const WAITING_HANDLER = `
import { existsSync } from "node:fs";
export const handler = async (event) => {
  while (event.wait && !existsSync(event.wait)) await new Promise((resolve) => setTimeout(resolve, 5));
};`;
