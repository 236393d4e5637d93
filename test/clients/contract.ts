import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACCOUNT, REGION, type LocalServices } from "../support/local-services.ts";
import type { AwsClient, Members, Outcome } from "./client.ts";

/** Keys that go wrong when a path, a query or an XML document is handled carelessly. */
const AWKWARD_KEYS = [
  "plain.csv",
  "with space and +plus",
  "100%",
  "a%2Fb",
  "ünï/日本語/😀/e\u0301",
  "/leading",
  "//two",
  "trailing/",
  "?x=1&y=2",
  "#fragment",
  ";:@=$,!'()*~",
  "a/../x",
  "./.",
  "back\\slash",
  "new\nline",
  "tab\tbed",
  "<&>\"'",
  " leading space",
  "007",
  "1e5",
  "k".repeat(1000),
];

/**
 * What every AWS client must be able to do here. Run with the SDK whose schemas the wire is made of, and with clients
 * that know nothing of those schemas.
 */
export function runContract(name: string, open: () => Promise<{ local: LocalServices; client: AwsClient }>): void {
  describe(`the contract with ${name}`, () => {
    let local: LocalServices;
    let client: AwsClient;
    beforeAll(async () => ({ local, client } = await open()));
    afterAll(() => client.close());
    const call = (service: string, operation: string, input: Members = {}) => client.call(service, operation, input);
    const ok = (outcome: Outcome): Members => {
      if (outcome.error) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
      return outcome.output;
    };
    const s3 = async (operation: string, input: Members) => ok(await call("s3", operation, input));
    const bucket = async () => {
      const Bucket = `bucket-${randomBytes(6).toString("hex")}`;
      await s3("CreateBucket", { Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } });
      return Bucket;
    };

    describe("S3", () => {
      test("keys come back as they were put, in listings and in deletions", async () => {
        const Bucket = await bucket();
        for (const Key of AWKWARD_KEYS) await s3("PutObject", { Bucket, Key, Body: Buffer.from(Key) });
        for (const Key of AWKWARD_KEYS) expect(String((await s3("GetObject", { Bucket, Key }))["Body"])).toBe(Key);
        const listed = (await s3("ListObjectsV2", { Bucket }))["Contents"] as { Key: string; Size: number }[];
        const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(listed.map(({ Key }) => Key)).toEqual(AWKWARD_KEYS.toSorted(byBytes));
        const Objects = AWKWARD_KEYS.filter((key) => key !== "new\nline").map((Key) => ({ Key }));
        const { Deleted } = await s3("DeleteObjects", { Bucket, Delete: { Objects } });
        expect((Deleted as unknown[]).length).toBe(Objects.length);
        await s3("DeleteObject", { Bucket, Key: "new\nline" });
        expect((await s3("ListObjectsV2", { Bucket }))["KeyCount"]).toBe(0);
      });

      test("metadata, ranges and heads", async () => {
        const Bucket = await bucket();
        const Body = Buffer.from("0123456789");
        await s3("PutObject", { Bucket, Key: "k", Body, ContentType: "text/csv", Metadata: { origin: "a b" } });
        const head = await s3("HeadObject", { Bucket, Key: "k" });
        expect(head).toMatchObject({ ContentLength: 10, ContentType: "text/csv", Metadata: { origin: "a b" } });
        const range = await s3("GetObject", { Bucket, Key: "k", Range: "bytes=-3" });
        expect([String(range["Body"]), range["ContentRange"]]).toEqual(["789", "bytes 7-9/10"]);
        const beyond = await call("s3", "GetObject", { Bucket, Key: "k", Range: "bytes=99-" });
        expect(beyond.error).toMatchObject({ code: "InvalidRange", status: 416 });
      });

      test("errors have their codes and statuses", async () => {
        const Bucket = await bucket();
        expect((await call("s3", "GetObject", { Bucket, Key: "none" })).error).toMatchObject({
          code: "NoSuchKey",
          status: 404,
        });
        const nowhere = await call("s3", "GetObject", { Bucket: "no-such-bucket-here", Key: "k" });
        expect(nowhere.error).toMatchObject({ code: "NoSuchBucket", status: 404 });
        expect((await call("s3", "HeadObject", { Bucket, Key: "none" })).error?.status).toBe(404);
      });

      test("conditional writes: the first one wins, a stale one loses", async () => {
        const Bucket = await bucket();
        const put = (more: Members) => call("s3", "PutObject", { Bucket, Key: "k", Body: Buffer.from("x"), ...more });
        const first = ok(await put({ IfNoneMatch: "*" }));
        expect((await put({ IfNoneMatch: "*" })).error).toMatchObject({ code: "PreconditionFailed", status: 412 });
        ok(await put({ IfMatch: first["ETag"], Body: Buffer.from("y") }));
        expect((await put({ IfMatch: first["ETag"] })).error).toMatchObject({
          code: "PreconditionFailed",
          status: 412,
        });
      });

      test("versions and delete markers", async () => {
        const Bucket = await bucket();
        await s3("PutBucketVersioning", { Bucket, VersioningConfiguration: { Status: "Enabled" } });
        const one = await s3("PutObject", { Bucket, Key: "k", Body: Buffer.from("1") });
        await s3("PutObject", { Bucket, Key: "k", Body: Buffer.from("2") });
        await s3("DeleteObject", { Bucket, Key: "k" });
        expect((await call("s3", "GetObject", { Bucket, Key: "k" })).error?.code).toBe("NoSuchKey");
        const old = await s3("GetObject", { Bucket, Key: "k", VersionId: one["VersionId"] });
        expect(String(old["Body"])).toBe("1");
        const { Versions, DeleteMarkers } = await s3("ListObjectVersions", { Bucket });
        expect([(Versions as unknown[]).length, (DeleteMarkers as unknown[]).length]).toEqual([2, 1]);
      });

      test("multipart uploads and copies", async () => {
        const Bucket = await bucket();
        const big = randomBytes(5 * 1024 * 1024);
        const { UploadId } = await s3("CreateMultipartUpload", { Bucket, Key: "big" });
        const parts = [big, Buffer.from("tail")];
        const Parts: Members[] = [];
        for (const [index, Body] of parts.entries()) {
          const PartNumber = index + 1;
          const { ETag } = await s3("UploadPart", { Bucket, Key: "big", UploadId, PartNumber, Body });
          Parts.push({ ETag, PartNumber });
        }
        const done = await s3("CompleteMultipartUpload", { Bucket, Key: "big", UploadId, MultipartUpload: { Parts } });
        expect(done["ETag"]).toMatch(/^"[0-9a-f]{32}-2"$/);
        await s3("CopyObject", { Bucket, Key: "copy", CopySource: `${Bucket}/big` });
        const copy = (await s3("GetObject", { Bucket, Key: "copy" }))["Body"] as Buffer;
        expect(copy.equals(Buffer.concat(parts))).toBe(true);
      });

      test("presigned URLs", async () => {
        const Bucket = await bucket();
        await s3("PutObject", { Bucket, Key: "a b/ü", Body: Buffer.from("shared") });
        const answer = await fetch(await client.presign({ Bucket, Key: "a b/ü" }));
        expect(await answer.text()).toBe("shared");
      });
    });

    describe("SQS", () => {
      test("a message's way: sent, received with attributes, deleted", async () => {
        const QueueName = `queue-${randomBytes(4).toString("hex")}`;
        const { QueueUrl } = ok(
          await call("sqs", "CreateQueue", { QueueName, Attributes: { VisibilityTimeout: "1" } }),
        );
        expect(QueueUrl).toBe(`${local.endpoint}/${ACCOUNT}/${QueueName}`);
        const MessageAttributes = {
          kind: { DataType: "String", StringValue: "é <&>" },
          raw: { DataType: "Binary", BinaryValue: Buffer.from([0, 255]) },
        };
        // Clients compare the MD5s of body and attributes with their own: a wrong one would throw.
        ok(await call("sqs", "SendMessage", { QueueUrl, MessageBody: "hällo\n", MessageAttributes }));
        const receive = { QueueUrl, MessageAttributeNames: ["All"], AttributeNames: ["All"], WaitTimeSeconds: 1 };
        const [message] = ok(await call("sqs", "ReceiveMessage", receive))["Messages"] as Members[];
        expect(message).toMatchObject({ Body: "hällo\n", Attributes: { ApproximateReceiveCount: "1" } });
        const got = message?.["MessageAttributes"] as Record<string, Members>;
        expect(got["kind"]?.["StringValue"]).toBe("é <&>");
        expect(Buffer.from(got["raw"]?.["BinaryValue"] as Uint8Array).toString("hex")).toBe("00ff");
        ok(await call("sqs", "DeleteMessage", { QueueUrl, ReceiptHandle: message?.["ReceiptHandle"] }));
        const { Attributes } = ok(await call("sqs", "GetQueueAttributes", { QueueUrl, AttributeNames: ["All"] }));
        expect(Attributes).toMatchObject({
          ApproximateNumberOfMessages: "0",
          ApproximateNumberOfMessagesNotVisible: "0",
        });
      });

      test("a queue that does not exist has the code that old clients know", async () => {
        const missing = await call("sqs", "GetQueueUrl", { QueueName: "none" });
        expect(missing.error).toMatchObject({ code: "AWS.SimpleQueueService.NonExistentQueue", status: 400 });
      });
    });

    describe("STS", () => {
      test("who am I, and who am I as a role", async () => {
        const identity = ok(await call("sts", "GetCallerIdentity"));
        expect(identity).toMatchObject({ Account: ACCOUNT, Arn: `arn:aws:iam::${ACCOUNT}:user/administrator` });
        const RoleArn = await local.role(`only-glue-${randomBytes(3).toString("hex")}`, "glue.amazonaws.com");
        const refused = await call("sts", "AssumeRole", { RoleArn, RoleSessionName: "me" });
        expect(refused.error).toMatchObject({ code: "AccessDenied", status: 403 });
      });
    });
  });
}
