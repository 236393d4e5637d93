import type { Members, WireResponse } from "./message.ts";
import { escapeXml, XML_DECLARATION } from "./xml.ts";

/** Answers whose true form the SDK's schemas do not describe, each with its reason. */
export const quirks: Readonly<Record<string, (output: Members) => WireResponse>> = {
  // The location is the root element's text, not a child; the schema lost the trait that says so
  // (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html#API_GetBucketLocation_Examples).
  "S3.GetBucketLocation": (output) => ({
    status: 200,
    headers: { "content-type": "application/xml" },
    body: `${XML_DECLARATION}<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${escapeXml((output["LocationConstraint"] as string | undefined) ?? "")}</LocationConstraint>`,
  }),
};
