import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ACCOUNT, ADMIN, DirectBus, REGION } from "../../../../test/support/direct-bus.ts";
import { AwsError, type Assets } from "../../service.ts";
import { openState, type OpenState } from "../../state.ts";
import { createS3, type S3Service } from "./service.ts";

let directory: string;
let state: OpenState;
let bus: DirectBus;
let s3: S3Service;
let published: string[];
const topic = `arn:aws:sns:${REGION}:${ACCOUNT}:topic`;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "millrace-buckets-"));
  state = openState(directory);
  bus = new DirectBus();
  published = [];
  bus.stub("sns:Publish", ({ Message = "" }) => {
    published.push(Message);
    return { MessageId: "m" };
  });
  s3 = createS3({ ...bus.deps, state });
});
afterEach(() => {
  state.close();
  rmSync(directory, { recursive: true, force: true });
});

async function call(operation: string, input: object): Promise<Record<string, unknown>> {
  const handler = s3.operations[operation];
  if (!handler) throw new Error(`no ${operation}`);
  const answer = await handler(input as never, { requestId: "r", principal: ADMIN });
  return (answer ?? {}) as Record<string, unknown>;
}

async function provision(type: string, properties: object, more: { logicalId?: string; physicalId?: string } = {}) {
  const provider = s3.resources[type];
  if (!provider) throw new Error(`no ${type}`);
  return provider.provision({
    logicalId: "SourceBucket",
    stackName: "Flights",
    properties: provider.schema.parse(properties) as never,
    generatedName: () => "Flights-SourceBucket-ABC123",
    ...more,
  });
}

const source = {
  BucketName: "source",
  VersioningConfiguration: { Status: "Enabled" },
  BucketEncryption: {
    ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
  },
  PublicAccessBlockConfiguration: { BlockPublicAcls: "true", BlockPublicPolicy: true },
  LifecycleConfiguration: {
    Rules: [
      { Id: "old", Status: "Enabled", NoncurrentVersionExpiration: { NoncurrentDays: "30" } },
      { Status: "Enabled", Prefix: "tmp/", AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
    ],
  },
  NotificationConfiguration: {
    TopicConfigurations: [
      {
        Event: "s3:ObjectCreated:*",
        Topic: topic,
        Filter: { S3Key: { Rules: [{ Name: "prefix", Value: "flights/" }] } },
      },
    ],
  },
  OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
  Tags: [{ Key: "team", Value: "data" }],
};

describe("AWS::S3::Bucket", () => {
  test("comes with everything the template says, and the API shows it", async () => {
    const made = await provision("AWS::S3::Bucket", source);
    expect(made).toEqual({
      physicalId: "source",
      attributes: {
        Arn: "arn:aws:s3:::source",
        DomainName: "source.s3.amazonaws.com",
        DualStackDomainName: `source.s3.dualstack.${REGION}.amazonaws.com`,
        RegionalDomainName: `source.s3.${REGION}.amazonaws.com`,
        WebsiteURL: `http://source.s3-website-${REGION}.amazonaws.com`,
      },
    });
    const Bucket = "source";
    expect(await call("GetBucketVersioning", { Bucket })).toEqual({ Status: "Enabled" });
    expect(await call("GetPublicAccessBlock", { Bucket })).toEqual({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: false,
        RestrictPublicBuckets: false,
      },
    });
    expect(await call("GetBucketLifecycleConfiguration", { Bucket })).toMatchObject({
      Rules: [
        { ID: "old", NoncurrentVersionExpiration: { NoncurrentDays: 30 } },
        { Filter: { Prefix: "tmp/" }, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
      ],
    });
    expect(await call("GetBucketNotificationConfiguration", { Bucket })).toMatchObject({
      TopicConfigurations: [
        {
          TopicArn: topic,
          Events: ["s3:ObjectCreated:*"],
          Filter: { Key: { FilterRules: [{ Name: "Prefix", Value: "flights/" }] } },
        },
      ],
    });
    expect(await call("GetBucketTagging", { Bucket })).toMatchObject({
      TagSet: expect.arrayContaining([{ Key: "team", Value: "data" }]) as unknown,
    });
  });

  test("provisioned again as it is, it changes nothing and sends no second test event", async () => {
    await provision("AWS::S3::Bucket", source);
    await call("PutObject", { Bucket: "source", Key: "k", Body: "x" });
    expect(published).toHaveLength(1);
    await provision("AWS::S3::Bucket", source, { physicalId: "source" });
    expect(published).toHaveLength(1);
    expect(await call("ListObjectsV2", { Bucket: "source" })).toMatchObject({ KeyCount: 1 });
  });

  test("what the template no longer says is taken back; versioning is suspended", async () => {
    await provision("AWS::S3::Bucket", source);
    await provision("AWS::S3::Bucket", { BucketName: "source" }, { physicalId: "source" });
    const Bucket = "source";
    expect(await call("GetBucketVersioning", { Bucket })).toEqual({ Status: "Suspended" });
    expect(await call("GetBucketNotificationConfiguration", { Bucket })).toEqual({});
    await expect(call("GetBucketLifecycleConfiguration", { Bucket })).rejects.toMatchObject({
      code: "NoSuchLifecycleConfiguration",
    });
  });

  test("a destination that does not let S3 in fails the bucket, and no bucket is left", async () => {
    bus.intercept = () => {
      throw new AwsError("AuthorizationError", "not allowed", { status: 403 });
    };
    await expect(provision("AWS::S3::Bucket", source)).rejects.toMatchObject({
      message: "Unable to validate the following destination configurations",
    });
    await expect(call("HeadBucket", { Bucket: "source" })).rejects.toMatchObject({ status: 404 });
  });

  test("a bucket of somebody else's is refused; one left by an earlier attempt at this resource is taken up", async () => {
    await provision("AWS::S3::Bucket", { BucketName: "mine" });
    await expect(provision("AWS::S3::Bucket", { BucketName: "mine" })).resolves.toMatchObject({ physicalId: "mine" });
    await expect(provision("AWS::S3::Bucket", { BucketName: "mine" }, { logicalId: "Other" })).rejects.toMatchObject({
      code: "BucketAlreadyOwnedByYou",
    });
  });

  test("without a name it takes the generated one, in lower case", async () => {
    expect(await provision("AWS::S3::Bucket", {})).toMatchObject({ physicalId: "flights-sourcebucket-abc123" });
  });

  test("deletion honours what is in it: objects, versions and delete markers keep it", async () => {
    await provision("AWS::S3::Bucket", { ...source, NotificationConfiguration: undefined });
    const remove = () => Promise.resolve(s3.resources["AWS::S3::Bucket"]?.delete("source"));
    const { VersionId } = await call("PutObject", { Bucket: "source", Key: "k", Body: "x" });
    const marker = await call("DeleteObject", { Bucket: "source", Key: "k" });
    await expect(async () => remove()).rejects.toMatchObject({ code: "BucketNotEmpty" });
    await call("DeleteObject", { Bucket: "source", Key: "k", VersionId });
    await expect(async () => remove()).rejects.toMatchObject({ code: "BucketNotEmpty" });
    await call("DeleteObject", { Bucket: "source", Key: "k", VersionId: marker["VersionId"] });
    await call("CreateMultipartUpload", { Bucket: "source", Key: "unfinished" });
    await remove();
    await expect(call("HeadBucket", { Bucket: "source" })).rejects.toMatchObject({ status: 404 });
  });

  test("an unknown property is refused", () => {
    const parsed = s3.resources["AWS::S3::Bucket"]?.schema.safeParse({ WebsiteConfiguration: {} });
    expect(parsed?.success).toBe(false);
  });
});

describe("AWS::S3::BucketPolicy", () => {
  const statement = (Resource: string) => ({
    Version: "2012-10-17",
    Statement: [{ Effect: "Deny", Principal: "*", Action: "s3:*", Resource }],
  });

  test("is the bucket's policy, for whoever evaluates policies, until it is deleted", async () => {
    await provision("AWS::S3::Bucket", { BucketName: "source" });
    const PolicyDocument = statement("arn:aws:s3:::source/*");
    await provision("AWS::S3::BucketPolicy", { Bucket: "source", PolicyDocument });
    expect(JSON.parse(s3.resourcePolicy("arn:aws:s3:::source/some/key") ?? "")).toEqual(PolicyDocument);
    expect(await call("GetBucketPolicy", { Bucket: "source" })).toEqual({ Policy: JSON.stringify(PolicyDocument) });
    await s3.resources["AWS::S3::BucketPolicy"]?.delete("source");
    expect(s3.resourcePolicy("arn:aws:s3:::source")).toBeUndefined();
    await expect(call("GetBucketPolicy", { Bucket: "source" })).rejects.toMatchObject({ code: "NoSuchBucketPolicy" });
  });

  test("one that speaks of another bucket, or is no policy, is malformed", async () => {
    await provision("AWS::S3::Bucket", { BucketName: "source" });
    const other = { Bucket: "source", PolicyDocument: statement("arn:aws:s3:::other/*") };
    await expect(provision("AWS::S3::BucketPolicy", other)).rejects.toMatchObject({ code: "MalformedPolicy" });
    await expect(call("PutBucketPolicy", { Bucket: "source", Policy: "{" })).rejects.toMatchObject({
      code: "MalformedPolicy",
    });
  });
});

describe("asset buckets", () => {
  test("files of the assembly are served where they are, read only; directories are refused by name", async () => {
    const file = path.join(directory, "script.py");
    writeFileSync(file, "print(1)");
    const assets: Assets = {
      find: (bucket, key) =>
        bucket !== "cdk-assets"
          ? undefined
          : key === "hash.py"
            ? { path: file, kind: "file" }
            : key === "hash.zip"
              ? { path: directory, kind: "directory" }
              : undefined,
    };
    s3 = createS3({ ...bus.deps, state, assets });
    const address = { Bucket: "cdk-assets", Key: "hash.py" };
    expect(await call("HeadObject", address)).toMatchObject({
      ContentLength: 8,
      ETag: `"${createHash("md5").update("print(1)").digest("hex")}"`,
    });
    expect(await s3.objectFile("cdk-assets", "hash.py")).toMatchObject({ path: file, size: 8 });
    await provision("AWS::S3::Bucket", { BucketName: "target" });
    await call("CopyObject", { Bucket: "target", Key: "plan", CopySource: "cdk-assets/hash.py" });
    writeFileSync(file, "print(2)");
    expect(readFileSync((await s3.objectFile("target", "plan")).path, "utf8")).toBe("print(1)");
    await expect(call("GetObject", { Bucket: "cdk-assets", Key: "hash.zip" })).rejects.toMatchObject({
      code: "NotImplemented",
    });
    await expect(call("PutObject", { ...address, Body: "x" })).rejects.toMatchObject({ code: "NoSuchBucket" });
    await expect(call("GetObject", { Bucket: "cdk-assets", Key: "other" })).rejects.toMatchObject({
      code: "NoSuchBucket",
    });
  });
});
