import type { DatabaseSync } from "node:sqlite";
import type { z } from "zod";
import type { Bus } from "./bus.ts";
import type { Clock } from "./clock.ts";
import type { Ids } from "./ids.ts";
import type { Trace } from "./trace.ts";

/** Names as they stand in a request's credential scope (`…/us-east-1/<name>/aws4_request`). */
export type ServiceName =
  | "s3"
  | "sns"
  | "sqs"
  | "lambda"
  | "glue"
  | "athena"
  | "events"
  | "ses"
  | "monitoring"
  | "logs"
  | "iam"
  | "sts"
  | "cloudformation";

/**
 * Who makes a call. `user` is the CLI's administrator; a function, a job or a crawler is an `assumed-role`; S3, SNS,
 * EventBridge… deliver as a `service` on behalf of one of the account's resources.
 */
export type Principal =
  | { kind: "user"; arn: string; userId: string }
  | { kind: "assumed-role"; arn: string; roleArn: string; sessionName: string; userId: string }
  | { kind: "service"; service: string; sourceArn: string };

export interface CallContext {
  readonly requestId: string;
  readonly principal: Principal;
  /** Aborted when the caller has gone (its connection closed): a long poll must then hand out nothing. */
  readonly signal?: AbortSignal;
}

/** An operation: the SDK's own input in, the SDK's own output out. Marshalling is the wire's business. */
export type Handler<Input = never, Output = unknown> = (input: Input, context: CallContext) => Output | Promise<Output>;

/** A table from operation names to handlers. What is not in it is answered "not implemented" by name. */
export type Operations = Readonly<Record<string, Handler>>;

export interface Service {
  readonly name: ServiceName;
  /** Loads the SDK client module whose schemas describe the wire; called on the first request. */
  readonly sdk: () => Promise<Record<string, unknown>>;
  readonly operations: Operations;
  /** Resource types of templates that this service provisions, by CloudFormation name. */
  readonly resources: Readonly<Record<string, ResourceProvider>>;
  /** Takes up what was going on when the runtime stopped: timers, pollers, running jobs. Called once, after provisioning. */
  start?(): void | Promise<void>;
  /** Stops background work and child processes. State is durable already. */
  stop?(): void | Promise<void>;
}

/** What every service is made from. */
export interface ServiceDeps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly trace: Trace;
  readonly state: StateDirectory;
  readonly bus: Bus;
  readonly environment: Environment;
  readonly assets: Assets;
}

/** The cloud assembly's assets, under the bucket and key at which the template refers to them. */
export interface Assets {
  /** `directory` assets (CDK's "zip" packaging) are run in place; S3 serves the `file` ones, read-only. */
  find(bucket: string, key: string): { path: string; kind: "file" | "directory" } | undefined;
}

export interface Environment {
  readonly account: string;
  readonly region: string;
  readonly partition: "aws";
  /** `http://127.0.0.1:PORT`, never another host (an SQS client follows its queue URL's host). */
  endpoint(): string;
}

export interface StateDirectory {
  readonly path: string;
  /** The durable store of one service: `<path>/<name>.db`, WAL, `synchronous=NORMAL`. One handle per name. */
  database(name: string): DatabaseSync;
  /** A directory below the state directory, made if need be. */
  directory(...segments: string[]): string;
}

/**
 * How one resource type of a template comes to life.
 * `schema` is strict: a property it does not name, and that `ignored` does not name either, is refused by name.
 */
// The properties' type differs per provider; `defineResource` keeps it precise inside each one.
export interface ResourceProvider {
  readonly schema: z.ZodType;
  /**
   * Properties accepted without local effect: dotted path (`*` for list items) -> the reason, shown by `check`.
   * `Name=value` speaks of one value of a property at the top.
   */
  readonly ignored?: Readonly<Record<string, string>>;
  /** Attributes that Fn::GetAtt may name. */
  readonly attributes: readonly string[];
  /**
   * Makes the resource, or brings an existing one (same physical id) to these properties. Must be safe to repeat.
   * Refuses what AWS refuses, with AWS's error.
   */
  provision(request: ProvisionRequest<never>): Promise<ProvisionedResource> | ProvisionedResource;
  delete(physicalId: string): Promise<void> | void;
}

export interface ProvisionRequest<Properties> {
  readonly logicalId: string;
  readonly stackName: string;
  readonly properties: Properties;
  /** The physical id of the last provisioning, when there was one. */
  readonly physicalId?: string;
  /** The name CloudFormation would make when the properties give none: `<stack>-<logicalId>-<12 random>`. */
  readonly generatedName: (maxLength: number) => string;
}

export interface ProvisionedResource {
  /** What `Ref` gives. */
  readonly physicalId: string;
  /** What `Fn::GetAtt` gives, for every name in `attributes`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Types a provider's `provision` by its own schema. */
export function defineResource<Schema extends z.ZodType>(provider: {
  schema: Schema;
  ignored?: Readonly<Record<string, string>>;
  attributes: readonly string[];
  provision(request: ProvisionRequest<z.output<Schema>>): Promise<ProvisionedResource> | ProvisionedResource;
  delete(physicalId: string): Promise<void> | void;
}): ResourceProvider {
  return provider;
}

/** An error that goes over the wire. Status and query code come from the operation's schema when it knows the code. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number | undefined;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: { status?: number; fields?: Record<string, unknown> } = {}) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = options.status;
    this.fields = options.fields ?? {};
  }
}
