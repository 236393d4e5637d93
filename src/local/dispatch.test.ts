import { expect, test } from "vitest";
import { RuntimeClock } from "./clock.ts";
import { createDispatcher } from "./dispatch.ts";
import type { Decision } from "./iam/authorize.ts";
import { createIds } from "./ids.ts";
import type { AuthorizationRequest } from "./bus.ts";
import { AwsError, type Handler, type Principal, type Service } from "./service.ts";
import { createTrace, type TraceEvent } from "./trace.ts";

const sns: Principal = { kind: "service", service: "sns.amazonaws.com", sourceArn: "arn:aws:sns:eu-west-1:1:topic" };
const QueueUrl = "http://127.0.0.1:1/1/queue";

function setUp(
  SendMessage: Handler,
  decide: (request: AuthorizationRequest) => Decision = () => ({ allowed: true, reason: "" }),
) {
  const clock = new RuntimeClock();
  const trace = createTrace(() => clock.now());
  const events: TraceEvent[] = [];
  trace.on((event) => events.push(event));
  const asked: AuthorizationRequest[] = [];
  const bus = createDispatcher({
    clock,
    trace,
    ids: createIds("test"),
    environment: { account: "1", region: "eu-west-1", partition: "aws", endpoint: () => "http://127.0.0.1:1" },
    authorize: (request) => {
      asked.push(request);
      return decide(request);
    },
    assumeRole: () => {
      throw new Error("no roles");
    },
  });
  const sdk = () => Promise.resolve({});
  const sqs: Service = { name: "sqs", sdk, resources: {}, operations: { SendMessage } };
  bus.register(sqs);
  return { bus, events, asked };
}

test("a call between services is authorised as its principal, handled and traced", async () => {
  let principal: Principal | undefined;
  const { bus, events, asked } = setUp((_input, context) => {
    principal = context.principal;
    return { MessageId: "m" };
  });
  const answer = await bus.call("sqs:SendMessage", { QueueUrl, MessageBody: "b" }, sns);
  expect(answer.MessageId).toBe("m");
  expect(principal).toBe(sns);
  expect(asked).toMatchObject([
    { principal: sns, action: "sqs:SendMessage", resourceArn: "arn:aws:sqs:eu-west-1:1:queue" },
  ]);
  expect(events).toMatchObject([
    { type: "call", service: "sqs", operation: "SendMessage", principal: "sns.amazonaws.com", resource: "queue" },
  ]);
});

test("a call that is not allowed never reaches its handler", async () => {
  let reached = false;
  const { bus, events } = setUp(
    () => void (reached = true),
    () => ({ allowed: false, reason: "no policy allows it" }),
  );
  await expect(bus.call("sqs:SendMessage", { QueueUrl, MessageBody: "b" }, sns)).rejects.toMatchObject({
    code: "AccessDenied",
    status: 403,
    message:
      "User: sns.amazonaws.com is not authorized to perform: sqs:SendMessage " +
      "on resource: arn:aws:sqs:eu-west-1:1:queue because no policy allows it",
  });
  expect(reached).toBe(false);
  expect(events).toMatchObject([{ type: "call", error: expect.stringContaining("AccessDenied") as string }]);
});

test("AWS errors pass through; a mistake of the runtime is an internal failure, in full in the trace", async () => {
  const failing = setUp(() => {
    throw new AwsError("QueueDoesNotExist", "no such queue");
  });
  await expect(failing.bus.call("sqs:SendMessage", { QueueUrl, MessageBody: "b" }, sns)).rejects.toMatchObject({
    code: "QueueDoesNotExist",
  });
  const broken = setUp(() => {
    throw new TypeError("boom");
  });
  await expect(broken.bus.call("sqs:SendMessage", { QueueUrl, MessageBody: "b" }, sns)).rejects.toMatchObject({
    code: "InternalFailure",
    status: 500,
  });
  expect(broken.events[0]).toMatchObject({ type: "internal-error", where: "sqs:SendMessage" });
});

test("operations and services that are not here are named", async () => {
  const { bus } = setUp(() => ({}));
  await expect(bus.call("sqs:ReceiveMessage", { QueueUrl }, sns)).rejects.toMatchObject({
    code: "NotImplemented",
    message: expect.stringContaining("sqs: the operation ReceiveMessage") as string,
  });
  await expect(bus.call("sns:Publish", { Message: "m" }, sns)).rejects.toMatchObject({
    message: expect.stringContaining("The service sns is not part of this local runtime") as string,
  });
});

test("an object's file is given only to who may read the object", async () => {
  const { bus, asked } = setUp(
    () => ({}),
    () => ({ allowed: false, reason: "no policy allows it" }),
  );
  await expect(bus.objectFile({ bucket: "b", key: "k", versionId: "v" }, sns)).rejects.toMatchObject({
    code: "AccessDenied",
  });
  expect(asked).toMatchObject([{ action: "s3:GetObjectVersion", resourceArn: "arn:aws:s3:::b/k" }]);
});
