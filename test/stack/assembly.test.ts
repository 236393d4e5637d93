import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { bundleFunctions } from "../../src/stack/bundle.ts";

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, "..", "..");
const APP = path.join(ROOT, "test", "support", "cdk-app.ts");

/** The files that are deployed: the template, the asset list and the assets. */
async function deployed(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .filter((name) => /^asset\.|\.(template|assets)\.json$/.test(name));
  return new Map(
    await Promise.all(files.map(async (name) => [name, await readFile(path.join(directory, name), "utf8")] as const)),
  );
}

test("Node and the CDK CLI make the same assembly, byte by byte", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), "millrace-assembly-"));
  const [byNode, byCli] = [path.join(directory, "node"), path.join(directory, "cli")];
  const CODE = path.join(directory, "code");
  await bundleFunctions(path.join(ROOT, "src"), CODE);
  await run(process.execPath, [APP], { cwd: ROOT, env: { ...process.env, CODE, CDK_OUTDIR: byNode } });
  const cdk = path.join(ROOT, "node_modules", ".bin", "cdk");
  // The CLI hands this to a shell, and takes quotes at its ends away.
  const app = `${process.execPath} ${APP}`;
  const options = ["--quiet", "--no-notices", "--no-version-reporting", "--output", byCli, "--app", app];
  // The CLI looks for credentials and Regions; it finds none, and needs none.
  const env = { ...process.env, CODE, CDK_DISABLE_CLI_TELEMETRY: "true", AWS_EC2_METADATA_DISABLED: "true" };
  await run(process.execPath, [cdk, "synth", ...options], { cwd: directory, env });

  const [expected, found] = [await deployed(byNode), await deployed(byCli)];
  expect([...expected.keys()].filter((name) => name.endsWith(".template.json"))).toEqual([
    "millrace-flights-dev.template.json",
  ]);
  // Two bundles, the Glue script and the plan.
  expect([...expected.keys()].filter((name) => name.startsWith("asset."))).toHaveLength(4);
  expect([...found.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [name, text] of expected) expect({ name, text: found.get(name) }).toEqual({ name, text });
});
