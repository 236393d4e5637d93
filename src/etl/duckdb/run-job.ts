import type { S3Client } from "@aws-sdk/client-s3";
import { createLedger } from "../../ledger/ledger.ts";
import { readPlan } from "../../ledger/plans.ts";
import { openRun, publish } from "../../ledger/publish.ts";
import type { Database } from "./database.ts";
import { executePlan } from "./execute.ts";
import type { SourceFile } from "./input.ts";
import type { ObjectPaths } from "./object-paths.ts";
import { type Attempt, stage } from "./stage.ts";

export interface JobDeps {
  readonly client: S3Client;
  readonly sourceBucket: string;
  readonly targetBucket: string;
  readonly paths: ObjectPaths;
  readonly database: Database;
  /** An empty directory of this attempt's own. */
  readonly directory: string;
  readonly now: () => Date;
  readonly log: (line: string) => void;
}

/**
 * One attempt of a run, from its manifest to its marker. Safe to repeat and to run twice at once: the first decision
 * about the run stands, and whoever comes later helps to carry it out or stops.
 */
export async function runJob(deps: JobDeps, attempt: Attempt): Promise<void> {
  const { client, sourceBucket, targetBucket, database, directory, now, log } = deps;
  const { dataset, run } = attempt;
  const ledger = createLedger({ client, sourceBucket, targetBucket, now });
  const opened = await openRun(ledger, dataset, run);
  if (opened.outcome !== "open") {
    const standing = opened.outcome === "stopped" ? opened.decision.kind : "published";
    log(`run ${run} of ${dataset} is decided already: ${standing}`);
    return;
  }
  const { manifest } = opened;
  const plan = (await readPlan(ledger, manifest.plan)).datasets[dataset];
  if (!plan) throw new Error(`plan ${manifest.plan} has no dataset ${JSON.stringify(dataset)}`);

  const files = await sourceFiles(deps, manifest.sourceBucket, manifest.files);
  const execution = await executePlan(database, { plan, run, files, directory, now });
  for (const [index, result] of execution.files.entries()) {
    const { outcome, rowsIn, rowsOut, rowsRejected, error } = result;
    const counts = `${rowsIn} records in, ${rowsOut} rows out, ${rowsRejected} rejected`;
    log(`${files[index]?.key}: ${outcome}, ${counts}${error ? `; ${error.message}` : ""}`);
  }
  const staged = await stage(deps, attempt, manifest, execution);
  const publication = await publish(ledger, manifest, staged);
  const by = publication.outcome === "published" ? `, by ${publication.by}` : `: ${publication.decision.kind}`;
  log(`run ${run} of ${dataset}: ${publication.outcome}${by}`);
}

async function sourceFiles(
  { paths }: JobDeps,
  bucket: string,
  files: readonly { key: string; version: string }[],
): Promise<SourceFile[]> {
  const found = await paths.find(bucket, files);
  return files.map(({ key, version }, index) => {
    const message = `${key}: its version ${version} was deleted before it could be read`;
    return { key, version, content: found[index] ?? { reason: "gone", message } };
  });
}
