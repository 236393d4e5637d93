import { createHash } from "node:crypto";
import type { MessageAttributeValue } from "@aws-sdk/client-sqs";
import { invalidParameterValue, unsupported } from "./errors.ts";

/** A message attribute as it is kept: binary values in base64. */
interface StoredAttribute {
  readonly type: string;
  readonly value: string;
}

export type StoredAttributes = Readonly<Record<string, StoredAttribute>>;

const MAX_ATTRIBUTES = 10;

/** Checks message attributes by SQS's rules and brings them into the form in which they are kept. */
export function storeAttributes(attributes: Record<string, MessageAttributeValue> | undefined): StoredAttributes {
  const entries = Object.entries(attributes ?? {});
  if (entries.length > MAX_ATTRIBUTES) {
    throw invalidParameterValue(
      `Number of message attributes [${entries.length}] exceeds the allowed maximum [${MAX_ATTRIBUTES}].`,
    );
  }
  return Object.fromEntries(entries.map(([name, attribute]) => [name, storeAttribute(name, attribute)]));
}

function storeAttribute(name: string, attribute: MessageAttributeValue): StoredAttribute {
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
  if (!/^[A-Za-z0-9_.-]{1,256}$/.test(name) || /^(aws|amazon)\./i.test(name) || /^\.|\.\.|\.$/.test(name)) {
    throw invalidParameterValue(`The message attribute name '${name}' is invalid.`);
  }
  if (attribute.StringListValues?.length || attribute.BinaryListValues?.length) {
    throw unsupported(`The list value of message attribute '${name}'`, "SQS itself does not implement list values.");
  }
  const type = attribute.DataType ?? "";
  const [logical] = type.split(".");
  if (!["String", "Number", "Binary"].includes(logical ?? "") || type.length > 256) {
    throw invalidParameterValue(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  }
  if (logical === "Binary") {
    if (!attribute.BinaryValue?.length) throw emptyValue(name, type);
    return { type, value: Buffer.from(attribute.BinaryValue).toString("base64") };
  }
  const value = attribute.StringValue;
  if (!value) throw emptyValue(name, type);
  if (logical === "Number" && !Number.isFinite(Number(value))) {
    throw invalidParameterValue(`Can't cast the value of message (user) attribute '${name}' to a number.`);
  }
  return { type, value };
}

function emptyValue(name: string, type: string) {
  return invalidParameterValue(
    `The message attribute '${name}' with type '${type}' must use field '${type.startsWith("Binary") ? "Binary" : "String"}' with a value that is not empty.`,
  );
}

export function toMessageAttributes(attributes: StoredAttributes): Record<string, MessageAttributeValue> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { type, value }]) => [
      name,
      type.startsWith("Binary")
        ? { DataType: type, BinaryValue: Buffer.from(value, "base64") }
        : { DataType: type, StringValue: value },
    ]),
  );
}

/** Name, type and value all count against the size of a message, in bytes. */
export function attributesSize(attributes: StoredAttributes): number {
  let size = 0;
  for (const [name, { type, value }] of Object.entries(attributes)) {
    size += Buffer.byteLength(name) + Buffer.byteLength(type) + valueBytes(type, value).length;
  }
  return size;
}

/** The attributes that `MessageAttributeNames` asks for: exact names, `All`, `.*` or `prefix.*`. */
export function selectAttributes(attributes: StoredAttributes, names: readonly string[] | undefined): StoredAttributes {
  if (!names?.length) return {};
  if (names.includes("All") || names.includes(".*")) return attributes;
  const prefixes = names.filter((name) => name.endsWith(".*")).map((name) => name.slice(0, -2));
  return Object.fromEntries(
    Object.entries(attributes).filter(
      ([name]) => names.includes(name) || prefixes.some((prefix) => name.startsWith(prefix)),
    ),
  );
}

/**
 * The digest that SDKs check, or undefined without attributes.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
 */
export function attributesDigest(attributes: StoredAttributes): string | undefined {
  const names = Object.keys(attributes).sort();
  if (names.length === 0) return undefined;
  const hash = createHash("md5");
  const addSized = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  for (const name of names) {
    const attribute = attributes[name];
    if (!attribute) continue;
    addSized(Buffer.from(name));
    addSized(Buffer.from(attribute.type));
    hash.update(Buffer.of(attribute.type.startsWith("Binary") ? 2 : 1));
    addSized(valueBytes(attribute.type, attribute.value));
  }
  return hash.digest("hex");
}

export function bodyDigest(body: string): string {
  return createHash("md5").update(body).digest("hex");
}

function valueBytes(type: string, value: string): Buffer {
  return Buffer.from(value, type.startsWith("Binary") ? "base64" : "utf8");
}
