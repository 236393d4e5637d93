import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { python } from "../support/python.ts";
import { planOf, settingsOf, stackApp } from "../support/stack-app.ts";

const run = promisify(execFile);
const cfnLint = (await python())?.cfnLint;

// W3005: CDK adds a DependsOn that a GetAtt implies already; harmless, and not ours to write.
test.skipIf(!cfnLint)("cfn-lint finds nothing in the template", async () => {
  const { app, outDir } = stackApp(settingsOf(planOf("orders", "customers")));
  app.synth();
  const template = path.join(outDir, "millrace-orders-dev.template.json");
  const result = await run(cfnLint ?? "", ["--ignore-checks", "W3005", "--regions", "eu-west-1", "--", template]).catch(
    (error: { stdout: string }) => error,
  );
  expect(result.stdout).toBe("");
});
