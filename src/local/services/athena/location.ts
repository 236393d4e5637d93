import { QueryFailure } from "./errors.ts";

export interface S3Location {
  readonly bucket: string;
  /** Empty, or ends with `/`. */
  readonly prefix: string;
}

/** `s3://bucket/some/folder` as a bucket and a folder's prefix. */
export function parseLocation(location: string): S3Location {
  const match = /^s3[an]?:\/\/(?<bucket>[^/]+)(?:\/(?<key>.*))?$/u.exec(location);
  const { bucket, key = "" } = match?.groups ?? {};
  if (bucket === undefined) throw new QueryFailure(`HIVE_INVALID_METADATA: '${location}' is not an S3 location`, 1109);
  return { bucket, prefix: key === "" || key.endsWith("/") ? key : `${key}/` };
}
