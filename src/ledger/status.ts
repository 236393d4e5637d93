import { ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import type { Plan } from "../plan/plan.ts";
import { datasetOf, isFolderMarker } from "../plan/route.ts";
import { mapConcurrently, REQUESTS_AT_A_TIME } from "./concurrency.ts";
import { type CommitLine, type ObjectState, commitLine, ignoredDocument, objectDocument } from "./documents.ts";
import { ledgerKeys, parsePendingKey, parsePendingId, pendingId } from "./keys.ts";
import { readHead } from "./lease.ts";
import type { Ledger } from "./ledger.ts";

/** An object of SourceBucket whose current version is not simply committed. */
export interface Exception {
  readonly key: string;
  readonly version: string;
  readonly dataset: string | null;
  readonly state: Exclude<ObjectState, "committed"> | "ignored";
  /** Why it is rejected, failed or ignored; null while it is pending. */
  readonly reason: string | null;
  /** The older version whose rows are served meanwhile. */
  readonly serves: string | null;
}

/** Every object of a dataset is in exactly one of `committed`, `rejected`, `failed` and `pending`. */
export interface DatasetAccount {
  objects: number;
  bytes: number;
  committed: number;
  rejected: number;
  failed: number;
  pending: number;
  /** Of those pending: S3 has them and no event about them has been written down yet. */
  unannounced: number;
  /** Counted apart: older versions of the objects, and keys that were deleted. */
  superseded: number;
  deleted: number;
  /** Rows of the current versions that are committed, and rows that these versions had rejected. */
  rows: number;
  rowsRejected: number;
  /** The run that has the lease. */
  active: string | null;
  /** Why the dataset is halted. */
  halted: string | null;
}

export interface Account {
  readonly datasets: Readonly<Record<string, DatasetAccount>>;
  /** Objects that no dataset takes, folder markers not counted. */
  readonly ignored: number;
  /** The first ones in the order of their keys; `exceptionsLeftOut` more are counted only. */
  readonly exceptions: readonly Exception[];
  readonly exceptionsLeftOut: number;
}

/**
 * Accounts for every object that SourceBucket has now. It reads listings and markers (one for each run, not one
 * document for each object); documents of single objects only where these do not explain a version.
 */
export async function accountFor(ledger: Ledger, plan: Plan, options: { exceptions?: number } = {}): Promise<Account> {
  const limit = options.exceptions ?? 100;
  const names = Object.keys(plan.datasets);
  const knowledge = new Map(await mapConcurrently(names, 4, async (name) => [name, await know(ledger, name)] as const));
  const datasets = Object.fromEntries(
    await mapConcurrently(names, 4, async (name) => [name, await emptyAccount(ledger, name)] as const),
  );
  const exceptions: Exception[] = [];
  let ignored = 0;
  let leftOut = 0;
  const except = (exception: Exception) => {
    if (exceptions.length < limit) exceptions.push(exception);
    else leftOut++;
  };

  for await (const page of sourceVersions(ledger)) {
    const accounts = await mapConcurrently(page, REQUESTS_AT_A_TIME, async (one) => {
      const dataset = datasetOf(plan, one.key);
      const known = dataset === undefined ? undefined : knowledge.get(dataset);
      const explained =
        dataset !== undefined && known && one.kind === "current" && !isFolderMarker(one.key, one.size)
          ? await explain(ledger, dataset, known, one)
          : undefined;
      return { one, dataset, explained };
    });
    for (const { one, dataset, explained } of accounts) {
      const account = dataset === undefined ? undefined : datasets[dataset];
      if (isFolderMarker(one.key, one.size)) continue;
      if (one.kind !== "current") {
        if (account) account[one.kind]++;
      } else if (!account || !explained || dataset === undefined) {
        ignored++;
        const reason = await ignoredReason(ledger, one);
        except({ key: one.key, version: one.version, dataset: null, state: "ignored", reason, serves: null });
      } else {
        account.objects++;
        account.bytes += one.size;
        account[explained.state]++;
        if (explained.unannounced) account.unannounced++;
        if (explained.state === "committed") account.rows += explained.line?.rows_out ?? 0;
        account.rowsRejected += explained.line?.rows_rejected ?? 0;
        if (explained.state !== "committed") {
          const { state, serves } = explained;
          const reason = state === "pending" ? null : (explained.line?.error_message ?? null);
          except({ key: one.key, version: one.version, dataset, state, reason, serves });
        }
      }
    }
  }
  return { datasets, ignored, exceptions, exceptionsLeftOut: leftOut };
}

interface Knowledge {
  /** By source key: the lines of every run, oldest first. */
  readonly lines: ReadonlyMap<string, readonly CommitLine[]>;
  /** By key hash and version hash: the highest try that waits. */
  readonly waiting: ReadonlyMap<string, number>;
}

async function know(ledger: Ledger, dataset: string): Promise<Knowledge> {
  // Pendings before markers: a version that is committed in between is seen twice, never not at all.
  const waiting = new Map<string, number>();
  for await (const { key } of ledger.store.list(ledgerKeys.pendingPrefix(dataset))) {
    const { version, tryNumber } = parsePendingId(parsePendingKey(key).id);
    waiting.set(version, Math.max(tryNumber, waiting.get(version) ?? 0));
  }
  const markers: string[] = [];
  for await (const { key } of ledger.store.list(ledgerKeys.commitsOf(dataset))) markers.push(key);
  const runs = await mapConcurrently(markers, REQUESTS_AT_A_TIME, (key) => ledger.store.getLines(key, commitLine));
  const lines = Map.groupBy(
    runs.flatMap((run) => run ?? []),
    (line) => line.key,
  );
  for (const ofKey of lines.values()) ofKey.sort((a, b) => a.try - b.try);
  return { lines, waiting };
}

interface Explained {
  readonly state: ObjectState;
  readonly unannounced: boolean;
  readonly line: CommitLine | undefined;
  readonly serves: string | null;
}

async function explain(
  ledger: Ledger,
  dataset: string,
  known: Knowledge,
  { key, version }: SourceVersion,
): Promise<Explained> {
  const lines = known.lines.get(key) ?? [];
  const line = lines.findLast((one) => one.version === version);
  const served = lines.findLast((one) => one.outcome === "committed");
  const serves = served ? served.version : null;
  const waits = known.waiting.get(parsePendingId(pendingId(key, version, 1)).version) ?? 0;
  if (waits > (line?.try ?? 0)) return { state: "pending", unannounced: false, line: undefined, serves };
  if (line) return { state: line.outcome, unannounced: false, line, serves };
  const object = await ledger.store.get(ledgerKeys.object(dataset, key), objectDocument);
  const newest = object?.value.newest;
  if (newest?.version === version) return { state: newest.state, unannounced: false, line: undefined, serves };
  return { state: "pending", unannounced: true, line: undefined, serves };
}

async function ignoredReason(ledger: Ledger, { key, version }: SourceVersion): Promise<string> {
  const document = await ledger.store.get(ledgerKeys.ignored(key, version), ignoredDocument);
  return document?.value.reason ?? "no dataset takes it";
}

async function emptyAccount(ledger: Ledger, dataset: string): Promise<DatasetAccount> {
  const head = (await readHead(ledger, dataset))?.value;
  return {
    objects: 0,
    bytes: 0,
    committed: 0,
    rejected: 0,
    failed: 0,
    pending: 0,
    unannounced: 0,
    superseded: 0,
    deleted: 0,
    rows: 0,
    rowsRejected: 0,
    active: head?.active?.run ?? null,
    halted: head?.halted?.reason ?? null,
  };
}

interface SourceVersion {
  readonly key: string;
  readonly version: string;
  readonly size: number;
  readonly kind: "current" | "superseded" | "deleted";
}

/** Every version of SourceBucket, page by page; a deleted key is its newest delete marker. */
async function* sourceVersions(ledger: Ledger): AsyncGenerator<SourceVersion[]> {
  let keyMarker: string | undefined;
  let versionMarker: string | undefined;
  do {
    const page = await ledger.store.client.send(
      new ListObjectVersionsCommand({
        Bucket: ledger.sourceBucket,
        KeyMarker: keyMarker,
        VersionIdMarker: versionMarker,
        // Keys may hold characters that XML cannot.
        EncodingType: "url",
      }),
    );
    const versions: SourceVersion[] = [];
    for (const { Key, VersionId, Size, IsLatest } of page.Versions ?? []) {
      const kind = IsLatest ? "current" : "superseded";
      versions.push({ key: decodeListed(Key), version: VersionId ?? "", size: Size ?? 0, kind });
    }
    for (const { Key, VersionId, IsLatest } of page.DeleteMarkers ?? []) {
      if (IsLatest) versions.push({ key: decodeListed(Key), version: VersionId ?? "", size: 0, kind: "deleted" });
    }
    yield versions;
    keyMarker = page.IsTruncated && page.NextKeyMarker !== undefined ? decodeListed(page.NextKeyMarker) : undefined;
    versionMarker = page.IsTruncated ? page.NextVersionIdMarker : undefined;
  } while (keyMarker !== undefined);
}

/** With EncodingType url, keys come form-encoded: a blank is `+`. */
function decodeListed(key = ""): string {
  return decodeURIComponent(key.replaceAll("+", " "));
}
