import { noSuchKey, notImplemented, notModified, preconditionFailed } from "./errors.ts";
import type { ObjectVersion } from "./version-table.ts";

export interface ReadConditions {
  IfMatch?: string;
  IfNoneMatch?: string;
  IfModifiedSince?: Date;
  IfUnmodifiedSince?: Date;
}

/** What conditions look at. `eTag` is without quotes, `modified` in milliseconds. */
export interface Condition {
  readonly eTag: string;
  readonly modified: number;
}

/**
 * Throws PreconditionFailed (412) or NotModified (304) unless a GET or HEAD may be answered. ETags go before dates:
 * a matching If-Match wins over a failing If-Unmodified-Since, a differing If-None-Match over If-Modified-Since.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
export function checkRead(conditions: ReadConditions, object: Condition): void {
  const failed = failedCondition(conditions, object);
  if (failed === undefined) return;
  throw failed === "If-None-Match" || failed === "If-Modified-Since" ? notModified() : preconditionFailed(failed);
}

/** The same for the source of a copy, where everything that fails is a 412. */
export function checkCopySource(conditions: ReadConditions, source: Condition): void {
  const failed = failedCondition(conditions, source);
  if (failed !== undefined) throw preconditionFailed(`x-amz-copy-source-${failed}`);
}

function failedCondition(conditions: ReadConditions, object: Condition): string | undefined {
  const seconds = (date: Date | number) => Math.floor(Number(date) / 1000);
  if (conditions.IfMatch !== undefined) {
    if (!matches(conditions.IfMatch, object.eTag)) return "If-Match";
  } else if (
    conditions.IfUnmodifiedSince !== undefined &&
    seconds(object.modified) > seconds(conditions.IfUnmodifiedSince)
  ) {
    return "If-Unmodified-Since";
  }
  if (conditions.IfNoneMatch !== undefined) {
    if (matches(conditions.IfNoneMatch, object.eTag)) return "If-None-Match";
  } else if (
    conditions.IfModifiedSince !== undefined &&
    seconds(object.modified) <= seconds(conditions.IfModifiedSince)
  ) {
    return "If-Modified-Since";
  }
  return undefined;
}

export interface WriteConditions {
  IfMatch?: string;
  IfNoneMatch?: string;
}

/**
 * Throws unless a write or delete may happen, given the key's newest version (or delete marker, which counts as no
 * object). Must be asked in the transaction that writes: only then of concurrent writers exactly one wins.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function checkWrite(conditions: WriteConditions, key: string, newest: ObjectVersion | undefined): void {
  const current = newest?.marker === true ? undefined : newest;
  if (conditions.IfNoneMatch !== undefined) {
    if (conditions.IfNoneMatch !== "*") {
      // S3 itself answers 501 here: writes know If-None-Match only as "must not exist".
      throw notImplemented("If-None-Match with an ETag on a write", "only * is accepted, as on AWS");
    }
    if (current) throw preconditionFailed("If-None-Match");
  }
  if (conditions.IfMatch !== undefined) {
    if (!current) throw noSuchKey(key);
    if (!matches(conditions.IfMatch, current.eTag)) throw preconditionFailed("If-Match");
  }
}

/** `*`, or a list of ETags with or without quotes. */
function matches(header: string, eTag: string): boolean {
  return header.split(",").some((candidate) => {
    const trimmed = candidate.trim().replace(/^W\//, "");
    return trimmed === "*" || trimmed.replace(/^"(.*)"$/, "$1") === eTag;
  });
}
