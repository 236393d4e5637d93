import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { LifecycleRule, ListObjectVersionsCommandOutput } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ADMIN, DirectBus } from "../../../../test/support/direct-bus.ts";
import type { Service } from "../../service.ts";
import { openState, type OpenState } from "../../state.ts";
import { createS3 } from "./service.ts";

let directory: string;
let state: OpenState;
let bus: DirectBus;
let s3: Service;
const DAY = 24 * 60 * 60 * 1000;

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), "millrace-lifecycle-"));
  state = openState(directory);
  // 08:00 UTC.
  bus = new DirectBus();
  s3 = createS3({ ...bus.deps, state });
  await s3.start?.();
  await call("CreateBucket", { CreateBucketConfiguration: { LocationConstraint: "eu-west-1" } });
});
afterEach(async () => {
  await s3.stop?.();
  state.close();
  rmSync(directory, { recursive: true, force: true });
});

async function call<Output = Record<string, unknown>>(operation: string, input: object): Promise<Output> {
  const handler = s3.operations[operation];
  if (!handler) throw new Error(`no ${operation}`);
  return (await handler({ Bucket: "bucket", ...input } as never, { requestId: "r", principal: ADMIN })) as Output;
}

const configure = (...Rules: LifecycleRule[]) =>
  call("PutBucketLifecycleConfiguration", { LifecycleConfiguration: { Rules } });
const keys = async () =>
  (await call<{ Contents?: { Key: string }[] }>("ListObjectsV2", {})).Contents?.map(({ Key }) => Key) ?? [];

test("objects under a prefix expire at the midnight after their days; others stay", async () => {
  await configure({ Status: "Enabled", Filter: { Prefix: "tmp/" }, Expiration: { Days: 2 } });
  await call("PutObject", { Key: "tmp/a", Body: "x" });
  await call("PutObject", { Key: "kept", Body: "x" });
  // Two days on it is 08:00; the rule acts at the next midnight.
  await bus.clock.advance(2 * DAY + 15 * 3_600_000);
  expect(await keys()).toEqual(["kept", "tmp/a"]);
  await bus.clock.advance(DAY);
  expect(await keys()).toEqual(["kept"]);
});

test("old versions expire by the time they were replaced, but for the newest that are to be kept", async () => {
  await call("PutBucketVersioning", { VersioningConfiguration: { Status: "Enabled" } });
  await configure({
    Status: "Enabled",
    Filter: {},
    NoncurrentVersionExpiration: { NoncurrentDays: 1, NewerNoncurrentVersions: 1 },
  });
  const ids: unknown[] = [];
  for (const Body of ["one", "two", "three", "four"])
    ids.push((await call("PutObject", { Key: "k", Body }))["VersionId"]);
  await bus.clock.advance(3 * DAY);
  const left = await call<ListObjectVersionsCommandOutput>("ListObjectVersions", {});
  expect(left.Versions?.map((version) => version.VersionId)).toEqual([ids[3], ids[2]]);
});

test("a current version expires behind a delete marker, and a marker that is alone goes too", async () => {
  await call("PutBucketVersioning", { VersioningConfiguration: { Status: "Enabled" } });
  await configure(
    { ID: "current", Status: "Enabled", Filter: {}, Expiration: { Days: 1 } },
    { ID: "old", Status: "Enabled", Filter: {}, NoncurrentVersionExpiration: { NoncurrentDays: 1 } },
    { ID: "markers", Status: "Enabled", Filter: {}, Expiration: { ExpiredObjectDeleteMarker: true } },
  );
  await call("PutObject", { Key: "k", Body: "x" });
  await bus.clock.advance(2 * DAY);
  const hidden = await call<ListObjectVersionsCommandOutput>("ListObjectVersions", {});
  expect(hidden).toMatchObject({ Versions: [{ Key: "k" }], DeleteMarkers: [{ IsLatest: true }] });
  await bus.clock.advance(4 * DAY);
  const gone = await call<ListObjectVersionsCommandOutput>("ListObjectVersions", {});
  expect([gone.Versions, gone.DeleteMarkers]).toEqual([undefined, undefined]);
});

test("unfinished uploads are aborted; rules that are disabled or choose by tag and size do as they say", async () => {
  await configure(
    { ID: "uploads", Status: "Enabled", Filter: {}, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } },
    { ID: "off", Status: "Disabled", Filter: {}, Expiration: { Days: 1 } },
    {
      ID: "some",
      Status: "Enabled",
      Filter: { And: { Tags: [{ Key: "temporary", Value: "yes" }], ObjectSizeGreaterThan: 3 } },
      Expiration: { Days: 1 },
    },
  );
  const { UploadId } = await call("CreateMultipartUpload", { Key: "big" });
  await call("PutObject", { Key: "large", Body: "12345", Tagging: "temporary=yes" });
  await call("PutObject", { Key: "small", Body: "1", Tagging: "temporary=yes" });
  await call("PutObject", { Key: "untagged", Body: "12345" });
  await bus.clock.advance(3 * DAY);
  expect(await keys()).toEqual(["small", "untagged"]);
  await expect(call("ListParts", { Key: "big", UploadId })).resolves.toMatchObject({ UploadId });
  await bus.clock.advance(6 * DAY);
  await expect(call("ListParts", { Key: "big", UploadId })).rejects.toMatchObject({ code: "NoSuchUpload" });
});

test.each([
  ["no action", { Status: "Enabled", Filter: {} }],
  ["no status", { Filter: {}, Expiration: { Days: 1 } }],
  ["no days", { Status: "Enabled", Filter: {}, Expiration: { Days: 0 } }],
])("a rule with %s is refused", async (_, rule) => {
  await expect(configure(rule as LifecycleRule)).rejects.toMatchObject({ status: 400 });
});
