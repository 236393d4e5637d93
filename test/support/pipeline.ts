import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { type QueryResult, queryAthena } from "../../src/cli/athena-query.ts";
import { type EngineName, type LocalPipeline, startLocal } from "../../src/cli/local.ts";
import { type DroppedFile, type FileOutcome, followFiles, ledgerOf } from "../../src/cli/outcome.ts";
import { type Project, connectProject, openProject } from "../../src/cli/project.ts";
import type { Target } from "../../src/cli/target.ts";
import type { PipelineDefinition } from "../../src/index.ts";
import { type Account, accountFor } from "../../src/ledger/status.ts";
import type { JobEngine } from "../../src/local/job-engine.ts";
import type { TraceEvent } from "../../src/local/trace.ts";
import { datasetOf } from "../../src/plan/route.ts";

const ROOT = path.resolve(import.meta.dirname, "..", "..");

/** Assemblies are kept between test runs by the content of everything that goes into them. */
export const ASSEMBLIES = path.join(ROOT, ".cache", "assemblies");

export interface TestPipeline extends AsyncDisposable {
  readonly project: Project;
  readonly local: LocalPipeline;
  readonly target: Target;
  /** Everything that happened, from the first moment. */
  readonly events: readonly TraceEvent[];
  /** Puts an object into SourceBucket. */
  drop(key: string, body: string | Uint8Array): Promise<DroppedFile>;
  /** Puts many objects at once, given as key and content. */
  dropAll(contents: Readonly<Record<string, string | Uint8Array>>): Promise<DroppedFile[]>;
  /** Waits until the files are settled, and says what became of them. */
  settled(...files: DroppedFile[]): Promise<FileOutcome[]>;
  /** Drops one object and waits until it is settled. */
  load(key: string, body: string | Uint8Array): Promise<FileOutcome>;
  /** Rows of an Athena query, as Athena writes values. */
  rows(sql: string): Promise<QueryResult["rows"]>;
  /** The account of every object that SourceBucket has now. */
  account(): Promise<Account>;
}

export interface TestPipelineOptions {
  readonly engine?: EngineName | JobEngine;
  /** A state to go on with; without it a new one, deleted at the end. */
  readonly state?: string;
  readonly skipIdle?: boolean;
}

/** A directory with the definition in it, as YAML's subset JSON: what tests say is data. */
export async function definitionDirectory(definition: PipelineDefinition): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), "millrace-e2e-"));
  await writeFile(path.join(directory, "millrace.config.json"), JSON.stringify(definition));
  return directory;
}

/** A whole pipeline in this process, from the template that would be deployed; the job and functions are processes. */
export async function startPipeline(
  definition: PipelineDefinition,
  options: TestPipelineOptions = {},
): Promise<TestPipeline> {
  const directory = await definitionDirectory(definition);
  const project = await openProject({ config: directory, stage: "test", state: options.state });
  const events: TraceEvent[] = [];
  const local = await startLocal(project, {
    port: 0,
    engine: options.engine ?? "duckdb",
    skipIdle: options.skipIdle ?? true,
    assemblies: ASSEMBLIES,
    onTrace: (event) => void events.push(event),
  });
  const target = await connectProject(project, {});
  const pipeline: TestPipeline = {
    project,
    local,
    target,
    events,
    async drop(key, body) {
      const Bucket = target.stack.sourceBucket;
      // The SDK takes an empty string for a stream of unknown length.
      const object = { Bucket, Key: key, Body: Buffer.from(body) };
      const { VersionId: version = "" } = await target.s3.send(new PutObjectCommand(object));
      return { key, version, dataset: datasetOf(project.plan, key) ?? null };
    },
    dropAll: (contents) => Promise.all(Object.entries(contents).map(([key, body]) => pipeline.drop(key, body))),
    settled: (...files) => followFiles(target, files, () => {}),
    async load(key, body) {
      const [outcome] = await pipeline.settled(await pipeline.drop(key, body));
      if (!outcome) throw new Error("no outcome");
      return outcome;
    },
    rows: async (sql) => (await queryAthena(target, sql)).rows,
    account: () => accountFor(ledgerOf(target), project.plan, { exceptions: 1000 }),
    async [Symbol.asyncDispose]() {
      target.close();
      await local.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  return pipeline;
}
