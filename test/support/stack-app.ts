import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { App } from "aws-cdk-lib";
import type { Plan } from "../../src/plan/plan.ts";
import type { PipelineStack } from "../../src/stack/pipeline-stack.ts";
import type { BuiltCode, PipelineSettings } from "../../src/stack/settings.ts";
import { addPipeline } from "../../src/stack/synth.ts";

/** A plan with the given datasets, for tests that look at the stack and not at the data. */
export function planOf(...datasets: string[]): Plan {
  const one = (name: string): Plan["datasets"][string] => ({
    name,
    prefix: `${name}/`,
    table: name,
    source: {
      format: "csv",
      header: true,
      delimiter: ",",
      quote: '"',
      encoding: "utf-8",
      nullText: [""],
      unknownColumns: "reject",
      missingColumns: "reject",
    },
    columns: [
      {
        name: "id",
        from: ["id"],
        type: "string",
        nullable: true,
        text: { spark: "id", duckdb: "id" },
        typed: { spark: "id", duckdb: "id" },
      },
    ],
    rejectLimit: 0.1,
    quietRejects: 0,
    rules: [],
    transform: {
      spark: "SELECT id, _source, _version FROM source",
      duckdb: "SELECT id, _source, _version FROM source",
    },
    output: [{ name: "id", type: "string" }],
    partitionBy: [],
    limits: { maxFiles: 1000, maxBytes: 1_000_000_000 },
  });
  return { version: 1, pipeline: "orders", datasets: Object.fromEntries(datasets.map((name) => [name, one(name)])) };
}

export function settingsOf(plan: Plan, changes: Partial<PipelineSettings> = {}): PipelineSettings {
  return {
    pipeline: plan.pipeline,
    stage: "dev",
    plan,
    batchingWindowSeconds: 0,
    workers: 2,
    logRetentionDays: 30,
    keepOldVersionsDays: 30,
    ...changes,
  };
}

/** An app with the pipeline's stack in it, and code that stands in for the bundles. */
export function stackApp(settings: PipelineSettings): { app: App; stack: PipelineStack; outDir: string } {
  const work = mkdtempSync(path.join(tmpdir(), "millrace-stack-"));
  const outDir = path.join(work, "cdk.out");
  const planPath = path.join(work, "plan.json");
  writeFileSync(planPath, JSON.stringify(settings.plan));
  const app = new App({ outdir: outDir, analyticsReporting: false });
  const stack = addPipeline(app, { settings, code: placeholderCode(work), planPath });
  return { app, stack, outDir };
}

function placeholderCode(work: string): BuiltCode {
  const directory = (name: string) => {
    const made = path.join(work, "functions", name);
    mkdirSync(made, { recursive: true });
    writeFileSync(path.join(made, "index.mjs"), "export const handler = async () => {};\n");
    return made;
  };
  const jobScript = path.join(work, "etl_job.py");
  writeFileSync(jobScript, "print('job')\n");
  return { functions: { etl: directory("etl"), crawler: directory("crawler") }, jobScript };
}
