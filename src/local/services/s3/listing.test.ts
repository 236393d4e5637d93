import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type {
  ListObjectsCommandOutput,
  ListObjectsV2CommandOutput,
  ListObjectVersionsCommandOutput,
} from "@aws-sdk/client-s3";
import * as fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ADMIN, DirectBus } from "../../../../test/support/direct-bus.ts";
import { openState, type OpenState } from "../../state.ts";
import type { Service } from "../../service.ts";
import { createS3 } from "./service.ts";

let directory: string;
let state: OpenState;
let s3: Service;
let bucket = "";
let made = 0;

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), "millrace-listing-"));
  state = openState(directory);
  s3 = createS3({ ...new DirectBus().deps, state });
});
afterAll(() => {
  state.close();
  rmSync(directory, { recursive: true, force: true });
});

async function call<Output>(operation: string, input: object): Promise<Output> {
  const handler = s3.operations[operation];
  if (!handler) throw new Error(`no ${operation}`);
  return (await handler(input as never, { requestId: "r", principal: ADMIN })) as Output;
}

async function newBucket(): Promise<void> {
  bucket = `bucket-${++made}`;
  await call("CreateBucket", { Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: "eu-west-1" } });
}

const inOrder = (keys: Iterable<string>) =>
  [...new Set(keys)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

/** What a listing without pages says, by the words of the documentation. */
function expected(keys: string[], prefix: string, delimiter: string | undefined): string[] {
  const items = inOrder(keys)
    .filter((key) => key.startsWith(prefix))
    .map((key) => {
      const at = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
      return at < 0 || !delimiter ? key : `${key.slice(0, at + delimiter.length)}…`;
    });
  return [...new Set(items)];
}

/** The items of a page in listing order; common prefixes end in `…`. */
function items(page: { Contents?: { Key?: string }[]; CommonPrefixes?: { Prefix?: string }[] }): string[] {
  const keys = (page.Contents ?? []).map(({ Key = "" }) => ({ at: Key, item: Key }));
  const prefixes = (page.CommonPrefixes ?? []).map(({ Prefix = "" }) => ({ at: Prefix, item: `${Prefix}…` }));
  return [...keys, ...prefixes]
    .sort((a, b) => Buffer.compare(Buffer.from(a.at), Buffer.from(b.at)))
    .map(({ item }) => item);
}

/** Few letters, so that keys share prefixes; some beyond UTF-16's order, some that sort around the slash. */
const key = fc
  .array(fc.constantFrom("a", "b", "/", "//", "é", "\u{FFEE}", "😀", " ", ".", "0"), { minLength: 1, maxLength: 6 })
  .map((pieces) => pieces.join(""));
const listing = fc.record({
  keys: fc.array(key, { maxLength: 25 }),
  prefix: fc.oneof(fc.constant(""), key, fc.constantFrom("a", "a/", "😀")),
  delimiter: fc.constantFrom(undefined, "/", "a", "//"),
  maxKeys: fc.integer({ min: 1, max: 7 }),
});

beforeEach(newBucket);

test("ListObjectsV2: pages put together are the listing, whatever the page size, prefix and delimiter", async () => {
  await fc.assert(
    fc.asyncProperty(listing, async ({ keys, prefix, delimiter, maxKeys }) => {
      await newBucket();
      for (const Key of keys) await call("PutObject", { Bucket: bucket, Key, Body: "x" });
      const seen: string[] = [];
      let token: string | undefined;
      do {
        const page = await call<ListObjectsV2CommandOutput>("ListObjectsV2", {
          Bucket: bucket,
          Prefix: prefix,
          Delimiter: delimiter,
          MaxKeys: maxKeys,
          ContinuationToken: token,
        });
        expect(page.KeyCount).toBeLessThanOrEqual(maxKeys);
        expect(page.KeyCount).toBe(items(page).length);
        seen.push(...items(page));
        token = page.NextContinuationToken;
        expect(token !== undefined).toBe(page.IsTruncated);
      } while (token !== undefined);
      expect(seen).toEqual(expected(keys, prefix, delimiter));
    }),
    { numRuns: 150 },
  );
});

test("ListObjects goes on from NextMarker, or without a delimiter from the last key", async () => {
  await fc.assert(
    fc.asyncProperty(listing, async ({ keys, prefix, delimiter, maxKeys }) => {
      await newBucket();
      for (const Key of keys) await call("PutObject", { Bucket: bucket, Key, Body: "x" });
      const seen: string[] = [];
      let marker: string | undefined;
      for (;;) {
        const page: ListObjectsCommandOutput = await call("ListObjects", {
          Bucket: bucket,
          Prefix: prefix,
          Delimiter: delimiter,
          MaxKeys: maxKeys,
          Marker: marker,
        });
        seen.push(...items(page));
        if (page.IsTruncated !== true) break;
        marker = page.NextMarker ?? page.Contents?.at(-1)?.Key;
      }
      expect(seen).toEqual(expected(keys, prefix, delimiter));
    }),
    { numRuns: 100 },
  );
});

test("ListObjectVersions: every version and marker once, newest first within a key, across pages", async () => {
  const history = fc.record({
    steps: fc.array(fc.record({ key: fc.constantFrom("a", "a/b", "a/c", "b", "é"), remove: fc.boolean() }), {
      maxLength: 20,
    }),
    maxKeys: fc.integer({ min: 1, max: 5 }),
    delimiter: fc.constantFrom(undefined, "/"),
  });
  await fc.assert(
    fc.asyncProperty(history, async ({ steps, maxKeys, delimiter }) => {
      await newBucket();
      await call("PutBucketVersioning", { Bucket: bucket, VersioningConfiguration: { Status: "Enabled" } });
      const made: { key: string; id: string }[] = [];
      for (const step of steps) {
        const target = { Bucket: bucket, Key: step.key };
        const { VersionId = "" } = await call<{ VersionId?: string }>(
          step.remove ? "DeleteObject" : "PutObject",
          step.remove ? target : { ...target, Body: "x" },
        );
        made.unshift({ key: step.key, id: VersionId });
      }
      const grouped = (name: string) => delimiter !== undefined && name.includes(delimiter);
      const wanted = inOrder(made.map((version) => version.key))
        .filter((name) => !grouped(name))
        .flatMap((name) => made.filter((version) => version.key === name).map((version) => version.id));
      const seen: string[] = [];
      const latest: string[] = [];
      let markers: { KeyMarker?: string; VersionIdMarker?: string } = {};
      for (;;) {
        const page: ListObjectVersionsCommandOutput = await call("ListObjectVersions", {
          Bucket: bucket,
          Delimiter: delimiter,
          MaxKeys: maxKeys,
          ...markers,
        });
        const entries = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])];
        // The answer has two lists; their order within a key is that of the versions.
        const order = (id = "") => wanted.indexOf(id);
        entries.sort((a, b) => order(a.VersionId) - order(b.VersionId));
        seen.push(...entries.map((entry) => entry.VersionId ?? ""));
        latest.push(...entries.filter((entry) => entry.IsLatest).map((entry) => entry.Key ?? ""));
        if (page.IsTruncated !== true) break;
        markers = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
      }
      expect(seen).toEqual(wanted);
      expect(latest).toEqual(inOrder(made.map((version) => version.key)).filter((name) => !grouped(name)));
    }),
    { numRuns: 60 },
  );
});

test("StartAfter begins behind a key; a token that is none is refused; MaxKeys 0 is an empty page", async () => {
  for (const Key of ["a", "b", "c"]) await call("PutObject", { Bucket: bucket, Key, Body: "x" });
  const list = (more: object) => call<ListObjectsV2CommandOutput>("ListObjectsV2", { Bucket: bucket, ...more });
  expect(items(await list({ StartAfter: "a" }))).toEqual(["b", "c"]);
  expect(await list({ MaxKeys: 0 })).toMatchObject({ KeyCount: 0, IsTruncated: false });
  await expect(list({ ContinuationToken: "nonsense" })).rejects.toMatchObject({ code: "InvalidArgument" });
  expect(await list({ FetchOwner: true })).toMatchObject({ Contents: [{ Owner: { ID: expect.any(String) } }, {}, {}] });
});

test("a folder of many keys costs a listing with a delimiter one step", async () => {
  for (let index = 0; index < 1_500; index++) {
    await call("PutObject", { Bucket: bucket, Key: `big/${index}`, Body: "" });
  }
  await call("PutObject", { Bucket: bucket, Key: "c", Body: "" });
  const started = performance.now();
  const page = await call<ListObjectsV2CommandOutput>("ListObjectsV2", { Bucket: bucket, Delimiter: "/" });
  const folded = performance.now() - started;
  expect(items(page)).toEqual(["big/…", "c"]);
  const again = performance.now();
  await call("ListObjectsV2", { Bucket: bucket, Prefix: "big/" });
  expect(folded).toBeLessThan(performance.now() - again);
});
