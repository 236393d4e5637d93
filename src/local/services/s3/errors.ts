import { AwsError } from "../../service.ts";

/**
 * The errors of S3 with its codes and texts.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
export function noSuchBucket(bucket: string): AwsError {
  return new AwsError("NoSuchBucket", "The specified bucket does not exist", {
    status: 404,
    fields: { BucketName: bucket },
  });
}

/** With the delete marker, when one hides the key. */
export function noSuchKey(key: string, marker?: { versionId: string }): AwsError {
  return new AwsError("NoSuchKey", "The specified key does not exist.", {
    status: 404,
    fields: { Key: key, ...(marker && markerHeaders(marker)) },
  });
}

export function noSuchVersion(key: string, versionId: string): AwsError {
  return new AwsError("NoSuchVersion", "The specified version does not exist.", {
    status: 404,
    fields: { Key: key, VersionId: versionId },
  });
}

export function noSuchUpload(uploadId: string): AwsError {
  return new AwsError(
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    { status: 404, fields: { UploadId: uploadId } },
  );
}

/** The named version is a delete marker. */
export function isDeleteMarker(marker: { versionId: string; modified: number }): AwsError {
  const headers = { ...markerHeaders(marker).$headers, "last-modified": new Date(marker.modified).toUTCString() };
  return new AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", {
    status: 405,
    fields: { ResourceType: "DeleteMarker", $headers: headers },
  });
}

function markerHeaders(marker: { versionId: string }) {
  return { $headers: { "x-amz-delete-marker": "true", "x-amz-version-id": marker.versionId } };
}

export function preconditionFailed(condition: string): AwsError {
  return new AwsError("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
    status: 412,
    fields: { Condition: condition },
  });
}

export function notModified(): AwsError {
  return new AwsError("NotModified", "Not Modified", { status: 304 });
}

export function invalidArgument(message: string, name?: string, value?: string): AwsError {
  return new AwsError("InvalidArgument", message, {
    status: 400,
    fields: { ...(name !== undefined && { ArgumentName: name, ArgumentValue: value ?? "" }) },
  });
}

export function invalidRequest(message: string): AwsError {
  return new AwsError("InvalidRequest", message, { status: 400 });
}

export function malformedXml(detail: string): AwsError {
  return new AwsError(
    "MalformedXML",
    `The XML you provided was not well-formed or did not validate against our published schema: ${detail}`,
    { status: 400 },
  );
}

export function badDigest(algorithm: string): AwsError {
  const message =
    algorithm === "MD5"
      ? "The Content-MD5 you specified did not match what we received."
      : `The ${algorithm} you specified did not match the calculated checksum.`;
  return new AwsError("BadDigest", message, { status: 400 });
}

export function accessDenied(message = "Access Denied"): AwsError {
  return new AwsError("AccessDenied", message, { status: 403 });
}

/** What AWS has and this S3 does not: refused by name, with what to do. */
export function notImplemented(what: string, advice: string): AwsError {
  return new AwsError("NotImplemented", `${what} is not implemented by the local S3: ${advice}`, { status: 501 });
}

/** A bucket has no configuration of a kind. */
export function noSuchConfiguration(code: string, message: string, bucket: string): AwsError {
  return new AwsError(code, message, { status: 404, fields: { BucketName: bucket } });
}

/** Somebody but this runtime changed the state directory, or the machine lost power. */
export function damaged(what: string): AwsError {
  return new AwsError("InternalError", `The state directory is damaged: ${what}.`, { status: 500 });
}
