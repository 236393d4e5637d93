import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ADMIN, DirectBus } from "../../../../test/support/direct-bus.ts";
import { openState, type OpenState } from "../../state.ts";
import { pathOf } from "./object-files.ts";
import { createS3, type S3Service } from "./service.ts";

let directory: string;
let state: OpenState;
let s3: S3Service;

function boot(): void {
  state = openState(directory);
  s3 = createS3({ ...new DirectBus().deps, state });
}

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), "millrace-recovery-"));
  boot();
  await call("CreateBucket", { CreateBucketConfiguration: { LocationConstraint: "eu-west-1" } });
});
afterEach(() => {
  state.close();
  rmSync(directory, { recursive: true, force: true });
});

async function call(operation: string, input: object): Promise<Record<string, unknown>> {
  const handler = s3.operations[operation];
  if (!handler) throw new Error(`no ${operation}`);
  const answer = await handler({ Bucket: "bucket", ...input } as never, { requestId: "r", principal: ADMIN });
  return (answer ?? {}) as Record<string, unknown>;
}

const restart = () => {
  state.close();
  boot();
};
const incoming = () => readdirSync(path.join(directory, "s3", "incoming"));
const objectFiles = () =>
  readdirSync(path.join(directory, "s3", "objects"), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );

test("everything is where it was after a restart: objects, versions, settings, unfinished uploads", async () => {
  await call("PutBucketVersioning", { VersioningConfiguration: { Status: "Enabled" } });
  await call("PutObject", { Key: "k", Body: "one" });
  await call("PutObject", { Key: "k", Body: "two", Metadata: { a: "1" } });
  const { UploadId } = await call("CreateMultipartUpload", { Key: "big" });
  const { ETag } = await call("UploadPart", { Key: "big", UploadId, PartNumber: 1, Body: "part" });
  const before = await call("ListObjectVersions", {});
  restart();
  expect(await call("ListObjectVersions", {})).toEqual(before);
  expect(await call("HeadObject", { Key: "k" })).toMatchObject({ Metadata: { a: "1" }, ContentLength: 3 });
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  await call("CompleteMultipartUpload", { Key: "big", UploadId, MultipartUpload });
  const { path: file } = await s3.objectFile("bucket", "big");
  expect(readFileSync(file, "utf8")).toBe("part");
});

test("an upload that broke off, or whose process died, leaves no object and no bytes", async () => {
  const broken = Readable.from(
    (async function* () {
      yield Buffer.alloc(400_000);
      yield Buffer.alloc(400_000);
      throw new Error("connection lost");
    })(),
  );
  await expect(call("PutObject", { Key: "k", Body: broken })).rejects.toThrow("connection lost");
  expect(incoming()).toEqual([]);
  writeFileSync(path.join(directory, "s3", "incoming", "999"), "half of something");
  writeFileSync(path.join(directory, "s3", "parts", "998"), "half of a part");
  restart();
  expect(incoming()).toEqual([]);
  expect(readdirSync(path.join(directory, "s3", "parts"))).toEqual([]);
  expect(await call("ListObjectsV2", {})).toMatchObject({ KeyCount: 0 });
});

test("a process that died between an object's commit and the move of its file finishes the move at the next start", async () => {
  await call("PutObject", { Key: "a/b", Body: "bytes" });
  const { path: file } = await s3.objectFile("bucket", "a/b");
  const number = Number(path.basename(file).split("-")[0]);
  renameSync(file, path.join(directory, "s3", "incoming", String(number)));
  rmSync(path.dirname(file), { recursive: true });
  restart();
  expect(readFileSync((await s3.objectFile("bucket", "a/b")).path, "utf8")).toBe("bytes");
});

test("replaced and deleted objects leave no file behind, also when the process died before the unlink", async () => {
  await call("PutObject", { Key: "k", Body: "one" });
  await call("PutObject", { Key: "k", Body: "two" });
  expect(objectFiles()).toHaveLength(1);
  const { path: file } = await s3.objectFile("bucket", "k");
  await call("DeleteObject", { Key: "k" });
  expect(objectFiles()).toEqual([]);
  // As if the process had died before the unlink: the deletion is in the store, the file is still there.
  writeFileSync(file, "two");
  restart();
  expect(existsSync(file)).toBe(false);
});

test("bytes that somebody else changed are an error, never an answer", async () => {
  await call("PutObject", { Key: "k", Body: "bytes" });
  const { path: file } = await s3.objectFile("bucket", "k");
  writeFileSync(file, "byte");
  await expect(call("GetObject", { Key: "k" })).rejects.toMatchObject({ code: "InternalError" });
  rmSync(file);
  await expect(call("GetObject", { Key: "k" })).rejects.toMatchObject({ code: "InternalError" });
});

test("paths: no glob, quote, space or hidden part, short enough for any file system, and the name's end is kept", () => {
  const key = fc.string({ unit: "binary", minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(key, fc.integer({ min: 1, max: 10 ** 9 }), (key, id) => {
      const made = pathOf("bucket", key, id);
      expect(made).not.toMatch(/[*?[\]{}'"\\\s\0]/);
      const segments = made.split("/");
      const directories = segments.slice(1, -1);
      expect(segments[0]).toBe("bucket");
      expect(segments.filter((segment) => segment === "" || /^[._]/.test(segment))).toEqual([]);
      expect(segments.filter((segment) => Buffer.byteLength(segment) > 255)).toEqual([]);
      expect(Buffer.byteLength(made)).toBeLessThan(2000);
      // A directory is never named like a file, so no key's file can be in another key's way.
      expect(directories.filter((segment) => /^\d{12}-/.test(segment))).toEqual([]);
      expect(segments.at(-1)).toMatch(/^\d{12}-/);
    }),
    { numRuns: 50 },
  );
  expect(pathOf("b", "flights/year=2001/part-0.csv.gz", 42)).toBe("b/flights/year=2001/000000000042-part-0.csv.gz");
  expect(pathOf("b", `${"x".repeat(1000)}.csv.zst`, 1)).toMatch(/x\.csv\.zst$/);
});
