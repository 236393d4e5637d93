import { setTimeout as sleep } from "node:timers/promises";
import { HeadObjectCommand } from "@aws-sdk/client-s3";
import { ignoredDocument, objectDocument, publishedLine } from "../ledger/documents.ts";
import { readDecision } from "../ledger/decision.ts";
import { ledgerKeys } from "../ledger/keys.ts";
import { type Ledger, createLedger } from "../ledger/ledger.ts";
import type { Target } from "./target.ts";

/** One dropped file, as the ledger knows it. */
export interface FileOutcome {
  readonly key: string;
  readonly version: string;
  readonly dataset: string | null;
  /** `waiting`: no event has been written down yet; `ignored`: no dataset takes it; the others as in the ledger. */
  readonly state: "waiting" | "pending" | "committed" | "rejected" | "failed" | "superseded" | "ignored";
  readonly rowsIn: number | null;
  readonly rowsOut: number | null;
  readonly rowsRejected: number | null;
  readonly error: string | null;
  readonly run: string | null;
  readonly receivedAt: string | null;
  readonly queryableAt: string | null;
}

export interface DroppedFile {
  readonly key: string;
  readonly version: string;
  readonly dataset: string | null;
}

/** The ledger of the target's pipeline, read through its S3 client. */
export function ledgerOf(target: Target): Ledger {
  const { sourceBucket, targetBucket } = target.stack;
  return createLedger({ client: target.s3, sourceBucket, targetBucket });
}

/** True when nothing more will happen to the file by itself: it can be queried, or it will never be. */
export function isSettled(outcome: FileOutcome): boolean {
  switch (outcome.state) {
    case "waiting":
    case "pending":
      return false;
    case "committed":
      // A file without a row to show has nothing to wait for.
      return outcome.queryableAt !== null || outcome.rowsOut === 0;
    default:
      return true;
  }
}

const POLL_MS = { local: 40, aws: 2000 };
const AT_ONCE = 16;

/**
 * Follows the files until each is settled, or until the signal says that waiting is in vain; `changed` is called with
 * every file whose state moved.
 */
export async function followFiles(
  target: Target,
  files: readonly DroppedFile[],
  changed: (outcome: FileOutcome) => void,
  signal?: AbortSignal,
): Promise<FileOutcome[]> {
  const ledger = ledgerOf(target);
  const outcomes = new Map<DroppedFile, FileOutcome>();
  const cache = new RunCache(ledger);
  for (;;) {
    const open = files.filter((file) => {
      const known = outcomes.get(file);
      return !known || !isSettled(known);
    });
    for (let start = 0; start < open.length; start += AT_ONCE) {
      await Promise.all(
        open.slice(start, start + AT_ONCE).map(async (file) => {
          const before = outcomes.get(file);
          const now = await outcomeOf(target, ledger, cache, file);
          outcomes.set(file, now);
          if (before?.state !== now.state || before.queryableAt !== now.queryableAt) changed(now);
        }),
      );
    }
    const all = files.map((file) => outcomes.get(file)).filter((outcome) => outcome !== undefined);
    if (all.every(isSettled) || signal?.aborted) return all;
    cache.forgetUnpublished();
    await sleep(POLL_MS[target.kind]);
  }
}

/** Asked of S3, which orders the versions: the ledger may not have heard of the file's version yet. */
async function isCurrent(target: Target, { key, version }: DroppedFile): Promise<boolean> {
  const head = await target.s3.send(new HeadObjectCommand({ Bucket: target.stack.sourceBucket, Key: key }));
  return head.VersionId === version;
}

async function outcomeOf(target: Target, ledger: Ledger, cache: RunCache, file: DroppedFile): Promise<FileOutcome> {
  const { key, version, dataset } = file;
  const base: FileOutcome = {
    key,
    version,
    dataset,
    state: "waiting",
    rowsIn: null,
    rowsOut: null,
    rowsRejected: null,
    error: null,
    run: null,
    receivedAt: null,
    queryableAt: null,
  };
  if (dataset === null) {
    const ignored = await ledger.store.get(ledgerKeys.ignored(key, version), ignoredDocument);
    return ignored
      ? { ...base, state: "ignored", error: ignored.value.reason, receivedAt: ignored.value.receivedAt }
      : base;
  }
  const object = await ledger.store.get(ledgerKeys.object(dataset, key), objectDocument);
  if (!object) return base;
  const { newest } = object.value;
  if (newest.version !== version) return (await isCurrent(target, file)) ? base : { ...base, state: "superseded" };
  const received = { ...base, receivedAt: newest.receivedAt };
  if (newest.state === "pending" || newest.run === undefined) return { ...received, state: "pending" };
  const run = await cache.run(dataset, newest.run);
  const line = run?.lines.find((one) => one.key === key && one.version === version);
  return {
    ...received,
    state: newest.state,
    rowsIn: line?.rows_in ?? null,
    rowsOut: line?.rows_out ?? null,
    rowsRejected: line?.rows_rejected ?? null,
    error: line?.error_message ?? newest.error ?? null,
    run: newest.run,
    queryableAt: newest.state === "committed" ? (run?.queryableAt ?? null) : null,
  };
}

interface Run {
  readonly lines: readonly {
    key: string;
    version: string;
    rows_in: number;
    rows_out: number;
    rows_rejected: number;
    error_message: string | null;
  }[];
  readonly queryableAt: string | null;
}

/** A run has one decision for all of its files: it is read once. */
class RunCache {
  readonly #ledger: Ledger;
  readonly #runs = new Map<string, Promise<Run | undefined>>();
  readonly #unpublished = new Set<string>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  run(dataset: string, run: string): Promise<Run | undefined> {
    const id = `${dataset}/${run}`;
    let known = this.#runs.get(id);
    if (!known) this.#runs.set(id, (known = this.#read(dataset, run, id)));
    return known;
  }

  forgetUnpublished(): void {
    for (const id of this.#unpublished) this.#runs.delete(id);
    this.#unpublished.clear();
  }

  async #read(dataset: string, run: string, id: string): Promise<Run | undefined> {
    const decision = await readDecision(this.#ledger, dataset, run);
    if (decision?.kind !== "publish" && decision?.kind !== "give-up") return undefined;
    const published = await this.#ledger.store.getLines(
      ledgerKeys.published(dataset, decision.day, run),
      publishedLine,
    );
    if (!published) this.#unpublished.add(id);
    return { lines: decision.lines, queryableAt: published?.[0]?.queryable_at ?? null };
  }
}
