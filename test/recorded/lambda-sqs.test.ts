import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { CreateEventSourceMappingCommand, type CreateEventSourceMappingCommandInput } from "@aws-sdk/client-lambda";
import { ReceiveMessageCommand, SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LocalFunctions, queueArn } from "../support/local-functions.ts";

/** What Lambda did on AWS, where the recordings are on this machine (they are not ours to ship). */
const FOLDER = process.env["MILLRACE_RECORDED"] ?? path.join(import.meta.dirname, "../../../shared/recorded");
const FILE = path.join(FOLDER, "test_lambda_integration_sqs.json");
const present = existsSync(FILE);

type Json = Record<string, unknown>;

/** A recording by the name of its test, below the path that all have in common. */
function recording(name: string): Json {
  const all = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, { "recorded-content": Json }>;
  const found = Object.entries(all).find(([key]) => key.endsWith(`::${name}`));
  if (!found) throw new Error(`no recording ${name}`);
  return found[1]["recorded-content"];
}

/** Names and kinds of values; ids, times and texts differ from run to run. Null is a kind of its own. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shape(member)]));
}

/** The event that the function of a recording got: it sent it on as a message. */
function recordedEvent(name: string, step: string): Json {
  const { Messages } = recording(name)[step] as { Messages: { Body: { event: Json } }[] };
  const event = Messages[0]?.Body.event;
  if (!event) throw new Error(`no event in ${name}`);
  return event;
}

describe.skipIf(!present)("SQS and Lambda, as AWS answered", () => {
  let functions: LocalFunctions;

  beforeEach(async () => {
    functions = await LocalFunctions.start();
    await functions.makeFunction();
  });

  afterEach(() => functions.close());

  async function map(settings: Partial<CreateEventSourceMappingCommandInput> = {}): Promise<Json> {
    const input = { FunctionName: "f", EventSourceArn: queueArn("queue"), ...settings };
    return { ...(await functions.lambda.send(new CreateEventSourceMappingCommand(input))) };
  }

  async function eventOf(settings: Partial<CreateEventSourceMappingCommandInput>, attributes: boolean) {
    const QueueUrl = await functions.makeQueue("queue");
    await map(settings);
    const deleted = functions.called("DeleteMessageBatch");
    const MessageAttributes = {
      Title: { DataType: "String", StringValue: "The Whistler" },
      Author: { DataType: "String", StringValue: "John Grisham" },
      WeeksOn: { DataType: "Number", StringValue: "6" },
    };
    await functions.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: "{}", ...(attributes && { MessageAttributes }) }),
    );
    await deleted;
    return functions.recorded()[0]?.event as unknown as { Records: Json[] };
  }

  test("an event without attributes", async () => {
    const recorded = recordedEvent("test_failing_lambda_retries_after_visibility_timeout", "first_attempt");
    expect(shape(await eventOf({}, false))).toEqual(shape(recorded));
  });

  test("an event with attributes, their digest included", async () => {
    const recorded = recordedEvent("test_message_body_and_attributes_passed_correctly", "first_attempt");
    const event = await eventOf({}, true);
    expect(shape(event)).toEqual(shape(recorded));
    const [record] = recorded["Records"] as Json[];
    expect(event.Records[0]).toMatchObject({
      messageAttributes: record?.["messageAttributes"],
      md5OfMessageAttributes: record?.["md5OfMessageAttributes"],
      eventSource: record?.["eventSource"],
    });
  });

  test("an event of a mapping with a window", async () => {
    const content = recording("TestSQSEventSourceMapping::test_sqs_event_filter[valid-json-filter]");
    const [recorded] = content["invocation_events"] as { Records: Json[] }[];
    const event = await eventOf({ MaximumBatchingWindowInSeconds: 1, BatchSize: 1 }, false);
    // The recording shows the body parsed.
    const withText = { Records: recorded?.Records.map((record) => ({ ...record, body: "" })) };
    expect(shape(event)).toEqual(shape(withText));
  });

  test("a mapping's description", async () => {
    await functions.makeQueue("queue");
    const content = recording("TestSQSEventSourceMapping::test_duplicate_event_source_mappings");
    const { ResponseMetadata: _, ...recorded } = content["create"] as Json;
    const { $metadata: __, ...made } = await map();
    // A date comes as a Date from the client, and as a placeholder from the recording.
    expect(shape({ ...made, LastModified: "" })).toEqual(shape(recorded));
    for (const name of ["BatchSize", "State", "StateTransitionReason", "MaximumBatchingWindowInSeconds"]) {
      expect(made[name]).toEqual(recorded[name]);
    }
  });

  test("errors: code, message and status", async () => {
    const refused = async (settings: Partial<CreateEventSourceMappingCommandInput>) =>
      (await map(settings).catch((error: unknown) => error)) as {
        name: string;
        message: string;
        Type: string;
        $metadata: { httpStatusCode: number };
      };
    const expected = (error: unknown) => {
      const { Error, Type, ResponseMetadata } = error as {
        Error: { Code: string; Message: string };
        Type: string;
        ResponseMetadata: { HTTPStatusCode: number };
      };
      return {
        name: Error.Code,
        message: Error.Message,
        Type,
        $metadata: { httpStatusCode: ResponseMetadata.HTTPStatusCode },
      };
    };
    expect(await refused({})).toMatchObject(expected(recording("test_esm_with_not_existing_sqs_queue")["error"]));

    await functions.makeQueue("queue");
    const filter = recording("TestSQSEventSourceMapping::test_sqs_invalid_event_filter[simple string]");
    const wrong = { FilterCriteria: { Filters: [{ Pattern: '"simple string"' }] } };
    expect(await refused(wrong)).toMatchObject(expected(filter["create_event_source_mapping_exception"]));

    const { UUID } = await map();
    const duplicate = expected(recording("TestSQSEventSourceMapping::test_duplicate_event_source_mappings")["error"]);
    const message = duplicate.message
      .replace("arn:<partition>:sqs:<region>:111111111111:<resource:1>", queueArn("queue"))
      .replace("<resource:2>", "f")
      .replace("<uuid:1>", String(UUID));
    expect(await refused({})).toMatchObject({ ...duplicate, message });
  });

  test("what a function's dead-letter queue gets", async () => {
    const QueueUrl = await functions.makeQueue("dead");
    await functions.makeFunction({
      DeadLetterConfig: { TargetArn: queueArn("dead") },
      Environment: { Variables: { MODE: "throw" } },
    });
    await functions.provision("AWS::Lambda::EventInvokeConfig", {
      FunctionName: "f",
      Qualifier: "$LATEST",
      MaximumRetryAttempts: 0,
    });
    const sent = functions.called("SendMessage");
    await functions.invoke({ raise_error: 1 }, { InvocationType: "Event" });
    await sent;
    const { Messages } = await functions.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MessageAttributeNames: ["All"] }),
    );
    const recorded = recording("test_sqs_queue_as_lambda_dead_letter_queue")["messages"] as { Messages: Json[] };
    const { Body, ...message } = recorded.Messages[0] ?? {};
    expect(JSON.parse(Messages?.[0]?.Body ?? "")).toEqual(Body);
    expect(shape({ ...Messages?.[0], Body: undefined })).toEqual(shape({ ...message, Body: undefined }));
    expect(Messages?.[0]?.MessageAttributes?.["ErrorCode"]).toEqual(
      (message["MessageAttributes"] as Json | undefined)?.["ErrorCode"],
    );
  });
});
