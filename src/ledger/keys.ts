import { createHash } from "node:crypto";

/** Where everything lies in TargetBucket. The Glue script has the same names in Python; a test compares them. */

/** Hash of a source key: file names of the ledger must not depend on what users put into keys. */
export function keyHash(key: string): string {
  return createHash("sha256").update(key, "utf8").digest("hex").slice(0, 32);
}

export const ledgerKeys = {
  object: (dataset: string, key: string) => `ledger/objects/${dataset}/${keyHash(key)}.json`,
  /** The same from the hash, which the names of pendings begin with. */
  objectOfHash: (dataset: string, hash: string) => `ledger/objects/${dataset}/${hash}.json`,
  objectsPrefix: (dataset: string) => `ledger/objects/${dataset}/`,
  pending: (dataset: string, id: string) => `ledger/pending/${dataset}/${id}.json`,
  pendingPrefix: (dataset: string) => `ledger/pending/${dataset}/`,
  head: (dataset: string) => `ledger/heads/${dataset}.json`,
  manifest: (dataset: string, run: string) => `ledger/runs/${dataset}/${run}/manifest.json`,
  attempt: (dataset: string, run: string, attempt: number) => `ledger/runs/${dataset}/${run}/attempts/${attempt}.json`,
  runPrefix: (dataset: string, run: string) => `ledger/runs/${dataset}/${run}/`,
  decision: (dataset: string, run: string) => `ledger/runs/${dataset}/${run}/decision.json`,
  /** `day` is the UTC day of the decision, `YYYY-MM-DD`, so that whoever applies it writes the same key. */
  marker: (dataset: string, day: string, run: string) => `ledger/commits/${dataset}/day=${day}/${run}.jsonl`,
  commitsPrefix: "ledger/commits/",
  commitsOf: (dataset: string) => `ledger/commits/${dataset}/`,
  published: (dataset: string, day: string, run: string) => `ledger/published/${dataset}/day=${day}/${run}.jsonl`,
  crawl: (dataset: string) => `ledger/crawls/${dataset}.json`,
  plan: (hash: string) => `ledger/plans/${hash}.json`,
  /** What EtlFunction was told about and no dataset takes, one document per key and version. */
  ignored: (key: string, version: string) => `ledger/ignored/${keyHash(key)}-${keyHash(version)}.json`,
  ignoredPrefix: "ledger/ignored/",
  /** The dataset is part of it: run ids are numbered per dataset, so two datasets have a run of the same name. */
  staging: (dataset: string, run: string, jobRunId: string) => `staging/${dataset}/${run}/${jobRunId}/`,
  stagingPrefix: (dataset: string, run: string) => `staging/${dataset}/${run}/`,
  data: (dataset: string) => `data/${dataset}/`,
  /** `partition` is `a=1/b=2/` or empty; `index` numbers the files of the run. */
  dataFile: (dataset: string, partition: string, run: string, index: number) =>
    `data/${dataset}/${partition}${run}-${String(index).padStart(5, "0")}.parquet`,
  rejectsFile: (dataset: string, day: string, run: string) => `rejects/${dataset}/day=${day}/${run}.parquet`,
} as const;

/**
 * Id of a pending document: key hash, version, try.
 * Versions are hashed too: they are S3's opaque text (up to 1,024 characters).
 */
export function pendingId(key: string, version: string, tryNumber: number): string {
  return `${keyHash(key)}-${keyHash(version)}-${String(tryNumber).padStart(4, "0")}`;
}

/** The id of a pending document, and the hash of its source key, from its name. */
export function parsePendingKey(key: string): { id: string; keyHash: string } {
  const id = key.slice(key.lastIndexOf("/") + 1).replace(/\.json$/, "");
  return { id, keyHash: id.split("-", 1)[0] ?? "" };
}

/** Which version of which key a pending's id is about (as hashes), and its try. */
export function parsePendingId(id: string): { version: string; tryNumber: number } {
  const dash = id.lastIndexOf("-");
  return { version: id.slice(0, dash), tryNumber: Number(id.slice(dash + 1)) };
}

/** The number of an attempt from its document's key; undefined for any other key. */
export function parseAttemptKey(key: string): number | undefined {
  const [, number] = /\/attempts\/(\d+)\.json$/.exec(key) ?? [];
  return number === undefined ? undefined : Number(number);
}

/** Run ids sort by time: a zero-padded number from the head; children of a split run are `<run>.1` and `<run>.2`. */
export function runId(number: number): string {
  return String(number).padStart(6, "0");
}

/** The run that holds the lease: itself, or the one that `run` was split from. */
export function rootRun(run: string): string {
  return run.split(".", 1)[0] ?? run;
}

/** Orders run ids by age; right also when the number outgrows its padding. */
export function compareRuns(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** The halves of a split run. */
export function childRuns(run: string): [string, string] {
  return [`${run}.1`, `${run}.2`];
}

/** Reads a marker's key back; undefined for any other key. */
export function parseMarkerKey(key: string): { dataset: string; day: string; run: string } | undefined {
  const match = /^ledger\/commits\/([^/]+)\/day=(\d{4}-\d{2}-\d{2})\/(\d{6,}(?:\.[12])*)\.jsonl$/.exec(key);
  const [, dataset, day, run] = match ?? [];
  return dataset && day && run ? { dataset, day, run } : undefined;
}
