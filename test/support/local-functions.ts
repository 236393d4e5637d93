import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { InvokeCommand, type InvokeCommandInput, LambdaClient } from "@aws-sdk/client-lambda";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { Service, ServiceDeps } from "../../src/local/service.ts";
import { createLambda } from "../../src/local/services/lambda/service.ts";
import { createSqs } from "../../src/local/services/sqs/service.ts";
import type { TraceEvent } from "../../src/local/trace.ts";
import { ACCOUNT, REGION, startLocalServices, type LocalServices } from "./local-services.ts";

export interface LocalFunctionsOptions {
  readonly skipIdle?: boolean;
  /** Besides SQS and Lambda. */
  readonly services?: readonly ((deps: ServiceDeps) => Service)[];
}

/** What the recording handler saw. */
export interface RecordedEvent {
  readonly event: {
    readonly Records: readonly { messageId: string; body: string; attributes: Record<string, string> }[];
  };
  /** By the function's clock. */
  readonly now: number;
  readonly requestId: string;
}

/** Appends every event to a file, then does what the variable MODE or the event's `mode` says. */
export const RECORDING_HANDLER = `
import { appendFileSync } from "node:fs";
export const handler = async (event, context) => {
  appendFileSync(process.env.RECORD, JSON.stringify({ event, now: Date.now(), requestId: context.awsRequestId }) + "\\n");
  const mode = process.env.MODE ?? event?.mode;
  if (mode === "throw") throw new TypeError("boom");
  return { mode };
};`;

/** Lambda and SQS with one function `f`, whose code a test writes. */
export class LocalFunctions {
  readonly directory: string;
  readonly local: LocalServices;
  readonly lambda: LambdaClient;
  readonly sqs: SQSClient;
  readonly role: string;
  readonly #options: LocalFunctionsOptions;

  private constructor(directory: string, local: LocalServices, role: string, options: LocalFunctionsOptions) {
    this.directory = directory;
    this.local = local;
    this.role = role;
    this.#options = options;
    this.lambda = local.client(LambdaClient);
    this.sqs = local.client(SQSClient);
  }

  static async start(options: LocalFunctionsOptions = {}): Promise<LocalFunctions> {
    const directory = mkdtempSync(path.join(tmpdir(), "lambda-test-"));
    const local = await startIn(directory, options);
    return new LocalFunctions(directory, local, await local.role("function", "lambda.amazonaws.com"), options);
  }

  /** Stops everything and starts it again on the same state. */
  async restart(): Promise<LocalFunctions> {
    await this.local.close();
    // Ids must not come again: what the runtime before made with them is still there.
    const local = await startIn(this.directory, this.#options, "restarted");
    return new LocalFunctions(this.directory, local, this.role, this.#options);
  }

  async close(): Promise<void> {
    await this.local.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Provisions a resource of a template; answers its physical id. */
  async provision(type: string, properties: object, physicalId?: string): Promise<string> {
    const provider = this.local.dispatcher.services.get("lambda")?.resources[type];
    if (!provider) throw new Error(`no provider for ${type}`);
    const made = await provider.provision({
      logicalId: "Resource",
      stackName: "stack",
      properties: provider.schema.parse(properties) as never,
      ...(physicalId !== undefined && { physicalId }),
      generatedName: () => "stack-Resource-1",
    });
    return made.physicalId;
  }

  /** Makes the function `f`, or changes it. Its bundle is `code`. */
  async makeFunction(properties: Record<string, unknown> = {}, code = RECORDING_HANDLER): Promise<void> {
    mkdirSync(path.join(this.directory, "bundle"), { recursive: true });
    writeFileSync(path.join(this.directory, "bundle", "index.mjs"), code);
    const { Environment, ...others } = properties as { Environment?: { Variables: Record<string, string> } };
    await this.provision("AWS::Lambda::Function", {
      FunctionName: "f",
      Runtime: "nodejs24.x",
      Handler: "index.handler",
      Role: this.role,
      Code: { S3Bucket: "assets", S3Key: "bundle" },
      Environment: { Variables: { RECORD: path.join(this.directory, "record"), ...Environment?.Variables } },
      ...others,
    });
  }

  async makeQueue(name: string, attributes: Record<string, string> = {}): Promise<string> {
    const { QueueUrl } = await this.sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    return QueueUrl ?? "";
  }

  async invoke(payload: unknown, options: Partial<InvokeCommandInput> = {}) {
    const Payload = Buffer.from(JSON.stringify(payload));
    const result = await this.lambda.send(new InvokeCommand({ FunctionName: "f", Payload, ...options }));
    return { ...result, text: Buffer.from(result.Payload ?? []).toString() };
  }

  /** What the recording handler saw so far. */
  recorded(): RecordedEvent[] {
    const file = path.join(this.directory, "record");
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as RecordedEvent);
  }

  /** Resolves when so many invocations have ended, from now on. */
  async ended(times: number): Promise<void> {
    let count = 0;
    const hasEnded = (event: TraceEvent) => event.type === "invocation" && event.status !== "started";
    await this.local.trace.waitFor((event) => hasEnded(event) && ++count === times);
  }

  /** Resolves with the next call of an operation that was answered. */
  called(operation: string): Promise<TraceEvent> {
    return this.local.trace.waitFor((event) => event.type === "call" && event.operation === operation);
  }
}

export function queueArn(name: string): string {
  return `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
}

export const FUNCTION_ARN = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:f`;

function startIn(
  directory: string,
  { services = [], skipIdle = false }: LocalFunctionsOptions,
  seed?: string,
): Promise<LocalServices> {
  return startLocalServices({
    services: [createSqs, createLambda, ...services],
    assets: { find: (_, key) => ({ path: path.join(directory, key), kind: "directory" }) },
    state: path.join(directory, "state"),
    skipIdle,
    seed,
  });
}
