import { createHash } from "node:crypto";
import type { Principal } from "../../service.ts";

export type ObjectEventName =
  | "ObjectCreated:Put"
  | "ObjectCreated:Copy"
  | "ObjectCreated:CompleteMultipartUpload"
  | "ObjectRemoved:Delete"
  | "ObjectRemoved:DeleteMarkerCreated"
  | "ObjectTagging:Put"
  | "ObjectTagging:Delete"
  | "LifecycleExpiration:Delete"
  | "LifecycleExpiration:DeleteMarkerCreated";

/** Something that happened to an object, before it is told to anyone. */
export interface ObjectEvent {
  readonly name: ObjectEventName;
  readonly key: string;
  readonly size?: number;
  /** Without quotes. */
  readonly eTag?: string;
  readonly versionId?: string;
  /** Place in the order of commits; tagging has none. */
  readonly seq?: number;
}

/** The circumstances of an event. */
export interface EventOrigin {
  readonly bucket: string;
  readonly bucketArn: string;
  readonly account: string;
  readonly region: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly requestId: string;
  readonly hostId: string;
  readonly principal: Principal;
}

/** The local runtime listens on 127.0.0.1 only. */
const SOURCE_ADDRESS = "127.0.0.1";

/**
 * An event as topics, queues and functions get it.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function eventRecord(event: ObjectEvent, configurationId: string, origin: EventOrigin): object {
  return {
    Records: [
      {
        eventVersion: /^(ObjectTagging|LifecycleExpiration):/.test(event.name) ? "2.3" : "2.1",
        eventSource: "aws:s3",
        awsRegion: origin.region,
        eventTime: new Date(origin.time).toISOString(),
        eventName: event.name,
        userIdentity: { principalId: principalId(origin.principal) },
        requestParameters: { sourceIPAddress: SOURCE_ADDRESS },
        responseElements: { "x-amz-request-id": origin.requestId, "x-amz-id-2": origin.hostId },
        s3: {
          s3SchemaVersion: "1.0",
          configurationId,
          bucket: {
            name: origin.bucket,
            ownerIdentity: { principalId: ownerPrincipalId(origin.account) },
            arn: origin.bucketArn,
          },
          object: {
            key: encodeKey(event.key),
            ...(event.size !== undefined && { size: event.size }),
            ...(event.eTag !== undefined && { eTag: event.eTag }),
            ...(event.versionId !== undefined && { versionId: event.versionId }),
            ...(event.seq !== undefined && { sequencer: sequencer(event.seq) }),
          },
        },
      },
    ],
  };
}

const EVENT_BRIDGE: Record<ObjectEventName, { type: string; reason?: string; deletion?: string }> = {
  "ObjectCreated:Put": { type: "Object Created", reason: "PutObject" },
  "ObjectCreated:Copy": { type: "Object Created", reason: "CopyObject" },
  "ObjectCreated:CompleteMultipartUpload": { type: "Object Created", reason: "CompleteMultipartUpload" },
  "ObjectRemoved:Delete": { type: "Object Deleted", reason: "DeleteObject", deletion: "Permanently Deleted" },
  "ObjectRemoved:DeleteMarkerCreated": {
    type: "Object Deleted",
    reason: "DeleteObject",
    deletion: "Delete Marker Created",
  },
  "LifecycleExpiration:Delete": {
    type: "Object Deleted",
    reason: "Lifecycle Expiration",
    deletion: "Permanently Deleted",
  },
  "LifecycleExpiration:DeleteMarkerCreated": {
    type: "Object Deleted",
    reason: "Lifecycle Expiration",
    deletion: "Delete Marker Created",
  },
  "ObjectTagging:Put": { type: "Object Tags Added" },
  "ObjectTagging:Delete": { type: "Object Tags Deleted" },
};

/**
 * The same for EventBridge, where the key is not encoded.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */
export function eventBridgeDetail(
  event: ObjectEvent,
  origin: EventOrigin,
): { detailType: string; detail: Record<string, unknown> } {
  const { type, reason, deletion } = EVENT_BRIDGE[event.name];
  const lifecycle = event.name.startsWith("LifecycleExpiration:");
  return {
    detailType: type,
    detail: {
      version: "0",
      bucket: { name: origin.bucket },
      object: {
        key: event.key,
        ...(event.size !== undefined && { size: event.size }),
        ...(event.eTag !== undefined && { etag: event.eTag }),
        ...(event.versionId !== undefined && { "version-id": event.versionId }),
        ...(event.seq !== undefined && { sequencer: sequencer(event.seq) }),
      },
      "request-id": origin.requestId,
      requester: lifecycle ? "s3.amazonaws.com" : origin.account,
      ...(!lifecycle && { "source-ip-address": SOURCE_ADDRESS }),
      ...(reason !== undefined && { reason }),
      ...(deletion !== undefined && { "deletion-type": deletion }),
    },
  };
}

/** What a destination of a new configuration gets once, to try the way. */
export function testEvent(origin: Pick<EventOrigin, "bucket" | "time" | "requestId" | "hostId">): object {
  return {
    Service: "Amazon S3",
    Event: "s3:TestEvent",
    Time: new Date(origin.time).toISOString(),
    Bucket: origin.bucket,
    RequestId: origin.requestId,
    HostId: origin.hostId,
  };
}

/** Comparable as text for one key, as S3's are. */
function sequencer(seq: number): string {
  return seq.toString(16).toUpperCase().padStart(18, "0");
}

/** Form encoding, but the slash stays: `in/my file (1).csv` -> `in/my+file+%281%29.csv`. */
function encodeKey(key: string): string {
  return encodeURIComponent(key.toWellFormed())
    .replaceAll(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+")
    .replaceAll("%2F", "/");
}

function principalId(principal: Principal): string {
  return principal.kind === "service" ? principal.service : `AWS:${principal.userId}`;
}

/** The account's id as S3 shows it in events: opaque, always the same. */
function ownerPrincipalId(account: string): string {
  return `A${createHash("sha256").update(account).digest("hex").slice(0, 13).toUpperCase()}`;
}

/** The account's canonical user id, as buckets and listings show it. */
export function canonicalOwner(account: string): string {
  return createHash("sha256").update(`canonical:${account}`).digest("hex");
}
