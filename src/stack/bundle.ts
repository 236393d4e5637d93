import { mkdir } from "node:fs/promises";
import path from "node:path";
import { build } from "esbuild";
import type { BuiltCode, FunctionName } from "./settings.ts";

export const FUNCTION_NAMES: readonly FunctionName[] = ["etl", "crawler"];

/**
 * Bundles each function into `<outDir>/<name>/index.mjs`, as AWS and the local runtime run it: one file, everything
 * in it, the same bytes from the same sources.
 */
export async function bundleFunctions(sourceRoot: string, outDir: string): Promise<BuiltCode["functions"]> {
  const directories = {} as Record<FunctionName, string>;
  for (const name of FUNCTION_NAMES) {
    const directory = path.join(outDir, name);
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
    directories[name] = directory;
  }
  return directories;
}
