import { mkdir } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";
import type { BuiltCode, FunctionName } from "./settings.ts";

const FUNCTION_NAMES: readonly FunctionName[] = ["etl", "crawler"];

/** In the published package the bundles are built already, in this folder below `dist/`. */
export const BUNDLES_DIRECTORY = "bundles";

const HERE = import.meta.dirname;
const ROOT = path.dirname(HERE);
const IS_PUBLISHED = import.meta.filename.endsWith(".js");

/** The code the stack deploys: as published, or bundled from these sources into `workDirectory`. */
export async function builtCode(workDirectory: string): Promise<BuiltCode> {
  const functions = IS_PUBLISHED
    ? functionDirectories(path.join(ROOT, BUNDLES_DIRECTORY))
    : await bundleFunctions(ROOT, workDirectory);
  return { functions, jobScript: path.join(ROOT, "etl", "glue", "etl_job.py") };
}

/**
 * Bundles each function into `<outDir>/<name>/index.mjs`, as AWS and the local runtime run it: one file, everything
 * in it, the same bytes from the same sources.
 */
export async function bundleFunctions(sourceRoot: string, outDir: string): Promise<BuiltCode["functions"]> {
  const directories = functionDirectories(outDir);
  for (const name of FUNCTION_NAMES) {
    const directory = directories[name];
    await mkdir(directory, { recursive: true });
    await build({
      entryPoints: [path.join(sourceRoot, "functions", name, "handler.ts")],
      outfile: path.join(directory, "index.mjs"),
      absWorkingDir: path.dirname(sourceRoot),
      bundle: true,
      platform: "node",
      target: "node24",
      format: "esm",
      minify: true,
      keepNames: true,
      legalComments: "none",
      // Dependencies that are CommonJS ask for Node's modules by require.
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
      logLevel: "warning",
    });
  }
  return directories;
}

function functionDirectories(parent: string): Record<FunctionName, string> {
  return { etl: path.join(parent, "etl"), crawler: path.join(parent, "crawler") };
}
