import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { Assets, Environment } from "../service.ts";
import { TemplateError } from "./findings.ts";

/** A stack of a cloud assembly, as CDK wrote it. */
export interface StackDefinition {
  readonly name: string;
  /** The template, parsed from JSON and otherwise untouched. */
  readonly template: unknown;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface Assembly {
  readonly stacks: readonly StackDefinition[];
  readonly assets: Assets;
}

const artifact = z.looseObject({
  type: z.string(),
  environment: z.string().optional(),
  dependencies: z.array(z.string()).optional(),
  properties: z.looseObject({}).optional(),
});
const manifest = z.looseObject({ version: z.string(), artifacts: z.record(z.string(), artifact).default({}) });
const stackProperties = z.looseObject({
  templateFile: z.string(),
  stackName: z.string().optional(),
  parameters: z.record(z.string(), z.string()).default({}),
});
const fileProperties = z.looseObject({ file: z.string() });
const directoryProperties = z.looseObject({ directoryName: z.string() });

/** https://github.com/aws/aws-cdk-cli/blob/main/packages/@aws-cdk/cloud-assembly-schema/lib/assets/schema.ts */
const assetManifest = z.looseObject({
  files: z
    .record(
      z.string(),
      z.looseObject({
        source: z.looseObject({ path: z.string().optional(), packaging: z.enum(["file", "zip"]).default("file") }),
        destinations: z.record(z.string(), z.looseObject({ bucketName: z.string(), objectKey: z.string() })),
      }),
    )
    .default({}),
  dockerImages: z.record(z.string(), z.unknown()).default({}),
});

type Asset = NonNullable<ReturnType<Assets["find"]>>;

/**
 * Reads a cloud assembly (`cdk.out`): its stacks, dependencies first, and its assets under the bucket and key that the
 * templates name. Throws `TemplateError` when the directory is no assembly or needs what the local runtime lacks.
 */
export function readAssembly(directory: string, environment: Environment): Assembly {
  const assets = new Map<string, Asset>();
  const stacks = readDirectory(path.resolve(directory), environment, assets);
  return { stacks, assets: { find: (bucket, key) => assets.get(`${bucket}/${key}`) } };
}

function readDirectory(directory: string, environment: Environment, assets: Map<string, Asset>): StackDefinition[] {
  const { artifacts } = readJson(path.join(directory, "manifest.json"), manifest);
  const stacks: StackDefinition[] = [];
  for (const id of inOrder(artifacts)) {
    const { type, properties, environment: target } = artifacts[id] ?? { type: "" };
    if (type === "aws:cloudformation:stack") {
      checkEnvironment(id, target, environment);
      const { templateFile, stackName, parameters } = stackProperties.parse(properties);
      const template = readJson(path.join(directory, templateFile), z.unknown());
      stacks.push({ name: stackName ?? id, template, parameters });
    } else if (type === "cdk:asset-manifest") {
      readAssets(directory, fileProperties.parse(properties).file, environment, assets);
    } else if (type === "cdk:cloud-assembly") {
      const nested = path.join(directory, directoryProperties.parse(properties).directoryName);
      stacks.push(...readDirectory(nested, environment, assets));
    }
  }
  return stacks;
}

/** Artifacts after those they depend on; the manifest itself is in no particular order. */
function inOrder(artifacts: Readonly<Record<string, { dependencies?: string[] | undefined }>>): string[] {
  const ordered = new Set<string>();
  const visit = (id: string) => {
    if (ordered.has(id) || !artifacts[id]) return;
    for (const dependency of artifacts[id].dependencies ?? []) visit(dependency);
    ordered.add(id);
  };
  for (const id of Object.keys(artifacts)) visit(id);
  return [...ordered];
}

function readAssets(directory: string, file: string, environment: Environment, assets: Map<string, Asset>): void {
  const { files, dockerImages } = readJson(path.join(directory, file), assetManifest);
  const [image] = Object.keys(dockerImages);
  if (image !== undefined) {
    throw new TemplateError(`The asset ${image} is a Docker image: the local runtime runs file assets only.`);
  }
  for (const { source, destinations } of Object.values(files)) {
    if (source.path === undefined) continue;
    const asset: Asset = {
      path: path.join(directory, source.path),
      kind: source.packaging === "zip" && !source.path.endsWith(".zip") ? "directory" : "file",
    };
    for (const { bucketName, objectKey } of Object.values(destinations)) {
      assets.set(`${fillIn(bucketName, environment)}/${objectKey}`, asset);
    }
  }
}

function fillIn(text: string, { account, region, partition }: Environment): string {
  return text
    .replaceAll("${AWS::AccountId}", account)
    .replaceAll("${AWS::Region}", region)
    .replaceAll("${AWS::Partition}", partition);
}

/** `aws://<account>/<region>`; an assembly made for one account would name resources of another one here. */
function checkEnvironment(stack: string, target: string | undefined, { account, region }: Environment): void {
  const [wantedAccount = "", wantedRegion = ""] = (target ?? "").replace(/^aws:\/\//, "").split("/");
  const differs = (wanted: string, actual: string) =>
    wanted !== "" && !wanted.startsWith("unknown-") && !wanted.startsWith("current_") && wanted !== actual;
  if (differs(wantedAccount, account) || differs(wantedRegion, region)) {
    throw new TemplateError(
      `Stack ${stack} was synthesized for ${target}, this runtime is aws://${account}/${region}. ` +
        "Synthesize it without an environment, or run with this account and Region.",
    );
  }
}

function readJson<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> {
  if (!existsSync(file)) {
    throw new TemplateError(`${file} is not there: is ${path.dirname(file)} a cloud assembly (cdk.out)?`);
  }
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new TemplateError(`${file} is not JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new TemplateError(`${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
