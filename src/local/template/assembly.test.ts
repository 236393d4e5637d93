import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  App,
  aws_lambda as lambda,
  aws_s3_assets as assets,
  aws_sqs as sqs,
  Stack,
  Stage,
  type StackProps,
} from "aws-cdk-lib";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Environment } from "../service.ts";
import { readAssembly } from "./assembly.ts";

const environment: Environment = {
  account: "111122223333",
  region: "eu-west-1",
  partition: "aws",
  endpoint: () => "http://127.0.0.1:1",
};
const BUCKET = "cdk-hnb659fds-assets-111122223333-eu-west-1";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(path.join(tmpdir(), "millrace-assembly-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function synthesize(build: (app: App) => void): string {
  const outdir = path.join(directory, "cdk.out");
  const app = new App({ outdir, analyticsReporting: false });
  build(app);
  app.synth();
  return outdir;
}

/** A stack of one queue: CDK warns about empty ones. */
function stackWithQueue(scope: App | Stage, id: string, props?: StackProps): Stack {
  const stack = new Stack(scope, id, props);
  new sqs.CfnQueue(stack, "Queue");
  return stack;
}

test("stacks come after those they depend on, with their assets under bucket and key", () => {
  mkdirSync(path.join(directory, "code"));
  writeFileSync(path.join(directory, "code/index.mjs"), "export const handler = () => {};");
  writeFileSync(path.join(directory, "job.py"), "pass");
  let scriptKey = "";
  const out = synthesize((app) => {
    const second = stackWithQueue(app, "Second", { stackName: "second" });
    const first = new Stack(app, "First", { stackName: "first" });
    second.addStackDependency(first);
    new lambda.Function(first, "F", {
      runtime: lambda.Runtime.NODEJS_24_X,
      handler: "index.handler",
      code: lambda.Code.fromAsset(path.join(directory, "code")),
    });
    scriptKey = new assets.Asset(second, "Script", { path: path.join(directory, "job.py") }).s3ObjectKey;
  });
  const assembly = readAssembly(out, environment);
  expect(assembly.stacks.map(({ name }) => name)).toEqual(["first", "second"]);
  const { Resources } = assembly.stacks[0]?.template as {
    Resources: Record<string, { Type: string; Properties: { Code: { S3Key: string } } }>;
  };
  const code = Object.values(Resources).find(({ Type }) => Type === "AWS::Lambda::Function")?.Properties.Code;
  expect(assembly.assets.find(BUCKET, code?.S3Key ?? "")).toMatchObject({ kind: "directory" });
  expect(assembly.assets.find(BUCKET, scriptKey)).toMatchObject({ kind: "file" });
  expect(assembly.assets.find(BUCKET, "nothing")).toBeUndefined();
});

test("stacks of stages are found too", () => {
  const out = synthesize((app) => void stackWithQueue(new Stage(app, "Prod"), "Flow"));
  expect(readAssembly(out, environment).stacks.map(({ name }) => name)).toEqual(["Prod-Flow"]);
});

test("an assembly made for another account or Region is refused with both", () => {
  const out = synthesize(
    (app) => void stackWithQueue(app, "Flow", { env: { account: "999999999999", region: "us-east-1" } }),
  );
  expect(() => readAssembly(out, environment)).toThrow(
    "synthesized for aws://999999999999/us-east-1, this runtime is aws://111122223333/eu-west-1",
  );
});

test("a directory that is no assembly, and a broken one, are named", () => {
  expect(() => readAssembly(directory, environment)).toThrow("manifest.json is not there: is");
  writeFileSync(path.join(directory, "manifest.json"), "{");
  expect(() => readAssembly(directory, environment)).toThrow("manifest.json is not JSON");
  writeFileSync(path.join(directory, "manifest.json"), '{"artifacts":{}}');
  expect(() => readAssembly(directory, environment)).toThrow("version");
});
