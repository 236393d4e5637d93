import { DatabaseSync } from "node:sqlite";
import type { AuthorizationRequest, Bus, CallName, Calls } from "../../src/local/bus.ts";
import { createIds } from "../../src/local/ids.ts";
import { AwsError } from "../../src/local/service.ts";
import type { Handler, Principal, Service, ServiceDeps } from "../../src/local/service.ts";
import { createTrace } from "../../src/local/trace.ts";
import { ManualClock } from "./manual-clock.ts";

export const ACCOUNT = "111122223333";
export const REGION = "eu-west-1";
export const ADMIN: Principal = { kind: "user", arn: `arn:aws:iam::${ACCOUNT}:user/admin`, userId: "AIDAEXAMPLE" };

export interface CallRecord {
  name: string;
  input: unknown;
  principal: Principal;
}

/**
 * Services wired to each other without HTTP or policies, for tests of what services do to each other. The databases
 * live in memory and survive a `restart` (new services on the same state, as after a crash).
 */
export class DirectBus implements Bus {
  readonly clock: ManualClock;
  readonly trace;
  readonly calls: CallRecord[] = [];
  /** Throw from here to make a call fail. */
  intercept: (call: CallRecord) => unknown = () => undefined;
  port = 4566;
  readonly #ids = createIds("direct-bus");
  readonly #databases = new Map<string, DatabaseSync>();
  readonly #services = new Map<string, Service>();
  readonly #handlers = new Map<string, Handler>();

  constructor(clock = new ManualClock()) {
    this.clock = clock;
    this.trace = createTrace(() => clock.now());
  }

  get deps(): ServiceDeps {
    return {
      clock: this.clock,
      ids: this.#ids,
      trace: this.trace,
      bus: this,
      environment: {
        account: ACCOUNT,
        region: REGION,
        partition: "aws",
        endpoint: () => `http://127.0.0.1:${this.port}`,
      },
      assets: { find: () => undefined },
      state: {
        path: "/nowhere",
        directory: () => {
          throw new Error("no directories here");
        },
        database: (name) => {
          const existing = this.#databases.get(name);
          if (existing) return existing;
          const database = new DatabaseSync(":memory:");
          this.#databases.set(name, database);
          return database;
        },
      },
    };
  }

  add<T extends Service>(service: T): T {
    this.#services.set(service.name, service);
    return service;
  }

  /** Answers a call of a service that is not there. */
  stub<Name extends CallName>(name: Name, handler: (input: Calls[Name][0], principal: Principal) => unknown): void {
    this.#handlers.set(name, (input: Calls[Name][0], context) => handler(input, context.principal));
  }

  async call<Name extends CallName>(
    name: Name,
    input: Calls[Name][0],
    principal: Principal,
    options: { signal?: AbortSignal } = {},
  ): Promise<Omit<Calls[Name][1], "$metadata">> {
    const record = { name, input, principal };
    this.calls.push(record);
    await this.intercept(record);
    const [serviceName = "", operation = ""] = name.split(":");
    const handler = this.#handlers.get(name) ?? this.#services.get(serviceName)?.operations[operation];
    // Every service publishes metrics; few tests have a CloudWatch to take them.
    if (!handler && name === "monitoring:PutMetricData") return {} as never;
    if (!handler) throw new AwsError("NotImplemented", `${name} is not there`, { status: 501 });
    return (await handler(input as never, { requestId: "r", principal, signal: options.signal })) as never;
  }

  allowed(_request: AuthorizationRequest): Promise<boolean> {
    return Promise.resolve(true);
  }

  objectFile(): never {
    throw new Error("no objects here");
  }

  assumeRole(): never {
    throw new Error("no roles here");
  }
}

/** Calls an operation as the SDK would: input in, output out. */
export async function invoke<Input, Output>(
  handler: Handler<Input, Output>,
  input: Input,
  principal: Principal = ADMIN,
  signal?: AbortSignal,
): Promise<Output> {
  return await handler(input, { requestId: "r", principal, signal });
}
