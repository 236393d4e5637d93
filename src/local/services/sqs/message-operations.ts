import type * as Sqs from "@aws-sdk/client-sqs";
import { createHash } from "node:crypto";
import type { CallContext, Principal, ServiceDeps } from "../../service.ts";
import { AwsError } from "../../service.ts";
import { transaction } from "../../sqlite.ts";
import { invalidParameterValue, invalidValue, missingParameter, unsupported } from "./errors.ts";
import type { LongPolls } from "./long-polls.ts";
import {
  attributesDigest,
  attributesSize,
  bodyDigest,
  selectAttributes,
  storeAttributes,
  toMessageAttributes,
} from "./message-attributes.ts";
import type { MessageStore, NewMessage, ReceivedMessage } from "./messages.ts";
import type { QueueMetrics } from "./metrics.ts";
import type { Queue, QueueStore } from "./store.ts";

const MAX_BATCH_BYTES = 1_048_576;
const MAX_BATCH = 10;

/** Characters that XML 1.0 can carry; others are refused. */
const FORBIDDEN = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

const SYSTEM_ATTRIBUTES = [
  "SenderId",
  "SentTimestamp",
  "ApproximateReceiveCount",
  "ApproximateFirstReceiveTimestamp",
  "AWSTraceHeader",
  "DeadLetterQueueSourceArn",
];
/** Known names that a standard queue never fills. */
const FIFO_SYSTEM_ATTRIBUTES = ["SequenceNumber", "MessageDeduplicationId", "MessageGroupId"];

type SendEntry = Omit<Sqs.SendMessageBatchRequestEntry, "Id">;

/** Sending, receiving, hiding and deleting messages. */
export function createMessageOperations(
  deps: ServiceDeps,
  queues: QueueStore,
  messages: MessageStore,
  polls: LongPolls<ReceivedMessage>,
  metrics: QueueMetrics,
  find: (url: string | undefined) => Queue,
) {
  const { clock, trace } = deps;

  const send = (queue: Queue, entry: SendEntry, principal: Principal): Sqs.SendMessageResult => {
    const { message, size } = readMessage(queue, entry, principal);
    const delay = entry.DelaySeconds ?? queue.delay;
    checkRange("DelaySeconds", delay, 0, 900);
    const MessageId = messages.send(queue, message, delay, clock.now());
    metrics.sent(queue, size);
    return {
      MessageId,
      MD5OfMessageBody: bodyDigest(message.body),
      MD5OfMessageAttributes: attributesDigest(message.attributes),
      MD5OfMessageSystemAttributes: message.traceHeader
        ? attributesDigest({ AWSTraceHeader: { type: "String", value: message.traceHeader } })
        : undefined,
    };
  };

  const receive = (queueName: string, max: number, visibility: number | undefined): ReceivedMessage[] => {
    const queue = queues.get(queueName);
    if (!queue) throw new AwsError("QueueDoesNotExist", "The specified queue does not exist.");
    const deadLetterQueue = queue.redrive && queues.byArn(queue.redrive.deadLetterTargetArn);
    const result = messages.receive(
      queue,
      { max, visibility: visibility ?? queue.visibilityTimeout, deadLetterQueue },
      clock.now(),
    );
    if (deadLetterQueue && result.redriven.length > 0) {
      const messageIds = result.redriven.map((message) => message.messageId);
      trace.emit({ type: "delivery", from: queue.arn, to: deadLetterQueue.arn, messageIds });
      polls.notify(deadLetterQueue.name);
    }
    return result.messages;
  };

  const changeVisibility = (queue: Queue, handle: string | undefined, seconds: number | undefined) => {
    if (handle === undefined) throw missingParameter("ReceiptHandle");
    if (seconds === undefined) throw missingParameter("VisibilityTimeout");
    checkRange("VisibilityTimeout", seconds, 0, 43_200);
    messages.changeVisibility(queue, handle, seconds, clock.now());
  };

  const remove = (queue: Queue, handle: string | undefined) => {
    if (handle === undefined) throw missingParameter("ReceiptHandle");
    if (messages.delete(queue, handle)) metrics.deleted(queue);
  };

  /** Runs each entry of a batch; one that is refused does not stop the others. */
  const batch = <Entry extends { Id: string | undefined }, Done>(
    entries: Entry[] | undefined,
    work: (entry: Entry) => Done,
  ) => {
    checkBatch(entries);
    const Successful: (Done & { Id: string })[] = [];
    const Failed: Sqs.BatchResultErrorEntry[] = [];
    transaction(queues.database, () => {
      for (const entry of entries) {
        const Id = entry.Id ?? "";
        try {
          Successful.push({ Id, ...work(entry) });
        } catch (error) {
          if (!(error instanceof AwsError)) throw error;
          Failed.push({ Id, SenderFault: true, Code: error.code, Message: error.message });
        }
      }
    });
    return { Successful, Failed: Failed.length > 0 ? Failed : undefined };
  };

  return {
    SendMessage: (input: Sqs.SendMessageCommandInput, context: CallContext) => {
      const queue = find(input.QueueUrl);
      const result = send(queue, input, context.principal);
      polls.notify(queue.name);
      return result;
    },

    SendMessageBatch: (input: Sqs.SendMessageBatchCommandInput, context: CallContext) => {
      const queue = find(input.QueueUrl);
      checkBatch(input.Entries);
      const total = input.Entries.reduce((sum, entry) => sum + entrySize(entry), 0);
      if (total > MAX_BATCH_BYTES) {
        throw new AwsError(
          "BatchRequestTooLong",
          `Batch requests cannot be longer than ${MAX_BATCH_BYTES} bytes. You have sent ${total} bytes.`,
        );
      }
      const result = batch(input.Entries, (entry) => send(queue, entry, context.principal));
      polls.notify(queue.name);
      return result;
    },

    ReceiveMessage: async (
      input: Sqs.ReceiveMessageCommandInput,
      context: CallContext,
    ): Promise<Sqs.ReceiveMessageResult> => {
      const queue = find(input.QueueUrl);
      const max = input.MaxNumberOfMessages ?? 1;
      checkRange("MaxNumberOfMessages", max, 1, MAX_BATCH);
      const wait = input.WaitTimeSeconds ?? queue.waitTime;
      checkRange("WaitTimeSeconds", wait, 0, 20);
      if (input.VisibilityTimeout !== undefined) checkRange("VisibilityTimeout", input.VisibilityTimeout, 0, 43_200);
      if (input.ReceiveRequestAttemptId) throw fifoOnly("ReceiveRequestAttemptId");
      const attributeNames = [...(input.MessageSystemAttributeNames ?? []), ...(input.AttributeNames ?? [])];
      checkSystemAttributeNames(attributeNames);

      const take = () => receive(queue.name, max, input.VisibilityTimeout);
      let received = context.signal?.aborted ? [] : take();
      if (received.length === 0 && wait > 0) {
        received = await polls.wait(queue.name, { take, waitMs: wait * 1_000, signal: context.signal });
      }
      metrics.received(queue, received.length);
      if (received.length === 0) return {};
      return {
        Messages: received.map((message) => describe(message, attributeNames, input.MessageAttributeNames)),
      };
    },

    DeleteMessage: (input: Sqs.DeleteMessageCommandInput) => {
      const queue = find(input.QueueUrl);
      remove(queue, input.ReceiptHandle);
      polls.forget(queue.name);
      return {};
    },

    DeleteMessageBatch: (input: Sqs.DeleteMessageBatchCommandInput) => {
      const queue = find(input.QueueUrl);
      const result = batch(input.Entries, (entry) => remove(queue, entry.ReceiptHandle));
      polls.forget(queue.name);
      return result;
    },

    ChangeMessageVisibility: (input: Sqs.ChangeMessageVisibilityCommandInput) => {
      const queue = find(input.QueueUrl);
      changeVisibility(queue, input.ReceiptHandle, input.VisibilityTimeout);
      polls.notify(queue.name);
      return {};
    },

    ChangeMessageVisibilityBatch: (input: Sqs.ChangeMessageVisibilityBatchCommandInput) => {
      const queue = find(input.QueueUrl);
      const result = batch(input.Entries, (entry) => {
        changeVisibility(queue, entry.ReceiptHandle, entry.VisibilityTimeout);
      });
      polls.notify(queue.name);
      return result;
    },
  };
}

function readMessage(queue: Queue, entry: SendEntry, principal: Principal): { message: NewMessage; size: number } {
  const body = entry.MessageBody;
  if (body === undefined) throw missingParameter("MessageBody");
  if (entry.MessageGroupId !== undefined) throw unsupported("MessageGroupId (fair queues)", "leave it out.");
  if (entry.MessageDeduplicationId !== undefined) throw fifoOnly("MessageDeduplicationId");
  if (body.length === 0) throw missingParameter("MessageBody");
  if (FORBIDDEN.test(body)) {
    throw new AwsError(
      "InvalidMessageContents",
      "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    );
  }
  const attributes = storeAttributes(entry.MessageAttributes);
  const size = Buffer.byteLength(body) + attributesSize(attributes);
  if (size > queue.maximumMessageSize) {
    throw invalidParameterValue(
      `One or more parameters are invalid. Reason: Message must be shorter than ${queue.maximumMessageSize} bytes.`,
    );
  }
  const system = Object.keys(entry.MessageSystemAttributes ?? {}).find((name) => name !== "AWSTraceHeader");
  if (system) throw invalidParameterValue(`Message system attribute name '${system}' is invalid.`);
  const traceHeader = entry.MessageSystemAttributes?.AWSTraceHeader?.StringValue;
  return { size, message: { body, attributes, senderId: senderId(principal), traceHeader } };
}

function entrySize(entry: SendEntry): number {
  let size = Buffer.byteLength(entry.MessageBody ?? "");
  for (const [name, value] of Object.entries(entry.MessageAttributes ?? {})) {
    size += Buffer.byteLength(name) + Buffer.byteLength(value.DataType ?? "");
    size += value.BinaryValue?.length ?? Buffer.byteLength(value.StringValue ?? "");
  }
  return size;
}

/** Services send under an id of their own; which one does not matter, that it is always the same does. */
function senderId(principal: Principal): string {
  if (principal.kind !== "service") return principal.userId;
  return `AIDA${createHash("sha256").update(principal.service).digest("hex").slice(0, 17).toUpperCase()}`;
}

function describe(
  message: ReceivedMessage,
  systemNames: readonly string[],
  attributeNames: readonly string[] | undefined,
): Sqs.Message {
  const system: Record<string, string | undefined> = {
    SenderId: message.senderId,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receiveCount),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    AWSTraceHeader: message.traceHeader,
    DeadLetterQueueSourceArn: message.sourceArn,
  };
  const wanted = Object.entries(system).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (systemNames.includes("All") || systemNames.includes(entry[0])),
  );
  const attributes = selectAttributes(message.attributes, attributeNames);
  const hasAttributes = Object.keys(attributes).length > 0;
  return {
    MessageId: message.messageId,
    ReceiptHandle: message.receiptHandle,
    MD5OfBody: bodyDigest(message.body),
    Body: message.body,
    Attributes: wanted.length > 0 ? Object.fromEntries(wanted) : undefined,
    MD5OfMessageAttributes: attributesDigest(attributes),
    MessageAttributes: hasAttributes ? toMessageAttributes(attributes) : undefined,
  };
}

function checkSystemAttributeNames(names: readonly string[]): void {
  const known = ["All", ...SYSTEM_ATTRIBUTES, ...FIFO_SYSTEM_ATTRIBUTES];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown) throw new AwsError("InvalidAttributeName", `Unknown Attribute ${unknown}.`);
}

function checkRange(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw invalidValue(name, value, `Must be >= ${min} and <= ${max}, if provided.`);
}

function fifoOnly(parameter: string): AwsError {
  return invalidValue(parameter, "given", "The request include parameter that is not valid for this queue type.");
}

function checkBatch<Entry extends { Id: string | undefined }>(
  entries: Entry[] | undefined,
): asserts entries is Entry[] {
  if (!entries || entries.length === 0) {
    throw new AwsError("EmptyBatchRequest", "There should be at least one entry in the request.");
  }
  if (entries.length > MAX_BATCH) {
    throw new AwsError(
      "TooManyEntriesInBatchRequest",
      `Maximum number of entries per request are ${MAX_BATCH}. You have sent ${entries.length}.`,
    );
  }
  const ids = entries.map((entry) => entry.Id ?? "");
  if (ids.some((id) => !/^[\w-]{1,80}$/.test(id))) {
    throw new AwsError(
      "InvalidBatchEntryId",
      "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
    );
  }
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
  if (repeated !== undefined) throw new AwsError("BatchEntryIdsNotDistinct", `Id ${repeated} repeated.`);
}
