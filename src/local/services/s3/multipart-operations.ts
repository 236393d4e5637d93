import type {
  AbortMultipartUploadCommandInput,
  AbortMultipartUploadCommandOutput,
  CompleteMultipartUploadCommandInput,
  CompleteMultipartUploadCommandOutput,
  CreateMultipartUploadCommandInput,
  CreateMultipartUploadCommandOutput,
  UploadPartCommandInput,
  UploadPartCommandOutput,
  UploadPartCopyCommandInput,
  UploadPartCopyCommandOutput,
} from "@aws-sdk/client-s3";
import type { CallContext } from "../../service.ts";
import type { Bucket } from "./bucket-table.ts";
import {
  CHECKSUM_MEMBERS,
  checksumMembers,
  requestedChecksum,
  supportedAlgorithm,
  verifyDigests,
  type SupportedAlgorithm,
} from "./checksums.ts";
import { checkCopySource } from "./conditions.ts";
import { parseCopySource } from "./copy-source.ts";
import { invalidArgument, invalidRequest, noSuchUpload } from "./errors.ts";
import { useObject } from "./find-object.ts";
import { completeUpload } from "./multipart-completion.ts";
import { checkKey, DETAIL_MEMBERS, detailsOf } from "./object-details.ts";
import { removeFile } from "./object-files.ts";
import type { OperationFactory, Output } from "./operation.ts";
import { mayRead, mayTag } from "./permissions.ts";
import { resolveCopyRange } from "./ranges.ts";
import { openRange, receiveBody, type Body, type Received } from "./receive-body.ts";
import { quoted, wholeSeconds, type S3Parts } from "./s3-parts.ts";
import type { Upload, UploadedPart } from "./upload-table.ts";
import { copySourceConditions, newVersionId } from "./write-operations.ts";

const MAX_PART_NUMBER = 10_000;

export function createMultipartOperations(s3: S3Parts, operation: OperationFactory) {
  return {
    CreateMultipartUpload: operation(
      "CreateMultipartUpload",
      ["Key", "ChecksumType", ...DETAIL_MEMBERS],
      async (
        input: CreateMultipartUploadCommandInput,
        context: CallContext,
      ): Promise<Output<CreateMultipartUploadCommandOutput>> => {
        const bucket = s3.store.buckets.get(input.Bucket ?? "");
        if (input.Tagging) await mayTag(s3, context.principal, { bucket: bucket.name, key: input.Key ?? "" });
        const upload = newUpload(s3, bucket, input);
        s3.store.transaction(() => s3.store.uploads.insert(upload));
        return {
          Bucket: bucket.name,
          Key: upload.key,
          UploadId: upload.uploadId,
          ...(upload.checksumAlgorithm && {
            ChecksumAlgorithm: upload.checksumAlgorithm,
            ChecksumType: upload.checksumType,
          }),
          ...upload.details.encryption,
        };
      },
    ),

    UploadPart: operation(
      "UploadPart",
      ["Key", "UploadId", "PartNumber", "Body", "ContentLength", ...CHECKSUM_MEMBERS],
      async (input: UploadPartCommandInput): Promise<Output<UploadPartCommandOutput>> => {
        const upload = findUpload(s3, input);
        const number = checkPartNumber(input.PartNumber);
        const expected = requestedChecksum(input);
        const algorithm = partAlgorithm(upload, expected?.algorithm);
        const part = await storePart(s3, upload, number, input.Body as Body, algorithm, (received) =>
          verifyDigests({ md5: input.ContentMD5, checksum: expected }, received),
        );
        return {
          ETag: quoted(part.md5),
          ...(algorithm && { [`Checksum${algorithm}`]: part.checksum }),
          ...upload.details.encryption,
        };
      },
    ),

    UploadPartCopy: operation(
      "UploadPartCopy",
      [
        "Key",
        "UploadId",
        "PartNumber",
        "CopySource",
        "CopySourceRange",
        "CopySourceIfMatch",
        "CopySourceIfNoneMatch",
        "CopySourceIfModifiedSince",
        "CopySourceIfUnmodifiedSince",
      ],
      async (input: UploadPartCopyCommandInput, context: CallContext): Promise<Output<UploadPartCopyCommandOutput>> => {
        const upload = findUpload(s3, input);
        const number = checkPartNumber(input.PartNumber);
        const address = parseCopySource(input.CopySource);
        await mayRead(s3, context.principal, address);
        const algorithm = partAlgorithm(upload, undefined);
        const { part, source } = await useObject(s3, address, context.principal, async (object) => {
          checkCopySource(copySourceConditions(input), object);
          const range = resolveCopyRange(input.CopySourceRange, object.size);
          const body = await openRange(object.file, range ?? { start: 0, end: object.size - 1 });
          return { part: await storePart(s3, upload, number, body, algorithm), source: object };
        });
        return {
          CopySourceVersionId: source.versionId,
          CopyPartResult: {
            ETag: quoted(part.md5),
            LastModified: wholeSeconds(part.modified),
            ...(algorithm && { [`Checksum${algorithm}`]: part.checksum }),
          },
          ...upload.details.encryption,
        };
      },
    ),

    CompleteMultipartUpload: operation(
      "CompleteMultipartUpload",
      [
        "Key",
        "UploadId",
        "MultipartUpload",
        "IfMatch",
        "IfNoneMatch",
        "ChecksumType",
        "MpuObjectSize",
        ...CHECKSUM_MEMBERS,
      ],
      async (
        input: CompleteMultipartUploadCommandInput,
        context: CallContext,
      ): Promise<Output<CompleteMultipartUploadCommandOutput>> => {
        const bucket = s3.store.buckets.get(input.Bucket ?? "");
        const upload = findUpload(s3, input);
        if (input.IfMatch !== undefined) await mayRead(s3, context.principal, { bucket: bucket.name, key: upload.key });
        const version = await completeUpload(s3, bucket, upload, input, context);
        const path = version.key.split("/").map(encodeURIComponent).join("/");
        return {
          Location: `${s3.deps.environment.endpoint()}/${bucket.name}/${path}`,
          Bucket: bucket.name,
          Key: version.key,
          ETag: quoted(version.eTag),
          ...checksumMembers(version.checksum),
          VersionId: newVersionId(bucket, version),
          ...version.details.encryption,
        };
      },
    ),

    AbortMultipartUpload: operation(
      "AbortMultipartUpload",
      ["Key", "UploadId"],
      (input: AbortMultipartUploadCommandInput): Output<AbortMultipartUploadCommandOutput> => {
        abortUpload(s3, findUpload(s3, input));
        return {};
      },
    ),
  };
}

/** Throws NoSuchBucket, NoSuchUpload. */
export function findUpload(s3: S3Parts, input: { Bucket?: string; Key?: string; UploadId?: string }): Upload {
  const bucket = s3.store.buckets.get(input.Bucket ?? "");
  const upload = s3.store.uploads.find(input.UploadId ?? "");
  if (!upload || upload.bucketId !== bucket.id || upload.key !== input.Key) throw noSuchUpload(input.UploadId ?? "");
  return upload;
}

/** Forgets an upload and its parts. */
export function abortUpload(s3: S3Parts, upload: Upload): void {
  const parts = s3.store.uploads.parts(upload.uploadId);
  s3.store.transaction(() => s3.store.uploads.remove(upload.uploadId));
  // A crash before this leaves files without a part, which the next start removes.
  for (const part of parts) removeFile(s3.files.part(part.file));
}

function newUpload(s3: S3Parts, bucket: Bucket, input: CreateMultipartUploadCommandInput): Upload {
  const algorithm = input.ChecksumAlgorithm === undefined ? undefined : supportedAlgorithm(input.ChecksumAlgorithm);
  return {
    uploadId: s3.deps.ids.upper(64),
    bucketId: bucket.id,
    key: checkKey(input.Key),
    initiated: s3.deps.clock.now(),
    checksumAlgorithm: algorithm,
    checksumType: algorithm && checksumType(algorithm, input.ChecksumType),
    details: detailsOf(bucket, input),
  };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html#full-object-checksums */
function checksumType(algorithm: SupportedAlgorithm, wish: string | undefined): "COMPOSITE" | "FULL_OBJECT" {
  const linear = algorithm === "CRC32" || algorithm === "CRC32C" || algorithm === "CRC64NVME";
  const type = wish ?? (algorithm === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE");
  const possible = type === "FULL_OBJECT" ? linear : type === "COMPOSITE" && algorithm !== "CRC64NVME";
  if (!possible) {
    throw invalidRequest(
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    );
  }
  return type === "FULL_OBJECT" ? "FULL_OBJECT" : "COMPOSITE";
}

function partAlgorithm(upload: Upload, given: SupportedAlgorithm | undefined): SupportedAlgorithm | undefined {
  const agreed = upload.checksumAlgorithm === undefined ? undefined : supportedAlgorithm(upload.checksumAlgorithm);
  if (given !== undefined && agreed !== undefined && given !== agreed) {
    throw invalidRequest(
      `Checksum Type mismatch occurred, expected checksum Type: ${agreed.toLowerCase()}, actual checksum Type: ${given.toLowerCase()}`,
    );
  }
  return given ?? agreed;
}

async function storePart(
  s3: S3Parts,
  upload: Upload,
  number: number,
  body: Body,
  algorithm: SupportedAlgorithm | undefined,
  verify: (received: Received) => void = () => undefined,
): Promise<UploadedPart> {
  const file = s3.store.next();
  const received = await receiveBody(body, s3.files.part(file), algorithm);
  const { uploads } = s3.store;
  try {
    verify(received);
    // Somebody may have completed or aborted it while the bytes came.
    if (!uploads.find(upload.uploadId)) throw noSuchUpload(upload.uploadId);
    const part: UploadedPart = {
      number,
      file,
      size: received.size,
      md5: received.md5,
      modified: s3.deps.clock.now(),
      checksum: received.checksum,
    };
    const replaced = uploads.part(upload.uploadId, number);
    s3.store.transaction(() => uploads.putPart(upload.uploadId, part));
    if (replaced) removeFile(s3.files.part(replaced.file));
    return part;
  } catch (error) {
    removeFile(s3.files.part(file));
    throw error;
  }
}

function checkPartNumber(number: number | undefined): number {
  if (number === undefined || !Number.isInteger(number) || number < 1 || number > MAX_PART_NUMBER) {
    throw invalidArgument(
      `Part number must be an integer between 1 and ${MAX_PART_NUMBER}, inclusive`,
      "partNumber",
      String(number),
    );
  }
  return number;
}
