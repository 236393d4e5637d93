import { Sha256 } from "@smithy/core/checksum";
import { HttpRequest } from "@smithy/core/protocols";
import { SignatureV4 } from "@smithy/signature-v4";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunkSigner, declaredPayloadHash, isValidSignature, parseSignature, type SignedRequest } from "./sigv4.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET, sessionToken: "token" };

function signer(service: string): SignatureV4 {
  // As the SDK's clients configure it: S3 does not encode the path a second time.
  return new SignatureV4({
    credentials,
    region: "eu-west-1",
    service,
    sha256: Sha256,
    uriEscapePath: service !== "s3",
  });
}

function encodeKey(key: string): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return key.split("/").map(encode).join("/");
}

/** What a server sees of a request that the SDK signed. */
function received(request: HttpRequest): SignedRequest {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const query = Object.entries(request.query).flatMap(([name, value]) =>
    [value ?? ""].flat().map((item) => [name, item] as const),
  );
  return { method: request.method, path: request.path, query, headers };
}

function verify(request: SignedRequest, secret = SECRET): boolean {
  const signature = parseSignature(request);
  if (!signature) return false;
  return isValidSignature(request, signature, secret, declaredPayloadHash(request, signature) ?? "none");
}

const unicode = fc.string({ unit: "grapheme" });
const key = fc
  .array(
    unicode.filter((text) => !text.includes("/")),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join("/"));
const request = fc.record({
  service: fc.constantFrom("s3", "lambda"),
  method: fc.constantFrom("GET", "PUT", "POST"),
  key,
  query: fc.dictionary(
    fc.stringMatching(/^[a-z-]{1,6}$/),
    fc.oneof(unicode, fc.array(unicode, { minLength: 1, maxLength: 3 })),
    { maxKeys: 4 },
  ),
  headers: fc.dictionary(fc.stringMatching(/^x-amz-meta-[a-z]{1,6}$/), fc.stringMatching(/^[ -~]{0,12}$/), {
    maxKeys: 3,
  }),
  body: fc.string(),
});

type Parts = typeof request extends fc.Arbitrary<infer T> ? T : never;

function build({ service, method, key, query, headers, body }: Parts): HttpRequest {
  return new HttpRequest({
    method,
    protocol: "http:",
    hostname: "127.0.0.1",
    port: 4566,
    // Empty and dot segments would be normalised away by signers of everything but S3.
    path: service === "s3" ? `/bucket/${encodeKey(key)}` : `/functions/${encodeKey(key.replaceAll("/", "-")) || "x"}`,
    query: { ...query },
    headers: { host: "127.0.0.1:4566", ...headers },
    body,
  });
}

describe("Signature Version 4", () => {
  test("what the SDK signs is accepted, in headers", async () => {
    await fc.assert(
      fc.asyncProperty(request, async (parts) => {
        fc.pre(parts.service === "s3" || !/^\.{1,2}$/.test(parts.key.replaceAll("/", "-")));
        const signed = await signer(parts.service).sign(build(parts));
        expect(verify(received(signed as HttpRequest))).toBe(true);
      }),
    );
  });

  test("what the SDK presigns is accepted", async () => {
    await fc.assert(
      fc.asyncProperty(request, async (parts) => {
        const unsigned = build({ ...parts, service: "s3" });
        unsigned.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD";
        const options = { expiresIn: 60, unhoistableHeaders: new Set(["x-amz-content-sha256"]) };
        const signed = await signer("s3").presign(unsigned, options);
        expect(verify(received(signed as HttpRequest))).toBe(true);
      }),
    );
  });

  test("one changed byte anywhere is refused", async () => {
    const parts: Parts = {
      service: "s3",
      method: "PUT",
      key: "a/b",
      query: { x: "1" },
      headers: { "x-amz-meta-a": "v" },
      body: "body",
    };
    const good = received((await signer("s3").sign(build(parts))) as HttpRequest);
    expect(verify(good)).toBe(true);
    const changes: Partial<SignedRequest>[] = [
      { method: "GET" },
      { path: "/bucket/a/c" },
      { query: [["x", "2"]] },
      { query: [...good.query, ["y", "1"]] },
      { headers: { ...good.headers, "x-amz-meta-a": "w" } },
      { headers: { ...good.headers, host: "127.0.0.1:4567" } },
      { headers: { ...good.headers, "x-amz-content-sha256": "0".repeat(64) } },
      { headers: { ...good.headers, "x-amz-date": "20200101T000000Z" } },
    ];
    for (const change of changes) expect([change, verify({ ...good, ...change })]).toEqual([change, false]);
    expect(verify(good, `${SECRET}x`)).toBe(false);
  });

  // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Example: GET Object"
  test("AWS's own example", () => {
    const hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const example: SignedRequest = {
      method: "GET",
      path: "/test.txt",
      query: [],
      headers: {
        host: "examplebucket.s3.amazonaws.com",
        range: "bytes=0-9",
        "x-amz-content-sha256": hash,
        "x-amz-date": "20130524T000000Z",
        authorization:
          "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request," +
          "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date," +
          "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
      },
    };
    expect(verify(example)).toBe(true);
  });

  // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html, "Example: PUT Object"
  test("AWS's own example of signed chunks, and a chunk that was changed", () => {
    const request: SignedRequest = {
      method: "PUT",
      path: "/examplebucket/chunkObject.txt",
      query: [],
      headers: {
        host: "s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "content-length": "66824",
        authorization:
          "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, " +
          "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class, " +
          "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
      },
    };
    expect(verify(request)).toBe(true);
    const signature = parseSignature(request);
    if (!signature) throw new Error("the example is signed");
    const chunks: [size: number, signature: string][] = [
      [65_536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"],
      [1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"],
      [0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"],
    ];
    const play = (letter: string) => {
      const signer = chunkSigner(signature, SECRET);
      for (const [size, claimed] of chunks) {
        signer.start(claimed);
        signer.update(Buffer.alloc(size, letter));
        signer.end();
      }
    };
    expect(() => play("a")).not.toThrow();
    expect(() => play("b")).toThrow("The request signature we calculated does not match");
  });
});
