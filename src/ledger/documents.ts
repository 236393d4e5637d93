import { z } from "zod";
import { FILE_REASONS, RECORD_REASONS } from "../plan/reject-reasons.ts";

/**
 * The ledger's documents, one schema each. All are JSON objects in TargetBucket, written only with conditional
 * writes; times are ISO 8601 in UTC. Whoever compares a document by ETag relies on this: no document may return to
 * an earlier content.
 */

const time = z.iso.datetime();
const run = z.string().regex(/^\d{6,}(\.[12])*$/);
const reason = z.enum([
  ...(Object.keys(RECORD_REASONS) as [keyof typeof RECORD_REASONS]),
  ...(Object.keys(FILE_REASONS) as [keyof typeof FILE_REASONS]),
]);

/** What is known of one version of one key. `superseded` and `deleted` are counted apart by `status`. */
export const objectState = z.enum(["pending", "committed", "rejected", "failed"]);

/** `ledger/objects/<dataset>/<hash>.json`: per source key, its newest version and the one whose rows are in data/. */
export const objectDocument = z.strictObject({
  key: z.string(),
  newest: z.strictObject({
    version: z.string(),
    eTag: z.string(),
    size: z.number(),
    lastModified: time,
    receivedAt: time,
    state: objectState,
    /** Grows by one each time `newest` becomes pending; never goes back. */
    try: z.number().int().positive(),
    /** The run that gave the present state, unless pending. */
    run: run.optional(),
    error: z.string().optional(),
  }),
  loaded: z
    .strictObject({
      version: z.string(),
      run,
      /** Keys under data/ that held this version's rows when it was committed. */
      outputs: z.array(z.string()),
    })
    .optional(),
});

/** `ledger/pending/<dataset>/<id>.json`: a version waiting for a run. Deleted when its run is settled. */
export const pendingDocument = z.strictObject({
  key: z.string(),
  version: z.string(),
  try: z.number().int().positive(),
  size: z.number(),
  eTag: z.string(),
  receivedAt: time,
});

/** `ledger/heads/<dataset>.json`: the lease. `nextRun` only grows, so that no content ever returns. */
export const headDocument = z.strictObject({
  nextRun: z.number().int().positive(),
  active: z.strictObject({ run, claimedAt: time }).nullable(),
  halted: z.strictObject({ since: time, reason: z.string(), run }).nullable(),
});

const manifestFile = z.strictObject({
  key: z.string(),
  version: z.string(),
  try: z.number().int().positive(),
  size: z.number(),
  eTag: z.string(),
  receivedAt: time,
  /** The pending document this came from. */
  pending: z.string(),
  /** Outputs of the version that was loaded before, whose rows of this key must go when this one commits. */
  replaces: z.array(z.string()),
});

/** `ledger/runs/<dataset>/<run>/manifest.json`: immutable. An empty `files` releases its lease at once. */
export const manifestDocument = z.strictObject({
  dataset: z.string(),
  run,
  claimedAt: time,
  /** SHA-256 of the plan's bytes; the plan is at `ledger/plans/<hash>.json`. */
  plan: z.string(),
  sourceBucket: z.string(),
  files: z.array(manifestFile),
});

/** `…/attempts/<n>.json`: written before StartJobRun without `jobRunId`, then told it. */
export const attemptDocument = z.strictObject({
  attempt: z.number().int().positive(),
  jobName: z.string(),
  createdAt: time,
  jobRunId: z.string().optional(),
});

/**
 * One line of a marker: the outcome of one object version. Flat and without nesting but `outputs`, because the view
 * `loads` reads it in Athena.
 */
export const commitLine = z.strictObject({
  dataset: z.string(),
  key: z.string(),
  version: z.string(),
  try: z.number().int().positive(),
  outcome: z.enum(["committed", "rejected", "failed"]),
  run,
  attempt: z.number().int().nonnegative(),
  job_run_id: z.string(),
  plan: z.string(),
  bytes: z.number(),
  rows_in: z.number(),
  rows_out: z.number(),
  rows_rejected: z.number(),
  received_at: time,
  claimed_at: time,
  decided_at: time,
  /** First error: a reason of reject-reasons.ts (or `failed`), and the sentence for a person. Null when there is none. */
  error_reason: z.union([reason, z.literal("failed")]).nullable(),
  error_message: z.string().nullable(),
  /** Keys under data/ that hold rows of this version. */
  outputs: z.array(z.string()),
});

/** `…/decision.json`: written once, by whoever comes first. */
export const decisionDocument = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("publish"),
    attempt: z.number().int().positive(),
    jobRunId: z.string(),
    decidedAt: time,
    /** UTC day of the marker, `YYYY-MM-DD`. */
    day: z.iso.date(),
    /** Applied first. `staged` is a key under staging/; `ifMatch` the ETag that `key` had when it was read. */
    replacements: z.array(z.strictObject({ key: z.string(), ifMatch: z.string(), staged: z.string() })),
    /** Applied second, each with If-None-Match: *. Data files and the run's rejects file. */
    additions: z.array(z.strictObject({ key: z.string(), staged: z.string() })),
    lines: z.array(commitLine),
  }),
  z.strictObject({ kind: z.literal("split"), decidedAt: time, children: z.tuple([run, run]) }),
  z.strictObject({
    kind: z.literal("give-up"),
    decidedAt: time,
    day: z.iso.date(),
    reason: z.string(),
    lines: z.array(commitLine),
  }),
  z.strictObject({ kind: z.literal("put-back"), decidedAt: time, reason: z.string() }),
]);

/** One line of `ledger/published/…`: when the rows of a run could be queried. */
export const publishedLine = z.strictObject({ dataset: z.string(), run, queryable_at: time });

/**
 * `ledger/crawls/<dataset>.json`: the pending-crawl bit, and what makes clearing it safe.
 * The bit is set while `waiting` has runs. Before a crawl is started, `mark` notes the newest of them and which crawl
 * was the crawler's last: any other crawl that has ended started later, so it saw their rows.
 */
export const crawlDocument = z.strictObject({
  /** The newest run whose rows a successful crawl has seen, and when that crawl was seen to have ended. */
  crawled: z.strictObject({ run, at: time }).nullable(),
  /** Runs whose rows cannot be queried, or whose columns are not known, until a crawl has succeeded. */
  waiting: z.array(z.strictObject({ run, day: z.iso.date() })),
  /** `after` is the start time of the crawler's last crawl when the mark was made, null when it had none. */
  mark: z.strictObject({ run, after: time.nullable() }).nullable(),
});

/** `ledger/ignored/…`: an object that no dataset takes, and why. */
export const ignoredDocument = z.strictObject({
  key: z.string(),
  version: z.string(),
  receivedAt: time,
  reason: z.string(),
});

export type ObjectDocument = z.output<typeof objectDocument>;
export type ObjectState = z.output<typeof objectState>;
export type HeadDocument = z.output<typeof headDocument>;
export type ManifestDocument = z.output<typeof manifestDocument>;
export type ManifestFile = z.output<typeof manifestFile>;
export type AttemptDocument = z.output<typeof attemptDocument>;
export type CommitLine = z.output<typeof commitLine>;
export type DecisionDocument = z.output<typeof decisionDocument>;
export type CrawlDocument = z.output<typeof crawlDocument>;
