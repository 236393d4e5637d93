import type { CallContext } from "../../service.ts";
import type { Bucket } from "./bucket-table.ts";
import { checkWrite, type WriteConditions } from "./conditions.ts";
import { noSuchBucket } from "./errors.ts";
import type { ObjectEventName } from "./object-events.ts";
import { removeFile } from "./object-files.ts";
import type { S3Parts } from "./s3-parts.ts";
import { NULL_VERSION, type ObjectVersion } from "./version-table.ts";

/** MD5 of nothing: the ETag that events give delete markers. */
const EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e";

/** An object whose bytes are complete in the temporary file of its id. */
export type FinishedObject = Pick<ObjectVersion, "id" | "key" | "path" | "size" | "eTag" | "checksum" | "details">;

/**
 * Makes an object visible: one transaction that asks the conditions, takes the place of what was there and puts the
 * events into the outbox. All or nothing: when it throws, the temporary file is gone too.
 */
export function commitObject(
  s3: S3Parts,
  bucket: Bucket,
  object: FinishedObject,
  request: {
    conditions: WriteConditions;
    event: ObjectEventName;
    context: CallContext;
    /** More to write in the same transaction. */
    also?: () => void;
  },
): ObjectVersion {
  const { store, files } = s3;
  const garbage: string[] = [];
  let version: ObjectVersion;
  try {
    files.prepare(object.path);
    version = store.transaction(() => {
      // Bodies take their time; the bucket may be gone meanwhile.
      if (store.buckets.find(bucket.name) !== bucket) throw noSuchBucket(bucket.name);
      checkWrite(request.conditions, object.key, store.versions.latest(bucket.id, object.key));
      const committed: ObjectVersion = {
        ...object,
        bucketId: bucket.id,
        versionId: newVersionId(s3, bucket),
        seq: store.next(),
        latest: true,
        marker: false,
        modified: s3.deps.clock.now(),
        superseded: undefined,
      };
      makeLatest(s3, bucket, committed, garbage);
      s3.notifications.announce(
        bucket,
        {
          name: request.event,
          key: object.key,
          size: object.size,
          eTag: object.eTag,
          versionId: shownVersion(committed),
          seq: committed.seq,
        },
        request.context,
      );
      request.also?.();
      return committed;
    });
  } catch (error) {
    removeFile(files.temporary(object.id));
    throw error;
  }
  files.place(object.id, object.path);
  finish(s3, garbage);
  return version;
}

export interface Deletion {
  /** What was deleted was a delete marker, or what the deletion made is one. */
  readonly deleteMarker: boolean;
  /** The version that is gone, or the marker that was made; undefined in a bucket that was never versioned. */
  readonly versionId: string | undefined;
}

/** Deletes a key (in a versioned bucket: hides it behind a delete marker) or, with `versionId`, that version for good. */
export function deleteObject(
  s3: S3Parts,
  bucket: Bucket,
  target: { key: string; versionId?: string },
  request: { conditions: WriteConditions; context: CallContext; lifecycle?: boolean },
): Deletion {
  const { store } = s3;
  const garbage: string[] = [];
  const removed = request.lifecycle === true ? "LifecycleExpiration:Delete" : "ObjectRemoved:Delete";
  const marked =
    request.lifecycle === true ? "LifecycleExpiration:DeleteMarkerCreated" : "ObjectRemoved:DeleteMarkerCreated";
  const deletion = store.transaction((): Deletion => {
    checkWrite(request.conditions, target.key, store.versions.latest(bucket.id, target.key));
    if (target.versionId !== undefined) {
      const version = store.versions.find(bucket.id, target.key, target.versionId);
      if (version) {
        removeVersion(s3, version, garbage);
        const event = { name: removed, key: target.key, versionId: shownVersion(version), seq: store.next() } as const;
        s3.notifications.announce(bucket, event, request.context);
      }
      return { deleteMarker: version?.marker ?? false, versionId: target.versionId };
    }
    if (bucket.versioning === undefined) {
      const version = store.versions.latest(bucket.id, target.key);
      if (version) {
        removeVersion(s3, version, garbage);
        s3.notifications.announce(bucket, { name: removed, key: target.key, seq: store.next() }, request.context);
      }
      return { deleteMarker: false, versionId: undefined };
    }
    const marker = deleteMarker(s3, bucket, target.key);
    makeLatest(s3, bucket, marker, garbage);
    s3.notifications.announce(
      bucket,
      { name: marked, key: target.key, eTag: EMPTY_MD5, versionId: shownVersion(marker), seq: marker.seq },
      request.context,
    );
    return { deleteMarker: true, versionId: marker.versionId };
  });
  finish(s3, garbage);
  return deletion;
}

function deleteMarker(s3: S3Parts, bucket: Bucket, key: string): ObjectVersion {
  return {
    id: s3.store.next(),
    bucketId: bucket.id,
    key,
    versionId: newVersionId(s3, bucket),
    seq: s3.store.next(),
    latest: true,
    marker: true,
    size: 0,
    eTag: "",
    modified: s3.deps.clock.now(),
    superseded: undefined,
    path: "",
    checksum: undefined,
    details: { headers: {}, metadata: {}, tags: [], encryption: { ServerSideEncryption: "AES256" } },
  };
}

/** A bucket that is not versioned, or suspended, has one version "null" per key, which the next one replaces. */
function makeLatest(s3: S3Parts, bucket: Bucket, version: ObjectVersion, garbage: string[]): void {
  const { versions } = s3.store;
  if (version.versionId === NULL_VERSION) {
    const replaced = versions.find(bucket.id, version.key, NULL_VERSION);
    if (replaced) discard(s3, replaced, garbage);
  }
  versions.supersede(bucket.id, version.key, version.modified);
  versions.insert(version);
}

function removeVersion(s3: S3Parts, version: ObjectVersion, garbage: string[]): void {
  discard(s3, version, garbage);
  if (!version.latest) return;
  const next = s3.store.versions.ofKey(version.bucketId, version.key)[0];
  if (next) s3.store.versions.promote(next.id);
}

function discard(s3: S3Parts, version: ObjectVersion, garbage: string[]): void {
  s3.store.versions.remove(version.id);
  if (version.marker) return;
  s3.store.addGarbage(version.path);
  garbage.push(version.path);
}

/** After the commit: bytes that nobody can ask for any more, and events that wait to be delivered. */
function finish(s3: S3Parts, garbage: readonly string[]): void {
  for (const path of garbage) {
    s3.files.remove(path);
    s3.store.removeGarbage(path);
  }
  s3.notifications.wake();
}

function newVersionId(s3: S3Parts, bucket: Bucket): string {
  return bucket.versioning === "Enabled" ? s3.deps.ids.upper(32) : NULL_VERSION;
}

/** Events name the version only of objects that have one of their own. */
function shownVersion(version: ObjectVersion): string | undefined {
  return version.versionId === NULL_VERSION ? undefined : version.versionId;
}
