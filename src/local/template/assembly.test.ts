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
  type CfnElement,
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

/** An assembly written by hand: CDK takes seconds to write one. */
function writeAssembly(artifacts: object): void {
  writeFileSync(path.join(directory, "manifest.json"), JSON.stringify({ version: "55.0.0", artifacts }));
  writeFileSync(path.join(directory, "t.json"), '{"Resources":{}}');
}

const stack = (environment: string) => ({
  type: "aws:cloudformation:stack",
  environment,
  properties: { templateFile: "t.json" },
});

test("what CDK writes: stacks in order, also of stages, with their assets under bucket and key", () => {
  mkdirSync(path.join(directory, "code"));
  writeFileSync(path.join(directory, "code/index.mjs"), "export const handler = () => {};");
  writeFileSync(path.join(directory, "job.py"), "pass");
  const outdir = path.join(directory, "cdk.out");
  const app = new App({ outdir, analyticsReporting: false });
  const second = new Stack(app, "Second", { stackName: "second" });
  const first = new Stack(app, "First", { stackName: "first" });
  second.addStackDependency(first);
  const inStage = new Stack(new Stage(app, "Prod"), "Flow");
  // CDK warns about stacks without resources.
  const queues = [second, inStage].map((one) => new sqs.CfnQueue(one, "Queue"));
  expect(queues).toHaveLength(2);
  const made = new lambda.Function(first, "F", {
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: lambda.Code.fromAsset(path.join(directory, "code")),
  });
  const script = new assets.Asset(second, "Script", { path: path.join(directory, "job.py") });
  app.synth();

  const assembly = readAssembly(outdir, environment);
  const names = assembly.stacks.map(({ name }) => name);
  expect(names.toSorted()).toEqual(["Prod-Flow", "first", "second"]);
  expect(names.indexOf("first")).toBeLessThan(names.indexOf("second"));
  const template = assembly.stacks[names.indexOf("first")]?.template as {
    Resources: Record<string, { Properties: { Code: { S3Key: string } } }>;
  };
  const code = template.Resources[first.getLogicalId(made.node.defaultChild as CfnElement)]?.Properties.Code;
  expect(assembly.assets.find(BUCKET, code?.S3Key ?? "")).toMatchObject({ kind: "directory" });
  expect(assembly.assets.find(BUCKET, script.s3ObjectKey)).toMatchObject({ kind: "file" });
  expect(assembly.assets.find(BUCKET, "nothing")).toBeUndefined();
});

test("an assembly made for another account or Region is refused with both", () => {
  writeAssembly({ Flow: stack("aws://unknown-account/unknown-region") });
  expect(readAssembly(directory, environment).stacks.map(({ name }) => name)).toEqual(["Flow"]);
  writeAssembly({ Flow: stack("aws://999999999999/us-east-1") });
  expect(() => readAssembly(directory, environment)).toThrow(
    "synthesized for aws://999999999999/us-east-1, this runtime is aws://111122223333/eu-west-1",
  );
});

test("a Docker image is refused by name", () => {
  writeAssembly({ Assets: { type: "cdk:asset-manifest", properties: { file: "a.json" } } });
  writeFileSync(path.join(directory, "a.json"), '{"dockerImages":{"0123abc":{}}}');
  expect(() => readAssembly(directory, environment)).toThrow("The asset 0123abc is a Docker image");
});

test("a directory that is no assembly, and a broken one, are named", () => {
  expect(() => readAssembly(directory, environment)).toThrow("manifest.json is not there: is");
  writeFileSync(path.join(directory, "manifest.json"), "{");
  expect(() => readAssembly(directory, environment)).toThrow("manifest.json is not JSON");
  writeFileSync(path.join(directory, "manifest.json"), '{"artifacts":{}}');
  expect(() => readAssembly(directory, environment)).toThrow("version");
});
