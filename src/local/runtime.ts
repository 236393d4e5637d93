import { RuntimeClock } from "./clock.ts";
import { type Gate, createGate, objectFileExtra } from "./gate.ts";
import { createIds } from "./ids.ts";
import type { JobEngine } from "./job-engine.ts";
import type { Assets, Environment, Service } from "./service.ts";
import { createAthena } from "./services/athena/service.ts";
import { type CloudFormationService, createCloudFormation } from "./services/cloudformation/service.ts";
import { createCloudWatch } from "./services/cloudwatch/service.ts";
import { createEvents } from "./services/events/service.ts";
import { createGlue } from "./services/glue/service.ts";
import { createLambda } from "./services/lambda/service.ts";
import { createLogs } from "./services/logs/service.ts";
import { createS3 } from "./services/s3/service.ts";
import { createSns } from "./services/sns/service.ts";
import { createSqs } from "./services/sqs/service.ts";
import { openState } from "./state.ts";
import { readAssembly } from "./template/assembly.ts";
import type { Report } from "./template/findings.ts";
import { planStack, providersOf } from "./template/stack-plan.ts";
import { createTrace, type Trace } from "./trace.ts";
import { createListener } from "./wire/listener.ts";

export interface RuntimeOptions {
  /** Everything that lasts is below this directory; one runtime at a time. */
  readonly stateDirectory: string;
  /** Port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** What runs the scripts of Glue jobs. */
  readonly engine: JobEngine;
  readonly account?: string;
  readonly region?: string;
  /** Jump over idle time instead of waiting: for one-shot runs. */
  readonly skipIdle?: boolean;
  /** Told of everything that happens from the first moment. */
  readonly onTrace?: Parameters<Trace["on"]>[0];
}

/** A running local AWS. */
export interface Runtime extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly endpoint: string;
  readonly region: string;
  readonly account: string;
  /** Keys of the person at this machine. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly clock: RuntimeClock;
  readonly trace: Trace;
  /**
   * Brings the stacks of a cloud assembly to their templates; again with a newer assembly to change them.
   * @throws TemplateError before anything is touched, when the template needs what the runtime lacks.
   * @throws ProvisionError when a resource cannot be made; what was made until then stays.
   */
  deploy(assemblyDirectory: string): Promise<readonly Report[]>;
  /** Stops everything; what was going on is taken up by the next start on this state. */
  stop(): Promise<void>;
}

interface Parts extends Gate {
  readonly clock: RuntimeClock;
  readonly trace: Trace;
  /** In the order in which they start. */
  readonly services: readonly Service[];
  readonly cloudformation: CloudFormationService;
  readonly environment: Environment;
  listensAt(endpoint: string): void;
  use(assets: Assets): void;
  close(): void;
}

/** Makes every part, on a state directory; nothing runs yet. */
function makeParts(options: Omit<RuntimeOptions, "port">): Parts {
  const { account = "111122223333", region = "us-east-1", skipIdle = false } = options;
  const state = openState(options.stateDirectory);
  const clock = new RuntimeClock({ skipIdle });
  const ids = createIds();
  const trace = createTrace(() => clock.now());
  if (options.onTrace) trace.on(options.onTrace);
  let endpoint = "";
  let assets: Assets = { find: () => undefined };
  const environment: Environment = { account, region, partition: "aws", endpoint: () => endpoint };
  const gate = createGate({
    clock,
    ids,
    trace,
    state,
    environment,
    assets: { find: (bucket, key) => assets.find(bucket, key) },
  });
  const { deps } = gate;
  const cloudformation = createCloudFormation(deps);
  const services: Service[] = [
    cloudformation,
    createLogs(deps),
    createCloudWatch(deps),
    createS3(deps),
    createSqs(deps),
    createSns(deps),
    createEvents(deps),
    createLambda(deps),
    createGlue(deps, options.engine),
    createAthena(deps),
  ];
  for (const service of services) gate.dispatcher.register(service);
  return {
    ...gate,
    clock,
    trace,
    services,
    cloudformation,
    environment,
    listensAt: (url) => void (endpoint = url),
    use: (found) => void (assets = found),
    close() {
      clock.close();
      state.close();
    },
  };
}

/**
 * What the runtime makes of the stacks of a cloud assembly, without running them.
 * @throws TemplateError when the directory is no assembly.
 */
export async function inspectAssembly(assemblyDirectory: string, stateDirectory: string): Promise<readonly Report[]> {
  return await inspect(stateDirectory, (services, environment) => {
    const { stacks } = readAssembly(assemblyDirectory, environment);
    const providers = providersOf(services);
    return stacks.map((stack) => planStack(stack, providers, environment).report);
  });
}

/** Every service of the runtime, made and not started: what its operations and resource types are. */
export async function inspectServices<T>(
  stateDirectory: string,
  look: (services: readonly Service[]) => T,
): Promise<T> {
  return await inspect(stateDirectory, look);
}

async function inspect<T>(
  stateDirectory: string,
  look: (services: readonly Service[], environment: Environment) => T,
): Promise<T> {
  const engine: JobEngine = { run: () => Promise.reject(new Error("nothing runs during an inspection")) };
  const parts = makeParts({ stateDirectory, engine });
  try {
    return look([...parts.dispatcher.services.values()], parts.environment);
  } finally {
    for (const service of parts.services.toReversed()) await service.stop?.();
    parts.close();
  }
}

/**
 * Starts the runtime on a state directory: what was deployed there before runs on at once.
 * @throws StateError when another runtime has the state, or another version wrote it.
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const parts = makeParts(options);
  const { deps, dispatcher, credentials, services, environment, clock, trace } = parts;
  const { account, region } = environment;
  const extras = { "object-file": objectFileExtra(parts) };
  const listener = createListener({ dispatcher, credentials, clock, ids: deps.ids, trace, region, extras });

  const end = async () => {
    try {
      // All at once: a function or job that lived on without the listener would fail, and its failure would be kept.
      await Promise.all([listener.close(), ...services.toReversed().map(async (service) => service.stop?.())]);
    } finally {
      parts.close();
    }
  };
  let ended: Promise<void> | undefined;
  const stop = () => (ended ??= end());
  let endpoint: string;
  try {
    endpoint = `http://127.0.0.1:${await listener.listen(options.port)}`;
    parts.listensAt(endpoint);
  } catch (error) {
    await stop();
    throw error;
  }
  let started = false;
  return {
    endpoint,
    region,
    account,
    credentials: credentials.administrator,
    clock,
    trace,
    async deploy(assemblyDirectory) {
      const assembly = readAssembly(assemblyDirectory, environment);
      parts.use(assembly.assets);
      const reports: Report[] = [];
      for (const stack of assembly.stacks) {
        reports.push((await parts.cloudformation.provision(stack, providersOf(dispatcher.services.values()))).report);
      }
      // What was going on before is taken up only now, when the assets it needs are known.
      if (!started) for (const service of services) await service.start?.();
      started = true;
      return reports;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
