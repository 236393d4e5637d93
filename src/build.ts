/** Makes `dist/`: the sources as JavaScript with types, the functions' bundles, and the files that are read as they are. */
import { execFileSync } from "node:child_process";
import { chmod, cp, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { BUNDLES_DIRECTORY, bundleFunctions } from "./stack/bundle.ts";

const SRC = import.meta.dirname;
const ROOT = path.dirname(SRC);
const DIST = path.join(ROOT, "dist");

/** Data and scripts that are read at run time, beside the module that reads them. */
const READ_AS_THEY_ARE = /\.(json|py|sql)$/;

await rm(DIST, { recursive: true, force: true });
execFileSync(process.execPath, [path.join(ROOT, "node_modules/.bin/tsc"), "-p", "tsconfig.build.json"], {
  cwd: ROOT,
  stdio: "inherit",
});
for (const entry of await readdir(SRC, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !READ_AS_THEY_ARE.test(entry.name)) continue;
  const file = path.join(entry.parentPath, entry.name);
  await cp(file, path.join(DIST, path.relative(SRC, file)));
}
await bundleFunctions(SRC, path.join(DIST, BUNDLES_DIRECTORY));
await chmod(path.join(DIST, "cli", "main.js"), 0o755);
