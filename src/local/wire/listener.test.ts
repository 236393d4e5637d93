import { createHash, randomBytes } from "node:crypto";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { GlueClient, StartJobRunCommand } from "@aws-sdk/client-glue";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  GetBucketLocationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { GetQueueUrlCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { Sha256 } from "@smithy/core/checksum";
import { HttpRequest } from "@smithy/core/protocols";
import { SignatureV4 } from "@smithy/signature-v4";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { REGION, startLocalServices, type LocalServices } from "../../../test/support/local-services.ts";
import { AwsError, type Handler, type Service, type ServiceName } from "../service.ts";

/** Services that answer what the test at hand wants: here the wire is tested, not services. */
const handlers: Record<string, (input: never) => unknown> = {};
const seen: unknown[] = [];

function fake(name: ServiceName, sdk: Service["sdk"], operations: readonly string[]): () => Service {
  const entries = operations.map((operation): [string, Handler] => [
    operation,
    (input: never) => {
      seen.push(input);
      return handlers[operation]?.(input) ?? {};
    },
  ]);
  return () => ({ name, sdk, resources: {}, operations: Object.fromEntries(entries) });
}

let local: LocalServices;
beforeAll(async () => {
  local = await startLocalServices({
    services: [
      fake("s3", () => import("@aws-sdk/client-s3"), [
        "GetBucketLocation",
        "GetObject",
        "HeadObject",
        "ListObjectsV2",
        "PutObject",
        "PutBucketNotificationConfiguration",
      ]),
      fake("sqs", () => import("@aws-sdk/client-sqs"), ["SendMessage", "GetQueueUrl"]),
      fake("sns", () => import("@aws-sdk/client-sns"), ["Publish", "Subscribe"]),
      fake("lambda", () => import("@aws-sdk/client-lambda"), ["Invoke"]),
      fake("glue", () => import("@aws-sdk/client-glue"), ["StartJobRun"]),
    ],
    extras: { whoami: (_query, principal) => principal },
  });
});
afterAll(() => local.close());
beforeEach(() => {
  seen.length = 0;
  for (const name of Object.keys(handlers)) delete handlers[name];
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

interface RawOptions {
  service?: string;
  method?: string;
  path?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** What is sent when it is not what was signed. */
  wire?: { path?: string; headers?: Record<string, string>; body?: Buffer };
  sign?: boolean;
  signedAt?: Date;
}

/** A request made by hand and signed by the SDK's signer: for what clients cannot be made to send. */
async function signedRequest(options: RawOptions) {
  const url = new URL(local.endpoint);
  const query = options.query ?? {};
  const signer = new SignatureV4({
    credentials: local.clientOptions.credentials,
    region: REGION,
    service: options.service ?? "s3",
    sha256: Sha256,
    uriEscapePath: options.service !== undefined && options.service !== "s3",
  });
  const unsigned = new HttpRequest({
    method: options.method ?? "GET",
    hostname: url.hostname,
    port: Number(url.port),
    path: options.path ?? "/",
    query,
    headers: { host: url.host, ...options.headers },
    body: options.body,
  });
  const signed =
    options.sign === false ? unsigned : await signer.sign(unsigned, { signingDate: options.signedAt ?? new Date() });
  const search = new URLSearchParams(query).toString().replaceAll("+", "%20");
  const path = (options.wire?.path ?? unsigned.path) + (search && `?${search}`);
  const headers = { ...signed.headers, ...options.wire?.headers };
  return { request: { host: url.hostname, port: url.port, method: unsigned.method, path, headers } };
}

async function raw(options: RawOptions): Promise<Answer> {
  const { request } = await signedRequest(options);
  return new Promise((resolve, reject) => {
    const req = httpRequest(request, (res) => {
      const pieces: Buffer[] = [];
      res.on("data", (piece: Buffer) => pieces.push(piece));
      res.on("end", () =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(pieces).toString() }),
      );
    });
    req.on("error", reject);
    req.end(options.wire?.body ?? options.body);
  });
}

const sqsHeaders = (operation: string) => ({
  "content-type": "application/x-amz-json-1.0",
  "x-amz-target": `AmazonSQS.${operation}`,
});
const text = async (body: unknown) => Buffer.concat(await (body as Readable).toArray()).toString();

describe("members travel where their schemas say", () => {
  test("S3: labels, headers, metadata and a streamed body; the answer's headers and a range's 206", async () => {
    const s3 = local.client(S3Client);
    let stored = "";
    handlers["PutObject"] = async (input: { Body: Readable }) => void (stored = await text(input.Body));
    await s3.send(
      new PutObjectCommand({
        Bucket: "bucket",
        Key: "a b/+%2F?ü",
        Body: "content",
        ContentType: "text/csv",
        Metadata: { origin: "x" },
        IfNoneMatch: "*",
      }),
    );
    expect(stored).toBe("content");
    expect(seen[0]).toMatchObject({
      Bucket: "bucket",
      Key: "a b/+%2F?ü",
      ContentType: "text/csv",
      Metadata: { origin: "x" },
      IfNoneMatch: "*",
    });
    handlers["GetObject"] = () => ({
      $status: 206,
      Body: Readable.from([Buffer.from("cont")]),
      ContentLength: 4,
      ContentRange: "bytes 0-3/7",
      LastModified: new Date("2026-11-24T08:00:00Z"),
      Metadata: { origin: "x" },
    });
    const got = await s3.send(new GetObjectCommand({ Bucket: "bucket", Key: "k", Range: "bytes=0-3" }));
    expect(got.$metadata.httpStatusCode).toBe(206);
    expect(got).toMatchObject({ ContentRange: "bytes 0-3/7", Metadata: { origin: "x" } });
    expect(got.LastModified).toEqual(new Date("2026-11-24T08:00:00Z"));
    expect(await got.Body?.transformToString()).toBe("cont");
  });

  test("S3: XML documents in both directions, and the location at the root", async () => {
    const s3 = local.client(S3Client);
    handlers["ListObjectsV2"] = () => ({ Contents: [{ Key: "a&<b>", Size: 3 }], KeyCount: 1, IsTruncated: false });
    const list = await s3.send(new ListObjectsV2Command({ Bucket: "bucket", MaxKeys: 7 }));
    expect(list.Contents).toEqual([{ Key: "a&<b>", Size: 3 }]);
    expect(seen[0]).toEqual({ Bucket: "bucket", MaxKeys: 7 });
    const NotificationConfiguration = {
      TopicConfigurations: [{ TopicArn: "arn:t", Events: ["s3:ObjectCreated:*" as const] }],
    };
    await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket: "bucket", NotificationConfiguration }));
    expect(seen[1]).toMatchObject({ NotificationConfiguration });
    handlers["GetBucketLocation"] = () => ({ LocationConstraint: "eu-west-1" });
    expect(await s3.send(new GetBucketLocationCommand({ Bucket: "bucket" }))).toMatchObject({
      LocationConstraint: "eu-west-1",
    });
  });

  test("Lambda: blobs, the status of the invocation and headers", async () => {
    handlers["Invoke"] = () => ({ StatusCode: 202, FunctionError: "Unhandled", Payload: Buffer.from('{"x":1}') });
    const lambda = local.client(LambdaClient);
    const answer = await lambda.send(
      new InvokeCommand({ FunctionName: "arn:aws:lambda:eu-west-1:1:function:f:live", Payload: "[1]", Qualifier: "q" }),
    );
    expect(answer).toMatchObject({ StatusCode: 202, FunctionError: "Unhandled" });
    expect(Buffer.from(answer.Payload ?? []).toString()).toBe('{"x":1}');
    expect(seen[0]).toMatchObject({ FunctionName: "arn:aws:lambda:eu-west-1:1:function:f:live", Qualifier: "q" });
    expect(String((seen[0] as { Payload: Buffer }).Payload)).toBe("[1]");
  });

  test("SNS: maps and lists in a form, answers in XML", async () => {
    handlers["Publish"] = () => ({ MessageId: "m-1" });
    const sns = local.client(SNSClient);
    const MessageAttributes = {
      kind: { DataType: "String", StringValue: "a&b" },
      raw: { DataType: "Binary", BinaryValue: new Uint8Array([1, 2]) },
    };
    const input = { TopicArn: "arn:aws:sns:eu-west-1:1:t", Message: "hé", MessageAttributes };
    expect((await sns.send(new PublishCommand(input))).MessageId).toBe("m-1");
    expect(seen[0]).toMatchObject({ ...input, MessageAttributes: { kind: MessageAttributes.kind } });
    expect([...(seen[0] as typeof input).MessageAttributes.raw.BinaryValue]).toEqual([1, 2]);
    const subscription = {
      TopicArn: "arn:t",
      Protocol: "sqs",
      Endpoint: "arn:q",
      Attributes: { RawMessageDelivery: "true", FilterPolicy: '{"a":["b"]}' },
    };
    await sns.send(new SubscribeCommand(subscription));
    expect(seen[1]).toEqual(subscription);
  });

  test("a gzip'd RPC body is unpacked, one that is no gzip is the client's mistake", async () => {
    const body = gzipSync(JSON.stringify({ QueueUrl: "u", MessageBody: "zipped" }));
    const headers = { ...sqsHeaders("SendMessage"), "content-encoding": "gzip" };
    expect(await raw({ service: "sqs", method: "POST", headers, body })).toMatchObject({ status: 200 });
    expect(seen[0]).toEqual({ QueueUrl: "u", MessageBody: "zipped" });
    const bad = await raw({ service: "sqs", method: "POST", headers, body: "plain" });
    expect([bad.status, bad.body]).toEqual([400, expect.stringContaining("SerializationException")]);
  });
});

describe("errors arrive as AWS sends them", () => {
  test("JSON with a query-compatible code (SQS)", async () => {
    handlers["GetQueueUrl"] = () => {
      throw new AwsError("QueueDoesNotExist", "The specified queue does not exist.");
    };
    const failed = local.client(SQSClient).send(new GetQueueUrlCommand({ QueueName: "q" }));
    await expect(failed).rejects.toMatchObject({
      name: "QueueDoesNotExist",
      Code: "AWS.SimpleQueueService.NonExistentQueue",
      message: "The specified queue does not exist.",
      $metadata: { httpStatusCode: 400, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
    });
  });

  test("JSON with members (Glue), REST-JSON with a status by schema (Lambda), query (SNS)", async () => {
    handlers["StartJobRun"] = () => {
      throw new AwsError("ConcurrentRunsExceededException", "too many");
    };
    const glue = local.client(GlueClient).send(new StartJobRunCommand({ JobName: "j" }));
    await expect(glue).rejects.toMatchObject({ name: "ConcurrentRunsExceededException", message: "too many" });
    handlers["Invoke"] = () => {
      throw new AwsError("TooManyRequestsException", "slow down", { fields: { retryAfterSeconds: "3", Reason: "x" } });
    };
    const lambda = local.client(LambdaClient).send(new InvokeCommand({ FunctionName: "f" }));
    await expect(lambda).rejects.toMatchObject({
      name: "TooManyRequestsException",
      Reason: "x",
      retryAfterSeconds: "3",
      $metadata: { httpStatusCode: 429 },
    });
    handlers["Publish"] = () => {
      throw new AwsError("NotFoundException", "Topic does not exist");
    };
    const sns = local.client(SNSClient).send(new PublishCommand({ TopicArn: "arn:t", Message: "m" }));
    await expect(sns).rejects.toMatchObject({ name: "NotFoundException", $metadata: { httpStatusCode: 404 } });
  });

  test("S3: fields beside the message, none of it for HEAD and 304", async () => {
    const s3 = local.client(S3Client);
    handlers["GetObject"] = () => {
      throw new AwsError("NoSuchKey", "The specified key does not exist.", { fields: { Key: "k<1>" } });
    };
    handlers["HeadObject"] = handlers["GetObject"];
    await expect(s3.send(new GetObjectCommand({ Bucket: "b-1", Key: "k" }))).rejects.toMatchObject({
      name: "NoSuchKey",
      Key: "k<1>",
      $metadata: { httpStatusCode: 404 },
    });
    await expect(s3.send(new HeadObjectCommand({ Bucket: "b-1", Key: "k" }))).rejects.toMatchObject({
      name: "NotFound",
    });
    handlers["GetObject"] = () => {
      throw new AwsError("NotModified", "Not Modified", { status: 304, fields: { $headers: { etag: '"e"' } } });
    };
    const notModified = await raw({ path: "/b-1/k" });
    expect([notModified.status, notModified.body, notModified.headers.etag]).toEqual([304, "", '"e"']);
  });

  test("a mistake of ours is 500, and the trace has it in full", async () => {
    handlers["GetQueueUrl"] = () => {
      throw new TypeError("boom");
    };
    const traced = local.trace.waitFor((event) => event.type === "internal-error");
    const failed = local.client(SQSClient).send(new GetQueueUrlCommand({ QueueName: "q" }));
    await expect(failed).rejects.toMatchObject({ name: "InternalFailure", $metadata: { httpStatusCode: 500 } });
    expect(await traced).toMatchObject({
      where: "sqs:GetQueueUrl",
      error: expect.stringContaining("TypeError: boom") as string,
    });
  });
});

describe("unknown is an error, by name", () => {
  test("an operation that is not written", async () => {
    const answer = await raw({
      service: "sqs",
      method: "POST",
      headers: sqsHeaders("PurgeQueue"),
      body: '{"QueueUrl":"u"}',
    });
    expect([answer.status, answer.body]).toEqual([501, expect.stringContaining("PurgeQueue is not implemented")]);
  });

  test.each([
    ["an operation that does not exist", "Fly", "{}", "UnknownOperationException"],
    [
      "a member that does not exist",
      "SendMessage",
      '{"QueueUrl":"u","MessageBody":"b","Colour":1}',
      "Unknown member Colour",
    ],
    [
      "a nested one",
      "SendMessage",
      '{"QueueUrl":"u","MessageBody":"b","MessageAttributes":{"a":{"DataType":"S","X":1}}}',
      "MessageAttributes.a.X",
    ],
    [
      "a required member that is missing",
      "SendMessage",
      '{"QueueUrl":"u"}',
      "The request must contain the parameter MessageBody.",
    ],
    ["a value of the wrong type", "SendMessage", '{"QueueUrl":"u","MessageBody":7}', "MessageBody must be a string"],
    ["no JSON at all", "SendMessage", "{", "SerializationException"],
  ])("JSON: %s", async (_name, operation, body, message) => {
    const answer = await raw({ service: "sqs", method: "POST", headers: sqsHeaders(operation), body });
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining(message)]);
    expect(seen).toEqual([]);
  });

  test.each([
    ["an action that does not exist", "Action=Fly", "InvalidAction"],
    ["a parameter that does not exist", "Action=Publish&Message=m&Colour=red", "Unknown parameter Colour"],
    [
      "a nested one",
      "Action=Publish&Message=m&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=S&MessageAttributes.entry.1.Value.X=1",
      "MessageAttributes.a.X",
    ],
    ["a missing one", "Action=Publish&TopicArn=t", "message"],
  ])("query: %s", async (_name, body, message) => {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await raw({ service: "sns", method: "POST", headers, body });
    expect([answer.status, answer.body.toLowerCase()]).toEqual([400, expect.stringContaining(message.toLowerCase())]);
  });

  test.each([
    [
      "an element that does not exist",
      "<NotificationConfiguration><Colour>red</Colour></NotificationConfiguration>",
      "Colour",
    ],
    [
      "a prefixed element",
      '<s:NotificationConfiguration xmlns:s="x"><s:TopicConfiguration/></s:NotificationConfiguration>',
      "s:TopicConfiguration",
    ],
    [
      "a missing element",
      "<NotificationConfiguration><TopicConfiguration><Event>e</Event></TopicConfiguration></NotificationConfiguration>",
      "TopicArn",
    ],
    ["broken XML", "<NotificationConfiguration>", "not well-formed"],
  ])("XML: %s", async (_name, body, message) => {
    const answer = await raw({ method: "PUT", path: "/bucket", query: { notification: "" }, body });
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining("<Code>MalformedXML</Code>")]);
    expect(answer.body).toContain(message);
  });

  test("a query parameter that the operation does not have, a path that nothing has, a malformed URI", async () => {
    const torrent = await raw({ path: "/b-1/k", query: { torrentz: "" } });
    expect([torrent.status, torrent.body]).toEqual([400, expect.stringContaining("torrentz")]);
    const nowhere = await raw({ service: "lambda", path: "/2015-03-31/nothing" });
    expect([nowhere.status, nowhere.body]).toEqual([404, expect.stringContaining("UnknownOperationException")]);
    const malformed = await raw({ path: "/b-1/%ZZ" });
    expect([malformed.status, malformed.body]).toEqual([400, expect.stringContaining("<Code>InvalidURI</Code>")]);
  });

  test("a service that is not here", async () => {
    const answer = await raw({
      service: "dynamodb",
      method: "POST",
      headers: { "x-amz-target": "DynamoDB.Get" },
      body: "{}",
    });
    expect([answer.status, answer.body]).toEqual([501, expect.stringContaining("dynamodb")]);
  });
});

describe("bodies are what the client said they are", () => {
  const put = (headers: Record<string, string>, body: string | Buffer, wire?: RawOptions["wire"]) =>
    raw({ method: "PUT", path: "/b-1/k", headers, body, ...(wire && { wire }) });
  let stored: string | undefined;
  beforeEach(() => {
    stored = undefined;
    handlers["PutObject"] = async (input: { Body: Readable }) => void (stored = await text(input.Body));
  });
  const sha256 = (bytes: string) => createHash("sha256").update(bytes).digest("base64");

  test("right checksums pass, wrong ones are BadDigest and nothing reaches the end", async () => {
    expect((await put({ "x-amz-checksum-sha256": sha256("hello") }, "hello")).status).toBe(200);
    expect(stored).toBe("hello");
    stored = undefined;
    for (const header of [
      "x-amz-checksum-sha256",
      "x-amz-checksum-crc32c",
      "x-amz-checksum-crc64nvme",
      "content-md5",
    ]) {
      const answer = await put({ [header]: "AAAAAA==" }, "hello");
      expect([header, answer.status, answer.body]).toEqual([header, 400, expect.stringContaining("BadDigest")]);
    }
    expect(stored).toBeUndefined();
  });

  test("a body that is not the signed one, and a checksum nobody can verify", async () => {
    const answer = await put({}, "hello", { body: Buffer.from("jello") });
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining("XAmzContentSHA256Mismatch")]);
    const unknown = await put({ "x-amz-checksum-xxhash3": "AAAA" }, "hello");
    expect([unknown.status, unknown.body]).toEqual([501, expect.stringContaining("x-amz-checksum-xxhash3")]);
    expect(stored).toBeUndefined();
  });

  test("trailers are verified", async () => {
    const headers = (trailer: string) => ({
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-trailer": trailer,
      "x-amz-decoded-content-length": "5",
      "content-encoding": "aws-chunked",
    });
    const body = (value: string) => Buffer.from(`5\r\nhello\r\n0\r\nx-amz-checksum-sha256:${value}\r\n\r\n`);
    expect((await put(headers("x-amz-checksum-sha256"), body(sha256("hello")))).status).toBe(200);
    expect(stored).toBe("hello");
    const wrong = await put(headers("x-amz-checksum-sha256"), body(sha256("jello")));
    expect([wrong.status, wrong.body]).toEqual([400, expect.stringContaining("BadDigest")]);
    const missing = await put(headers("x-amz-checksum-sha1"), body(sha256("hello")));
    expect([missing.status, missing.body]).toEqual([400, expect.stringContaining("MalformedTrailerError")]);
  });

  test("what the SDK streams arrives whole", async () => {
    const bytes = randomBytes(300_000);
    let hash = "";
    handlers["PutObject"] = async (input: { Body: Readable }) => {
      hash = createHash("sha256")
        .update(Buffer.concat(await input.Body.toArray()))
        .digest("hex");
    };
    const Body = Readable.from([bytes.subarray(0, 100_001), bytes.subarray(100_001)]);
    const s3 = local.client(S3Client);
    await s3.send(new PutObjectCommand({ Bucket: "b-1", Key: "k", Body, ContentLength: bytes.length }));
    expect(hash).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  test("an early refusal reaches a client that is still sending, and the connection serves the next request", async () => {
    handlers["PutObject"] = () => {
      throw new AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
        status: 412,
      });
    };
    const s3 = local.client(S3Client);
    const put = () => s3.send(new PutObjectCommand({ Bucket: "b-1", Key: "k", Body: randomBytes(8 * 1024 * 1024) }));
    await expect(put()).rejects.toMatchObject({ name: "PreconditionFailed", $metadata: { httpStatusCode: 412 } });
    await expect(put()).rejects.toMatchObject({ name: "PreconditionFailed" });
  });

  test("a client that goes away in the middle of its body has sent none, and the runtime made no mistake", async () => {
    const mistakes: unknown[] = [];
    const off = local.trace.on((event) => void (event.type === "internal-error" && mistakes.push(event)));
    const begun = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    handlers["PutObject"] = async (input: { Body: Readable }) => {
      begun.resolve();
      await text(input.Body).then(() => ended.resolve(), ended.reject);
    };
    const headers = { "x-amz-content-sha256": "UNSIGNED-PAYLOAD", "content-length": "2000" };
    const { request } = await signedRequest({ method: "PUT", path: "/b-1/k", headers });
    const req = httpRequest(request).on("error", () => {});
    req.write(Buffer.alloc(1000));
    await begun.promise;
    req.destroy();
    await expect(ended.promise).rejects.toMatchObject({ code: "IncompleteBody" });
    expect(mistakes).toEqual([]);
    off();
  });

  test("Expect: 100-continue: the body is asked for when it is wanted, and not when the request is refused", async () => {
    const expecting = { expect: "100-continue", "content-length": "5" };
    expect((await put({}, "hello", { headers: expecting })).status).toBe(200);
    expect(stored).toBe("hello");
    const refused = await put({}, "hello", {
      headers: { ...expecting, authorization: "AWS4-HMAC-SHA256 Credential=x" },
    });
    expect([refused.status, refused.headers.connection]).toEqual([400, "close"]);
  });
});

describe("who asks", () => {
  test("every call is traced with its principal and what it was about", async () => {
    const traced = local.trace.waitFor((event) => event.type === "call" && event.operation === "GetObject");
    handlers["GetObject"] = () => ({ Body: Readable.from([Buffer.from("x")]), ContentLength: 1 });
    await raw({ path: "/b-1/dir/k" });
    expect(await traced).toMatchObject({
      service: "s3",
      principal: expect.stringContaining("user/administrator") as string,
      resource: "b-1/dir/k",
    });
  });

  test("unsigned, unknown, wrong and altered requests are told apart", async () => {
    expect((await raw({ path: "/b-1/k", sign: false })).body).toContain("<Code>AccessDenied</Code>");
    const sts = (credentials: object) =>
      local.client(STSClient, { credentials: credentials as never }).send(new GetCallerIdentityCommand({}));
    const { accessKeyId } = local.clientOptions.credentials;
    await expect(sts({ accessKeyId: "AKIANOBODY", secretAccessKey: "x" })).rejects.toMatchObject({
      name: "InvalidClientTokenId",
    });
    await expect(sts({ accessKeyId, secretAccessKey: "x" })).rejects.toMatchObject({ name: "SignatureDoesNotMatch" });
    await expect(sts({ ...local.clientOptions.credentials, sessionToken: "t" })).rejects.toMatchObject({
      name: "InvalidClientTokenId",
    });
    const s3 = local.client(S3Client, { credentials: { accessKeyId: "AKIANOBODY", secretAccessKey: "x" } });
    await expect(s3.send(new GetObjectCommand({ Bucket: "b-1", Key: "k" }))).rejects.toMatchObject({
      name: "InvalidAccessKeyId",
    });
    const altered = await raw({ path: "/b-1/k", wire: { path: "/b-1/other" } });
    expect([altered.status, altered.body]).toEqual([403, expect.stringContaining("SignatureDoesNotMatch")]);
    expect(seen).toEqual([]);
  });

  test("a body that was changed on the way does not fit an RPC signature", async () => {
    const headers = sqsHeaders("SendMessage");
    const answer = await raw({
      service: "sqs",
      method: "POST",
      headers,
      body: '{"QueueUrl":"u","MessageBody":"one"}',
      wire: { body: Buffer.from('{"QueueUrl":"u","MessageBody":"two"}') },
    });
    expect(answer.status).toBe(400);
    expect(seen).toEqual([]);
  });

  test("another Region and an old date are refused", async () => {
    const s3 = local.client(S3Client, { region: "us-west-2" });
    await expect(s3.send(new GetObjectCommand({ Bucket: "b-1", Key: "k" }))).rejects.toMatchObject({
      name: "AuthorizationHeaderMalformed",
      Region: REGION,
    });
    const old = await raw({ path: "/b-1/k", signedAt: new Date(Date.now() - 16 * 60_000) });
    expect([old.status, old.body]).toEqual([403, expect.stringContaining("RequestTimeTooSkewed")]);
  });

  test("a session's calls are the role's", async () => {
    const arn = await local.role("reader", "glue.amazonaws.com");
    const session = await local.session(arn, "run-1");
    const identity = await local.client(STSClient, { as: session }).send(new GetCallerIdentityCommand({}));
    expect(identity.Arn).toMatch(/assumed-role\/reader\/run-1$/);
    const stolen = { accessKeyId: session.accessKeyId, secretAccessKey: session.secretAccessKey };
    const s3 = local.client(S3Client, { credentials: stolen });
    await expect(s3.send(new GetObjectCommand({ Bucket: "b-1", Key: "k" }))).rejects.toMatchObject({
      name: "InvalidToken",
    });
  });

  test("presigned URLs work without a header, until they expire", async () => {
    handlers["GetObject"] = () => ({ Body: Readable.from([Buffer.from("shared")]), ContentLength: 6 });
    const url = new URL(local.endpoint);
    const signer = new SignatureV4({ ...local.clientOptions, service: "s3", sha256: Sha256, uriEscapePath: false });
    const request = new HttpRequest({
      hostname: url.hostname,
      port: Number(url.port),
      path: "/b-1/a%20b",
      headers: { host: url.host },
    });
    request.headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD";
    const presigned = await signer.presign(request, { expiresIn: 60 });
    const address = `${local.endpoint}/b-1/a%20b?${new URLSearchParams(presigned.query as Record<string, string>).toString()}`;
    expect(await (await fetch(address)).text()).toBe("shared");
    expect(seen[0]).toMatchObject({ Bucket: "b-1", Key: "a b" });
    await local.clock.advance(61_000);
    const late = await fetch(address);
    expect([late.status, await late.text()]).toEqual([403, expect.stringContaining("Request has expired")]);
  });

  test("what a web page could send is refused, and so is another host's name", async () => {
    const page = await raw({ path: "/b-1/k", wire: { headers: { origin: "https://example.com" } } });
    expect([page.status, page.body]).toEqual([403, expect.stringContaining("web pages")]);
    const rebound = await raw({ path: "/b-1/k", wire: { headers: { host: "evil.example:80" } } });
    expect([rebound.status, rebound.body]).toEqual([403, expect.stringContaining("127.0.0.1")]);
  });

  test("local extras take the same signatures", async () => {
    const answer = await raw({ path: "/_local/whoami" });
    expect(JSON.parse(answer.body)).toMatchObject({ kind: "user" });
    expect((await raw({ path: "/_local/whoami", sign: false })).status).toBe(403);
    expect((await raw({ path: "/_local/nothing" })).status).toBe(404);
  });

  test("a caller that goes away is told to the handler", async () => {
    const { promise, resolve } = Promise.withResolvers<AbortSignal | undefined>();
    const service = local.dispatcher.services.get("sqs");
    if (!service) throw new Error("no sqs");
    const waiting: Handler = (_input, context) => {
      resolve(context.signal);
      return new Promise((done) => context.signal?.addEventListener("abort", () => done({})));
    };
    const before = service.operations["GetQueueUrl"];
    (service.operations as Record<string, Handler>)["GetQueueUrl"] = waiting;
    const abort = new AbortController();
    const sent = local
      .client(SQSClient)
      .send(new GetQueueUrlCommand({ QueueName: "q" }), { abortSignal: abort.signal });
    const signal = await promise;
    abort.abort();
    await expect(sent).rejects.toMatchObject({ name: "AbortError" });
    await new Promise<void>((done) => (signal?.aborted ? done() : signal?.addEventListener("abort", () => done())));
    if (before) (service.operations as Record<string, Handler>)["GetQueueUrl"] = before;
  });
});
