import { createHash } from "node:crypto";
import { readFile, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import type { Project } from "./project.ts";

const SRC = path.dirname(import.meta.dirname);

/** What the assembly is made from, besides the definition: a change in any of it makes another assembly. */
const INGREDIENTS = ["functions", "ledger", "plan", "stack", path.join("etl", "glue")];

export interface Assembly {
  readonly directory: string;
  /** False when it was there already. */
  readonly made: boolean;
}

/** Below the state directory, and kept when that is emptied. */
export const ASSEMBLIES = "assemblies";

/**
 * The cloud assembly of a project, below `parent` (`<state>/assemblies/`). Synthesis costs seconds, so it is kept by the
 * content of everything that goes into it: only a change pays.
 */
export async function assemblyOf(
  project: Project,
  parent = path.join(project.stateDirectory, ASSEMBLIES),
): Promise<Assembly> {
  const hash = await contentHash(project);
  const directory = path.join(parent, hash);
  if (await exists(path.join(directory, "manifest.json"))) return { directory, made: false };
  // The translated SQL is bound to the declared columns: a mistake of the compiler must not reach a deployment.
  const { verifyPlan } = await import("../etl/compile/verify-plan.ts");
  await verifyPlan(project.plan);
  const { builtCode } = await import("../stack/bundle.ts");
  const { synthesize } = await import("../stack/synth.ts");
  // Made beside and moved into place, so that an interrupted synthesis is never taken for a whole one.
  const temporary = path.join(parent, `${hash}.${process.pid}`);
  await rm(temporary, { recursive: true, force: true });
  const bundles = path.join(temporary, ".code");
  await synthesize({
    settings: project.settings,
    code: await builtCode(bundles),
    planJson: project.planJson,
    outDir: temporary,
  });
  // What was made of them are assets by now.
  await rm(bundles, { recursive: true, force: true });
  await rm(directory, { recursive: true, force: true });
  await rename(temporary, directory);
  return { directory, made: true };
}

async function contentHash({ settings, planJson }: Project): Promise<string> {
  const hash = createHash("sha256");
  hash.update(JSON.stringify(settings)).update(planJson);
  hash.update(await readFile(path.join(SRC, "..", "package.json")));
  for (const folder of INGREDIENTS) {
    const entries = await readdir(path.join(SRC, folder), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
    for (const file of files.toSorted()) hash.update(path.relative(SRC, file)).update(await readFile(file));
  }
  return hash.digest("hex").slice(0, 20);
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
