import type { LifecycleRule } from "@aws-sdk/client-s3";
import type { Timer } from "../../clock.ts";
import type { CallContext } from "../../service.ts";
import type { Bucket } from "./bucket-table.ts";
import { deleteObject } from "./commits.ts";
import { chosenBy, prefixOf } from "./lifecycle-rules.ts";
import { behindPrefix, atKey } from "./listing.ts";
import { abortUpload } from "./multipart-operations.ts";
import { bucketArn, type S3Parts } from "./s3-parts.ts";
import type { ObjectVersion } from "./version-table.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Does once a day what the buckets' lifecycle rules say about expiry. Transitions between storage classes have no
 * meaning here. https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
 */
export class Lifecycle {
  readonly #s3: S3Parts;
  #timer: Timer | undefined;

  constructor(s3: S3Parts) {
    this.#s3 = s3;
  }

  start(): void {
    const { clock } = this.#s3.deps;
    this.#timer = clock.timer(
      nextMidnight(clock.now()) - clock.now(),
      () => {
        this.run();
        this.start();
      },
      { background: true },
    );
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Applies every rule as of now. */
  run(): void {
    for (const bucket of this.#s3.store.buckets.all()) {
      for (const rule of bucket.settings.lifecycle ?? []) {
        if (rule.Status === "Enabled") this.#apply(bucket, rule);
      }
    }
  }

  #apply(bucket: Bucket, rule: LifecycleRule): void {
    const { store } = this.#s3;
    const from = atKey(prefixOf(rule));
    const to = behindPrefix(prefixOf(rule));
    // Read whole before anything is deleted: the statement must not run while its rows go.
    const versions = [...store.versions.history(bucket.id, from, to)];
    const byKey = Map.groupBy(versions, (version) => version.key);
    for (const versionsOfKey of byKey.values()) this.#expire(bucket, rule, versionsOfKey);

    const days = rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation;
    if (days === undefined) return;
    const due = [...store.uploads.list(bucket.id, from, to)].filter((upload) => this.#isDue(upload.initiated, days));
    for (const upload of due) abortUpload(this.#s3, upload);
  }

  /** `versions` are those of one key, newest first. */
  #expire(bucket: Bucket, rule: LifecycleRule, versions: ObjectVersion[]): void {
    const [newest] = versions;
    if (!newest) return;
    const noncurrent = rule.NoncurrentVersionExpiration;
    if (noncurrent?.NoncurrentDays !== undefined) {
      const kept = noncurrent.NewerNoncurrentVersions ?? 0;
      for (const version of versions.slice(1 + kept)) {
        const superseded = version.superseded ?? version.modified;
        if (chosenBy(rule.Filter, version) && this.#isDue(superseded, noncurrent.NoncurrentDays)) {
          this.#delete(bucket, version);
        }
      }
    }
    const { Days: days, Date: date, ExpiredObjectDeleteMarker: lonelyMarkers } = rule.Expiration ?? {};
    if (newest.marker) {
      const alone = this.#s3.store.versions.ofKey(bucket.id, newest.key).length === 1;
      if (alone && (lonelyMarkers === true || (days !== undefined && this.#isDue(newest.modified, days)))) {
        this.#delete(bucket, newest);
      }
      return;
    }
    const due =
      (days !== undefined && this.#isDue(newest.modified, days)) ||
      (date !== undefined && this.#s3.deps.clock.now() >= new Date(date).getTime());
    if (due && chosenBy(rule.Filter, newest)) {
      deleteObject(
        this.#s3,
        bucket,
        { key: newest.key },
        { conditions: {}, context: this.#context(bucket), lifecycle: true },
      );
    }
  }

  #delete(bucket: Bucket, version: ObjectVersion): void {
    const target = { key: version.key, versionId: version.versionId };
    deleteObject(this.#s3, bucket, target, { conditions: {}, context: this.#context(bucket), lifecycle: true });
  }

  /** S3 counts whole days and rounds up to the next midnight UTC. */
  #isDue(since: number, days: number): boolean {
    return this.#s3.deps.clock.now() >= nextMidnight(since + days * DAY_MS);
  }

  #context(bucket: Bucket): CallContext {
    return {
      requestId: this.#s3.deps.ids.upper(16),
      principal: { kind: "service", service: "s3.amazonaws.com", sourceArn: bucketArn(bucket.name) },
    };
  }
}

function nextMidnight(time: number): number {
  return (Math.floor(time / DAY_MS) + 1) * DAY_MS;
}
