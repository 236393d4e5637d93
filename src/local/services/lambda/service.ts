import type {
  DeleteFunctionConcurrencyCommandInput,
  GetFunctionConcurrencyCommandInput,
  PutFunctionConcurrencyCommandInput,
} from "@aws-sdk/client-lambda";
import { LambdaHost } from "../../lambda/host.ts";
import type { Service, ServiceDeps } from "../../service.ts";
import { AsyncEvents } from "./async-events.ts";
import { EventInvokeConfigs } from "./event-invoke-config.ts";
import { Functions } from "./functions.ts";
import { createInvokeOperation, Invoker } from "./invoker.ts";
import { HeldMessages } from "./held-messages.ts";
import { Mappings } from "./mappings.ts";
import { createLambdaMetrics } from "./metrics.ts";
import { Permissions } from "./permissions.ts";
import { createLambdaResources } from "./resources.ts";
import { LambdaStore } from "./store.ts";

export interface LambdaService extends Service {
  /** The resource policy of a function, by its ARN, as JSON text, for whoever evaluates policies. */
  resourcePolicy(arn: string): string | undefined;
}

/**
 * AWS Lambda: functions from the cloud assembly's bundles in processes of their own, invoked synchronously,
 * asynchronously with retries and destinations, and by event source mappings from SQS.
 */
export function createLambda(deps: ServiceDeps, options: { accountConcurrency?: number } = {}): LambdaService {
  const database = deps.state.database("lambda");
  const store = new LambdaStore(database);
  const held = new HeldMessages(database);
  const host = new LambdaHost(deps, options);
  const metrics = createLambdaMetrics(deps);
  const functions = new Functions(deps, store, (name) => host.discard(name));
  const invoker = new Invoker(functions, host, metrics);
  const events = new AsyncEvents(deps, store, functions, invoker, metrics);
  const permissions = new Permissions(deps.environment, store, functions);
  const mappings = new Mappings({ services: deps, functions, invoker, metrics, held }, store);
  const eventInvokeConfigs = new EventInvokeConfigs(deps.clock, store, functions);

  return {
    name: "lambda",
    sdk: () => import("@aws-sdk/client-lambda"),
    operations: {
      ...functions.operations,
      ...createInvokeOperation(functions, invoker, events),
      ...permissions.operations,
      ...mappings.operations,
      ...eventInvokeConfigs.operations,
      ...concurrencyOperations(functions),
    },
    resources: createLambdaResources({ store, functions, permissions, mappings, eventInvokeConfigs }),
    resourcePolicy: (arn) => permissions.resourcePolicy(arn),
    start() {
      events.start();
      mappings.start();
    },
    async stop() {
      events.stop();
      const polling = mappings.stop();
      await host.stop();
      await polling;
      await metrics.flush();
    },
  };
}

function concurrencyOperations(functions: Functions) {
  return {
    async PutFunctionConcurrency(input: PutFunctionConcurrencyCommandInput) {
      const reservedConcurrency = input.ReservedConcurrentExecutions;
      await functions.put({ ...functions.find(input.FunctionName), reservedConcurrency });
      return { ReservedConcurrentExecutions: reservedConcurrency };
    },
    GetFunctionConcurrency(input: GetFunctionConcurrencyCommandInput) {
      const { reservedConcurrency } = functions.find(input.FunctionName);
      return reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency };
    },
    async DeleteFunctionConcurrency(input: DeleteFunctionConcurrencyCommandInput) {
      await functions.put({ ...functions.find(input.FunctionName), reservedConcurrency: undefined });
      return {};
    },
  };
}
