import type { PutObjectCommandInput } from "@aws-sdk/client-s3";
import { AwsError } from "../../service.ts";
import type { Bucket } from "./bucket-table.ts";
import { encryptionOf } from "./encryption.ts";
import { parseTagging } from "./tags.ts";
import type { ObjectDetails } from "./version-table.ts";

/** What a request may say about the object beside its bytes. */
export const DETAIL_MEMBERS = [
  "ContentType",
  "CacheControl",
  "ContentDisposition",
  "ContentEncoding",
  "ContentLanguage",
  "Expires",
  "WebsiteRedirectLocation",
  "Metadata",
  "Tagging",
  "StorageClass",
  "ServerSideEncryption",
  "SSEKMSKeyId",
  "BucketKeyEnabled",
] as const satisfies readonly (keyof PutObjectCommandInput)[];

type DetailInput = Partial<Pick<PutObjectCommandInput, (typeof DETAIL_MEMBERS)[number]>>;

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html */
const MAX_METADATA_BYTES = 2048;
const MAX_KEY_BYTES = 1024;

/** Throws MetadataTooLarge, InvalidTag. */
export function detailsOf(bucket: Bucket, input: DetailInput): ObjectDetails {
  const metadata = input.Metadata ?? {};
  const bytes = Object.entries(metadata).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (bytes > MAX_METADATA_BYTES) {
    throw new AwsError("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", {
      status: 400,
      fields: { Size: bytes, MaxSizeAllowed: MAX_METADATA_BYTES },
    });
  }
  return {
    headers: {
      ContentType: input.ContentType,
      CacheControl: input.CacheControl,
      ContentDisposition: input.ContentDisposition,
      ContentEncoding: withoutFraming(input.ContentEncoding),
      ContentLanguage: input.ContentLanguage,
      WebsiteRedirectLocation: input.WebsiteRedirectLocation,
      expires: input.Expires?.getTime(),
    },
    metadata,
    tags: parseTagging(input.Tagging),
    encryption: encryptionOf(bucket, input),
    ...(input.StorageClass !== undefined && { storageClass: input.StorageClass }),
  };
}

/** Throws KeyTooLongError. */
export function checkKey(key: string | undefined): string {
  if (key === undefined || key === "") {
    throw new AwsError("InvalidArgument", "The key must not be empty", { status: 400 });
  }
  const bytes = Buffer.byteLength(key);
  if (bytes > MAX_KEY_BYTES) {
    throw new AwsError("KeyTooLongError", "Your key is too long", {
      status: 400,
      fields: { Size: bytes, MaxSizeAllowed: MAX_KEY_BYTES },
    });
  }
  return key;
}

/** `aws-chunked` describes the transfer, not the object; S3 drops it. */
function withoutFraming(encoding: string | undefined): string | undefined {
  const rest = encoding
    ?.split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "aws-chunked" && name !== "");
  return rest?.length ? rest.join(",") : undefined;
}
