import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type LocalPipeline, startLocal } from "../../src/cli/local.ts";
import { type Project, connectProject, openProject } from "../../src/cli/project.ts";
import type { Target } from "../../src/cli/target.ts";
import type { PipelineDefinition } from "../../src/index.ts";
import type { TraceEvent } from "../../src/local/trace.ts";

const ROOT = path.resolve(import.meta.dirname, "..", "..");

/** Assemblies are kept between runs: synthesis is not what is measured. */
export const ASSEMBLIES = path.join(ROOT, ".cache", "assemblies");

export interface BenchPipeline extends AsyncDisposable {
  readonly project: Project;
  readonly local: LocalPipeline;
  readonly target: Target;
}

/** A project of this definition in a directory of its own, which the caller deletes. */
export async function benchProject(definition: PipelineDefinition): Promise<Project> {
  const directory = await mkdtemp(path.join(tmpdir(), "millrace-bench-"));
  await writeFile(path.join(directory, "millrace.config.json"), JSON.stringify(definition));
  return openProject({ config: directory, stage: "bench", state: undefined });
}

/** The whole pipeline, its runtime in this process, in real time: no idle time is skipped. */
export async function startPipeline(
  definition: PipelineDefinition,
  onTrace: (event: TraceEvent) => void,
): Promise<BenchPipeline> {
  const project = await benchProject(definition);
  const local = await startLocal(project, { port: 0, engine: "duckdb", assemblies: ASSEMBLIES, onTrace });
  const target = await connectProject(project, {});
  return {
    project,
    local,
    target,
    async [Symbol.asyncDispose]() {
      target.close();
      await local.stop();
      await rm(project.directory, { recursive: true, force: true });
    },
  };
}
