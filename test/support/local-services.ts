import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { RoleSession } from "../../src/local/bus.ts";
import { RuntimeClock } from "../../src/local/clock.ts";
import type { Dispatcher } from "../../src/local/dispatch.ts";
import { createGate, objectFileExtra, type Gate } from "../../src/local/gate.ts";
import type { Credentials } from "../../src/local/iam/credentials.ts";
import { createIds } from "../../src/local/ids.ts";
import type { Assets, Environment, Service, ServiceDeps } from "../../src/local/service.ts";
import { openState } from "../../src/local/state.ts";
import { createTrace, type Trace } from "../../src/local/trace.ts";
import { createListener, type LocalExtra } from "../../src/local/wire/listener.ts";

export const ACCOUNT = "111122223333";
export const REGION = "eu-west-1";

export interface LocalServicesOptions {
  /** Factories, e.g. `[createS3, createSqs]`. They are made in this order, on one bus. */
  readonly services: readonly ((deps: ServiceDeps) => Service)[];
  /** A state directory to continue from; without it a temporary one, deleted by `close`. */
  readonly state?: string;
  readonly assets?: Assets;
  /** Ids are the same every time, unless another seed is given; `null` takes real randomness. */
  readonly seed?: string | null;
  readonly extras?: Readonly<Record<string, LocalExtra>>;
  readonly skipIdle?: boolean;
  /** Services are started unless this says no. */
  readonly start?: boolean;
}

/** What every SDK client takes to talk to these services as the administrator, or as a role. */
export interface ClientOptions {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  readonly maxAttempts: number;
}

export interface LocalServices extends AsyncDisposable {
  readonly endpoint: string;
  readonly clock: RuntimeClock;
  readonly trace: Trace;
  readonly dispatcher: Dispatcher;
  readonly deps: ServiceDeps;
  readonly credentials: Credentials;
  readonly clientOptions: ClientOptions;
  /** An SDK client of these services, destroyed by `close`: `local.client(S3Client)`. */
  client<Client extends { destroy(): void }, Config extends object>(
    constructor: new (config: ClientOptions & Config) => Client,
    config?: Config & { as?: RoleSession },
  ): Client;
  /** Makes a role that a service may assume (and may do everything); answers its ARN. */
  role(name: string, trustedService: string): Promise<string>;
  /** A session of a role that `role` made. */
  session(roleArn: string, sessionName?: string): Promise<RoleSession>;
  /** Stops everything and deletes the state, unless it was given or `keepState` is set. */
  close(options?: { keepState?: boolean }): Promise<void>;
}

/** Real services behind a real listener on a free port of 127.0.0.1, with any subset of services. */
export async function startLocalServices(options: LocalServicesOptions): Promise<LocalServices> {
  const directory = options.state ?? mkdtempSync(path.join(tmpdir(), "millrace-test-"));
  const state = openState(directory);
  const clock = new RuntimeClock({ skipIdle: options.skipIdle ?? false });
  const ids = createIds(options.seed === null ? undefined : (options.seed ?? "test"));
  const trace = createTrace(() => clock.now());
  let endpoint = "";
  const environment: Environment = { account: ACCOUNT, region: REGION, partition: "aws", endpoint: () => endpoint };
  const assets = options.assets ?? { find: () => undefined };
  const gate = createGate({ clock, ids, trace, state, environment, assets });
  const { dispatcher, credentials, deps } = gate;
  for (const create of options.services) dispatcher.register(create(deps));
  const extras = { "object-file": objectFileExtra(gate), ...options.extras };
  const listener = createListener({ dispatcher, credentials, clock, ids, trace, region: REGION, extras });
  endpoint = `http://127.0.0.1:${await listener.listen(0)}`;
  if (options.start !== false) for (const service of dispatcher.services.values()) await service.start?.();

  const { accessKeyId, secretAccessKey } = credentials.administrator;
  const clientOptions = { endpoint, region: REGION, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
  const clients: { destroy(): void }[] = [];
  const close = async ({ keepState = false } = {}) => {
    for (const client of clients) client.destroy();
    await listener.close();
    for (const service of [...dispatcher.services.values()].toReversed()) await service.stop?.();
    clock.close();
    state.close();
    if (!keepState && options.state === undefined) rmSync(directory, { recursive: true, force: true });
  };
  return {
    endpoint,
    clock,
    trace,
    dispatcher,
    deps,
    credentials,
    clientOptions,
    session: (roleArn, sessionName = "test") => dispatcher.assumeRole(roleArn, sessionName),
    role: (name, trustedService) => makeRole(gate, name, trustedService),
    client(constructor, config) {
      const { as, ...rest }: { as?: RoleSession } = config ?? {};
      const client = new constructor({ ...clientOptions, ...(as && { credentials: as }), ...rest } as never);
      clients.push(client);
      return client;
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

async function makeRole({ iam, deps }: Gate, name: string, trustedService: string): Promise<string> {
  const statement = { Effect: "Allow", Principal: { Service: trustedService }, Action: "sts:AssumeRole" };
  const everything = { Effect: "Allow", Action: "*", Resource: "*" };
  const provider = iam.resources["AWS::IAM::Role"];
  if (!provider) throw new Error("IAM provisions no roles");
  const properties = provider.schema.parse({
    RoleName: name,
    AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [statement] },
    Policies: [{ PolicyName: "everything", PolicyDocument: { Version: "2012-10-17", Statement: [everything] } }],
  });
  const request = { logicalId: name, stackName: "test", properties: properties as never, generatedName: () => name };
  const { attributes } = await provider.provision(request);
  return attributes["Arn"] ?? `arn:aws:iam::${deps.environment.account}:role/${name}`;
}
