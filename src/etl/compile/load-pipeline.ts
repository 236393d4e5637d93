import type { Definition } from "../../definition/definition.ts";
import { loadDefinition } from "../../definition/load.ts";
import { DefinitionError } from "../../definition/problems.ts";
import type { Plan } from "../../plan/plan.ts";
import { compilePlan } from "./compile-plan.ts";

export interface LoadedPipeline {
  readonly file: string;
  readonly definition: Definition;
  readonly plan: Plan;
}

/** Loads, checks and compiles the definition in a file or directory. Throws a `DefinitionError`: places, paths, hints. */
export async function loadPipeline(fileOrDirectory: string): Promise<LoadedPipeline> {
  const { file, definition, locate } = await loadDefinition(fileOrDirectory);
  try {
    return { file, definition, plan: compilePlan(definition) };
  } catch (error) {
    throw error instanceof DefinitionError ? locate(error) : error;
  }
}
