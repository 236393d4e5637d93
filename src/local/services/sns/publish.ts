import type { MessageAttributeValue, PublishBatchRequestEntry, PublishInput } from "@aws-sdk/client-sns";
import { invalidParameter, unsupported } from "./errors.ts";
import type { Protocol, PublishedAttribute, Topic } from "./store.ts";

const DEFAULT_MAXIMUM_SIZE = 262_144;
const MAX_SUBJECT = 100;

type Published = Omit<PublishInput, "TopicArn"> | PublishBatchRequestEntry;

export interface AcceptedMessage {
  readonly subject: string | undefined;
  readonly attributes: Readonly<Record<string, PublishedAttribute>>;
  /** The text for a protocol: the same for all, unless the message is structured by protocol. */
  text(protocol: Protocol): string;
  /** Bytes that count: body and attributes. */
  readonly size: number;
}

/** Checks what a caller publishes by SNS's rules. */
export function acceptMessage(topic: Topic, input: Published): AcceptedMessage {
  const message = input.Message ?? "";
  if (message === "") throw invalidParameter("Empty message");
  const subject = input.Subject;
  if (subject !== undefined) checkSubject(subject);
  if (input.MessageGroupId !== undefined) throw unsupported("MessageGroupId (fair queues)", "leave it out.");
  if (input.MessageDeduplicationId !== undefined) {
    throw invalidParameter(
      "The request includes MessageDeduplicationId parameter that is not valid for this topic type",
    );
  }
  const attributes = Object.fromEntries(
    Object.entries(input.MessageAttributes ?? {}).map(([name, value]) => [name, acceptAttribute(name, value)]),
  );
  const size = Buffer.byteLength(message) + attributesSize(attributes);
  const limit = maximumMessageSize(topic);
  if (size > limit) throw invalidParameter("Message too long");
  const texts = input.MessageStructure === undefined ? undefined : structured(input.MessageStructure, message);
  return { subject, attributes, size, text: (protocol) => texts?.[protocol] ?? texts?.["default"] ?? message };
}

export function maximumMessageSize(topic: Topic): number {
  return Number(topic.attributes["MaximumMessageSize"] ?? DEFAULT_MAXIMUM_SIZE);
}

function checkSubject(subject: string): void {
  // https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: no line breaks or control characters, under 100 long.
  const control = Array.from(subject).some((character) => character < " " || character === "\u007F");
  if (subject === "" || subject.length > MAX_SUBJECT || control) throw invalidParameter("Subject");
}

function acceptAttribute(name: string, attribute: MessageAttributeValue): PublishedAttribute {
  if (!/^[A-Za-z0-9_.-]{1,256}$/.test(name) || /^\.|\.\.|\.$/.test(name)) {
    throw invalidParameter(`Message attribute name '${name}'`);
  }
  const type = attribute.DataType ?? "";
  const [logical, ...rest] = type.split(".");
  const known = ["String", "Number", "Binary"].includes(logical ?? "");
  if (!known || (rest.length > 0 && type !== "String.Array")) {
    throw invalidParameter(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  if (type === "Binary") {
    if (!attribute.BinaryValue?.length) throw emptyAttribute(name, type, "Binary");
    return { Type: type, Value: Buffer.from(attribute.BinaryValue).toString("base64") };
  }
  if (!attribute.StringValue) throw emptyAttribute(name, type, "String");
  if (type === "Number" && !Number.isFinite(Number(attribute.StringValue))) {
    throw invalidParameter(`Could not cast message attribute '${name}' value to number.`);
  }
  return { Type: type, Value: attribute.StringValue };
}

function emptyAttribute(name: string, type: string, field: string) {
  return invalidParameter(
    `The message attribute '${name}' with type '${type}' must use field '${field}' with a value that is not empty.`,
  );
}

function attributesSize(attributes: Record<string, PublishedAttribute>): number {
  let size = 0;
  for (const [name, { Type, Value }] of Object.entries(attributes)) {
    size += Buffer.byteLength(name) + Buffer.byteLength(Type);
    size += Buffer.from(Value, Type === "Binary" ? "base64" : "utf8").length;
  }
  return size;
}

function structured(structure: string, message: string): Record<string, string> {
  if (structure !== "json") throw invalidParameter("MessageStructure");
  let texts: unknown;
  try {
    texts = JSON.parse(message);
  } catch {
    throw invalidParameter("Message Structure - JSON message body failed to parse");
  }
  const byProtocol = texts as Record<string, unknown> | null;
  if (typeof byProtocol?.["default"] !== "string") {
    throw invalidParameter("Message Structure - No default entry in JSON message body");
  }
  return Object.fromEntries(
    Object.entries(byProtocol).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
