import { cp, rm } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { assemblyOf } from "../assembly.ts";
import { type CommonOptions, newCommand, output } from "../options.ts";
import { dim } from "../output.ts";
import { openProject } from "../project.ts";

interface SynthOptions extends CommonOptions {
  readonly out: string;
}

export function command(): Command {
  return newCommand("synth", "write the cloud assembly that is deployed: template, bundles, Glue script, plan")
    .option("-o, --out <folder>", "where to (replaced)", "cdk.out")
    .action(synth);
}

async function synth(options: SynthOptions): Promise<void> {
  const project = await openProject(options);
  const assembly = await assemblyOf(project);
  const out = path.resolve(options.out);
  await rm(out, { recursive: true, force: true });
  await cp(assembly.directory, out, { recursive: true });
  output.result(out);
  output.note(dim(assembly.made ? "synthesized" : "unchanged since it was synthesized last"));
}
