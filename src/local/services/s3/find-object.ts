import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { AwsError, type Principal } from "../../service.ts";
import {
  accessDenied,
  damaged,
  invalidArgument,
  isDeleteMarker,
  noSuchKey,
  noSuchVersion,
  notImplemented,
} from "./errors.ts";
import { mayKnow } from "./permissions.ts";
import type { S3Parts } from "./s3-parts.ts";
import { NULL_VERSION, type ObjectDetails, type ObjectVersion } from "./version-table.ts";
import type { StoredChecksum } from "./checksums.ts";

export interface ObjectAddress {
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string;
}

/** An object whose bytes can be read: a version in the store, or an asset of the assembly. */
export interface ReadableObject {
  /** Absolute path. */
  readonly file: string;
  /** An asset's file may be replaced by the next synthesis; a version's never changes. */
  readonly immutable: boolean;
  readonly size: number;
  /** Without quotes. */
  readonly eTag: string;
  readonly modified: number;
  /** As shown to clients: undefined in a bucket that was never versioned. */
  readonly versionId: string | undefined;
  readonly checksum: StoredChecksum | undefined;
  readonly details: ObjectDetails;
}

/**
 * The object at an address. Throws NoSuchBucket, NoSuchKey, NoSuchVersion, MethodNotAllowed (the version is a delete
 * marker), or AccessDenied instead of the not-found ones when `principal` may not list the bucket: S3 tells only those
 * who may list what is not there.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax
 */
export async function findObject(
  s3: S3Parts,
  address: ObjectAddress,
  principal: Principal | undefined,
): Promise<ReadableObject> {
  const asset = s3.store.buckets.find(address.bucket) ? undefined : findAsset(s3, address);
  if (asset) return asset;
  try {
    const version = findVersion(s3, address);
    return {
      file: s3.files.absolute(version.path),
      immutable: true,
      size: version.size,
      eTag: version.eTag,
      modified: version.modified,
      versionId: shownVersionId(s3, version, address.bucket),
      checksum: version.checksum,
      details: version.details,
    };
  } catch (error) {
    const hidden = error instanceof AwsError && (error.code === "NoSuchKey" || error.code === "NoSuchVersion");
    if (!hidden || !principal) throw error;
    const action = error.code === "NoSuchKey" ? "s3:ListBucket" : "s3:ListBucketVersions";
    if (await mayKnow(s3, principal, action, address)) throw error;
    throw accessDenied();
  }
}

/**
 * Gives the object to `use`, which opens, links or copies its file; once more if the object was replaced or deleted
 * just before `use` had hold of the file.
 */
export async function useObject<T>(
  s3: S3Parts,
  address: ObjectAddress,
  principal: Principal | undefined,
  use: (object: ReadableObject) => Promise<T> | T,
): Promise<T> {
  let missing: string | undefined;
  for (;;) {
    const object = await findObject(s3, address, principal);
    if (object.file === missing) throw damaged(`${object.file} is missing`);
    try {
      return await use(object);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      missing = object.file;
    }
  }
}

/** The version (never a delete marker) at an address; throws as `findObject` but for AccessDenied. */
export function findVersion(s3: S3Parts, { bucket: name, key, versionId }: ObjectAddress): ObjectVersion {
  const bucket = s3.store.buckets.get(name);
  if (versionId === undefined) {
    const version = s3.store.versions.latest(bucket.id, key);
    if (!version || version.marker) throw noSuchKey(key, version);
    return version;
  }
  checkVersionId(versionId);
  const version = s3.store.versions.find(bucket.id, key, versionId);
  if (!version) throw noSuchVersion(key, versionId);
  if (version.marker) throw isDeleteMarker(version);
  return version;
}

/** Throws InvalidArgument for what cannot be a version id. */
export function checkVersionId(versionId: string): void {
  if (versionId !== NULL_VERSION && !/^[A-Z0-9]{32}$/.test(versionId)) {
    throw invalidArgument("Invalid version id specified", "versionId", versionId);
  }
}

function shownVersionId(s3: S3Parts, version: ObjectVersion, bucket: string): string | undefined {
  return s3.store.buckets.get(bucket).versioning === undefined ? undefined : version.versionId;
}

const assetTags = new Map<string, string>();

function findAsset(s3: S3Parts, { bucket, key, versionId }: ObjectAddress): ReadableObject | undefined {
  const asset = s3.deps.assets.find(bucket, key);
  if (!asset) return undefined;
  if (asset.kind === "directory") {
    throw notImplemented(`Downloading the asset ${key}`, "it is a directory that is run in place");
  }
  if (versionId !== undefined) throw noSuchVersion(key, versionId);
  const { size, mtimeMs } = statSync(asset.path);
  const identity = `${asset.path}:${size}:${mtimeMs}`;
  let eTag = assetTags.get(identity);
  if (eTag === undefined) {
    eTag = createHash("md5").update(readFileSync(asset.path)).digest("hex");
    assetTags.set(identity, eTag);
  }
  return {
    file: asset.path,
    immutable: false,
    size,
    eTag,
    modified: mtimeMs,
    versionId: undefined,
    checksum: undefined,
    details: { headers: {}, metadata: {}, tags: [], encryption: { ServerSideEncryption: "AES256" } },
  };
}
