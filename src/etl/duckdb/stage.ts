import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import type { ManifestDocument } from "../../ledger/documents.ts";
import { mapConcurrently } from "../../ledger/concurrency.ts";
import { ledgerKeys } from "../../ledger/keys.ts";
import type { Staged } from "../../ledger/publish.ts";
import type { Database } from "./database.ts";
import type { Execution } from "./execute.ts";
import type { ObjectPaths } from "./object-paths.ts";
import { copyWithoutSources } from "./outputs.ts";

/** What identifies this attempt of a run. */
export interface Attempt {
  readonly dataset: string;
  readonly run: string;
  readonly attempt: number;
  readonly jobRunId: string;
}

export interface StageDeps {
  readonly client: S3Client;
  readonly targetBucket: string;
  readonly paths: ObjectPaths;
  readonly database: Database;
  readonly directory: string;
  readonly now: () => Date;
}

const UPLOADS_AT_A_TIME = 8;

/** Larger files are uploaded in parts, so that a lost connection costs one part. */
const WHOLE_BYTES = 64 * 1024 * 1024;

/** CopyObject, which publishes a staged file, takes no larger one. */
const COPY_BYTES = 5 * 1024 ** 3;

/**
 * Uploads everything that an execution has written into the attempt's own staging, together with the files under data/
 * that lose the rows of older versions. Nothing is visible before the ledger publishes what this returns.
 */
export async function stage(
  deps: StageDeps,
  attempt: Attempt,
  manifest: ManifestDocument,
  execution: Execution,
): Promise<Staged> {
  const { dataset, run, jobRunId } = attempt;
  const prefix = ledgerKeys.staging(dataset, run, jobRunId);
  const uploads: { path: string; staged: string }[] = [];
  const additions: { key: string; staged: string }[] = [];
  const add = (file: string, name: string, key: string) => {
    const staged = `${prefix}${name}.parquet`;
    uploads.push({ path: file, staged });
    additions.push({ key, staged });
  };

  const keys = execution.outputs.map((output, index) => ledgerKeys.dataFile(dataset, output.partition, run, index));
  execution.outputs.forEach((output, index) => add(output.path, `data-${index}`, keys[index] ?? ""));
  if (execution.rejects) {
    const day = deps.now().toISOString().slice(0, 10);
    add(execution.rejects.path, "rejects", ledgerKeys.rejectsFile(dataset, day, run));
  }
  const replacements = await rewriteOld(deps, prefix, manifest, execution, uploads);
  await mapConcurrently(uploads, UPLOADS_AT_A_TIME, ({ path, staged }) => upload(deps, path, staged));

  const outputsOf = manifest.files.map((): string[] => []);
  execution.outputs.forEach((output, index) => {
    for (const file of output.rows.keys()) outputsOf[file]?.push(keys[index] ?? "");
  });
  const lines = manifest.files.map((file, index) => {
    const result = execution.files[index];
    if (!result) throw new Error(`${file.key} has no result`);
    return {
      dataset,
      key: file.key,
      version: file.version,
      try: file.try,
      outcome: result.outcome,
      run,
      attempt: attempt.attempt,
      job_run_id: jobRunId,
      plan: manifest.plan,
      bytes: file.size,
      rows_in: result.rowsIn,
      rows_out: result.rowsOut,
      rows_rejected: result.rowsRejected,
      received_at: file.receivedAt,
      claimed_at: manifest.claimedAt,
      error_reason: result.error?.reason ?? null,
      error_message: result.error?.message ?? null,
      outputs: outputsOf[index] ?? [],
    };
  });
  return { attempt: attempt.attempt, jobRunId, replacements, additions, lines };
}

/**
 * Writes the files under data/ that hold rows of versions which this run replaces, without those rows. A file that
 * loses its last row is written all the same: publishing never deletes.
 */
async function rewriteOld(
  deps: StageDeps,
  prefix: string,
  manifest: ManifestDocument,
  execution: Execution,
  uploads: { path: string; staged: string }[],
): Promise<{ key: string; ifMatch: string; staged: string }[]> {
  const sources = new Map<string, string[]>();
  manifest.files.forEach((file, index) => {
    // The old rows of a file whose new version is rejected stay.
    if (execution.files[index]?.outcome !== "committed") return;
    for (const key of file.replaces) sources.set(key, [...(sources.get(key) ?? []), file.key]);
  });
  const keys = [...sources.keys()];
  const found = await deps.paths.find(
    deps.targetBucket,
    keys.map((key) => ({ key })),
  );
  const replacements: { key: string; ifMatch: string; staged: string }[] = [];
  for (const [index, key] of keys.entries()) {
    const old = found[index];
    // A file that had lost all its rows has been swept.
    if (!old) continue;
    const target = path.join(deps.directory, `replacement-${index}.parquet`);
    await copyWithoutSources(deps.database, old.path, sources.get(key) ?? [], target);
    const staged = `${prefix}replacement-${index}.parquet`;
    uploads.push({ path: target, staged });
    replacements.push({ key, ifMatch: old.eTag, staged });
  }
  return replacements;
}

async function upload({ client, targetBucket: Bucket }: StageDeps, file: string, Key: string): Promise<void> {
  const { size } = await stat(file);
  if (size >= COPY_BYTES) {
    throw new Error(`a file of ${size} bytes was written, and S3 copies up to 5 GiB: set a smaller maxBytes`);
  }
  const object = { Bucket, Key, ContentType: "application/vnd.apache.parquet" };
  if (size > WHOLE_BYTES) {
    const params = { ...object, Body: createReadStream(file) };
    await new Upload({ client, params, partSize: WHOLE_BYTES / 4, queueSize: 4 }).done();
    return;
  }
  await client.send(new PutObjectCommand({ ...object, Body: createReadStream(file), ContentLength: size }));
}
