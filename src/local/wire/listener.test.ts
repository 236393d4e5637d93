import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import {
  CreateBucketCommand,
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startLocalServices, type LocalServices } from "../../../test/support/local-services.ts";
import type { Service } from "../service.ts";

const stored = new Map<string, Buffer>();
const fake = (): Service => ({
  name: "s3",
  sdk: () => import("@aws-sdk/client-s3"),
  resources: {},
  operations: {
    GetBucketLocation: () => ({ LocationConstraint: "eu-west-1" }),
    CreateBucket: (i: never) => ({ Location: "/x" }),
    PutObject: async (input: { Key: string; Body: Readable; Metadata: unknown }) => {
      stored.set(input.Key, await input.Body.toArray().then((a) => Buffer.concat(a)));
      return { ETag: '"x"' };
    },
    GetObject: (input: { Key: string }) => ({
      Body: Readable.from([stored.get(input.Key)]),
      ContentLength: stored.get(input.Key)?.length,
      LastModified: new Date(0),
      Metadata: { a: "b" },
    }),
    HeadObject: (input: { Key: string }) => ({ ContentLength: stored.get(input.Key)?.length }),
    ListObjectsV2: () => ({ Contents: [{ Key: "a&b", Size: 3 }], KeyCount: 1, IsTruncated: false }),
  } as never,
});
let local: LocalServices;
beforeAll(async () => {
  local = await startLocalServices({ services: [fake] });
});
afterAll(() => local.close());

test("smoke", async () => {
  const s3 = local.client(S3Client);
  await s3.send(new CreateBucketCommand({ Bucket: "bucket" }));
  expect((await s3.send(new GetBucketLocationCommand({ Bucket: "bucket" }))).LocationConstraint).toBe("eu-west-1");
  const body = randomBytes(300_000);
  await s3.send(new PutObjectCommand({ Bucket: "bucket", Key: "a b/+%ü", Body: body, Metadata: { x: "1" } }));
  await s3.send(
    new PutObjectCommand({ Bucket: "bucket", Key: "stream", Body: Readable.from([body]), ContentLength: body.length }),
  );
  const got = await s3.send(new GetObjectCommand({ Bucket: "bucket", Key: "stream" }));
  expect(Buffer.from(await got.Body!.transformToByteArray()).equals(body)).toBe(true);
  expect(got.Metadata).toEqual({ a: "b" });
  expect((await s3.send(new HeadObjectCommand({ Bucket: "bucket", Key: "a b/+%ü" }))).ContentLength).toBe(300_000);
  expect((await s3.send(new ListObjectsV2Command({ Bucket: "bucket" }))).Contents).toEqual([{ Key: "a&b", Size: 3 }]);
});
