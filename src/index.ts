export { definePipeline, type PipelineDefinition } from "./definition/define.ts";
