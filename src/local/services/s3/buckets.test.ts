import {
  CreateBucketCommand,
  type BucketLocationConstraint,
  DeleteBucketCommand,
  DeleteBucketEncryptionCommand,
  DeleteBucketTaggingCommand,
  DeletePublicAccessBlockCommand,
  GetBucketEncryptionCommand,
  GetBucketLocationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  PutBucketEncryptionCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
  DeleteObjectsCommand,
  CopyObjectCommand,
} from "@aws-sdk/client-s3";
import { GetQueueAttributesCommand, CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REGION, startLocalServices, type LocalServices } from "../../../../test/support/local-services.ts";
import { createSqs } from "../sqs/service.ts";
import { createS3 } from "./service.ts";

let local: LocalServices;
let s3: S3Client;
let refused: (action: string, resourceArn: string, prefix: string | undefined) => boolean = () => false;

beforeAll(async () => {
  local = await startLocalServices({
    services: [
      createSqs,
      (deps) =>
        createS3({
          ...deps,
          bus: {
            ...deps.bus,
            allowed: ({ action, resourceArn, context }) =>
              Promise.resolve(!refused(action, resourceArn, context?.["s3:prefix"])),
          },
        }),
    ],
  });
  s3 = local.client(S3Client);
});
afterAll(() => local.close());

const create = (Bucket: string, LocationConstraint: BucketLocationConstraint = REGION) =>
  s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint } }));
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "no error",
    (error: Error & { $metadata?: { httpStatusCode?: number } }) => `${error.$metadata?.httpStatusCode} ${error.name}`,
  );

describe("buckets", () => {
  test("are made in their region, found, listed and deleted when empty", async () => {
    const { Location } = await create("made");
    expect(Location).toBe("/made");
    expect(await failure(create("made"))).toBe("409 BucketAlreadyOwnedByYou");
    expect(await failure(create("elsewhere", "us-west-2"))).toBe("400 IllegalLocationConstraintException");
    expect((await s3.send(new HeadBucketCommand({ Bucket: "made" }))).BucketRegion).toBe(REGION);
    expect((await s3.send(new GetBucketLocationCommand({ Bucket: "made" }))).LocationConstraint).toBe(REGION);
    const { Buckets } = await s3.send(new ListBucketsCommand({ Prefix: "mad" }));
    expect(Buckets?.map(({ Name }) => Name)).toEqual(["made"]);
    await s3.send(new PutObjectCommand({ Bucket: "made", Key: "k", Body: "x" }));
    expect(await failure(s3.send(new DeleteBucketCommand({ Bucket: "made" })))).toBe("409 BucketNotEmpty");
    await s3.send(new DeleteObjectsCommand({ Bucket: "made", Delete: { Objects: [{ Key: "k" }] } }));
    await s3.send(new DeleteBucketCommand({ Bucket: "made" }));
    expect(await failure(s3.send(new HeadBucketCommand({ Bucket: "made" })))).toBe("404 NotFound");
  });

  test.each(["Upper", "ab", "with_underscore", "dot..dot", "192.168.0.1", "xn--x", "-dash", "x".repeat(64)])(
    "%s is no bucket name",
    async (name) => {
      expect(await failure(create(name))).toBe("400 InvalidBucketName");
    },
  );
});

describe("settings", () => {
  const Bucket = "settings";
  beforeAll(() => create(Bucket));

  test("a new bucket has the defaults that AWS gives every bucket", async () => {
    const encryption = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    expect(encryption.ServerSideEncryptionConfiguration).toEqual({
      Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" }, BucketKeyEnabled: false }],
    });
    const block = await s3.send(new GetPublicAccessBlockCommand({ Bucket }));
    expect(Object.values(block.PublicAccessBlockConfiguration ?? {})).toEqual([true, true, true, true]);
    const ownership = await s3.send(new GetBucketOwnershipControlsCommand({ Bucket }));
    expect(ownership.OwnershipControls?.Rules).toEqual([{ ObjectOwnership: "BucketOwnerEnforced" }]);
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined();
    expect(await failure(s3.send(new GetBucketPolicyCommand({ Bucket })))).toBe("404 NoSuchBucketPolicy");
    expect(await failure(s3.send(new GetBucketTaggingCommand({ Bucket })))).toBe("404 NoSuchTagSet");
  });

  test("what is put is got, and objects are labelled with the bucket's encryption", async () => {
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${Bucket}/*` }],
    });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: policy }));
    expect((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toBe(policy);
    const Rules = [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms" as const, KMSMasterKeyID: "key" } }];
    await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules } }));
    await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" }));
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key: "k" }))).toMatchObject({
      ServerSideEncryption: "aws:kms",
      SSEKMSKeyId: "key",
    });
    await s3.send(new DeleteBucketEncryptionCommand({ Bucket }));
    await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: "x" }));
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: "k" }))).ServerSideEncryption).toBe("AES256");
    const TagSet = [{ Key: "team", Value: "data" }];
    await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
    expect((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toEqual(TagSet);
    await s3.send(new DeleteBucketTaggingCommand({ Bucket }));
    expect(await failure(s3.send(new GetBucketTaggingCommand({ Bucket })))).toBe("404 NoSuchTagSet");
    await s3.send(new DeletePublicAccessBlockCommand({ Bucket }));
    expect(await failure(s3.send(new GetPublicAccessBlockCommand({ Bucket })))).toBe(
      "404 NoSuchPublicAccessBlockConfiguration",
    );
  });

  test("versioning takes Enabled and Suspended, nothing else", async () => {
    const put = (VersioningConfiguration: object) =>
      s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    expect(await failure(put({}))).toBe("400 IllegalVersioningConfigurationException");
    expect(await failure(put({ Status: "Enabled" }))).toBe("no error");
  });
});

describe("permissions beyond the call's own", () => {
  const Bucket = "guarded";
  beforeAll(async () => {
    await create(Bucket);
    await s3.send(new PutObjectCommand({ Bucket, Key: "open/k", Body: "x" }));
    await s3.send(new PutObjectCommand({ Bucket, Key: "closed/k", Body: "x" }));
  });

  test("who may not list learns nothing about missing keys; a listing allowed by prefix tells of keys below it", async () => {
    refused = (action, _, prefix) => action === "s3:ListBucket" && prefix?.startsWith("open/") !== true;
    const get = (Key: string) => failure(s3.send(new GetObjectCommand({ Bucket, Key })));
    expect(await get("open/missing")).toBe("404 NoSuchKey");
    expect(await get("closed/missing")).toBe("403 AccessDenied");
    expect(await get("closed/k")).toBe("no error");
    const head = failure(s3.send(new HeadObjectCommand({ Bucket, Key: "closed/missing" })));
    expect(await head).toMatch(/^403/);
    refused = () => false;
  });

  test("a copy needs the right to read its source; DeleteObjects needs the right to each key", async () => {
    refused = (action, arn) => arn.includes("/closed/") && (action === "s3:GetObject" || action === "s3:DeleteObject");
    const copy = (from: string) =>
      failure(s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/${from}` })));
    expect(await copy("closed/k")).toBe("403 AccessDenied");
    expect(await copy("open/k")).toBe("no error");
    const answer = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: "open/k" }, { Key: "closed/k" }] } }),
    );
    expect(answer.Deleted?.map(({ Key }) => Key)).toEqual(["open/k"]);
    expect(answer.Errors).toMatchObject([{ Key: "closed/k", Code: "AccessDenied" }]);
    refused = () => false;
  });
});

test("an object put over HTTP is a message in a queue, with a test event before it", async () => {
  const sqs = local.client(SQSClient);
  const Bucket = "announced";
  await create(Bucket);
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "events" }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
  const configure = (QueueArn: string | undefined) =>
    s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket,
        NotificationConfiguration: { QueueConfigurations: [{ QueueArn, Events: ["s3:ObjectCreated:*"] }] },
      }),
    );
  const missing = configure(Attributes?.["QueueArn"]?.replace("events", "missing"));
  await expect(missing).rejects.toMatchObject({
    name: "InvalidArgument",
    message: "Unable to validate the following destination configurations",
  });
  await configure(Attributes?.["QueueArn"]);
  await s3.send(new PutObjectCommand({ Bucket, Key: "a b", Body: "x" }));
  const bodies: Record<string, unknown>[] = [];
  while (bodies.length < 2) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    bodies.push(...Messages.map(({ Body = "" }) => JSON.parse(Body) as Record<string, unknown>));
  }
  expect(bodies.find((body) => "Event" in body)).toMatchObject({ Event: "s3:TestEvent", Bucket });
  expect(bodies.find((body) => "Records" in body)).toMatchObject({
    Records: [{ eventName: "ObjectCreated:Put", s3: { object: { key: "a+b" } } }],
  });
});
