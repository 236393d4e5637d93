import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { sdkBody } from "../../wire/sdk-body.ts";
import type {
  GetObjectAttributesCommandInput,
  GetObjectAttributesCommandOutput,
  GetObjectCommandInput,
  HeadObjectCommandInput,
  HeadObjectCommandOutput,
} from "@aws-sdk/client-s3";
import { AwsError, type CallContext } from "../../service.ts";
import { checksumMembers } from "./checksums.ts";
import { checkRead } from "./conditions.ts";
import { damaged, invalidArgument, invalidRequest } from "./errors.ts";
import { findObject, useObject, type ObjectAddress, type ReadableObject } from "./find-object.ts";
import type { OperationFactory, Output } from "./operation.ts";
import { resolveRange, type ByteRange } from "./ranges.ts";
import { openRange } from "./receive-body.ts";
import { quoted, wholeSeconds, type S3Parts } from "./s3-parts.ts";

const READ_MEMBERS = [
  "Key",
  "VersionId",
  "Range",
  "PartNumber",
  "IfMatch",
  "IfNoneMatch",
  "IfModifiedSince",
  "IfUnmodifiedSince",
  "ResponseCacheControl",
  "ResponseContentDisposition",
  "ResponseContentEncoding",
  "ResponseContentLanguage",
  "ResponseContentType",
  "ResponseExpires",
  "ChecksumMode",
] as const satisfies readonly (keyof GetObjectCommandInput)[];

/** Bodies up to here are read at once: cheaper than a stream, and most objects are small. */
const SMALL = 128 * 1024;

export function createReadOperations(s3: S3Parts, operation: OperationFactory) {
  return {
    GetObject: operation("GetObject", READ_MEMBERS, async (input: GetObjectCommandInput, context: CallContext) => {
      return useObject(s3, addressOf(input), context.principal, async (object) => {
        const { range, output } = describe(object, input);
        const body = await openBody(object, range ?? { start: 0, end: object.size - 1 });
        return { ...output, Body: sdkBody(body) };
      });
    }),

    HeadObject: operation("HeadObject", READ_MEMBERS, async (input: HeadObjectCommandInput, context: CallContext) => {
      try {
        return describe(await findObject(s3, addressOf(input), context.principal), input).output;
      } catch (error) {
        // An answer to HEAD has no body, so clients know only the status and call it NotFound.
        if (error instanceof AwsError && error.code === "NoSuchKey") {
          throw new AwsError("NotFound", "Not Found", { status: 404, fields: error.fields });
        }
        throw error;
      }
    }),

    GetObjectAttributes: operation(
      "GetObjectAttributes",
      ["Key", "VersionId", "ObjectAttributes", "MaxParts", "PartNumberMarker"],
      (input: GetObjectAttributesCommandInput, context: CallContext) => attributes(s3, input, context),
    ),
  };
}

function addressOf(input: { Bucket?: string; Key?: string; VersionId?: string }): ObjectAddress {
  return { bucket: input.Bucket ?? "", key: input.Key ?? "", versionId: input.VersionId };
}

/** What GET and HEAD say of an object, and the part of it that is asked for. */
function describe(
  object: ReadableObject,
  input: GetObjectCommandInput,
): { range: ByteRange | undefined; output: Output<HeadObjectCommandOutput> } {
  checkRead(input, object);
  if (input.Range !== undefined && input.PartNumber !== undefined) {
    throw invalidRequest("Cannot specify both Range header and partNumber query parameter.");
  }
  const range =
    input.PartNumber === undefined ? resolveRange(input.Range, object.size) : partRange(object, input.PartNumber);
  const { headers, metadata, encryption, tags, storageClass, parts } = object.details;
  const output: Output<HeadObjectCommandOutput> = {
    AcceptRanges: "bytes",
    LastModified: wholeSeconds(object.modified),
    ETag: quoted(object.eTag),
    ContentLength: range ? range.end - range.start + 1 : object.size,
    VersionId: object.versionId,
    ContentType: input.ResponseContentType ?? headers.ContentType ?? "binary/octet-stream",
    CacheControl: input.ResponseCacheControl ?? headers.CacheControl,
    ContentDisposition: input.ResponseContentDisposition ?? headers.ContentDisposition,
    ContentEncoding: input.ResponseContentEncoding ?? headers.ContentEncoding,
    ContentLanguage: input.ResponseContentLanguage ?? headers.ContentLanguage,
    Expires: input.ResponseExpires ?? (headers.expires === undefined ? undefined : new Date(headers.expires)),
    WebsiteRedirectLocation: headers.WebsiteRedirectLocation,
    Metadata: metadata,
    ...encryption,
    StorageClass: storageClass === "STANDARD" ? undefined : storageClass,
    TagCount: tags.length > 0 ? tags.length : undefined,
    // A checksum of the whole says nothing about a part, and clients would verify the part by it.
    ...(input.ChecksumMode === "ENABLED" && !range && checksumMembers(object.checksum)),
    ...(input.PartNumber !== undefined && { PartsCount: parts?.length }),
    ...(range && { $status: 206, ContentRange: `bytes ${range.start}-${range.end}/${object.size}` }),
  };
  return { range, output };
}

/** The bytes of one part of a multipart object; an object of one piece has a part 1, all of it. */
function partRange(object: ReadableObject, partNumber: number): ByteRange | undefined {
  const { parts } = object.details;
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > 10_000) {
    throw invalidArgument(
      "Part number must be an integer between 1 and 10000, inclusive",
      "partNumber",
      `${partNumber}`,
    );
  }
  if (!parts && partNumber === 1) return object.size === 0 ? undefined : { start: 0, end: object.size - 1 };
  let start = 0;
  for (const [index, part] of (parts ?? []).entries()) {
    // Counted in order of the parts, whatever numbers they were uploaded under.
    if (index + 1 === partNumber) return { start, end: start + part.size - 1 };
    start += part.size;
  }
  throw new AwsError("InvalidPartNumber", "The requested partnumber is not satisfiable", { status: 416 });
}

async function openBody(object: ReadableObject, { start, end }: ByteRange): Promise<Readable> {
  if (object.size <= SMALL) {
    const bytes = readFileSync(object.file);
    if (bytes.length !== object.size) {
      throw damaged(`${object.file} should hold ${object.size} bytes and holds ${bytes.length}`);
    }
    return Readable.from([bytes.subarray(start, end + 1)], { objectMode: false });
  }
  // Opened now: once the answer has begun, the version may be deleted and this reader still gets all of it.
  return openRange(object.file, { start, end }, object.size);
}

async function attributes(
  s3: S3Parts,
  input: GetObjectAttributesCommandInput,
  context: CallContext,
): Promise<Output<GetObjectAttributesCommandOutput>> {
  const object = await findObject(s3, addressOf(input), context.principal);
  const wanted = new Set<string>(input.ObjectAttributes ?? []);
  const { checksum, details } = object;
  const parts = details.parts ?? [];
  const after = Number(input.PartNumberMarker ?? 0);
  const limit = input.MaxParts ?? 1000;
  const page = parts.filter((part) => part.number > after).slice(0, limit);
  const last = page.at(-1)?.number;
  const truncated = last !== undefined && last < (parts.at(-1)?.number ?? 0);
  return {
    LastModified: wholeSeconds(object.modified),
    VersionId: object.versionId,
    ...(wanted.has("ETag") && { ETag: object.eTag }),
    ...(wanted.has("Checksum") && checksum && { Checksum: checksumMembers(checksum) }),
    ...(wanted.has("ObjectSize") && { ObjectSize: object.size }),
    ...(wanted.has("StorageClass") && { StorageClass: details.storageClass ?? "STANDARD" }),
    ...(wanted.has("ObjectParts") &&
      parts.length > 0 && {
        ObjectParts: {
          TotalPartsCount: parts.length,
          // S3 lists parts one by one only where they have checksums of their own.
          ...(parts[0]?.checksum !== undefined &&
            checksum && {
              PartNumberMarker: String(after),
              ...(truncated && { NextPartNumberMarker: String(last) }),
              MaxParts: limit,
              IsTruncated: truncated,
              Parts: page.map((part) => ({
                PartNumber: part.number,
                Size: part.size,
                [`Checksum${checksum.algorithm}`]: part.checksum,
              })),
            }),
        },
      }),
  };
}
