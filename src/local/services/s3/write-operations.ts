import { createReadStream } from "node:fs";
import { createHash } from "node:crypto";
import type {
  CopyObjectCommandInput,
  CopyObjectCommandOutput,
  PutObjectCommandInput,
  PutObjectCommandOutput,
  Tag,
} from "@aws-sdk/client-s3";
import { AwsError, type CallContext } from "../../service.ts";
import type { Bucket } from "./bucket-table.ts";
import {
  CHECKSUM_MEMBERS,
  checksumMembers,
  createRunningHash,
  requestedChecksum,
  supportedAlgorithm,
  verifyDigests,
  type StoredChecksum,
  type SupportedAlgorithm,
} from "./checksums.ts";
import { cloneFile } from "./clone-file.ts";
import { commitObject } from "./commits.ts";
import { checkCopySource, checkWrite, type ReadConditions } from "./conditions.ts";
import { parseCopySource } from "./copy-source.ts";
import { encryptionOf } from "./encryption.ts";
import { invalidRequest } from "./errors.ts";
import { useObject, type ReadableObject } from "./find-object.ts";
import { checkKey, DETAIL_MEMBERS, detailsOf } from "./object-details.ts";
import { pathOf, removeFile } from "./object-files.ts";
import type { OperationFactory, Output } from "./operation.ts";
import { mayRead, mayTag } from "./permissions.ts";
import { receiveBody, type Body, type Received } from "./receive-body.ts";
import { quoted, wholeSeconds, type S3Parts } from "./s3-parts.ts";
import { parseTagging } from "./tags.ts";
import type { ObjectDetails, ObjectVersion } from "./version-table.ts";

const MAX_COPY_BYTES = 5 * 1024 ** 3;

export function createWriteOperations(s3: S3Parts, operation: OperationFactory) {
  return {
    PutObject: operation(
      "PutObject",
      ["Key", "Body", "ContentLength", "IfMatch", "IfNoneMatch", ...CHECKSUM_MEMBERS, ...DETAIL_MEMBERS],
      (input: PutObjectCommandInput, context: CallContext) => putObject(s3, input, context),
    ),
    CopyObject: operation(
      "CopyObject",
      [
        "Key",
        "CopySource",
        "CopySourceIfMatch",
        "CopySourceIfNoneMatch",
        "CopySourceIfModifiedSince",
        "CopySourceIfUnmodifiedSince",
        "IfMatch",
        "IfNoneMatch",
        "MetadataDirective",
        "TaggingDirective",
        ...DETAIL_MEMBERS,
      ],
      (input: CopyObjectCommandInput, context: CallContext) => copyObject(s3, input, context),
    ),
  };
}

async function putObject(
  s3: S3Parts,
  input: PutObjectCommandInput,
  context: CallContext,
): Promise<Output<PutObjectCommandOutput>> {
  const bucket = s3.store.buckets.get(input.Bucket ?? "");
  const key = checkKey(input.Key);
  const expected = requestedChecksum(input);
  const details = detailsOf(bucket, input);
  if (input.IfMatch !== undefined) await mayRead(s3, context.principal, { bucket: bucket.name, key });
  if (input.Tagging) await mayTag(s3, context.principal, { bucket: bucket.name, key });
  // Asked again with the commit; asked now so that nobody uploads a gigabyte to be refused.
  checkWrite(input, key, s3.store.versions.latest(bucket.id, key));
  const id = s3.store.next();
  const file = s3.files.temporary(id);
  const received = await receiveBody(input.Body as Body, file, expected?.algorithm);
  try {
    verifyDigests({ md5: input.ContentMD5, checksum: expected }, received);
  } catch (error) {
    removeFile(file);
    throw error;
  }
  const version = commitObject(
    s3,
    bucket,
    {
      id,
      key,
      path: pathOf(bucket.name, key, id),
      size: received.size,
      eTag: received.md5,
      checksum: fullChecksum(received, expected?.algorithm),
      details,
    },
    { conditions: input, event: "ObjectCreated:Put", context },
  );
  return {
    ETag: quoted(version.eTag),
    ...checksumMembers(version.checksum),
    ...details.encryption,
    VersionId: newVersionId(bucket, version),
  };
}

async function copyObject(
  s3: S3Parts,
  input: CopyObjectCommandInput,
  context: CallContext,
): Promise<Output<CopyObjectCommandOutput>> {
  const bucket = s3.store.buckets.get(input.Bucket ?? "");
  const key = checkKey(input.Key);
  const address = parseCopySource(input.CopySource);
  await mayRead(s3, context.principal, address);
  if (input.IfMatch !== undefined) await mayRead(s3, context.principal, { bucket: bucket.name, key });
  const id = s3.store.next();
  const file = s3.files.temporary(id);
  const source = await useObject(s3, address, context.principal, async (object) => {
    checkCopySource(copySourceConditions(input), object);
    checkCopySize(object);
    const ontoItself = address.bucket === bucket.name && address.key === key && address.versionId === undefined;
    if (ontoItself && !changesSomething(input)) throw copyOntoItself();
    checkWrite(input, key, s3.store.versions.latest(bucket.id, key));
    if (tagsOfCopy(object, input).length > 0) await mayTag(s3, context.principal, { bucket: bucket.name, key });
    await cloneFile(object, file);
    return object;
  });
  let digests: Awaited<ReturnType<typeof digestsOfCopy>>;
  try {
    digests = await digestsOfCopy(source, file, input.ChecksumAlgorithm);
  } catch (error) {
    removeFile(file);
    throw error;
  }
  const version = commitObject(
    s3,
    bucket,
    {
      id,
      key,
      path: pathOf(bucket.name, key, id),
      size: source.size,
      ...digests,
      details: copiedDetails(bucket, source, input),
    },
    { conditions: input, event: "ObjectCreated:Copy", context },
  );
  return {
    CopyObjectResult: {
      ETag: quoted(version.eTag),
      LastModified: wholeSeconds(version.modified),
      ...checksumMembers(version.checksum),
    },
    CopySourceVersionId: source.versionId,
    VersionId: newVersionId(bucket, version),
    ...version.details.encryption,
  };
}

/** The version id of a write, which S3 tells only where versions have ids of their own. */
export function newVersionId(bucket: Bucket, version: ObjectVersion): string | undefined {
  return bucket.versioning === "Enabled" ? version.versionId : undefined;
}

function fullChecksum(received: Received, algorithm: SupportedAlgorithm | undefined): StoredChecksum | undefined {
  if (algorithm === undefined || received.checksum === undefined) return undefined;
  return { algorithm, value: received.checksum, type: "FULL_OBJECT" };
}

/** The conditions on a copy's source, under the names they have on reads. */
export function copySourceConditions(input: {
  CopySourceIfMatch?: string;
  CopySourceIfNoneMatch?: string;
  CopySourceIfModifiedSince?: Date;
  CopySourceIfUnmodifiedSince?: Date;
}): ReadConditions {
  return {
    IfMatch: input.CopySourceIfMatch,
    IfNoneMatch: input.CopySourceIfNoneMatch,
    IfModifiedSince: input.CopySourceIfModifiedSince,
    IfUnmodifiedSince: input.CopySourceIfUnmodifiedSince,
  };
}

function checkCopySize(source: ReadableObject): void {
  if (source.size <= MAX_COPY_BYTES) return;
  throw invalidRequest(
    `The specified copy source is larger than the maximum allowable size for a copy source: ${MAX_COPY_BYTES}`,
  );
}

function copyOntoItself(): AwsError {
  return invalidRequest(
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
  );
}

function changesSomething(input: CopyObjectCommandInput): boolean {
  return (
    input.MetadataDirective === "REPLACE" ||
    input.StorageClass !== undefined ||
    input.WebsiteRedirectLocation !== undefined ||
    input.ServerSideEncryption !== undefined
  );
}

/**
 * ETag and checksum of a copy. They are those of one whole object, also where the source was a multipart upload and
 * has composite ones; then the bytes must be read.
 */
async function digestsOfCopy(
  source: ReadableObject,
  file: string,
  wish: string | undefined,
): Promise<Pick<ObjectVersion, "eTag" | "checksum">> {
  const algorithm = wish === undefined ? source.checksum?.algorithm : supportedAlgorithm(wish);
  const known = source.checksum?.type === "FULL_OBJECT" && source.checksum.algorithm === algorithm;
  const plainTag = !source.eTag.includes("-");
  if (plainTag && (known || algorithm === undefined)) return { eTag: source.eTag, checksum: source.checksum };
  const md5 = createHash("md5");
  const checksum = algorithm === undefined ? undefined : createRunningHash(algorithm);
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    md5.update(chunk);
    checksum?.update(chunk);
  }
  return {
    eTag: md5.digest("hex"),
    checksum:
      algorithm === undefined || !checksum
        ? undefined
        : { algorithm, value: await checksum.digest(), type: "FULL_OBJECT" },
  };
}

function copiedDetails(bucket: Bucket, source: ReadableObject, input: CopyObjectCommandInput): ObjectDetails {
  const given = detailsOf(bucket, input);
  const replace = directive(input.MetadataDirective, "metadata");
  const { headers, metadata } = replace ? given : source.details;
  return {
    headers: {
      ...headers,
      // Not part of what is copied: it is the request's or none.
      WebsiteRedirectLocation: given.headers.WebsiteRedirectLocation,
    },
    metadata,
    tags: tagsOfCopy(source, input),
    encryption: encryptionOf(bucket, input),
    storageClass: given.storageClass,
  };
}

function tagsOfCopy(source: ReadableObject, input: CopyObjectCommandInput): Tag[] {
  return directive(input.TaggingDirective, "tagging") ? parseTagging(input.Tagging) : source.details.tags;
}

function directive(value: string | undefined, what: string): boolean {
  if (value === undefined || value === "COPY") return false;
  if (value === "REPLACE") return true;
  throw new AwsError("InvalidArgument", `Unknown ${what} directive.`, { status: 400 });
}
