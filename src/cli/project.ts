import path from "node:path";
import { loadPipeline } from "../etl/compile/load-pipeline.ts";
import { DefinitionError } from "../definition/problems.ts";
import { printPlan } from "../plan/load-plan.ts";
import type { Plan } from "../plan/plan.ts";
import type { PipelineSettings } from "../stack/settings.ts";
import { stageProblem } from "../stack/stack-name.ts";
import type { CommonOptions } from "./options.ts";
import { output } from "./options.ts";
import { dim } from "./output.ts";
import { type Target, connect } from "./target.ts";
import { UserError } from "./user-error.ts";

/** A pipeline on this machine: its definition, checked and compiled, and where its state is. */
export interface Project {
  /** The definition's file. */
  readonly file: string;
  readonly directory: string;
  readonly stateDirectory: string;
  readonly settings: PipelineSettings;
  readonly plan: Plan;
  /** The plan as it is deployed. */
  readonly planJson: string;
}

/**
 * Loads, checks and compiles the definition that the options name.
 * @throws UserError with every problem of the definition, each with its place and a hint.
 */
export async function openProject(options: Pick<CommonOptions, "config" | "stage" | "state">): Promise<Project> {
  const { file, definition, plan } = await loadPipeline(path.resolve(options.config)).catch((error: unknown) => {
    throw error instanceof DefinitionError ? new UserError(error.message, { cause: error }) : error;
  });
  const { name: pipeline, batchingWindowSeconds, workers, logRetentionDays, keepOldVersionsDays } = definition;
  const problem = stageProblem(pipeline, options.stage);
  if (problem !== undefined) throw new UserError(problem);
  const directory = path.dirname(file);
  return {
    file,
    directory,
    stateDirectory: path.resolve(options.state ?? path.join(directory, ".millrace")),
    settings: {
      pipeline,
      stage: options.stage,
      plan,
      batchingWindowSeconds,
      workers,
      logRetentionDays,
      keepOldVersionsDays,
    },
    plan,
    planJson: printPlan(plan),
  };
}

/** The deployed stack of the project. */
export async function connectTo(options: CommonOptions): Promise<Target> {
  return connectProject(await openProject(options), options);
}

export function connectProject(project: Project, options: Pick<CommonOptions, "endpoint">): Promise<Target> {
  const { settings, stateDirectory } = project;
  return connect({
    pipeline: settings.pipeline,
    stage: settings.stage,
    stateDirectory,
    endpoint: options.endpoint,
    announce: (text) => output.note(dim(text)),
  });
}
