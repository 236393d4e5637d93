import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createS3 } from "../../src/local/services/s3/service.ts";
import { createSqs } from "../../src/local/services/sqs/service.ts";
import { ACCOUNT, type LocalServices, REGION, startLocalServices } from "../support/local-services.ts";

/** What S3 sent on AWS, where the recordings are on this machine (they are not ours to ship). */
const FOLDER = process.env["MILLRACE_RECORDED"] ?? path.join(import.meta.dirname, "../../../shared/recorded");
const FILE = path.join(FOLDER, "test_s3_notifications_sqs.json");
const present = existsSync(FILE);

interface S3Event {
  readonly eventName: string;
  readonly s3: { readonly object: { readonly key: string } };
}

interface Recording {
  readonly receive_messages: { readonly messages: readonly S3Event[] };
  readonly "message-versioning-active": readonly S3Event[];
  readonly "queue-does-not-exist": RecordedError;
  readonly invalid_not_skip: RecordedError;
}

interface RecordedError {
  readonly Error: Readonly<Record<string, string>>;
  readonly ResponseMetadata: { readonly HTTPStatusCode: number };
}

function recording(name: string): Recording {
  const all = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, { "recorded-content": Recording }>;
  const found = Object.entries(all).find(([key]) => key.endsWith(`::${name}`));
  if (!found) throw new Error(`no recording ${name}`);
  return found[1]["recorded-content"];
}

/** Names and kinds of values; ids, times and texts differ from run to run. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (value === null || typeof value !== "object") return value === null ? "null" : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shape(member)]));
}

/** Queues do not keep an order, so events are compared by name: each with its version and the kinds of its members. */
function shapes(events: readonly S3Event[]): [string, unknown][] {
  const named = events.map((event): [string, unknown] => [event.eventName, shape(event)]);
  return named.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)));
}

describe.skipIf(!present)("S3's events, as AWS sent them", () => {
  let local: LocalServices;
  let s3: S3Client;
  let sqs: SQSClient;
  let QueueUrl: string;
  const queueArn = `arn:aws:sqs:${REGION}:${ACCOUNT}:events`;

  beforeAll(async () => {
    local = await startLocalServices({ services: [createSqs, createS3] });
    s3 = local.client(S3Client, { forcePathStyle: true });
    sqs = local.client(SQSClient);
    const Policy = JSON.stringify({
      Statement: [
        { Effect: "Allow", Principal: { Service: "s3.amazonaws.com" }, Action: "sqs:SendMessage", Resource: queueArn },
      ],
    });
    QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "events", Attributes: { Policy } }))).QueueUrl ?? "";
  });
  afterAll(() => local.close());

  const configure = (Bucket: string, QueueArn: string) =>
    s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket,
        NotificationConfiguration: {
          QueueConfigurations: [{ QueueArn, Events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"] }],
        },
      }),
    );

  async function bucket(Bucket: string, versioned: boolean): Promise<string> {
    await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
    const VersioningConfiguration = { Status: "Enabled" } as const;
    if (versioned) await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    await configure(Bucket, queueArn);
    return Bucket;
  }

  /** The next events, without the test event that S3 sends when it is configured. */
  async function events(count: number): Promise<S3Event[]> {
    const found: S3Event[] = [];
    while (found.length < count) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5, MaxNumberOfMessages: 10 }),
      );
      for (const { Body = "", ReceiptHandle } of Messages) {
        found.push(...((JSON.parse(Body) as { Records?: S3Event[] }).Records ?? []));
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
    return found;
  }

  test("created, copied and removed in a bucket without versions", async () => {
    const Bucket = await bucket("plain", false);
    await s3.send(new PutObjectCommand({ Bucket, Key: "src", Body: "something" }));
    await s3.send(new CopyObjectCommand({ Bucket, Key: "dst", CopySource: `${Bucket}/src` }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: "src" }));
    const recorded = recording("test_object_created_and_object_removed").receive_messages.messages;
    expect(shapes(await events(3))).toEqual(shapes(recorded));
  });

  test("versions, a delete marker and the removal of a version", async () => {
    const Bucket = await bucket("versioned", true);
    const { VersionId } = await s3.send(new PutObjectCommand({ Bucket, Key: "test-key", Body: "data" }));
    await s3.send(new PutObjectCommand({ Bucket, Key: "test-key", Body: "data-version2" }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: "test-key" }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: "test-key", VersionId }));
    const recorded = recording("test_object_created_put_versioned")["message-versioning-active"];
    expect(shapes(await events(4))).toEqual(shapes(recorded));
  });

  test("keys come encoded", async () => {
    const Bucket = await bucket("encoded", false);
    await s3.send(new PutObjectCommand({ Bucket, Key: "a@b", Body: "something" }));
    const [event] = await events(1);
    const [recorded] = recording("test_key_encoding").receive_messages.messages;
    expect(event?.s3.object.key).toBe(recorded?.s3.object.key);
  });

  test("a destination that is not there, or no ARN at all, is refused with the same error", async () => {
    const Bucket = await bucket("refused", false);
    const refused = async (arn: string) =>
      (await configure(Bucket, arn).catch((error: unknown) => error)) as {
        name: string;
        message: string;
        $metadata: { httpStatusCode: number };
      };
    const { invalid_not_skip: invalid, "queue-does-not-exist": missing } = recording("test_invalid_sqs_arn");
    for (const [arn, recorded] of [
      ["invalid-queue", invalid],
      [`arn:aws:sqs:${REGION}:${ACCOUNT}:my-queue`, missing],
    ] as const) {
      const error = await refused(arn);
      expect({ code: error.name, message: error.message, status: error.$metadata.httpStatusCode }).toEqual({
        code: recorded.Error["Code"],
        message: recorded.Error["Message"],
        status: recorded.ResponseMetadata.HTTPStatusCode,
      });
    }
  });
});

test.runIf(!present)(`RECORDINGS ARE NOT HERE: nothing was compared with AWS (${FILE})`, ({ skip }) => skip());
