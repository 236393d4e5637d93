import { readFileSync } from "node:fs";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Sha256 } from "@smithy/core/checksum";
import { HttpRequest } from "@smithy/core/protocols";
import { SignatureV4 } from "@smithy/signature-v4";
import { afterAll, beforeAll, expect, test } from "vitest";
import { REGION, startLocalServices, type LocalServices } from "../../test/support/local-services.ts";
import type { RoleSession } from "./bus.ts";
import { createS3 } from "./services/s3/service.ts";

let local: LocalServices;
let session: RoleSession;
beforeAll(async () => {
  local = await startLocalServices({ services: [createS3] });
  session = await local.session(await local.role("engine", "glue.amazonaws.com"), "run");
  const s3 = local.client(S3Client);
  const CreateBucketConfiguration = { LocationConstraint: REGION } as const;
  await s3.send(new CreateBucketCommand({ Bucket: "landing", CreateBucketConfiguration }));
  for (const Key of ["a b.csv", "c.csv"])
    await s3.send(new PutObjectCommand({ Bucket: "landing", Key, Body: `in ${Key}` }));
});
afterAll(() => local.close());

/** Asks as a session of a role, as a job's engine does. */
async function objectFile(query: Record<string, string>): Promise<{ status: number; answer: unknown }> {
  const signer = new SignatureV4({
    credentials: session,
    region: REGION,
    service: "s3",
    sha256: Sha256,
    uriEscapePath: false,
  });
  const { hostname, host, port } = new URL(local.endpoint);
  const path = "/_local/object-file";
  const signed = await signer.sign(new HttpRequest({ hostname, port: Number(port), path, query, headers: { host } }));
  const search = new URLSearchParams(query).toString().replaceAll("+", "%20");
  const { host: _, ...headers } = signed.headers;
  const response = await fetch(`${local.endpoint}${path}?${search}`, { headers });
  const body = await response.text();
  return { status: response.status, answer: body.startsWith("{") || body.startsWith("[") ? JSON.parse(body) : body };
}

test("an engine gets the file of an object in place", async () => {
  const { status, answer } = await objectFile({ bucket: "landing", key: "a b.csv" });
  expect(status).toBe(200);
  const { path, size } = answer as { path: string; size: number };
  expect([readFileSync(path, "utf8"), size]).toEqual(["in a b.csv", 10]);
  const asRole = await local.trace.waitFor(
    (event) => event.type === "call" && event.principal.endsWith("assumed-role/engine/run"),
    { includePast: true },
  );
  expect(asRole).toMatchObject({ service: "s3", operation: "GetObject", resource: "landing/a b.csv" });
});

test("many objects in one request, those that are gone by their code", async () => {
  const objects = JSON.stringify([["a b.csv"], ["none.csv"], ["c.csv"]]);
  const { answer } = await objectFile({ bucket: "landing", objects });
  expect(answer).toMatchObject([{ size: 10 }, { error: "NoSuchKey" }, { size: 8 }]);
});

test("what does not exist and what was not asked properly are errors", async () => {
  expect(await objectFile({ bucket: "landing", key: "none" })).toMatchObject({ status: 404 });
  expect(await objectFile({ bucket: "landing" })).toMatchObject({ status: 400 });
});
