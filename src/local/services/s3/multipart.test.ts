import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
  type CompletedPart,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { REGION, startLocalServices, type LocalServices } from "../../../../test/support/local-services.ts";
import { createS3 } from "./service.ts";

let local: LocalServices;
let s3: S3Client;
const Bucket = "multipart";
const MIB = 1024 * 1024;

beforeAll(async () => {
  local = await startLocalServices({ services: [createS3] });
  s3 = local.client(S3Client);
  await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
});
afterAll(() => local.close());

const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest();
const compositeTag = (...parts: Uint8Array[]) =>
  `"${md5(Buffer.concat(parts.map(md5))).toString("hex")}-${parts.length}"`;
const bytesOf = async (Key: string, more: object = {}) =>
  Buffer.from(
    (await (await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))).Body?.transformToByteArray()) ?? [],
  );
const bytes = (length: number, seed: number) => Buffer.alloc(length, `part ${seed} `);
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "no error",
    (error: Error) => error.name,
  );

test("lib-storage uploads a stream of unknown length in parts, and a tiny one in one piece", async () => {
  const body = bytes(12 * MIB, 1);
  const stream = Readable.from(Array.from({ length: 12 }, (_, index) => body.subarray(index * MIB, (index + 1) * MIB)));
  const done = await new Upload({ client: s3, params: { Bucket, Key: "streamed", Body: stream } }).done();
  expect(done.ETag).toMatch(/-3"$/);
  expect((await bytesOf("streamed")).equals(body)).toBe(true);
  await new Upload({ client: s3, params: { Bucket, Key: "tiny", Body: Readable.from(["x"]) } }).done();
  expect((await bytesOf("tiny")).toString()).toBe("x");
});

test("parts may come in any order and again; those that are not listed are left out", async () => {
  const Key = "by hand";
  const [one, two, three] = [bytes(5 * MIB, 1), bytes(5 * MIB, 2), bytes(1000, 3)];
  const { UploadId } = await s3.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ContentType: "text/csv", Metadata: { a: "1" } }),
  );
  const upload = async (PartNumber: number, Body: Buffer): Promise<CompletedPart> => {
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
    return { PartNumber, ETag };
  };
  const last = await upload(7, three);
  const replaced = await upload(2, three);
  await upload(4, bytes(MIB, 4));
  const second = await upload(2, two);
  const first = await upload(1, one);

  const listed = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId, MaxParts: 2 }));
  expect(listed.Parts?.map((part) => [part.PartNumber, part.Size])).toEqual([
    [1, one.length],
    [2, two.length],
  ]);
  const rest = await s3.send(
    new ListPartsCommand({ Bucket, Key, UploadId, PartNumberMarker: listed.NextPartNumberMarker }),
  );
  expect(rest.Parts?.map((part) => part.PartNumber)).toEqual([4, 7]);

  const complete = (Parts: CompletedPart[]) =>
    s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  expect(await failure(complete([first, replaced, last]))).toBe("InvalidPart");
  expect(await failure(complete([second, first, last]))).toBe("InvalidPartOrder");
  expect(await failure(complete([last, { PartNumber: 8, ETag: "x" }]))).toBe("InvalidPart");
  const { ETag } = await complete([first, second, last]);
  expect(ETag).toBe(compositeTag(one, two, three));
  expect((await bytesOf(Key)).equals(Buffer.concat([one, two, three]))).toBe(true);
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key }));
  expect(head).toMatchObject({ ContentType: "text/csv", Metadata: { a: "1" }, ContentLength: 10 * MIB + 1000 });

  const part = await s3.send(new GetObjectCommand({ Bucket, Key, PartNumber: 3 }));
  expect(part.PartsCount).toBe(3);
  expect(Buffer.from((await part.Body?.transformToByteArray()) ?? []).equals(three)).toBe(true);
  expect(readdirSync(local.deps.state.directory("s3", "parts"))).toEqual([]);
});

test("a part other than the last below 5 MiB is too small", async () => {
  const Key = "small parts";
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const Parts: CompletedPart[] = [];
  for (const PartNumber of [1, 2]) {
    const { ETag } = await s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body: "x" }));
    Parts.push({ PartNumber, ETag });
  }
  const MultipartUpload = { Parts };
  const command = new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload });
  expect(await failure(s3.send(command))).toBe("EntityTooSmall");
});

test.each([
  ["COMPOSITE", undefined],
  ["FULL_OBJECT", "FULL_OBJECT"],
] as const)("a %s checksum of an upload is kept and shown", async (type, ChecksumType) => {
  const Key = `checksum-${type}`;
  const parts = [bytes(5 * MIB, 1), bytes(77, 2)];
  const base64 = (value: number) => {
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32BE(value);
    return buffer;
  };
  const { UploadId } = await s3.send(
    new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: "CRC32", ChecksumType }),
  );
  const Parts: CompletedPart[] = [];
  for (const [index, Body] of parts.entries()) {
    const PartNumber = index + 1;
    const part = await s3.send(
      new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ChecksumAlgorithm: "CRC32" }),
    );
    expect(part.ChecksumCRC32).toBe(base64(crc32(Body)).toString("base64"));
    Parts.push({ PartNumber, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 });
  }
  const wanted =
    type === "FULL_OBJECT"
      ? base64(crc32(Buffer.concat(parts))).toString("base64")
      : `${base64(crc32(Buffer.concat(parts.map((part) => base64(crc32(part)))))).toString("base64")}-2`;
  const complete = (ChecksumCRC32: string | undefined) =>
    s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts }, ChecksumCRC32 }));
  expect(await failure(complete("AAAAAA=="))).toBe("BadDigest");
  expect(await complete(wanted)).toMatchObject({ ChecksumCRC32: wanted, ChecksumType: type });
  const attributes = await s3.send(
    new GetObjectAttributesCommand({
      Bucket,
      Key,
      ObjectAttributes: ["ETag", "Checksum", "ObjectParts", "ObjectSize", "StorageClass"],
    }),
  );
  expect(attributes).toMatchObject({
    ObjectSize: 5 * MIB + 77,
    StorageClass: "STANDARD",
    Checksum: { ChecksumCRC32: wanted, ChecksumType: type },
    ObjectParts: { TotalPartsCount: 2 },
  });
  expect(attributes.ObjectParts?.Parts?.length ?? 0).toBe(type === "COMPOSITE" ? 2 : 0);
});

test("parts copied from another object, whole or in ranges", async () => {
  const source = bytes(6 * MIB, 9);
  await s3.send(new PutObjectCommand({ Bucket, Key: "source", Body: source }));
  const Key = "copied parts";
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const copy = async (PartNumber: number, CopySourceRange?: string): Promise<CompletedPart> => {
    const { CopyPartResult } = await s3.send(
      new UploadPartCopyCommand({ Bucket, Key, UploadId, PartNumber, CopySource: `${Bucket}/source`, CopySourceRange }),
    );
    return { PartNumber, ETag: CopyPartResult?.ETag };
  };
  const Parts = [await copy(1), await copy(2, "bytes=10-19")];
  expect(await failure(copy(3, "bytes=0-99999999"))).toBe("InvalidArgument");
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  expect((await bytesOf(Key)).equals(Buffer.concat([source, source.subarray(10, 20)]))).toBe(true);
});

test("a copy of a multipart object has the ETag and checksum of one whole object", async () => {
  const Key = "whole again";
  const body = bytes(11 * MIB, 3);
  await new Upload({ client: s3, params: { Bucket, Key: "in parts", Body: body, ChecksumAlgorithm: "CRC32" } }).done();
  await s3.send(new CopyObjectCommand({ Bucket, Key, CopySource: `${Bucket}/in%20parts` }));
  const head = await s3.send(new HeadObjectCommand({ Bucket, Key, ChecksumMode: "ENABLED" }));
  expect(head.ETag).toBe(`"${md5(body).toString("hex")}"`);
  expect(head.ChecksumType).toBe("FULL_OBJECT");
  expect((await bytesOf(Key)).equals(body)).toBe(true);
});

test("unfinished uploads are listed in pages until they are aborted; then nothing of them is left", async () => {
  const begin = async (Key: string) => (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))).UploadId;
  const uploads = [await begin("open/a"), await begin("open/a"), await begin("open/b")];
  await s3.send(new UploadPartCommand({ Bucket, Key: "open/b", UploadId: uploads[2], PartNumber: 1, Body: "x" }));
  const seen: string[] = [];
  let markers: { KeyMarker?: string; UploadIdMarker?: string } = {};
  for (;;) {
    const page = await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: "open/", MaxUploads: 1, ...markers }));
    seen.push(...(page.Uploads ?? []).map((upload) => `${upload.Key} ${upload.UploadId}`));
    if (page.IsTruncated !== true) break;
    markers = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
  expect(seen.toSorted()).toEqual([`open/a ${uploads[0]}`, `open/a ${uploads[1]}`, `open/b ${uploads[2]}`].toSorted());
  for (const entry of seen) {
    const [Key, UploadId] = entry.split(" ");
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }));
  }
  expect((await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: "open/" }))).Uploads).toBeUndefined();
  const gone = new UploadPartCommand({ Bucket, Key: "open/b", UploadId: uploads[2], PartNumber: 2, Body: "x" });
  expect(await failure(s3.send(gone))).toBe("NoSuchUpload");
});
