import type { Message } from "@aws-sdk/client-sqs";

/** A message as it stands in a function's event (lower-camel names, unlike the SQS API's own). */
export interface SqsRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, SqsRecordAttribute>>;
  readonly md5OfMessageAttributes?: string | null;
  readonly md5OfBody: string;
  readonly eventSource: "aws:sqs";
  readonly eventSourceARN: string;
  readonly awsRegion: string;
}

interface SqsRecordAttribute {
  readonly stringValue?: string;
  readonly binaryValue?: string;
  readonly stringListValues: readonly [];
  readonly binaryListValues: readonly [];
  readonly dataType: string;
}

export function sqsRecord(
  message: Message,
  mapping: { queueArn: string; windowSeconds: number },
  region: string,
): SqsRecord {
  const attributes = Object.entries(message.MessageAttributes ?? {}).map(([name, attribute]) => [
    name,
    {
      ...(attribute.StringValue !== undefined && { stringValue: attribute.StringValue }),
      ...(attribute.BinaryValue !== undefined && {
        binaryValue: Buffer.from(attribute.BinaryValue).toString("base64"),
      }),
      stringListValues: [],
      binaryListValues: [],
      dataType: attribute.DataType ?? "String",
    },
  ]);
  const digest = message.MD5OfMessageAttributes;
  return {
    messageId: message.MessageId ?? "",
    receiptHandle: message.ReceiptHandle ?? "",
    body: message.Body ?? "",
    attributes: { ...message.Attributes },
    messageAttributes: Object.fromEntries(attributes) as Record<string, SqsRecordAttribute>,
    // Seen in AWS's events: without attributes, a mapping with a batching window says null and one without says nothing.
    ...(digest !== undefined && { md5OfMessageAttributes: digest }),
    ...(digest === undefined && mapping.windowSeconds > 0 && { md5OfMessageAttributes: null }),
    md5OfBody: message.MD5OfBody ?? "",
    eventSource: "aws:sqs",
    eventSourceARN: mapping.queueArn,
    awsRegion: region,
  };
}

/**
 * Which messages of a batch the function's answer calls failed, for a mapping with ReportBatchItemFailures
 * (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html). Anything but a list of the batch's own
 * message ids fails the whole batch: then none may be deleted.
 */
export function failedMessageIds(answer: string, batch: ReadonlySet<string>): ReadonlySet<string> {
  let document: unknown;
  try {
    document = JSON.parse(answer);
  } catch {
    return batch;
  }
  if (document === null) return new Set();
  if (typeof document !== "object" || Array.isArray(document)) return batch;
  if (!("batchItemFailures" in document)) return Object.keys(document).length === 0 ? new Set() : batch;
  const { batchItemFailures } = document;
  if (batchItemFailures === null) return new Set();
  if (!Array.isArray(batchItemFailures)) return batch;
  const failed = new Set<string>();
  for (const item of batchItemFailures as unknown[]) {
    const id = item !== null && typeof item === "object" && "itemIdentifier" in item ? item.itemIdentifier : undefined;
    if (typeof id !== "string" || !batch.has(id)) return batch;
    failed.add(id);
  }
  return failed;
}
