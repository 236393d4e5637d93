import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { NotificationConfiguration } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ACCOUNT, ADMIN, DirectBus, REGION } from "../../../../test/support/direct-bus.ts";
import { settle } from "../../../../test/support/manual-clock.ts";
import { AwsError, type Principal, type Service } from "../../service.ts";
import { openState, type OpenState } from "../../state.ts";
import type { TraceEvent } from "../../trace.ts";
import { createS3 } from "./service.ts";

interface Delivered {
  to: string;
  body: Record<string, unknown>;
  principal: Principal;
}

const topic = `arn:aws:sns:${REGION}:${ACCOUNT}:topic`;
const queue = `arn:aws:sqs:${REGION}:${ACCOUNT}:queue`;
const lambda = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:fn`;

let directory: string;
let state: OpenState;
let bus: DirectBus;
let s3: Service;
let delivered: Delivered[];

function boot(): void {
  state = openState(directory);
  s3 = createS3({ ...bus.deps, state });
}

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), "millrace-events-"));
  bus = new DirectBus();
  delivered = [];
  const take = (to: string, text: string, principal: Principal) =>
    delivered.push({ to, body: JSON.parse(text) as Record<string, unknown>, principal });
  bus.stub("sns:Publish", ({ TopicArn = "", Message = "" }, principal) => {
    take(TopicArn, Message, principal);
    return { MessageId: "m" };
  });
  bus.stub("sqs:SendMessage", ({ QueueUrl = "", MessageBody = "" }, principal) => {
    take(QueueUrl, MessageBody, principal);
    return { MessageId: "m" };
  });
  bus.stub("lambda:Invoke", ({ FunctionName = "", InvocationType = "", Payload }, principal) => {
    take(`${FunctionName} ${InvocationType}`, Buffer.from(Payload as Uint8Array).toString(), principal);
    return { StatusCode: 202 };
  });
  bus.stub("events:PutEvents", ({ Entries = [] }, principal) => {
    for (const entry of Entries) take(`${entry.Source} ${entry.DetailType}`, entry.Detail ?? "", principal);
    return { Entries: [{ EventId: "e" }], FailedEntryCount: 0 };
  });
  boot();
  await call("CreateBucket", { CreateBucketConfiguration: { LocationConstraint: REGION } });
});

afterEach(async () => {
  await s3.stop?.();
  state.close();
  rmSync(directory, { recursive: true, force: true });
});

async function call(operation: string, input: object): Promise<Record<string, unknown>> {
  const handler = s3.operations[operation];
  if (!handler) throw new Error(`no ${operation}`);
  const answer = await handler({ Bucket: "bucket", ...input } as never, { requestId: "r-1", principal: ADMIN });
  return (answer ?? {}) as Record<string, unknown>;
}

const configure = async (NotificationConfiguration: NotificationConfiguration, more: object = {}) => {
  await call("PutBucketNotificationConfiguration", { NotificationConfiguration, ...more });
  delivered.length = 0;
};

const toQueue = (Events: string[], filter: Record<string, string> = {}, arn = queue): NotificationConfiguration =>
  ({
    QueueConfigurations: [
      {
        Id: "all",
        QueueArn: arn,
        Events,
        Filter: { Key: { FilterRules: Object.entries(filter).map(([Name, Value]) => ({ Name, Value })) } },
      },
    ],
  }) as NotificationConfiguration;

/** `eventName key` of what was delivered. */
async function seen(): Promise<string[]> {
  await settle();
  return delivered.map(({ body }) => {
    const [record] = body["Records"] as { eventName: string; s3: { object: { key: string } } }[];
    return `${record?.eventName} ${record?.s3.object.key}`;
  });
}

describe("events", () => {
  test("an event has S3's shape, whole", async () => {
    await configure(toQueue(["s3:ObjectCreated:*"]));
    await call("PutObject", { Key: "in/my file (1)+ü.csv", Body: "hello" });
    await settle();
    expect(delivered).toEqual([
      {
        to: `http://127.0.0.1:4566/${ACCOUNT}/queue`,
        principal: { kind: "service", service: "s3.amazonaws.com", sourceArn: "arn:aws:s3:::bucket" },
        body: {
          Records: [
            {
              eventVersion: "2.1",
              eventSource: "aws:s3",
              awsRegion: REGION,
              eventTime: "2026-11-24T08:00:00.000Z",
              eventName: "ObjectCreated:Put",
              userIdentity: { principalId: "AWS:AIDAEXAMPLE" },
              requestParameters: { sourceIPAddress: "127.0.0.1" },
              responseElements: { "x-amz-request-id": "r-1", "x-amz-id-2": expect.any(String) },
              s3: {
                s3SchemaVersion: "1.0",
                configurationId: "all",
                bucket: {
                  name: "bucket",
                  ownerIdentity: { principalId: expect.stringMatching(/^A[0-9A-F]{13}$/) },
                  arn: "arn:aws:s3:::bucket",
                },
                object: {
                  key: "in/my+file+%281%29%2B%C3%BC.csv",
                  size: 5,
                  eTag: "5d41402abc4b2a76b9719d911017c592",
                  sequencer: expect.stringMatching(/^[0-9A-F]{18}$/),
                },
              },
            },
          ],
        },
      },
    ]);
  });

  test("each way to make, tag and remove an object has its event; parts and what fails have none", async () => {
    await configure(toQueue(["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"]));
    await call("PutObject", { Key: "a", Body: "x" });
    await call("CopyObject", { Key: "b", CopySource: "bucket/a" });
    const { UploadId } = await call("CreateMultipartUpload", { Key: "c" });
    const { ETag } = await call("UploadPart", { Key: "c", UploadId, PartNumber: 1, Body: "x" });
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await call("CompleteMultipartUpload", { Key: "c", UploadId, MultipartUpload });
    await call("PutObjectTagging", { Key: "a", Tagging: { TagSet: [{ Key: "k", Value: "v" }] } });
    await call("DeleteObjectTagging", { Key: "a" });
    await expect(call("PutObject", { Key: "a", Body: "y", IfNoneMatch: "*" })).rejects.toThrow("pre-conditions");
    await call("DeleteObject", { Key: "a" });
    await call("DeleteObject", { Key: "never there" });
    await call("DeleteObjects", { Delete: { Objects: [{ Key: "b" }, { Key: "c" }] } });
    expect(await seen()).toEqual([
      "ObjectCreated:Put a",
      "ObjectCreated:Copy b",
      "ObjectCreated:CompleteMultipartUpload c",
      "ObjectTagging:Put a",
      "ObjectTagging:Delete a",
      "ObjectRemoved:Delete a",
      "ObjectRemoved:Delete b",
      "ObjectRemoved:Delete c",
    ]);
  });

  test("in a versioned bucket events name the version, deletes make markers, and sequencers grow", async () => {
    await configure(toQueue(["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]));
    await call("PutBucketVersioning", { VersioningConfiguration: { Status: "Enabled" } });
    const { VersionId } = await call("PutObject", { Key: "k", Body: "x" });
    const marker = await call("DeleteObject", { Key: "k" });
    await call("DeleteObject", { Key: "k", VersionId });
    await settle();
    const objects = delivered.map(({ body }) => {
      const [record] = body["Records"] as { eventName: string; s3: { object: Record<string, unknown> } }[];
      return { name: record?.eventName, ...record?.s3.object };
    });
    expect(objects).toMatchObject([
      { name: "ObjectCreated:Put", versionId: VersionId, size: 1 },
      { name: "ObjectRemoved:DeleteMarkerCreated", versionId: marker["VersionId"], eTag: expect.any(String) },
      { name: "ObjectRemoved:Delete", versionId: VersionId },
    ]);
    const sequencers = objects.map((object) => String((object as Record<string, unknown>)["sequencer"]));
    expect(sequencers).toEqual(sequencers.toSorted());
    expect(new Set(sequencers).size).toBe(3);
  });

  test("topics, queues, functions and EventBridge each get their own form", async () => {
    await configure({
      TopicConfigurations: [{ TopicArn: topic, Events: ["s3:ObjectCreated:Put"] }],
      QueueConfigurations: [{ QueueArn: queue, Events: ["s3:ObjectCreated:Copy"] }],
      LambdaFunctionConfigurations: [{ LambdaFunctionArn: lambda, Events: ["s3:ObjectRemoved:*"] }],
      EventBridgeConfiguration: {},
    });
    await call("PutObject", { Key: "a b", Body: "x" });
    await call("CopyObject", { Key: "c", CopySource: "bucket/a%20b" });
    await call("DeleteObject", { Key: "c" });
    await settle();
    expect(delivered.map(({ to }) => to)).toEqual([
      topic,
      "aws.s3 Object Created",
      `http://127.0.0.1:4566/${ACCOUNT}/queue`,
      "aws.s3 Object Created",
      `${lambda} Event`,
      "aws.s3 Object Deleted",
    ]);
    expect(delivered[1]?.body).toMatchObject({
      bucket: { name: "bucket" },
      object: { key: "a b", size: 1, etag: "9dd4e461268c8034f5c8564e155c67a6" },
      reason: "PutObject",
    });
    expect(delivered[5]?.body).toMatchObject({ reason: "DeleteObject", "deletion-type": "Permanently Deleted" });
  });

  test("filters look at the key as it is: prefix and suffix both, names in any case", async () => {
    await configure(toQueue(["s3:ObjectCreated:*"], { PREFIX: "in ü/", suffix: ".csv" }));
    for (const Key of ["in ü/a.csv", "in ü/a.json", "out/a.csv", "in%20ü/a.csv"]) {
      await call("PutObject", { Key, Body: "x" });
    }
    expect(await seen()).toEqual(["ObjectCreated:Put in+%C3%BC/a.csv"]);
    const stored = await call("GetBucketNotificationConfiguration", {});
    expect(stored["QueueConfigurations"]).toMatchObject([
      {
        Filter: {
          Key: {
            FilterRules: [
              { Name: "Prefix", Value: "in ü/" },
              { Name: "Suffix", Value: ".csv" },
            ],
          },
        },
      },
    ]);
  });
});

describe("configuration", () => {
  const put = (NotificationConfiguration: object, more: object = {}) =>
    call("PutBucketNotificationConfiguration", { NotificationConfiguration, ...more });
  const two = (a: object, b: object) => ({
    QueueConfigurations: [
      { QueueArn: queue, ...a },
      { QueueArn: queue, ...b },
    ],
  });
  const filter = (rules: Record<string, string>) => ({
    Filter: { Key: { FilterRules: Object.entries(rules).map(([Name, Value]) => ({ Name, Value })) } },
  });
  const created = { Events: ["s3:ObjectCreated:*"] };

  test("topics and queues get a test event when it is accepted; functions do not", async () => {
    await put({
      TopicConfigurations: [{ TopicArn: topic, Events: ["s3:ObjectCreated:Put"] }],
      QueueConfigurations: [{ QueueArn: queue, Events: ["s3:ObjectCreated:Copy"] }],
      LambdaFunctionConfigurations: [{ LambdaFunctionArn: lambda, Events: ["s3:ObjectRemoved:*"] }],
    });
    expect(delivered.map(({ to }) => to)).toEqual([topic, `http://127.0.0.1:4566/${ACCOUNT}/queue`]);
    expect(delivered[0]?.body).toEqual({
      Service: "Amazon S3",
      Event: "s3:TestEvent",
      Time: "2026-11-24T08:00:00.000Z",
      Bucket: "bucket",
      RequestId: "r-1",
      HostId: expect.any(String),
    });
  });

  test.each([
    ["the same event without filters", two(created, created)],
    ["a wildcard over a name", two(created, { Events: ["s3:ObjectCreated:Put"] })],
    [
      "prefixes, one in the other",
      two({ ...created, ...filter({ prefix: "in/" }) }, { ...created, ...filter({ prefix: "in/a" }) }),
    ],
    [
      "suffixes, one in the other",
      two({ ...created, ...filter({ suffix: "jpg" }) }, { ...created, ...filter({ suffix: "pg" }) }),
    ],
  ])("overlaps are refused: %s", async (_, configuration) => {
    await expect(put(configuration)).rejects.toMatchObject({
      code: "InvalidArgument",
      message: expect.stringContaining("Configurations overlap"),
    });
    expect(delivered).toEqual([]);
  });

  test.each([
    ["different events", two({ Events: ["s3:ObjectCreated:Put"] }, { Events: ["s3:ObjectCreated:Copy"] })],
    ["prefixes apart", two({ ...created, ...filter({ prefix: "a/" }) }, { ...created, ...filter({ prefix: "b/" }) })],
    [
      "one prefix, suffixes apart",
      two(
        { ...created, ...filter({ prefix: "a/", suffix: ".csv" }) },
        { ...created, ...filter({ prefix: "a/", suffix: ".json" }) },
      ),
    ],
  ])("no overlap: %s", async (_, configuration) => {
    await expect(put(configuration)).resolves.toEqual({});
  });

  test("ARNs and events that S3 does not know are refused, with the words S3 has", async () => {
    const bad = { QueueConfigurations: [{ QueueArn: "invalid-queue", ...created }] };
    await expect(put(bad, { SkipDestinationValidation: true })).rejects.toMatchObject({
      message: "The ARN could not be parsed",
      fields: { ArgumentName: "Queue", ArgumentValue: "invalid-queue" },
    });
    const event = { QueueConfigurations: [{ QueueArn: queue, Events: ["s3:ObjectCreated:Whatever"] }] };
    await expect(put(event)).rejects.toMatchObject({ code: "InvalidArgument" });
  });

  test("destinations that are not there, or do not let S3 in, are refused by name and nothing changes", async () => {
    bus.intercept = ({ name }) => {
      if (name === "sqs:SendMessage") throw new AwsError("QueueDoesNotExist", "no such queue");
      if (name === "sns:Publish") throw new AwsError("AuthorizationError", "not allowed", { status: 403 });
    };
    await expect(
      put({
        TopicConfigurations: [{ TopicArn: topic, Events: ["s3:ObjectCreated:Put"] }],
        QueueConfigurations: [{ QueueArn: queue, Events: ["s3:ObjectCreated:Copy"] }],
      }),
    ).rejects.toMatchObject({
      message: "Unable to validate the following destination configurations",
      fields: {
        ArgumentName1: topic,
        ArgumentValue1: expect.stringContaining("Permissions on the destination topic"),
        ArgumentName2: queue,
        ArgumentValue2: "The destination queue does not exist",
      },
    });
    expect(await call("GetBucketNotificationConfiguration", {})).toEqual({});
    bus.allowed = () => Promise.resolve(false);
    await expect(
      put({ LambdaFunctionConfigurations: [{ LambdaFunctionArn: lambda, ...created }] }),
    ).rejects.toMatchObject({
      fields: { ArgumentName1: `${lambda}, null`, ArgumentValue1: `Not authorized to invoke function [${lambda}]` },
    });
    const skipped = { QueueConfigurations: [{ QueueArn: queue, ...created }] };
    await expect(put(skipped, { SkipDestinationValidation: true })).resolves.toEqual({});
  });
});

describe("delivery", () => {
  test("holds the clock while events are on their way, and not after", async () => {
    await configure(toQueue(["s3:ObjectCreated:*"]));
    const { promise, resolve } = Promise.withResolvers<void>();
    bus.intercept = () => promise;
    await call("PutObject", { Key: "k", Body: "x" });
    await settle();
    expect(bus.clock.holds).toBe(1);
    resolve();
    expect(await seen()).toEqual(["ObjectCreated:Put k"]);
    expect(bus.clock.holds).toBe(0);
  });

  test("an event whose process died before its delivery is delivered after the next start", async () => {
    await configure(toQueue(["s3:ObjectCreated:*"]));
    bus.intercept = () => new Promise(() => undefined);
    await call("PutObject", { Key: "k", Body: "x" });
    state.close();
    bus.intercept = () => undefined;
    boot();
    expect(await seen()).toEqual([]);
    await s3.start?.();
    expect(await seen()).toEqual(["ObjectCreated:Put k"]);
  });

  test("a destination out of order is tried again, more slowly each time; then the event arrives once", async () => {
    await configure(toQueue(["s3:ObjectCreated:*"]));
    const attempts: number[] = [];
    bus.intercept = () => {
      attempts.push(bus.clock.now());
      if (attempts.length < 4) throw new AwsError("ServiceUnavailable", "down", { status: 503 });
    };
    const start = bus.clock.now();
    await call("PutObject", { Key: "k", Body: "x" });
    await bus.clock.advance(60_000);
    expect(attempts.map((at) => at - start)).toEqual([0, 1000, 3000, 7000]);
    expect(await seen()).toEqual(["ObjectCreated:Put k"]);
  });

  test("a destination that refuses loses the event, and the trace says so", async () => {
    await configure(toQueue(["s3:ObjectCreated:*"]));
    const lost: TraceEvent[] = [];
    bus.trace.on((event) => void lost.push(event));
    bus.intercept = () => {
      throw new AwsError("AccessDenied", "not allowed", { status: 403 });
    };
    await call("PutObject", { Key: "k", Body: "x" });
    await bus.clock.advance(3_600_000);
    expect(lost).toMatchObject([
      { type: "delivery", from: "arn:aws:s3:::bucket", to: queue, error: "AccessDenied: not allowed (given up)" },
    ]);
    expect(await seen()).toEqual([]);
  });
});
