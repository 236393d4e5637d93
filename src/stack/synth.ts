import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { App } from "aws-cdk-lib";
import { PipelineStack } from "./pipeline-stack.ts";
import type { BuiltCode, PipelineSettings } from "./settings.ts";
import { stackName } from "./stack-name.ts";

export interface SynthesizeOptions {
  readonly settings: PipelineSettings;
  readonly code: BuiltCode;
  /** The plan's bytes, which become the plan asset. */
  readonly planJson: string;
  /** Where the cloud assembly goes; what is there is replaced. */
  readonly outDir: string;
}

/**
 * Synthesizes the pipeline's cloud assembly into `outDir`. The template names no account and no Region, so one
 * assembly serves every environment, the local one included.
 */
export async function synthesize(options: SynthesizeOptions): Promise<void> {
  const { settings, code, planJson, outDir } = options;
  await mkdir(outDir, { recursive: true });
  const planPath = path.join(outDir, "plan.json");
  await writeFile(planPath, planJson);
  const app = new App({
    outdir: outDir,
    analyticsReporting: false,
    // The CDK CLI asks for metadata that Node alone does not write; the template must not depend on who makes it.
    postCliContext: { "aws:cdk:enable-path-metadata": false, "aws:cdk:enable-asset-metadata": false },
  });
  addPipeline(app, { settings, code, planPath });
  app.synth();
}

/** Adds the pipeline's stack to an app: also the door for tests, and for an app of one's own. */
export function addPipeline(
  app: App,
  props: { settings: PipelineSettings; code: BuiltCode; planPath: string },
): PipelineStack {
  return new PipelineStack(app, stackName(props.settings.pipeline, props.settings.stage), props);
}
