import { invalidArgument } from "./errors.ts";
import type { ObjectAddress } from "./find-object.ts";

/** Reads `bucket/key`, `/bucket/key` and `bucket/key?versionId=…`, percent-encoded as in the header x-amz-copy-source. */
export function parseCopySource(source: string | undefined): ObjectAddress {
  const [path, query] = split(source ?? "", "?versionId=");
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    throw invalidArgument("Invalid copy source encoding.", "x-amz-copy-source", source);
  }
  const [bucket, key] = split(decoded.replace(/^\//, ""), "/");
  if (bucket === "" || key === undefined || key === "") {
    throw invalidArgument("Invalid copy source object key", "x-amz-copy-source", source);
  }
  return query === undefined ? { bucket, key } : { bucket, key, versionId: query };
}

/** At the first separator; the second piece is undefined when there is none. */
function split(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
