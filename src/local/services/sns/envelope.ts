import type { MessageAttributeValue } from "@aws-sdk/client-sqs";
import type { Subscription, TopicMessage } from "./store.ts";

/**
 * Stands where AWS's signature stands. It says what it is and verifies against nothing: the certificate that a
 * verifier would fetch is AWS's, and its key is not here.
 */
const NOT_A_SIGNATURE = Buffer.from("not signed: delivered by a local runtime").toString("base64");
const SIGNATURE_VERSION = "1";

/** What a queue gets as body when raw delivery is off. Subject and attributes are left out when there are none. */
export function queueEnvelope(message: TopicMessage, subscription: Subscription, endpoint: string): string {
  return JSON.stringify({
    Type: "Notification",
    MessageId: message.messageId,
    TopicArn: message.topicArn,
    Subject: message.subject,
    Message: message.message,
    Timestamp: new Date(message.publishedAt).toISOString(),
    SignatureVersion: SIGNATURE_VERSION,
    Signature: NOT_A_SIGNATURE,
    SigningCertURL: certificateUrl(message.topicArn),
    UnsubscribeURL: unsubscribeUrl(subscription, endpoint),
    MessageAttributes: Object.keys(message.attributes).length > 0 ? message.attributes : undefined,
  });
}

/**
 * What a function gets: other capitals than the queue's envelope, and every member always there.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
 */
export function functionEvent(message: TopicMessage, subscription: Subscription, endpoint: string): string {
  return JSON.stringify({
    Records: [
      {
        EventSource: "aws:sns",
        EventVersion: "1.0",
        EventSubscriptionArn: subscription.arn,
        Sns: {
          Type: "Notification",
          MessageId: message.messageId,
          TopicArn: message.topicArn,
          Subject: message.subject ?? null,
          Message: message.message,
          Timestamp: new Date(message.publishedAt).toISOString(),
          SignatureVersion: SIGNATURE_VERSION,
          Signature: NOT_A_SIGNATURE,
          SigningCertUrl: certificateUrl(message.topicArn),
          UnsubscribeUrl: unsubscribeUrl(subscription, endpoint),
          MessageAttributes: message.attributes,
        },
      },
    ],
  });
}

/** With raw delivery a message's attributes become the SQS message's own. */
export function rawAttributes(message: TopicMessage): Record<string, MessageAttributeValue> | undefined {
  const entries = Object.entries(message.attributes);
  if (entries.length === 0) return undefined;
  return Object.fromEntries(
    entries.map(([name, { Type, Value }]) => [
      name,
      Type === "Binary"
        ? { DataType: Type, BinaryValue: Buffer.from(Value, "base64") }
        : { DataType: Type, StringValue: Value },
    ]),
  );
}

function certificateUrl(topicArn: string): string {
  return `https://sns.${topicArn.split(":")[3] ?? ""}.amazonaws.com/SimpleNotificationService-local.pem`;
}

function unsubscribeUrl(subscription: Subscription, endpoint: string): string {
  return `${endpoint}/?Action=Unsubscribe&SubscriptionArn=${subscription.arn}`;
}
