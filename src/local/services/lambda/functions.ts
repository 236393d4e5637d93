import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type {
  FunctionConfiguration as DescribedFunction,
  GetFunctionCommandInput,
  GetFunctionCommandOutput,
  GetFunctionConfigurationCommandInput,
  ListFunctionsCommandInput,
  ListFunctionsCommandOutput,
  UpdateFunctionConfigurationCommandInput,
} from "@aws-sdk/client-lambda";
import { RESERVED_VARIABLES } from "../../lambda/environment-variables.ts";
import { RUNTIMES, VERSION, type FunctionConfiguration, type Runtime } from "../../lambda/function-configuration.ts";
import { AwsError, type ServiceDeps } from "../../service.ts";
import { functionNotFound, invalidParameter, unsupported } from "./errors.ts";
import { functionArn, functionNameOf } from "./names.ts";
import type { FunctionCode, LambdaStore, StoredFunction } from "./store.ts";

/** Everything about a function that its owner decides. */
export type FunctionDefinition = Omit<StoredFunction, "revisionId" | "lastModified">;

type Output<T> = Omit<T, "$metadata">;

export class Functions {
  readonly #deps: ServiceDeps;
  readonly #store: LambdaStore;
  readonly #changed: (functionName: string) => void;

  /** `changed` is told when warm environments of a function are out of date. */
  constructor(deps: ServiceDeps, store: LambdaStore, changed: (functionName: string) => void) {
    this.#deps = deps;
    this.#store = store;
    this.#changed = changed;
  }

  /** The function that a request means; ResourceNotFoundException when there is none. */
  find(reference: string | undefined, qualifier?: string): StoredFunction {
    if (!reference) throw invalidParameter("FunctionName is missing");
    const name = functionNameOf(this.#deps.environment, reference, qualifier);
    const found = this.#store.functions.get(name);
    if (!found) throw functionNotFound(this.arn(name));
    return found;
  }

  arn(name: string): string {
    return functionArn(this.#deps.environment, name);
  }

  /** Makes or changes a function. One that stays as it was keeps its revision, and its warm environments. */
  async put(definition: FunctionDefinition): Promise<StoredFunction> {
    checkDefinition(definition);
    const existing = this.#store.functions.get(definition.name);
    if (existing && same(existing, definition)) return existing;
    if (existing?.roleArn !== definition.roleArn) await this.#checkRole(definition.roleArn, definition.name);
    this.directory(definition.code);
    const stored = this.#store.functions.put(definition.name, {
      ...definition,
      revisionId: this.#deps.ids.uuid(),
      lastModified: this.#deps.clock.now(),
    });
    this.#changed(definition.name);
    return stored;
  }

  delete(name: string): void {
    this.#store.functions.delete(name);
    this.#store.policies.delete(name);
    this.#store.eventInvokeConfigs.delete(name);
    this.#changed(name);
  }

  /** Writes inline code where it can be run. CloudFormation names the file index.js. */
  inlineCode(functionName: string, source: string): FunctionCode {
    const hash = createHash("sha256").update(source).digest("hex");
    const directory = this.#deps.state.directory("lambda", "code", functionName, hash.slice(0, 16));
    mkdirSync(directory, { recursive: true });
    // Without a package.json here, one of a directory above would say what kind of module this is.
    writeFileSync(path.join(directory, "package.json"), "{}\n");
    writeFileSync(path.join(directory, "index.js"), source);
    return { kind: "inline", directory, hash };
  }

  directory(code: FunctionCode): string {
    if (code.kind === "inline") return code.directory;
    const asset = this.#deps.assets.find(code.bucket, code.key);
    if (asset?.kind === "directory") return asset.path;
    const problem = asset ? "is a single file" : "is not in the cloud assembly";
    throw unsupported(
      `Code s3://${code.bucket}/${code.key}, which ${problem},`,
      "only directory assets (Code.fromAsset of a directory) and inline code are run.",
    );
  }

  /** What the host needs to run the function as it is now. */
  configuration(stored: StoredFunction): FunctionConfiguration {
    const { name, revisionId, handler, runtime, roleArn, timeoutSeconds, memoryMiB, variables, logging } = stored;
    return {
      functionName: name,
      functionArn: this.arn(name),
      directory: this.directory(stored.code),
      revisionId,
      handler,
      runtime,
      roleArn,
      timeoutSeconds,
      memoryMiB,
      variables,
      logging,
      reservedConcurrency: stored.reservedConcurrency,
    };
  }

  readonly operations = {
    GetFunction: (input: GetFunctionCommandInput): Output<GetFunctionCommandOutput> => {
      const stored = this.find(input.FunctionName, input.Qualifier);
      const { code, reservedConcurrency, tags } = stored;
      return {
        Configuration: this.#describe(stored),
        // AWS gives a presigned URL to the zip file; here the code is run in place and there is no zip file.
        Code: { RepositoryType: "S3", Location: `file://${this.directory(code)}` },
        ...(Object.keys(tags).length > 0 && { Tags: { ...tags } }),
        ...(reservedConcurrency !== undefined && {
          Concurrency: { ReservedConcurrentExecutions: reservedConcurrency },
        }),
      };
    },

    GetFunctionConfiguration: (input: GetFunctionConfigurationCommandInput): DescribedFunction =>
      this.#describe(this.find(input.FunctionName, input.Qualifier)),

    ListFunctions: (input: ListFunctionsCommandInput): Output<ListFunctionsCommandOutput> => {
      const all = this.#store.functions.list().filter((stored) => stored.name > (input.Marker ?? ""));
      const page = all.slice(0, input.MaxItems ?? 50);
      return {
        Functions: page.map((stored) => this.#describe(stored)),
        ...(page.length < all.length && { NextMarker: page.at(-1)?.name }),
      };
    },

    UpdateFunctionConfiguration: async (input: UpdateFunctionConfigurationCommandInput): Promise<DescribedFunction> => {
      const stored = this.find(input.FunctionName);
      const { Role, Handler, Description, Timeout, MemorySize, Environment, Runtime, DeadLetterConfig } = input;
      const supported = { Role, Handler, Description, Timeout, MemorySize, Environment, Runtime, DeadLetterConfig };
      const other = Object.entries(input).find(
        ([name, value]) => value !== undefined && !(name in { ...supported, FunctionName: 1, RevisionId: 1 }),
      );
      if (other) throw unsupported(`UpdateFunctionConfiguration.${other[0]}`, "change the template instead.");
      if (input.RevisionId !== undefined && input.RevisionId !== stored.revisionId) {
        throw new AwsError(
          "PreconditionFailedException",
          "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        );
      }
      const changed = await this.put({
        ...stored,
        roleArn: Role ?? stored.roleArn,
        handler: Handler ?? stored.handler,
        description: Description ?? stored.description,
        timeoutSeconds: Timeout ?? stored.timeoutSeconds,
        memoryMiB: MemorySize ?? stored.memoryMiB,
        variables: Environment ? { ...Environment.Variables } : stored.variables,
        runtime: Runtime ? checkRuntime(Runtime) : stored.runtime,
        deadLetterArn: DeadLetterConfig ? DeadLetterConfig.TargetArn || undefined : stored.deadLetterArn,
      });
      return this.#describe(changed);
    },
  };

  #describe(stored: StoredFunction): DescribedFunction {
    const { logging } = stored;
    return {
      FunctionName: stored.name,
      FunctionArn: this.arn(stored.name),
      Runtime: stored.runtime,
      Role: stored.roleArn,
      Handler: stored.handler,
      Description: stored.description,
      Timeout: stored.timeoutSeconds,
      MemorySize: stored.memoryMiB,
      LastModified: new Date(stored.lastModified).toISOString().replace("Z", "+0000"),
      Version: VERSION,
      ...(stored.deadLetterArn !== undefined && { DeadLetterConfig: { TargetArn: stored.deadLetterArn } }),
      ...(Object.keys(stored.variables).length > 0 && { Environment: { Variables: { ...stored.variables } } }),
      TracingConfig: { Mode: stored.tracing },
      RevisionId: stored.revisionId,
      State: "Active",
      LastUpdateStatus: "Successful",
      PackageType: "Zip",
      Architectures: stored.architectures as DescribedFunction["Architectures"],
      EphemeralStorage: { Size: stored.ephemeralStorageMiB },
      LoggingConfig: {
        LogFormat: logging.format,
        LogGroup: logging.group,
        ...(logging.applicationLevel && { ApplicationLogLevel: logging.applicationLevel }),
        ...(logging.systemLevel && { SystemLogLevel: logging.systemLevel }),
      },
    };
  }

  async #checkRole(roleArn: string, functionName: string): Promise<void> {
    try {
      await this.#deps.bus.assumeRole(roleArn, functionName);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      throw invalidParameter(`The role defined for the function cannot be assumed by Lambda. (${error.message})`);
    }
  }
}

/** Refuses other runtimes by name. */
export function checkRuntime(runtime: string | undefined): Runtime {
  const known = RUNTIMES.find((name) => name === runtime);
  if (known) return known;
  throw unsupported(`Runtime ${runtime ?? "(none)"}`, `use one of ${RUNTIMES.join(", ")}.`);
}

/** Ranges: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
function checkDefinition({ timeoutSeconds, memoryMiB, variables }: FunctionDefinition): void {
  if (!(timeoutSeconds >= 1 && timeoutSeconds <= 900)) {
    throw invalidParameter(`Timeout must be from 1 to 900 seconds, not ${timeoutSeconds}.`);
  }
  if (!(memoryMiB >= 128 && memoryMiB <= 10_240)) {
    throw invalidParameter(`'MemorySize' value failed to satisfy constraint: from 128 to 10240 MB, not ${memoryMiB}.`);
  }
  const reserved = Object.keys(variables).filter((name) => RESERVED_VARIABLES.has(name));
  if (reserved.length > 0) {
    throw invalidParameter(
      "Lambda was unable to configure your environment variables because the environment variables you have provided " +
        "contains reserved keys that are currently not supported for modification. " +
        `Reserved keys used in this request: ${reserved.join(", ")}`,
    );
  }
  const size = Buffer.byteLength(JSON.stringify(variables));
  if (size > 4096) {
    throw invalidParameter(
      "Lambda was unable to configure your environment variables because the environment variables you have provided " +
        `exceeded the 4KB limit. (${size} bytes)`,
    );
  }
}

function same(stored: StoredFunction, definition: FunctionDefinition): boolean {
  return JSON.stringify(comparable(stored)) === JSON.stringify(comparable(definition));
}

function comparable(document: object): unknown {
  return Object.entries(document)
    .filter(([name, value]) => value !== undefined && name !== "revisionId" && name !== "lastModified")
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}
