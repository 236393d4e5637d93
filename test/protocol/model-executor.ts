import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import type { CommitLine, ManifestDocument, ManifestFile } from "../../src/ledger/documents.ts";
import { ledgerKeys } from "../../src/ledger/keys.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { type Publication, type Staged, openRun, publish } from "../../src/ledger/publish.ts";
import { unlessMissing } from "../../src/ledger/s3-answers.ts";

/** A row of the model: where it came from, and one value. Data files are JSON lists of rows. */
export interface Row {
  readonly source: string;
  readonly version: string;
  readonly value: number;
}

/** What a source file says: rows with the partition each goes to, or `bad`. */
export type SourceContent = { readonly rows: readonly (readonly [string, number])[] } | { readonly bad: true };

/** The smallest executor that keeps the protocol: the real ones differ in what they do between `openRun` and `publish`. */
export async function executeRun(
  ledger: Ledger,
  job: { dataset: string; run: string; attempt: number; jobRunId: string },
): Promise<Publication> {
  const opened = await openRun(ledger, job.dataset, job.run);
  if (opened.outcome !== "open") return opened;
  const { manifest } = opened;
  const staging = ledgerKeys.staging(job.dataset, job.run, job.jobRunId);
  const { client, bucket } = ledger.store;
  const put = async (name: string, content: string): Promise<string> => {
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${staging}${name}`, Body: content }));
    return `${staging}${name}`;
  };

  const read = [];
  for (const [index, file] of manifest.files.entries()) {
    read.push({ file, content: await readVersion(client, bucket, `${staging}source-${index}`, manifest, file) });
  }

  const byPartition = new Map<string, Row[]>();
  for (const { file, content } of read) {
    if (!content || "bad" in content) continue;
    for (const [partition, value] of content.rows) {
      const rows = byPartition.get(partition) ?? [];
      rows.push({ source: file.key, version: file.version, value });
      byPartition.set(partition, rows);
    }
  }
  const additions: Staged["additions"] = [];
  const outputsOf = new Map<string, string[]>();
  for (const { partition, rows } of files(byPartition, job.attempt)) {
    const key = ledgerKeys.dataFile(job.dataset, `p=${partition}/`, job.run, additions.length);
    additions.push({ key, staged: await put(`data-${additions.length}`, JSON.stringify(rows)) });
    for (const source of new Set(rows.map((row) => row.source))) {
      outputsOf.set(source, [...(outputsOf.get(source) ?? []), key]);
    }
  }

  const replacements = await replaceOldRows(client, bucket, read, put);
  const lines = read.map(({ file, content }) => line(manifest, job, file, content, outputsOf.get(file.key) ?? []));
  return await publish(ledger, manifest, {
    attempt: job.attempt,
    jobRunId: job.jobRunId,
    replacements,
    additions,
    lines,
  });
}

/** Engines are free in how they cut their output into files: no two attempts do it alike. */
function files(byPartition: ReadonlyMap<string, Row[]>, attempt: number): { partition: string; rows: Row[] }[] {
  const size = attempt % 2 === 0 ? 1 : 100;
  return [...byPartition]
    .sort(([a], [b]) => (a < b ? -1 : 1) * (attempt % 3 === 0 ? -1 : 1))
    .flatMap(([partition, rows]) => {
      const count = Math.ceil(rows.length / size);
      return Array.from({ length: count }, (_, i) => ({ partition, rows: rows.slice(i * size, (i + 1) * size) }));
    });
}

/** Copies the version to staging first, as the real executors do; undefined when the version is gone. */
async function readVersion(
  client: S3Client,
  bucket: string,
  copy: string,
  manifest: ManifestDocument,
  file: ManifestFile,
): Promise<SourceContent | undefined> {
  const source = await unlessMissing(() =>
    client.send(new GetObjectCommand({ Bucket: manifest.sourceBucket, Key: file.key, VersionId: file.version })),
  );
  const text = await source?.Body?.transformToString();
  if (text === undefined) return undefined;
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: copy, Body: text }));
  return JSON.parse(text) as SourceContent;
}

/** Only a version that commits replaces the rows of the one before. */
async function replaceOldRows(
  client: S3Client,
  bucket: string,
  read: readonly { file: ManifestFile; content: SourceContent | undefined }[],
  put: (name: string, content: string) => Promise<string>,
): Promise<Staged["replacements"]> {
  const committing = read.filter(({ content }) => content && !("bad" in content)).map(({ file }) => file);
  const rewritten = new Set(committing.map(({ key }) => key));
  const replacements: { key: string; ifMatch: string; staged: string }[] = [];
  for (const [index, key] of [...new Set(committing.flatMap(({ replaces }) => replaces))].entries()) {
    const old = await unlessMissing(() => client.send(new GetObjectCommand({ Bucket: bucket, Key: key })));
    if (!old?.Body || !old.ETag) continue;
    const rows = (JSON.parse(await old.Body.transformToString()) as Row[]).filter((row) => !rewritten.has(row.source));
    replacements.push({ key, ifMatch: old.ETag, staged: await put(`replaced-${index}`, JSON.stringify(rows)) });
  }
  return replacements;
}

function line(
  manifest: ManifestDocument,
  job: { attempt: number; jobRunId: string },
  file: ManifestFile,
  content: SourceContent | undefined,
  outputs: string[],
): Omit<CommitLine, "decided_at"> {
  const rows = content && !("bad" in content) ? content.rows.length : 0;
  const problem = content === undefined ? "gone" : "bad" in content ? "unreadable" : null;
  return {
    dataset: manifest.dataset,
    key: file.key,
    version: file.version,
    try: file.try,
    outcome: problem ? "rejected" : "committed",
    run: manifest.run,
    attempt: job.attempt,
    job_run_id: job.jobRunId,
    plan: manifest.plan,
    bytes: file.size,
    rows_in: rows,
    rows_out: rows,
    rows_rejected: 0,
    received_at: file.receivedAt,
    claimed_at: manifest.claimedAt,
    error_reason: problem,
    error_message: problem && `it is ${problem}`,
    outputs,
  };
}
