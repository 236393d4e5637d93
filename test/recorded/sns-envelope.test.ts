import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createSns } from "../../src/local/services/sns/service.ts";
import { createSqs } from "../../src/local/services/sqs/service.ts";
import { ACCOUNT, ADMIN, DirectBus } from "../support/direct-bus.ts";
import { settle } from "../support/manual-clock.ts";

const FOLDER = process.env["MILLRACE_RECORDED"] ?? join(import.meta.dirname, "../../../shared/recorded");
const file = join(FOLDER, "test_s3_notifications_sns.json");

/** Every SNS envelope in the recordings, by its members and the kind of each. */
function shapes(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  if (Object.hasOwn(value, "TopicArn") && Object.hasOwn(value, "SigningCertURL")) return [shape(value)];
  return Object.values(value).flatMap((item) => shapes(item));
}

/** `Message` is text on the wire; the recordings show it parsed. */
function shape(envelope: object): string {
  const members = Object.entries(envelope).map(
    ([name, value]) => `${name}: ${name === "Message" ? "string" : typeof value}`,
  );
  return members.sort().join(", ");
}

test.skipIf(!existsSync(file))(
  "what S3 publishes reaches a queue in an envelope with exactly AWS's members",
  async () => {
    const bus = new DirectBus();
    const sqs = bus.add(createSqs(bus.deps));
    const sns = bus.add(createSns(bus.deps));
    const context = { requestId: "r", principal: ADMIN };
    await sqs.operations["CreateQueue"]?.({ QueueName: "q" } as never, context);
    await sns.operations["CreateTopic"]?.({ Name: "t" } as never, context);
    const TopicArn = `arn:aws:sns:eu-west-1:${ACCOUNT}:t`;
    const subscription = { TopicArn, Protocol: "sqs", Endpoint: `arn:aws:sqs:eu-west-1:${ACCOUNT}:q` };
    await sns.operations["Subscribe"]?.(subscription as never, context);
    const notification = { TopicArn, Subject: "Amazon S3 Notification", Message: "{}" };
    await sns.operations["Publish"]?.(notification as never, context);
    await settle();
    const QueueUrl = `http://127.0.0.1:4566/${ACCOUNT}/q`;
    const received = await sqs.operations["ReceiveMessage"]?.({ QueueUrl } as never, context);
    const [message] = (received as { Messages: { Body: string }[] }).Messages;
    const recorded = new Set(shapes(JSON.parse(readFileSync(file, "utf8"))));
    expect([...recorded]).toEqual([shape(JSON.parse(message?.Body ?? "") as object)]);
  },
);
