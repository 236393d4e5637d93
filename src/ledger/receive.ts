import { HeadObjectCommand } from "@aws-sdk/client-s3";
import { type ObjectDocument, type ObjectState, objectDocument, pendingDocument } from "./documents.ts";
import { LedgerError } from "./document-store.ts";
import { ledgerKeys, pendingId } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { unlessMissing } from "./s3-answers.ts";

/** An object version that an event announced. */
export interface Announced {
  readonly dataset: string;
  readonly key: string;
  readonly version: string;
}

/**
 * What became of an announcement.
 * `pending`: it is the newest version and waits for a run. `known`: it was written down before, with this state.
 * `superseded`: it is not the current version of its key any more. `deleted`: the key has no current version.
 */
export type Receipt =
  | { readonly kind: "pending"; readonly size: number }
  | { readonly kind: "known"; readonly state: ObjectState }
  | { readonly kind: "superseded" }
  | { readonly kind: "deleted" };

/**
 * Writes down one announced version. The order of versions comes from S3 and not from events: `objects` is read first
 * and S3 is asked afterwards which version is current, so that a write based on an old answer meets a changed document.
 * Done again it changes nothing; done at once by two, one looks again.
 */
export async function receive(ledger: Ledger, announced: Announced): Promise<Receipt> {
  const { dataset, key, version } = announced;
  const documentKey = ledgerKeys.object(dataset, key);
  for (;;) {
    const known = await ledger.store.get(documentKey, objectDocument);
    if (known && known.value.key !== key) {
      throw new LedgerError(`${documentKey} is about ${JSON.stringify(known.value.key)}, not ${JSON.stringify(key)}`);
    }
    if (known?.value.newest.version === version) {
      const { state, size } = known.value.newest;
      if (state !== "pending") return { kind: "known", state };
      await ensurePending(ledger, dataset, known.value);
      return { kind: "pending", size };
    }
    const current = await currentVersion(ledger, key);
    if (!current) return { kind: "deleted" };
    if (current.version !== version) return { kind: "superseded" };
    const next: ObjectDocument = {
      key,
      newest: {
        ...current,
        receivedAt: ledger.now().toISOString(),
        state: "pending",
        try: (known?.value.newest.try ?? 0) + 1,
      },
      loaded: known?.value.loaded,
    };
    const written = known
      ? await ledger.store.replace(documentKey, objectDocument, next, known.eTag)
      : await ledger.store.create(documentKey, objectDocument, next);
    if (!written) continue;
    await ensurePending(ledger, dataset, next);
    return { kind: "pending", size: current.size };
  }
}

/** Makes sure that what `object` calls pending is found by the next claim. Only ever after `object` was written. */
export async function ensurePending(ledger: Ledger, dataset: string, object: ObjectDocument): Promise<void> {
  const { version, try: tryNumber, size, eTag, receivedAt } = object.newest;
  await ledger.store.create(ledgerKeys.pending(dataset, pendingId(object.key, version, tryNumber)), pendingDocument, {
    key: object.key,
    version,
    try: tryNumber,
    size,
    eTag,
    receivedAt,
  });
}

interface CurrentVersion {
  readonly version: string;
  readonly eTag: string;
  readonly size: number;
  readonly lastModified: string;
}

async function currentVersion(ledger: Ledger, key: string): Promise<CurrentVersion | undefined> {
  const head = await unlessMissing(() =>
    ledger.store.client.send(new HeadObjectCommand({ Bucket: ledger.sourceBucket, Key: key })),
  );
  if (!head) return undefined;
  const { VersionId, ETag, ContentLength, LastModified } = head;
  if (VersionId === undefined) {
    throw new LedgerError(`the bucket ${ledger.sourceBucket} is not versioned: turn versioning on`);
  }
  if (ETag === undefined || ContentLength === undefined || LastModified === undefined) {
    throw new LedgerError(`${key}: S3 answered HEAD without ETag, length or time`);
  }
  return {
    version: VersionId,
    eTag: ETag.replaceAll('"', ""),
    size: ContentLength,
    lastModified: LastModified.toISOString(),
  };
}
