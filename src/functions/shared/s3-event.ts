import { z } from "zod";

/**
 * S3 event notifications. Unknown members are left alone: S3 adds some with each version of the event.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
const s3Record = z.object({
  eventSource: z.literal("aws:s3"),
  // "Consumers should compare major versions for equality and minor versions for at least".
  eventVersion: z.string().regex(/^2\.\d+$/, "is not version 2 of the S3 event"),
  eventName: z.string(),
  s3: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({
      key: z.string(),
      size: z.number().optional(),
      versionId: z.string().nullish(),
    }),
  }),
});

const s3Event = z.object({ Records: z.array(s3Record) });

/** Sent once when the bucket's notification is configured. */
const testEvent = z.object({ Event: z.literal("s3:TestEvent") });

const snsEnvelope = z.object({ Type: z.literal("Notification"), Message: z.string() });

/** An object that S3 says was created or removed. The key is decoded. */
export interface ObjectEvent {
  /** Without `s3:` in front, for example `ObjectCreated:Put`. */
  readonly name: string;
  readonly bucket: string;
  readonly key: string;
  readonly size: number | undefined;
  readonly version: string | undefined;
}

export class EventError extends Error {
  override readonly name = "EventError";
}

/**
 * Reads the body of a queue message: an S3 event, as S3 sends it or in SNS's envelope. A test event has no records.
 * Throws an EventError that says what the body is not.
 */
export function parseMessageBody(body: string): ObjectEvent[] {
  const outer = parseJson(body, "the message");
  const envelope = snsEnvelope.safeParse(outer);
  const inner = envelope.success ? parseJson(envelope.data.Message, "the SNS message") : outer;
  if (testEvent.safeParse(inner).success) return [];
  return parseS3Event(inner);
}

/** Reads an S3 event. */
export function parseS3Event(event: unknown): ObjectEvent[] {
  const result = s3Event.safeParse(event);
  if (!result.success) throw new EventError(`not an S3 event: ${z.prettifyError(result.error)}`);
  return result.data.Records.map(({ eventName, s3 }) => ({
    name: eventName,
    bucket: s3.bucket.name,
    key: decodeKey(s3.object.key),
    size: s3.object.size,
    version: s3.object.versionId ?? undefined,
  }));
}

/** Keys in events are form-encoded: a blank is `+`, a plus `%2B`. */
export function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll("+", " "));
  } catch {
    throw new EventError(`the key in the event is not form-encoded: ${encoded}`);
  }
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new EventError(`${what} is not JSON`);
  }
}
