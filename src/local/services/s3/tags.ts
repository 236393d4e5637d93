import type { Tag } from "@aws-sdk/client-s3";
import { AwsError } from "../../service.ts";
import { invalidArgument } from "./errors.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html */
const MAX_OBJECT_TAGS = 10;
const MAX_BUCKET_TAGS = 50;

/** Reads the header x-amz-tagging: `a=1&b=2`, form-encoded. */
export function parseTagging(header: string | undefined): Tag[] {
  if (header === undefined || header === "") return [];
  try {
    return checkTags(
      header.split("&").map((pair) => {
        const [name = "", ...value] = pair.split("=").map((text) => decodeURIComponent(text.replaceAll("+", " ")));
        return { Key: name, Value: value.join("=") };
      }),
      "object",
    );
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw invalidArgument(
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
      "x-amz-tagging",
      header,
    );
  }
}

/** Throws InvalidTag, or BadRequest when there are too many. */
export function checkTags(tags: Tag[], of: "object" | "bucket"): Tag[] {
  const limit = of === "object" ? MAX_OBJECT_TAGS : MAX_BUCKET_TAGS;
  if (tags.length > limit) {
    throw new AwsError("BadRequest", `${of === "object" ? "Object" : "Bucket"} tags cannot be greater than ${limit}`, {
      status: 400,
    });
  }
  const seen = new Set<string>();
  for (const { Key = "", Value = "" } of tags) {
    if (seen.has(Key)) throw invalidTag("Cannot provide multiple Tags with the same key", Key, Value);
    if (Key === "" || Key.length > 128) throw invalidTag("The TagKey you have provided is invalid", Key, Value);
    if (Value.length > 256) throw invalidTag("The TagValue you have provided is invalid", Key, Value);
    seen.add(Key);
  }
  return tags;
}

function invalidTag(message: string, key: string, value: string): AwsError {
  return new AwsError("InvalidTag", message, { status: 400, fields: { TagKey: key, TagValue: value } });
}
