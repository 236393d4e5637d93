import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { REGION, startLocalServices, type LocalServices } from "../../../../test/support/local-services.ts";
import { createS3 } from "./service.ts";

let local: LocalServices;
let s3: S3Client;
const Bucket = "races";

beforeAll(async () => {
  local = await startLocalServices({ services: [createS3] });
  s3 = local.client(S3Client);
  await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
});
afterAll(() => local.close());

/** How many of the promises came to which end. */
async function outcomes(promises: Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const result of await Promise.allSettled(promises)) {
    const outcome = result.status === "fulfilled" ? "won" : (result.reason as Error).name;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

const read = async (Key: string) => (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body?.transformToString();

test("of 20 concurrent writers with If-None-Match: * exactly one wins, and its bytes stay", async () => {
  const bodies = Array.from({ length: 20 }, (_, index) => String(index).repeat(50_000));
  const results = await Promise.allSettled(
    bodies.map((Body) => s3.send(new PutObjectCommand({ Bucket, Key: "once", Body, IfNoneMatch: "*" }))),
  );
  const winners = results.flatMap((result, index) => (result.status === "fulfilled" ? [index] : []));
  const losers = results.filter((result) => result.status === "rejected");
  expect(winners).toHaveLength(1);
  expect(losers.map(({ reason }) => (reason as Error).name)).toEqual(Array(19).fill("PreconditionFailed"));
  expect(await read("once")).toBe(bodies[winners[0] ?? -1]);
});

test("of concurrent writers with the same If-Match one wins; 20 increments by compare-and-set add up", async () => {
  const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key: "counter", Body: "0" }));
  const same = Array.from({ length: 10 }, (_, index) =>
    s3.send(new PutObjectCommand({ Bucket, Key: "counter", Body: `from ${index}`, IfMatch: ETag })),
  );
  expect(await outcomes(same)).toEqual({ won: 1, PreconditionFailed: 9 });

  await s3.send(new PutObjectCommand({ Bucket, Key: "counter", Body: "0" }));
  const increment = async () => {
    for (;;) {
      const seen = await s3.send(new GetObjectCommand({ Bucket, Key: "counter" }));
      const Body = String(Number(await seen.Body?.transformToString()) + 1);
      const done = await s3
        .send(new PutObjectCommand({ Bucket, Key: "counter", Body, IfMatch: seen.ETag }))
        .then(() => true)
        .catch((error: Error) => {
          if (error.name !== "PreconditionFailed") throw error;
          return false;
        });
      if (done) return;
    }
  };
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let turn = 0; turn < 5; turn++) await increment();
    }),
  );
  expect(await read("counter")).toBe("20");
});

test("If-Match on a key that is gone is 404; a delete marker counts as gone, and If-None-Match then succeeds", async () => {
  const versioned = "races-versioned";
  await s3.send(
    new CreateBucketCommand({ Bucket: versioned, CreateBucketConfiguration: { LocationConstraint: REGION } }),
  );
  await s3.send(new PutBucketVersioningCommand({ Bucket: versioned, VersioningConfiguration: { Status: "Enabled" } }));
  const put = (more: object) => s3.send(new PutObjectCommand({ Bucket: versioned, Key: "k", Body: "x", ...more }));
  expect(await outcomes([put({ IfMatch: '"any"' })])).toEqual({ NoSuchKey: 1 });
  await put({});
  expect(await outcomes([put({ IfNoneMatch: "*" })])).toEqual({ PreconditionFailed: 1 });
  await s3.send(new DeleteObjectCommand({ Bucket: versioned, Key: "k" }));
  expect(await outcomes([put({ IfMatch: "*" })])).toEqual({ NoSuchKey: 1 });
  expect(await outcomes([put({ IfNoneMatch: "*" })])).toEqual({ won: 1 });
  const { Versions } = await s3.send(new ListObjectVersionsCommand({ Bucket: versioned }));
  expect(Versions).toHaveLength(2);
});

test("conditions hold for the destination of copies, also at once", async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: "staged", Body: "rows" }));
  const copy = (Key: string, more: object) =>
    s3.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/staged`, ...more }));
  expect(await outcomes(Array.from({ length: 10 }, () => copy("data", { IfNoneMatch: "*" })))).toEqual({
    won: 1,
    PreconditionFailed: 9,
  });
  expect(await outcomes([copy("data", { IfMatch: '"other"' }), copy("missing", { IfMatch: '"other"' })])).toEqual({
    PreconditionFailed: 1,
    NoSuchKey: 1,
  });
  expect(await read("data")).toBe("rows");
});

test("an upload is completed once, and only if its condition holds then; otherwise it stays open", async () => {
  const Key = "assembled";
  const begin = async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const part = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: "part" }));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: part.ETag }] };
    return (more: object) =>
      s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload, ...more }));
  };
  const uploads = await Promise.all(Array.from({ length: 5 }, () => begin()));
  const results = await Promise.allSettled(uploads.map((complete) => complete({ IfNoneMatch: "*" })));
  const losers = uploads.filter((_, index) => results[index]?.status === "rejected");
  expect(losers).toHaveLength(4);
  // Refused is not gone: the same upload, without the condition, can still be completed, once.
  const [loser] = losers;
  expect(await outcomes([loser?.({}) ?? Promise.resolve(), loser?.({}) ?? Promise.resolve()])).toEqual({
    won: 1,
    NoSuchUpload: 1,
  });
});

test("a write that is refused early still gets its answer, however much body is to come", async () => {
  await s3.send(new PutObjectCommand({ Bucket, Key: "there", Body: "x" }));
  const Body = Buffer.alloc(32 * 1024 * 1024);
  const late = s3.send(new PutObjectCommand({ Bucket, Key: "there", Body, IfNoneMatch: "*" }));
  expect(await outcomes([late])).toEqual({ PreconditionFailed: 1 });
});
