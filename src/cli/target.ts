import path from "node:path";
import { readFile } from "node:fs/promises";
import { AthenaClient } from "@aws-sdk/client-athena";
import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { GlueClient } from "@aws-sdk/client-glue";
import { S3Client } from "@aws-sdk/client-s3";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { z } from "zod";
import { stackName } from "../stack/stack-name.ts";
import { UserError } from "./user-error.ts";

/** What `millrace dev` leaves in its state directory, so that other commands find it. */
export const runtimeFile = z.strictObject({
  pid: z.int(),
  endpoint: z.url(),
  region: z.string(),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
});
export type RuntimeFile = z.output<typeof runtimeFile>;

export const RUNTIME_FILE = "runtime.json";

/** The deployed stack that a command works on: on this machine, or on AWS. */
export interface Target {
  readonly kind: "local" | "aws";
  readonly endpoint: string | undefined;
  readonly s3: S3Client;
  readonly athena: AthenaClient;
  readonly glue: GlueClient;
  readonly cloudformation: CloudFormationClient;
  readonly stack: StackOutputs;
  close(): void;
}

export interface StackOutputs {
  readonly name: string;
  readonly sourceBucket: string;
  readonly targetBucket: string;
  readonly database: string;
  readonly workgroup: string;
  readonly planUri: string;
}

export interface TargetOptions {
  readonly pipeline: string;
  readonly stage: string;
  readonly stateDirectory: string;
  /** Given by `--endpoint`; else the running local runtime; else AWS. */
  readonly endpoint?: string;
  /** Told what a command is about to reach, when that is AWS. */
  readonly announce: (text: string) => void;
}

export interface ClientConfig {
  readonly endpoint?: string;
  readonly region?: string;
  readonly credentials?: { accessKeyId: string; secretAccessKey: string };
}

/**
 * Finds the stack and makes clients for it.
 * @throws UserError when nothing runs there, or the stack does not exist.
 */
export async function connect(options: TargetOptions): Promise<Target> {
  const running = await findRuntime(options.stateDirectory);
  const endpoint = options.endpoint === undefined ? undefined : originOf(options.endpoint);
  if (running && (endpoint === undefined || endpoint === originOf(running.endpoint))) {
    return open("local", configOf(running), options);
  }
  if (endpoint !== undefined) return open("local", { endpoint, region: "us-east-1" }, options);
  await announceAccount(options);
  return open("aws", {}, options);
}

/** The same runtime has one spelling: without a path, and 127.0.0.1 for localhost. */
function originOf(endpoint: string): string {
  const url = URL.parse(endpoint);
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new UserError(`--endpoint: ${endpoint} is not an address.`, {
      hint: "Write, for example, http://127.0.0.1:4566",
    });
  }
  if (url.hostname === "localhost") url.hostname = "127.0.0.1";
  return url.origin;
}

export function configOf(runtime: RuntimeFile): ClientConfig {
  const { endpoint, region, accessKeyId, secretAccessKey } = runtime;
  return { endpoint, region, credentials: { accessKeyId, secretAccessKey } };
}

/** The runtime that runs on this state directory, if one does. */
export async function findRuntime(stateDirectory: string): Promise<RuntimeFile | undefined> {
  const text = await readFile(path.join(stateDirectory, RUNTIME_FILE), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = runtimeFile.safeParse(jsonOf(text));
  return parsed.success && isAlive(parsed.data.pid) ? parsed.data : undefined;
}

/** Undefined for half a file: the runtime is about to write the rest. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function announceAccount(options: TargetOptions): Promise<void> {
  const sts = new STSClient({});
  try {
    const identity = await sts.send(new GetCallerIdentityCommand({}));
    options.announce(`AWS account ${identity.Account}, ${await sts.config.region()}, as ${identity.Arn}`);
  } catch (error) {
    throw new UserError(`No pipeline runs here, and AWS did not accept the credentials: ${messageOf(error)}`, {
      hint: "Start one with `millrace dev`, name a running one with --endpoint, or log in to AWS.",
      cause: error,
    });
  } finally {
    sts.destroy();
  }
}

async function open(kind: Target["kind"], config: ClientConfig, options: TargetOptions): Promise<Target> {
  const clients = {
    s3: new S3Client(config),
    athena: new AthenaClient(config),
    glue: new GlueClient(config),
    cloudformation: new CloudFormationClient(config),
  };
  const close = () => Object.values(clients).forEach((client) => client.destroy());
  try {
    const name = stackName(options.pipeline, options.stage);
    const stack = await readOutputs(clients.cloudformation, name, config.endpoint);
    return { kind, endpoint: config.endpoint, ...clients, stack, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function readOutputs(
  cloudformation: CloudFormationClient,
  name: string,
  endpoint: string | undefined,
): Promise<StackOutputs> {
  const where = endpoint ?? "AWS";
  const answer = await cloudformation.send(new DescribeStacksCommand({ StackName: name })).catch((error: unknown) => {
    throw new UserError(`The stack ${name} is not to be had at ${where}: ${messageOf(error)}`, {
      hint: "Is the pipeline's name, or --stage, another? `millrace dev` runs it here.",
      cause: error,
    });
  });
  const outputs = new Map(answer.Stacks?.[0]?.Outputs?.map((output) => [output.OutputKey, output.OutputValue ?? ""]));
  const output = (key: string) => {
    const value = outputs.get(key);
    if (value === undefined)
      throw new UserError(`The stack ${name} has no output ${key}: it is not a Millrace pipeline.`);
    return value;
  };
  return {
    name,
    sourceBucket: output("SourceBucketName"),
    targetBucket: output("TargetBucketName"),
    database: output("DatabaseName"),
    workgroup: output("WorkGroupName"),
    planUri: output("PlanUri"),
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
