import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type LocalServices, startLocalServices } from "../../test/support/local-services.ts";
import { createS3 } from "../local/services/s3/service.ts";
import { DocumentStore } from "./document-store.ts";

const counter = z.strictObject({ count: z.number().int() });

let local: LocalServices;
let store: DocumentStore;
beforeAll(async () => {
  local = await startLocalServices({ services: [createS3] });
  const client = local.client(S3Client);
  await client.send(new CreateBucketCommand({ Bucket: "documents" }));
  store = new DocumentStore({ client, bucket: "documents" });
});
afterAll(() => local.close());

test("a document is made once, replaced only as it was read, and gone when it is deleted", async () => {
  expect(await store.get("a.json", counter)).toBeUndefined();
  expect(await store.create("a.json", counter, { count: 1 })).toBe(true);
  expect(await store.create("a.json", counter, { count: 2 })).toBe(false);
  const read = await store.get("a.json", counter);
  expect(read?.value).toEqual({ count: 1 });
  const eTag = read?.eTag ?? "";
  expect(await store.replace("a.json", counter, { count: 3 }, eTag)).toBe(true);
  expect(await store.replace("a.json", counter, { count: 4 }, eTag)).toBe(false);
  await store.delete("a.json");
  expect(await store.replace("a.json", counter, { count: 5 }, eTag)).toBe(false);
  expect(await store.get("a.json", counter)).toBeUndefined();
});

test("of many who make or replace a document at once, one does", async () => {
  const made = await Promise.all(Array.from({ length: 20 }, (_, count) => store.create("b.json", counter, { count })));
  expect(made.filter(Boolean)).toHaveLength(1);
  const read = await store.get("b.json", counter);
  const replaced = await Promise.all(
    Array.from({ length: 20 }, (_, n) => store.replace("b.json", counter, { count: 100 + n }, read?.eTag ?? "")),
  );
  expect(replaced.filter(Boolean)).toHaveLength(1);
});

test("what is not as it should be is named by its key and member, and never written", async () => {
  await store.createText("c.json", '{"count":"1"}', "application/json");
  await expect(store.get("c.json", counter)).rejects.toThrow(/^c\.json: .*count/s);
  await store.createText("d.json", "{", "application/json");
  await expect(store.get("d.json", counter)).rejects.toThrow("d.json: not JSON");
  await expect(store.create("e.json", counter, { count: 1.5 })).rejects.toThrow(/^e\.json would be written wrongly/);
  expect(await store.getText("e.json")).toBeUndefined();
});

test("lines are documents one below the other, any characters in them", async () => {
  const text = z.strictObject({ text: z.string() });
  const lines = [{ text: "a\nb\u2028c" }, { text: "ü😀" }];
  await store.createLines("f.jsonl", text, lines);
  expect(await store.getLines("f.jsonl", text)).toEqual(lines);
  expect(await store.getLines("none.jsonl", text)).toBeUndefined();
});

test("listings go on over pages, and many keys are deleted together", async () => {
  const keys = Array.from({ length: 25 }, (_, n) => `list/${String(n).padStart(2, "0")}`);
  for (const key of keys) await store.createText(key, "x", "text/plain");
  const listed = [];
  for await (const { key } of store.list("list/", { pageSize: 10 })) listed.push(key);
  expect(listed).toEqual(keys);
  await store.deleteAll([...keys, "list/none"]);
  for await (const { key } of store.list("list/")) expect(key).toBe("nothing");
});

test("a bucket that does not exist is an error, not a missing document", async () => {
  const elsewhere = new DocumentStore({ client: store.client, bucket: "nowhere" });
  await expect(elsewhere.create("a.json", counter, { count: 1 })).rejects.toThrow("nowhere does not exist");
});
