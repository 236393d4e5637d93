import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { CompleteMultipartUploadCommandInput, CompletedPart } from "@aws-sdk/client-s3";
import { AwsError, type CallContext } from "../../service.ts";
import type { Bucket } from "./bucket-table.ts";
import { createRunningHash, supportedAlgorithm, type StoredChecksum, type SupportedAlgorithm } from "./checksums.ts";
import { commitObject } from "./commits.ts";
import { checkWrite } from "./conditions.ts";
import { badDigest, invalidRequest, malformedXml, noSuchUpload } from "./errors.ts";
import { pathOf, removeFile } from "./object-files.ts";
import { cloneFile } from "./clone-file.ts";
import type { S3Parts } from "./s3-parts.ts";
import type { Upload, UploadedPart } from "./upload-table.ts";
import type { ObjectVersion } from "./version-table.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html: all parts but the last. */
const MIN_PART_BYTES = 5 * 1024 ** 2;

/**
 * Makes one object of an upload's parts. Until the commit the upload stays as it was, so a completion that fails or is
 * interrupted can be asked for again; of two at once, one wins and the other finds no upload.
 */
export async function completeUpload(
  s3: S3Parts,
  bucket: Bucket,
  upload: Upload,
  input: CompleteMultipartUploadCommandInput,
  context: CallContext,
): Promise<ObjectVersion> {
  const parts = chooseParts(s3.store.uploads.parts(upload.uploadId), input.MultipartUpload?.Parts ?? [], upload);
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  if (input.MpuObjectSize !== undefined && input.MpuObjectSize !== size) {
    throw invalidRequest(
      `The provided 'x-amz-mp-object-size' header value ${input.MpuObjectSize} does not match what was computed: ${size}`,
    );
  }
  checkWrite(input, upload.key, s3.store.versions.latest(bucket.id, upload.key));

  const id = s3.store.next();
  const file = s3.files.temporary(id);
  let checksum: StoredChecksum | undefined;
  try {
    checksum = await assemble(s3, upload, parts, file);
    const given = checksum && input[`Checksum${checksum.algorithm}`];
    if (checksum && given !== undefined && given !== checksum.value) throw badDigest(checksum.algorithm);
  } catch (error) {
    removeFile(file);
    throw wasOvertaken(error) ? overtaken(s3, upload) : error;
  }
  const eTag = createHash("md5")
    .update(Buffer.concat(parts.map((part) => Buffer.from(part.md5, "hex"))))
    .digest("hex");
  let leftovers: UploadedPart[] = [];
  const version = commitObject(
    s3,
    bucket,
    {
      id,
      key: upload.key,
      path: pathOf(bucket.name, upload.key, id),
      size,
      eTag: `${eTag}-${parts.length}`,
      checksum,
      details: {
        ...upload.details,
        parts: parts.map((part) => ({
          number: part.number,
          size: part.size,
          ...(part.checksum !== undefined && checksum?.type === "COMPOSITE" && { checksum: part.checksum }),
        })),
      },
    },
    {
      conditions: input,
      event: "ObjectCreated:CompleteMultipartUpload",
      context,
      also() {
        if (!s3.store.uploads.find(upload.uploadId)) throw noSuchUpload(upload.uploadId);
        // Also parts that the request does not list, or that came while it was assembled.
        leftovers = s3.store.uploads.parts(upload.uploadId);
        s3.store.uploads.remove(upload.uploadId);
      },
    },
  );
  for (const part of leftovers) removeFile(s3.files.part(part.file));
  return version;
}

/** The uploaded parts that the request lists, in its order. Throws InvalidPart, InvalidPartOrder, EntityTooSmall. */
function chooseParts(
  uploaded: readonly UploadedPart[],
  listed: readonly CompletedPart[],
  upload: Upload,
): UploadedPart[] {
  if (listed.length === 0) throw malformedXml("CompleteMultipartUpload lists no part.");
  const byNumber = new Map(uploaded.map((part) => [part.number, part]));
  const parts: UploadedPart[] = [];
  for (const { PartNumber: number = 0, ETag: eTag = "", ...rest } of listed) {
    const part = byNumber.get(number);
    const checksum = upload.checksumAlgorithm && rest[`Checksum${upload.checksumAlgorithm}`];
    if (!part || eTag.replaceAll('"', "") !== part.md5 || (checksum !== undefined && checksum !== part.checksum)) {
      throw new AwsError(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        { status: 400, fields: { UploadId: upload.uploadId, PartNumber: number, ETag: eTag } },
      );
    }
    if (number <= (parts.at(-1)?.number ?? 0)) {
      throw new AwsError(
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        {
          status: 400,
          fields: { UploadId: upload.uploadId },
        },
      );
    }
    parts.push(part);
  }
  const small = parts.slice(0, -1).find((part) => part.size < MIN_PART_BYTES);
  if (small) {
    throw new AwsError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", {
      status: 400,
      fields: {
        ETag: small.md5,
        MinSizeAllowed: MIN_PART_BYTES,
        ProposedSize: small.size,
        PartNumber: small.number,
      },
    });
  }
  return parts;
}

/** A part's file is gone while it was read. */
function wasOvertaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

/** What happened to the upload meanwhile: completed or aborted by somebody else, or a part was uploaded again. */
function overtaken(s3: S3Parts, upload: Upload): AwsError {
  if (!s3.store.uploads.find(upload.uploadId)) return noSuchUpload(upload.uploadId);
  return new AwsError("InvalidPart", "A part was replaced while the upload was being completed.", { status: 400 });
}

/** Writes the parts one after the other into one file, as readers of the object will want it. */
async function assemble(
  s3: S3Parts,
  upload: Upload,
  parts: readonly UploadedPart[],
  file: string,
): Promise<StoredChecksum | undefined> {
  const algorithm = upload.checksumAlgorithm === undefined ? undefined : supportedAlgorithm(upload.checksumAlgorithm);
  const [only] = parts;
  if (parts.length === 1 && only) {
    // The one part's bytes are the object's.
    await cloneFile({ file: s3.files.part(only.file), immutable: true }, file);
    if (!algorithm || only.checksum === undefined) return undefined;
    if (upload.checksumType === "FULL_OBJECT") return { algorithm, value: only.checksum, type: "FULL_OBJECT" };
    return compositeChecksum(algorithm, parts);
  }
  const whole = algorithm && upload.checksumType === "FULL_OBJECT" ? createRunningHash(algorithm) : undefined;
  const bytes = async function* () {
    for (const part of parts) {
      const stream = createReadStream(s3.files.part(part.file), { highWaterMark: 1024 * 1024 });
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        whole?.update(chunk);
        yield chunk;
      }
    }
  };
  await pipeline(bytes, createWriteStream(file, { flags: "wx", highWaterMark: 1024 * 1024 }));
  if (!algorithm) return undefined;
  if (whole) return { algorithm, value: await whole.digest(), type: "FULL_OBJECT" };
  return compositeChecksum(algorithm, parts);
}

/** A checksum of the parts' checksums. */
async function compositeChecksum(
  algorithm: SupportedAlgorithm,
  parts: readonly UploadedPart[],
): Promise<StoredChecksum> {
  const composite = createRunningHash(algorithm);
  for (const part of parts) composite.update(Buffer.from(part.checksum ?? "", "base64"));
  return { algorithm, value: `${await composite.digest()}-${parts.length}`, type: "COMPOSITE" };
}
