import { mapConcurrently, REQUESTS_AT_A_TIME } from "./concurrency.ts";
import { type ManifestFile, type ObjectDocument, objectDocument } from "./documents.ts";
import { ledgerKeys, parsePendingKey, pendingId } from "./keys.ts";
import type { Ledger } from "./ledger.ts";

/** How much one run may take. */
export interface RunLimits {
  readonly maxFiles: number;
  readonly maxBytes: number;
}

/** Whether anything is written in the dataset's pendings; some of it may be out of date. */
export async function somethingWaits(ledger: Ledger, dataset: string): Promise<boolean> {
  for await (const _ of ledger.store.list(ledgerKeys.pendingPrefix(dataset), { pageSize: 1 })) return true;
  return false;
}

/**
 * What the next run loads: the oldest pendings up to the limits, one version per key, and only what `objects` still
 * calls newest and pending. To be called by whoever has read the dataset's head, after reading it.
 *
 * Pendings that are out of date are deleted on the way (a late duplicate of an event can write one again after its
 * commit). That is safe at any time: an id has the try in it, which only grows, so an id never becomes valid again.
 */
export async function chooseFiles(ledger: Ledger, dataset: string, limits: RunLimits): Promise<ManifestFile[]> {
  const waiting = await oldestFirst(ledger, dataset);
  const files: ManifestFile[] = [];
  const outdated: string[] = [];
  let bytes = 0;
  let full = false;
  for (let start = 0; start < waiting.length && !full; start += REQUESTS_AT_A_TIME) {
    const candidates = waiting.slice(start, start + REQUESTS_AT_A_TIME);
    const objects = await mapConcurrently(candidates, REQUESTS_AT_A_TIME, (candidate) =>
      ledger.store.get(ledgerKeys.objectOfHash(dataset, candidate.keyHash), objectDocument),
    );
    for (const [index, candidate] of candidates.entries()) {
      const object = objects[index]?.value;
      if (!object || !isValid(object, candidate.id)) {
        outdated.push(candidate.key);
        continue;
      }
      if (
        full ||
        files.length >= limits.maxFiles ||
        (files.length > 0 && bytes + object.newest.size > limits.maxBytes)
      ) {
        full = true;
        continue;
      }
      bytes += object.newest.size;
      files.push(manifestFile(object, candidate.id));
    }
  }
  await ledger.store.deleteAll(outdated);
  return files;
}

function isValid(object: ObjectDocument, id: string): boolean {
  const { newest } = object;
  return newest.state === "pending" && pendingId(object.key, newest.version, newest.try) === id;
}

function manifestFile(object: ObjectDocument, pending: string): ManifestFile {
  const { version, try: tryNumber, size, eTag, receivedAt } = object.newest;
  return {
    key: object.key,
    version,
    try: tryNumber,
    size,
    eTag,
    receivedAt,
    pending,
    replaces: object.loaded?.outputs ?? [],
  };
}

interface Waiting {
  readonly key: string;
  readonly id: string;
  readonly keyHash: string;
  readonly since: number;
}

/** By the time they were written (S3 keeps whole seconds), then by name. */
async function oldestFirst(ledger: Ledger, dataset: string): Promise<Waiting[]> {
  const waiting: Waiting[] = [];
  for await (const { key, lastModified } of ledger.store.list(ledgerKeys.pendingPrefix(dataset))) {
    waiting.push({ key, ...parsePendingKey(key), since: lastModified.getTime() });
  }
  return waiting.sort((a, b) => a.since - b.since || (a.id < b.id ? -1 : 1));
}
