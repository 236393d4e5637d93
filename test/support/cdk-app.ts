/** A CDK app of one's own around a pipeline, as Node or the CDK CLI runs it. `CODE` holds the bundles, made before. */
import path from "node:path";
import { synthesize } from "../../src/stack/synth.ts";
import { openProject } from "../../src/cli/project.ts";

const { CDK_OUTDIR: outDir, CODE: code } = process.env;
if (outDir === undefined || code === undefined) throw new Error("CDK_OUTDIR and CODE say where to and from where");
const root = path.resolve(import.meta.dirname, "../..");
const { settings, planJson } = await openProject({ config: path.join(root, "examples/flights"), stage: "dev" });
const functions = { etl: path.join(code, "etl"), crawler: path.join(code, "crawler") };
const jobScript = path.join(root, "src/etl/glue/etl_job.py");
await synthesize({ settings, code: { functions, jobScript }, planJson, outDir });
