import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { queryAthena } from "../src/cli/athena-query.ts";
import { ledgerOf } from "../src/cli/outcome.ts";
import { commitLine } from "../src/ledger/documents.ts";
import type { TraceEvent } from "../src/local/trace.ts";
import type { DropRequest } from "./support/drop.ts";
import { startPipeline } from "./support/pipeline.ts";
import type { Figure, Question } from "./support/question.ts";
import { TRIPS_PIPELINE, tripsCsv } from "./support/trips.ts";

const FILE_BYTES = 10_000;
const MiB = 1024 * 1024;
const SAMPLE_MS = 50;

export const question: Question = {
  asks: "What do many files of 10 KB cost, all together and each, and does a file cost more when there are more?",
  async ask({ small, files = small ? 200 : 1000 }) {
    const few = await load(Math.max(10, Math.round(files / 10)));
    const many = await load(files);
    const growth = many.requestsPerFile / few.requestsPerFile;
    return [
      ...few.figures,
      ...many.figures,
      { name: `requests of a file, ${many.files} against ${few.files}`, unit: "", value: growth },
    ];
  },
};

interface Load {
  readonly files: number;
  readonly requestsPerFile: number;
  readonly figures: readonly Figure[];
}

/** Drops files on an empty pipeline and waits until the rows of each can be queried. */
async function load(files: number): Promise<Load> {
  const seen = new Seen();
  await using pipeline = await startPipeline(TRIPS_PIPELINE, (event) => seen.see(event));
  const { local, target } = pipeline;
  const { endpoint, region, credentials } = local.runtime;
  const ledger = ledgerOf(target);
  let queryable = 0;
  const all = Promise.withResolvers<void>();
  seen.onPublished = (key) => {
    const count = async () => {
      const lines = await ledger.store.getLines(key.replace("/published/", "/commits/"), commitLine);
      queryable += lines?.filter((line) => line.outcome === "committed").length ?? 0;
      if (queryable >= files) all.resolve();
    };
    count().catch(all.reject);
  };

  seen.reset();
  let rssPeak = 0;
  const sample = () => (rssPeak = Math.max(rssPeak, process.memoryUsage.rss()));
  sample();
  const sampling = setInterval(sample, SAMPLE_MS);
  const startedAt = performance.now();
  const dropped = drop({ endpoint, region, credentials, bucket: target.stack.sourceBucket, files, bytes: FILE_BYTES });
  await Promise.all([dropped, all.promise]);
  const seconds = (performance.now() - startedAt) / 1000;
  clearInterval(sampling);
  const { runs, requests, operations } = seen.totals();

  const expected = files * tripsCsv(FILE_BYTES).rows;
  const [row] = (await queryAthena(target, "select count(*) from trips")).rows;
  if (Number(row?.[0]) !== expected) throw new Error(`${row?.[0]} rows can be queried instead of ${expected}`);
  const name = `${files} files`;
  return {
    files,
    requestsPerFile: requests / files,
    figures: [
      { name: `${name}: until all are queryable`, unit: "s", value: seconds },
      { name: `${name}: job runs`, unit: "", value: runs },
      { name: `${name}: peak size of the runtime's process`, unit: "MiB", value: rssPeak / MiB },
      { name: `${name}: S3 requests`, unit: "requests/file", value: requests / files },
      ...operations.map(([operation, count]) => {
        return { name: `${name}:   ${operation}`, unit: "requests/file", value: count / files };
      }),
    ],
  };
}

async function drop(request: DropRequest): Promise<void> {
  const program = path.join(import.meta.dirname, "support", "drop.ts");
  await promisify(execFile)(process.execPath, [program, JSON.stringify(request)]);
}

/** Counts what the pipeline asks of S3: its functions and its job, not whoever drops the files or looks at them. */
class Seen {
  /** Told the key of each document that says that a run's rows can be queried. */
  onPublished: (key: string) => void = () => {};
  readonly #operations = new Map<string, number>();
  #runs = 0;

  see(event: TraceEvent): void {
    if (event.type === "state" && event.kind === "job-run" && event.to === "RUNNING") this.#runs++;
    if (event.type !== "call" || event.service !== "s3" || !event.principal.includes(":assumed-role/")) return;
    this.#operations.set(event.operation, (this.#operations.get(event.operation) ?? 0) + 1);
    const { key } = /^[^/]+\/(?<key>ledger\/published\/.+)$/.exec(event.resource ?? "")?.groups ?? {};
    if (key !== undefined && event.operation === "PutObject" && event.error === undefined) this.onPublished(key);
  }

  reset(): void {
    this.#operations.clear();
    this.#runs = 0;
  }

  totals() {
    const operations = [...this.#operations].toSorted(([, a], [, b]) => b - a);
    return { runs: this.#runs, requests: operations.reduce((sum, [, count]) => sum + count, 0), operations };
  }
}
