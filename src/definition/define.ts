import type { DefinitionInput } from "./schema.ts";

/**
 * Declares a pipeline; the default export of `millrace.config.ts`. It only gives the definition its type, so that an
 * editor completes and checks it: what can be wrong beyond types is found when the definition is loaded.
 */
export function definePipeline(definition: DefinitionInput): DefinitionInput {
  return definition;
}

export type { DefinitionInput as PipelineDefinition } from "./schema.ts";
