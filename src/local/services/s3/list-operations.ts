import type {
  CommonPrefix,
  ListMultipartUploadsCommandInput,
  ListMultipartUploadsCommandOutput,
  ListObjectsCommandInput,
  ListObjectsCommandOutput,
  ListObjectsV2CommandInput,
  ListObjectsV2CommandOutput,
  ListObjectVersionsCommandInput,
  ListObjectVersionsCommandOutput,
  ListPartsCommandInput,
  ListPartsCommandOutput,
  Owner,
  _Object,
} from "@aws-sdk/client-s3";
import { invalidArgument } from "./errors.ts";
import { atKey, behindKey, behindPrefix, collectPage, keyEncoder, later, pageSize, type Page } from "./listing.ts";
import { findUpload } from "./multipart-operations.ts";
import { canonicalOwner } from "./object-events.ts";
import type { OperationFactory, Output } from "./operation.ts";
import { quoted, wholeSeconds, type S3Parts } from "./s3-parts.ts";
import type { Upload } from "./upload-table.ts";
import type { Bound, ObjectVersion } from "./version-table.ts";

export function createListOperations(s3: S3Parts, operation: OperationFactory) {
  const owner: Owner = { ID: canonicalOwner(s3.deps.environment.account) };
  return {
    ListObjectsV2: operation(
      "ListObjectsV2",
      ["Delimiter", "EncodingType", "MaxKeys", "Prefix", "ContinuationToken", "FetchOwner", "StartAfter"],
      (input: ListObjectsV2CommandInput) => listObjectsV2(s3, owner, input),
    ),
    ListObjects: operation(
      "ListObjects",
      ["Delimiter", "EncodingType", "Marker", "MaxKeys", "Prefix"],
      (input: ListObjectsCommandInput) => listObjects(s3, owner, input),
    ),
    ListObjectVersions: operation(
      "ListObjectVersions",
      ["Delimiter", "EncodingType", "KeyMarker", "MaxKeys", "Prefix", "VersionIdMarker"],
      (input: ListObjectVersionsCommandInput) => listVersions(s3, owner, input),
    ),
    ListMultipartUploads: operation(
      "ListMultipartUploads",
      ["Delimiter", "EncodingType", "KeyMarker", "MaxUploads", "Prefix", "UploadIdMarker"],
      (input: ListMultipartUploadsCommandInput) => listUploads(s3, owner, input),
    ),
    ListParts: operation(
      "ListParts",
      ["Key", "UploadId", "MaxParts", "PartNumberMarker"],
      (input: ListPartsCommandInput) => listParts(s3, owner, input),
    ),
  };
}

function listObjectsV2(
  s3: S3Parts,
  owner: Owner,
  input: ListObjectsV2CommandInput,
): Output<ListObjectsV2CommandOutput> {
  const bucket = s3.store.buckets.get(input.Bucket ?? "");
  const { Prefix: prefix = "", Delimiter: delimiter, StartAfter: startAfter } = input;
  const encode = keyEncoder(input.EncodingType);
  const maxItems = pageSize(input.MaxKeys, "max-keys");
  const resumed = input.ContinuationToken === undefined ? undefined : readToken(input.ContinuationToken);
  // A token continues the listing it came from; where that one started does not matter any more.
  const after = resumed ?? (startAfter ? behindKey(startAfter) : atKey(""));
  const page = collectPage({ prefix, delimiter, maxItems }, later(after, atKey(prefix)), (from, to) =>
    s3.store.versions.current(bucket.id, from, to),
  );
  return {
    Name: bucket.name,
    Prefix: encode(prefix),
    Delimiter: delimiter && encode(delimiter),
    StartAfter: startAfter === undefined ? undefined : encode(startAfter),
    ContinuationToken: input.ContinuationToken,
    MaxKeys: maxItems,
    KeyCount: page.entries.length + page.commonPrefixes.length,
    EncodingType: input.EncodingType,
    IsTruncated: page.truncated,
    ...(page.truncated && { NextContinuationToken: writeToken(page) }),
    ...contents(page, encode, input.FetchOwner === true ? owner : undefined),
  };
}

function listObjects(s3: S3Parts, owner: Owner, input: ListObjectsCommandInput): Output<ListObjectsCommandOutput> {
  const bucket = s3.store.buckets.get(input.Bucket ?? "");
  const { Prefix: prefix = "", Delimiter: delimiter, Marker: marker = "" } = input;
  const encode = keyEncoder(input.EncodingType);
  const maxItems = pageSize(input.MaxKeys, "max-keys");
  const start = marker === "" ? atKey("") : behindKey(marker);
  const page = collectPage(
    { prefix, delimiter, maxItems },
    later(start, atKey(prefix)),
    (from, to) => s3.store.versions.current(bucket.id, from, to),
    { passedPrefix: (common) => marker !== "" && marker.startsWith(common) },
  );
  return {
    Name: bucket.name,
    Prefix: encode(prefix),
    Delimiter: delimiter && encode(delimiter),
    Marker: encode(marker),
    MaxKeys: maxItems,
    EncodingType: input.EncodingType,
    IsTruncated: page.truncated,
    // Given with a delimiter only; else clients go on from the last key.
    ...(page.truncated && delimiter && page.last && { NextMarker: encode(page.last.key) }),
    ...contents(page, encode, owner),
  };
}

function contents(page: Page<ObjectVersion>, encode: (key: string) => string, owner: Owner | undefined) {
  return {
    ...(page.entries.length > 0 && {
      Contents: page.entries.map((version): _Object => ({
        Key: encode(version.key),
        LastModified: wholeSeconds(version.modified),
        ETag: quoted(version.eTag),
        ...checksumOf(version),
        Size: version.size,
        StorageClass: version.details.storageClass ?? "STANDARD",
        ...(owner && { Owner: owner }),
      })),
    }),
    ...commonPrefixes(page, encode),
  };
}

function commonPrefixes(
  page: Page<{ key: string }>,
  encode: (key: string) => string,
): { CommonPrefixes?: CommonPrefix[] } {
  if (page.commonPrefixes.length === 0) return {};
  return { CommonPrefixes: page.commonPrefixes.map((prefix) => ({ Prefix: encode(prefix) })) };
}

function checksumOf({ checksum }: ObjectVersion) {
  return checksum ? { ChecksumAlgorithm: [checksum.algorithm], ChecksumType: checksum.type } : {};
}

function listVersions(
  s3: S3Parts,
  owner: Owner,
  input: ListObjectVersionsCommandInput,
): Output<ListObjectVersionsCommandOutput> {
  const bucket = s3.store.buckets.get(input.Bucket ?? "");
  const { Prefix: prefix = "", Delimiter: delimiter, KeyMarker: marker = "", VersionIdMarker: versionMarker } = input;
  const encode = keyEncoder(input.EncodingType);
  const maxItems = pageSize(input.MaxKeys, "max-keys");
  if (versionMarker !== undefined && marker === "") {
    throw invalidArgument(
      "A version-id marker cannot be specified without a key marker.",
      "version-id-marker",
      versionMarker,
    );
  }
  // Within the marker's key, what is older than the marker's version is still to come.
  const shownUpTo =
    versionMarker === undefined ? undefined : s3.store.versions.find(bucket.id, marker, versionMarker)?.seq;
  const start = marker === "" ? atKey("") : versionMarker === undefined ? behindKey(marker) : atKey(marker);
  const page = collectPage(
    { prefix, delimiter, maxItems },
    later(start, atKey(prefix)),
    (from, to) => s3.store.versions.history(bucket.id, from, to),
    {
      passedPrefix: (common) => marker !== "" && marker.startsWith(common),
      passed: (version) =>
        versionMarker !== undefined && version.key === marker && version.seq >= (shownUpTo ?? Number.MAX_SAFE_INTEGER),
    },
  );
  const shared = (version: ObjectVersion) => ({
    Key: encode(version.key),
    VersionId: version.versionId,
    IsLatest: version.latest,
    LastModified: wholeSeconds(version.modified),
    Owner: owner,
  });
  const versions = page.entries.filter((version) => !version.marker);
  const markers = page.entries.filter((version) => version.marker);
  return {
    Name: bucket.name,
    Prefix: encode(prefix),
    Delimiter: delimiter && encode(delimiter),
    KeyMarker: encode(marker),
    VersionIdMarker: versionMarker ?? "",
    MaxKeys: maxItems,
    EncodingType: input.EncodingType,
    IsTruncated: page.truncated,
    ...(page.truncated &&
      page.last && {
        NextKeyMarker: encode(page.last.key),
        ...(page.last.entry && { NextVersionIdMarker: page.last.entry.versionId }),
      }),
    ...(versions.length > 0 && {
      Versions: versions.map((version) => ({
        ...shared(version),
        ETag: quoted(version.eTag),
        ...checksumOf(version),
        Size: version.size,
        StorageClass: "STANDARD" as const,
      })),
    }),
    ...(markers.length > 0 && { DeleteMarkers: markers.map(shared) }),
    ...commonPrefixes(page, encode),
  };
}

function listUploads(
  s3: S3Parts,
  owner: Owner,
  input: ListMultipartUploadsCommandInput,
): Output<ListMultipartUploadsCommandOutput> {
  const bucket = s3.store.buckets.get(input.Bucket ?? "");
  const { Prefix: prefix = "", Delimiter: delimiter, KeyMarker: marker = "", UploadIdMarker: uploadMarker } = input;
  const encode = keyEncoder(input.EncodingType);
  const maxItems = pageSize(input.MaxUploads, "max-uploads");
  const shownUpTo = uploadMarker === undefined ? undefined : s3.store.uploads.find(uploadMarker);
  const shown = (upload: Upload) =>
    shownUpTo !== undefined &&
    upload.key === marker &&
    (upload.initiated < shownUpTo.initiated ||
      (upload.initiated === shownUpTo.initiated && upload.uploadId <= shownUpTo.uploadId));
  const start = marker === "" ? atKey("") : shownUpTo ? atKey(marker) : behindKey(marker);
  const page = collectPage(
    { prefix, delimiter, maxItems },
    later(start, atKey(prefix)),
    (from, to) => s3.store.uploads.list(bucket.id, from, to),
    { passed: shown, passedPrefix: (common) => marker !== "" && marker.startsWith(common) },
  );
  return {
    Bucket: bucket.name,
    Prefix: encode(prefix),
    Delimiter: delimiter && encode(delimiter),
    KeyMarker: encode(marker),
    UploadIdMarker: uploadMarker ?? "",
    MaxUploads: maxItems,
    EncodingType: input.EncodingType,
    IsTruncated: page.truncated,
    ...(page.truncated &&
      page.last && {
        NextKeyMarker: encode(page.last.key),
        ...(page.last.entry && { NextUploadIdMarker: page.last.entry.uploadId }),
      }),
    ...(page.entries.length > 0 && {
      Uploads: page.entries.map((upload) => ({
        UploadId: upload.uploadId,
        Key: encode(upload.key),
        Initiated: wholeSeconds(upload.initiated),
        StorageClass: upload.details.storageClass ?? "STANDARD",
        Owner: owner,
        Initiator: owner,
        ...(upload.checksumAlgorithm && {
          ChecksumAlgorithm: upload.checksumAlgorithm,
          ChecksumType: upload.checksumType,
        }),
      })),
    }),
    ...commonPrefixes(page, encode),
  };
}

function listParts(s3: S3Parts, owner: Owner, input: ListPartsCommandInput): Output<ListPartsCommandOutput> {
  const upload = findUpload(s3, input);
  const marker = Number(input.PartNumberMarker ?? 0);
  const maxParts = pageSize(input.MaxParts, "max-parts");
  const rest = s3.store.uploads.parts(upload.uploadId).filter((part) => part.number > marker);
  const page = rest.slice(0, maxParts);
  const truncated = rest.length > page.length && maxParts > 0;
  return {
    Bucket: input.Bucket,
    Key: upload.key,
    UploadId: upload.uploadId,
    PartNumberMarker: String(marker),
    NextPartNumberMarker: String(page.at(-1)?.number ?? 0),
    MaxParts: maxParts,
    IsTruncated: truncated,
    StorageClass: upload.details.storageClass ?? "STANDARD",
    Owner: owner,
    Initiator: owner,
    ...(upload.checksumAlgorithm && { ChecksumAlgorithm: upload.checksumAlgorithm, ChecksumType: upload.checksumType }),
    ...(page.length > 0 && {
      Parts: page.map((part) => ({
        PartNumber: part.number,
        LastModified: wholeSeconds(part.modified),
        ETag: quoted(part.md5),
        Size: part.size,
        ...(upload.checksumAlgorithm && { [`Checksum${upload.checksumAlgorithm}`]: part.checksum }),
      })),
    }),
  };
}

/** Continuation tokens are opaque to clients: the place behind the page's last item. */
function writeToken(page: Page<unknown>): string {
  const { key = "", isPrefix = false } = page.last ?? {};
  return (isPrefix ? behindPrefix(key) : behindKey(key)).toString("base64url");
}

function readToken(token: string): Bound {
  const place = Buffer.from(token, "base64url");
  const end = place.at(-1);
  if (place.toString("base64url") !== token || (end !== 0 && end !== 0xff)) {
    throw invalidArgument("The continuation token provided is incorrect", "continuation-token", token);
  }
  return place;
}
