import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  type GetObjectCommandInput,
  type PutObjectCommandInput,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocalServices, REGION, type LocalServices } from "../../../../test/support/local-services.ts";
import { createS3 } from "./service.ts";

let local: LocalServices;
let s3: S3Client;
let made = 0;

beforeAll(async () => {
  local = await startLocalServices({ services: [createS3] });
  s3 = local.client(S3Client);
});
afterAll(() => local.close());

async function newBucket({ versioned = false } = {}): Promise<string> {
  const Bucket = `bucket-${++made}`;
  await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
  if (versioned) {
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
  }
  return Bucket;
}

const put = (
  Bucket: string,
  Key: string,
  Body: PutObjectCommandInput["Body"],
  more: Partial<PutObjectCommandInput> = {},
) => s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));

async function get(Bucket: string, Key: string, more: Partial<GetObjectCommandInput> = {}): Promise<string> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return (await Body?.transformToString()) ?? "";
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "no error",
    (error: Error & { $metadata?: { httpStatusCode?: number } }) => `${error.$metadata?.httpStatusCode} ${error.name}`,
  );

describe("keys", () => {
  const keys = [
    "plain.csv",
    "with space.csv",
    "plus+plus",
    "per%cent",
    "encoded%2Fslash",
    "ünïcödé/日本語/😀.csv",
    "combining-e\u0301",
    "composed-\u00e9",
    "/leading",
    "//two",
    "folder/",
    "a",
    "a/b",
    "a/b/c",
    "?x=1&y",
    "#hash",
    ";:@=$,!'()*~",
    "a/../x",
    "./.",
    "..",
    "back\\slash",
    "new\nline",
    "tab\there",
    "<&>\"'",
    " leading space",
    "[x]{y}*?.csv",
    "_hidden/_name",
    ".hidden/.name",
    "UPPER",
    "upper",
    "000000000001-a/x",
    "k".repeat(1000),
    `${"d/".repeat(300)}deep`,
    "ü".repeat(500),
  ];

  test("whatever S3 takes as a key is kept apart and comes back, and no file's path is a glob", async () => {
    const Bucket = await newBucket();
    for (const key of keys) await put(Bucket, key, `body of ${key}`);
    const listed = await s3.send(new ListObjectsV2Command({ Bucket, EncodingType: "url" }));
    const decoded = listed.Contents?.map(({ Key = "" }) => decodeURIComponent(Key.replaceAll("+", " ")));
    expect(decoded).toEqual(keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
    const paths = new Set<string>();
    for (const key of keys) {
      expect(await get(Bucket, key)).toBe(`body of ${key}`);
      const { path } = await local.dispatcher.objectFile(
        { bucket: Bucket, key },
        { kind: "user", arn: "arn:aws:iam::111122223333:user/test", userId: "test" },
      );
      expect(path.slice(path.indexOf("/s3/objects/"))).not.toMatch(/[*?[\]{}'"\\\s]/);
      paths.add(path.toLowerCase().normalize());
    }
    expect(paths.size).toBe(keys.length);
  });

  test("a key of more than 1,024 bytes is refused", async () => {
    const Bucket = await newBucket();
    expect(await failure(put(Bucket, "ü".repeat(513), "x"))).toBe("400 KeyTooLongError");
  });
});

describe("reading", () => {
  test.each([
    ["bytes=0-4", "01234", "bytes 0-4/10"],
    ["bytes=7-", "789", "bytes 7-9/10"],
    ["bytes=-3", "789", "bytes 7-9/10"],
    ["bytes=5-100", "56789", "bytes 5-9/10"],
    ["bytes=-100", "0123456789", "bytes 0-9/10"],
  ])("Range %s answers 206 with that part", async (Range, text, contentRange) => {
    const Bucket = await newBucket();
    await put(Bucket, "digits", "0123456789");
    const answer = await s3.send(new GetObjectCommand({ Bucket, Key: "digits", Range }));
    expect(answer.$metadata.httpStatusCode).toBe(206);
    expect(answer.ContentRange).toBe(contentRange);
    expect(answer.ContentLength).toBe(text.length);
    expect(await answer.Body?.transformToString()).toBe(text);
  });

  test("a range beyond the end is 416; one that S3 does not understand is no range", async () => {
    const Bucket = await newBucket();
    await put(Bucket, "digits", "0123456789");
    await put(Bucket, "empty", "");
    expect(await failure(get(Bucket, "digits", { Range: "bytes=10-" }))).toBe("416 InvalidRange");
    expect(await failure(get(Bucket, "empty", { Range: "bytes=0-" }))).toBe("416 InvalidRange");
    expect(await get(Bucket, "digits", { Range: "bytes=0-1,4-5" })).toBe("0123456789");
    expect(await get(Bucket, "digits", { Range: "bytes=5-1" })).toBe("0123456789");
    expect(await get(Bucket, "empty")).toBe("");
  });

  test("conditions: 412 and 304, ETags before dates", async () => {
    const Bucket = await newBucket();
    const { ETag } = await put(Bucket, "k", "x");
    const past = new Date(local.clock.now() - 3_600_000);
    const future = new Date(local.clock.now() + 3_600_000);
    expect(await get(Bucket, "k", { IfMatch: ETag })).toBe("x");
    expect(await failure(get(Bucket, "k", { IfMatch: '"other"' }))).toBe("412 PreconditionFailed");
    expect(await failure(get(Bucket, "k", { IfNoneMatch: ETag }))).toMatch("304");
    expect(await get(Bucket, "k", { IfNoneMatch: '"other"' })).toBe("x");
    expect(await failure(get(Bucket, "k", { IfModifiedSince: future }))).toMatch("304");
    expect(await get(Bucket, "k", { IfModifiedSince: past })).toBe("x");
    expect(await failure(get(Bucket, "k", { IfUnmodifiedSince: past }))).toBe("412 PreconditionFailed");
    expect(await get(Bucket, "k", { IfMatch: ETag, IfUnmodifiedSince: past })).toBe("x");
    expect(await failure(get(Bucket, "k", { IfNoneMatch: ETag, IfModifiedSince: past }))).toMatch("304");
  });

  test("headers and metadata come back, and a request may override headers for its answer", async () => {
    const Bucket = await newBucket();
    const stored = {
      ContentType: "text/csv",
      CacheControl: "no-cache",
      ContentDisposition: "attachment",
      ContentEncoding: "gzip",
      ContentLanguage: "en",
      Metadata: { origin: "lhr", "two-words": "a b" },
    };
    await put(Bucket, "k", "x", { ...stored, StorageClass: "STANDARD_IA", Tagging: "a=1&b=x%20y" });
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "k" }));
    expect(head).toMatchObject({ ...stored, StorageClass: "STANDARD_IA", TagCount: 2, ServerSideEncryption: "AES256" });
    const answer = await s3.send(
      new GetObjectCommand({ Bucket, Key: "k", ResponseContentType: "text/plain", ResponseCacheControl: "max-age=1" }),
    );
    expect(answer).toMatchObject({ ContentType: "text/plain", CacheControl: "max-age=1", ContentLanguage: "en" });
  });

  test("what is not there: NoSuchKey for GET, NotFound for HEAD, NoSuchBucket", async () => {
    const Bucket = await newBucket();
    expect(await failure(get(Bucket, "k"))).toBe("404 NoSuchKey");
    expect(await failure(s3.send(new HeadObjectCommand({ Bucket, Key: "k" })))).toBe("404 NotFound");
    expect(await failure(get("no-such-bucket", "k"))).toBe("404 NoSuchBucket");
  });
});

describe("writing", () => {
  test("the ETag is the MD5; a checksum the client sent comes back when asked for", async () => {
    const Bucket = await newBucket();
    const { ETag, ChecksumSHA256 } = await put(Bucket, "k", "hello", { ChecksumAlgorithm: "SHA256" });
    expect(ETag).toBe(`"${createHash("md5").update("hello").digest("hex")}"`);
    expect(ChecksumSHA256).toBe(createHash("sha256").update("hello").digest("base64"));
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "k", ChecksumMode: "ENABLED" }));
    expect(head).toMatchObject({ ChecksumSHA256, ChecksumType: "FULL_OBJECT" });
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: "k" }))).ChecksumSHA256).toBeUndefined();
  });

  test.each(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const)(
    "a body that does not match its %s is refused and stores nothing",
    async (algorithm) => {
      const Bucket = await newBucket();
      const wrong = await put(Bucket, "other", "other bytes", { ChecksumAlgorithm: algorithm });
      const value = wrong[`Checksum${algorithm}`];
      expect(value).toBeTruthy();
      expect(await failure(put(Bucket, "k", "x", { [`Checksum${algorithm}`]: value }))).toBe("400 BadDigest");
      expect(await failure(get(Bucket, "k"))).toBe("404 NoSuchKey");
    },
  );

  test("a stream whose length is known passes as it comes", async () => {
    const Bucket = await newBucket();
    const chunks = Array.from({ length: 50 }, (_, index) => Buffer.alloc(20_000, index));
    await put(Bucket, "k", Readable.from(chunks), { ContentLength: 1_000_000 });
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: "k", ChecksumMode: "ENABLED" }));
    expect(Buffer.concat(chunks).equals(Buffer.from((await Body?.transformToByteArray()) ?? []))).toBe(true);
  });

  test("an overwritten object's readers still get what they asked for", async () => {
    const Bucket = await newBucket();
    await put(Bucket, "k", Buffer.alloc(3_000_000, 1));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: "k" }));
    await put(Bucket, "k", "new");
    const bytes = (await Body?.transformToByteArray()) ?? Buffer.alloc(0);
    expect(bytes.length).toBe(3_000_000);
    expect(bytes.every((byte) => byte === 1)).toBe(true);
    expect(await get(Bucket, "k")).toBe("new");
  });

  test("members it was not written for are refused by name", async () => {
    const Bucket = await newBucket();
    const lock = put(Bucket, "k", "x", { ObjectLockMode: "GOVERNANCE" });
    await expect(lock).rejects.toMatchObject({
      name: "NotImplemented",
      message: expect.stringContaining("ObjectLockMode"),
    });
    expect(await failure(put(Bucket, "k", "x", { ACL: "public-read" }))).toBe("400 AccessControlListNotSupported");
    expect(await failure(put(Bucket, "k", "x", { ExpectedBucketOwner: "999999999999" }))).toBe("403 AccessDenied");
    expect(await failure(put(Bucket, "k", "x", { Metadata: { big: "x".repeat(2100) } }))).toBe("400 MetadataTooLarge");
  });
});

describe("copying", () => {
  test("keeps bytes, headers, metadata and tags, or takes the request's", async () => {
    const Bucket = await newBucket();
    await put(Bucket, "from me+you/ü", "bytes", { ContentType: "text/csv", Metadata: { a: "1" }, Tagging: "t=1" });
    const CopySource = encodeURI(`${Bucket}/from me+you/ü`).replaceAll("+", "%2B");
    await s3.send(new CopyObjectCommand({ Bucket, Key: "kept", CopySource }));
    await s3.send(
      new CopyObjectCommand({
        Bucket,
        Key: "replaced",
        CopySource,
        MetadataDirective: "REPLACE",
        Metadata: { b: "2" },
        TaggingDirective: "REPLACE",
        Tagging: "u=2",
      }),
    );
    expect(await get(Bucket, "kept")).toBe("bytes");
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key: "kept" }))).toMatchObject({
      ContentType: "text/csv",
      Metadata: { a: "1" },
    });
    expect((await s3.send(new HeadObjectCommand({ Bucket, Key: "replaced" }))).Metadata).toEqual({ b: "2" });
    const tags = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: "replaced" }));
    expect(tags.TagSet).toEqual([{ Key: "u", Value: "2" }]);
    await put(Bucket, "from me+you/ü", "other bytes");
    expect(await get(Bucket, "kept")).toBe("bytes");
  });

  test("source conditions fail with 412, a missing source with 404, a copy onto itself that changes nothing with 400", async () => {
    const Bucket = await newBucket();
    const { ETag } = await put(Bucket, "k", "x");
    const copy = (more: object) =>
      s3.send(new CopyObjectCommand({ Bucket, Key: "to", CopySource: `${Bucket}/k`, ...more }));
    expect(await failure(copy({ CopySourceIfMatch: '"other"' }))).toBe("412 PreconditionFailed");
    expect(await failure(copy({ CopySourceIfNoneMatch: ETag }))).toBe("412 PreconditionFailed");
    expect(await failure(copy({ CopySource: `${Bucket}/missing` }))).toBe("404 NoSuchKey");
    expect(await failure(copy({ Key: "k" }))).toBe("400 InvalidRequest");
    expect(await failure(copy({ Key: "k", MetadataDirective: "REPLACE" }))).toBe("no error");
  });
});

describe("versions", () => {
  test("every write is a version; a delete hides, deleting the marker shows again", async () => {
    const Bucket = await newBucket({ versioned: true });
    const one = await put(Bucket, "k", "one");
    const two = await put(Bucket, "k", "two");
    expect(one.VersionId).not.toBe(two.VersionId);
    expect(await get(Bucket, "k", { VersionId: one.VersionId })).toBe("one");
    expect(await get(Bucket, "k")).toBe("two");

    const marker = await s3.send(new DeleteObjectCommand({ Bucket, Key: "k" }));
    expect(marker.DeleteMarker).toBe(true);
    expect(await failure(get(Bucket, "k"))).toBe("404 NoSuchKey");
    expect(await failure(get(Bucket, "k", { VersionId: marker.VersionId }))).toBe("405 MethodNotAllowed");
    expect(await get(Bucket, "k", { VersionId: two.VersionId })).toBe("two");
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);

    const removed = await s3.send(new DeleteObjectCommand({ Bucket, Key: "k", VersionId: marker.VersionId }));
    expect(removed).toMatchObject({ DeleteMarker: true, VersionId: marker.VersionId });
    expect(await get(Bucket, "k")).toBe("two");
    await s3.send(new DeleteObjectCommand({ Bucket, Key: "k", VersionId: two.VersionId }));
    expect(await get(Bucket, "k")).toBe("one");
    expect(await failure(get(Bucket, "k", { VersionId: two.VersionId }))).toBe("404 NoSuchVersion");
    expect(await failure(get(Bucket, "k", { VersionId: "nonsense" }))).toBe("400 InvalidArgument");
  });

  test("a version's file stays as it is while newer versions come", async () => {
    const Bucket = await newBucket({ versioned: true });
    const admin = { kind: "user", arn: "arn:aws:iam::111122223333:user/test", userId: "test" } as const;
    const one = await put(Bucket, "k.csv.gz", "one");
    const before = await local.dispatcher.objectFile({ bucket: Bucket, key: "k.csv.gz" }, admin);
    await put(Bucket, "k.csv.gz", "two");
    const after = await local.dispatcher.objectFile(
      { bucket: Bucket, key: "k.csv.gz", versionId: one.VersionId },
      admin,
    );
    const newest = await local.dispatcher.objectFile({ bucket: Bucket, key: "k.csv.gz" }, admin);
    expect(after).toEqual(before);
    expect(newest.path).not.toBe(before.path);
    expect(before.path).toMatch(/k\.csv\.gz$/);
  });

  test("a suspended bucket keeps its versions and writes over the null version", async () => {
    const Bucket = await newBucket();
    await put(Bucket, "k", "before versioning");
    const versioning = (Status: "Enabled" | "Suspended") =>
      s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
    await versioning("Enabled");
    const kept = await put(Bucket, "k", "versioned");
    expect(await get(Bucket, "k", { VersionId: "null" })).toBe("before versioning");
    await versioning("Suspended");
    const over = await put(Bucket, "k", "suspended");
    expect(over.VersionId).toBeUndefined();
    expect(await get(Bucket, "k", { VersionId: "null" })).toBe("suspended");
    expect(await get(Bucket, "k", { VersionId: kept.VersionId })).toBe("versioned");
    const marker = await s3.send(new DeleteObjectCommand({ Bucket, Key: "k" }));
    expect(marker).toMatchObject({ DeleteMarker: true, VersionId: "null" });
    const { Versions, DeleteMarkers } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    expect(Versions?.map((version) => version.VersionId)).toEqual([kept.VersionId]);
    expect(DeleteMarkers).toMatchObject([{ VersionId: "null", IsLatest: true }]);
  });

  test("tags belong to a version and may change while it stays", async () => {
    const Bucket = await newBucket({ versioned: true });
    const one = await put(Bucket, "k", "one", { Tagging: "a=1" });
    await put(Bucket, "k", "two");
    const Tagging = { TagSet: [{ Key: "b", Value: "2" }] };
    await s3.send(new PutObjectTaggingCommand({ Bucket, Key: "k", VersionId: one.VersionId, Tagging }));
    const old = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: "k", VersionId: one.VersionId }));
    expect(old.TagSet).toEqual([{ Key: "b", Value: "2" }]);
    expect((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: "k" }))).TagSet).toEqual([]);
    const eleven = { TagSet: Array.from({ length: 11 }, (_, index) => ({ Key: `t${index}`, Value: "" })) };
    expect(await failure(s3.send(new PutObjectTaggingCommand({ Bucket, Key: "k", Tagging: eleven })))).toBe(
      "400 BadRequest",
    );
  });
});

describe("deleting", () => {
  test("DeleteObjects takes each key by itself and tells of those it cannot delete", async () => {
    const Bucket = await newBucket();
    const { ETag } = await put(Bucket, "007", "x");
    await put(Bucket, "1e5", "x");
    const answer = await s3.send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: { Objects: [{ Key: "007", ETag }, { Key: "1e5", ETag: '"other"' }, { Key: "missing" }] },
      }),
    );
    expect(answer.Deleted?.map(({ Key }) => Key)).toEqual(["007", "missing"]);
    expect(answer.Errors).toMatchObject([{ Key: "1e5", Code: "PreconditionFailed" }]);
    expect(await get(Bucket, "1e5")).toBe("x");
  });

  test("If-Match on a delete: 412 when it changed, 404 when it is gone", async () => {
    const Bucket = await newBucket();
    await put(Bucket, "k", "x");
    const remove = (IfMatch: string, Key = "k") => s3.send(new DeleteObjectCommand({ Bucket, Key, IfMatch }));
    expect(await failure(remove('"other"'))).toBe("412 PreconditionFailed");
    expect(await failure(remove("*"))).toBe("no error");
    expect(await failure(remove("*"))).toBe("404 NoSuchKey");
  });
});
