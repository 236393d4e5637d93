import { cp, readdir, rm } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { assemblyOf } from "../assembly.ts";
import { type CommonOptions, newCommand, output } from "../options.ts";
import { dim } from "../output.ts";
import { openProject } from "../project.ts";
import { UserError } from "../user-error.ts";

interface SynthOptions extends CommonOptions {
  readonly out: string;
}

export function command(): Command {
  return newCommand("synth", "write the cloud assembly that is deployed: template, bundles, Glue script, plan")
    .option("-o, --out <folder>", "where to (replaced)", "cdk.out")
    .action(synth);
}

async function synth(options: SynthOptions): Promise<void> {
  const out = path.resolve(options.out);
  await checkReplaceable(out);
  const project = await openProject(options);
  const assembly = await assemblyOf(project);
  await rm(out, { recursive: true, force: true });
  await cp(assembly.directory, out, { recursive: true });
  output.result(out);
  output.note(dim(assembly.made ? "synthesized" : "unchanged since it was synthesized last"));
}

/** Only a cloud assembly is replaced: every one has the file `cdk.out` in it. */
async function checkReplaceable(out: string): Promise<void> {
  const entries = await readdir(out).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    throw new UserError(`--out: ${out} cannot be written to: ${error.message}`, { cause: error });
  });
  if (entries.length === 0 || entries.includes("cdk.out")) return;
  throw new UserError(`--out: ${out} holds something else than a cloud assembly, and it would be deleted.`, {
    hint: "Name a new folder, or empty this one first.",
  });
}
