import { RuntimeClock } from "./clock.ts";
import { createGate, objectFileExtra } from "./gate.ts";
import { createIds } from "./ids.ts";
import type { JobEngine } from "./job-engine.ts";
import type { Assets, Environment, Service } from "./service.ts";
import { createAthena } from "./services/athena/service.ts";
import { createCloudFormation } from "./services/cloudformation/service.ts";
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
import { providersOf } from "./template/stack-plan.ts";
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

/**
 * Starts the runtime on a state directory: what was deployed there before runs on at once.
 * @throws StateError when another runtime has the state, or another version wrote it.
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const { account = "111122223333", region = "us-east-1", skipIdle = false } = options;
  const state = openState(options.stateDirectory);
  const clock = new RuntimeClock({ skipIdle });
  const ids = createIds();
  const trace = createTrace(() => clock.now());
  if (options.onTrace) trace.on(options.onTrace);
  let endpoint = "";
  const environment: Environment = { account, region, partition: "aws", endpoint: () => endpoint };
  let assets: Assets = { find: () => undefined };
  const gate = createGate({
    clock,
    ids,
    trace,
    state,
    environment,
    assets: { find: (bucket, key) => assets.find(bucket, key) },
  });
  const { deps, dispatcher, credentials } = gate;
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
  for (const service of services) dispatcher.register(service);
  const extras = { "object-file": objectFileExtra(gate) };
  const listener = createListener({ dispatcher, credentials, clock, ids, trace, region, extras });

  const stop = async () => {
    await listener.close();
    for (const service of services.toReversed()) await service.stop?.();
    clock.close();
    state.close();
  };
  try {
    endpoint = `http://127.0.0.1:${await listener.listen(options.port)}`;
  } catch (error) {
    await stop();
    throw error;
  }
  let started = false;
  return {
    get endpoint() {
      return endpoint;
    },
    region,
    account,
    credentials: credentials.administrator,
    clock,
    trace,
    async deploy(assemblyDirectory) {
      const assembly = readAssembly(assemblyDirectory, environment);
      assets = assembly.assets;
      const reports: Report[] = [];
      for (const stack of assembly.stacks) {
        reports.push((await cloudformation.provision(stack, providersOf(dispatcher.services.values()))).report);
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
