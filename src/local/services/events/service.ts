import type * as Events from "@aws-sdk/client-eventbridge";
import type { CallContext, Service, ServiceDeps } from "../../service.ts";
import { createBusDirectory, createBusOperations } from "./bus-operations.ts";
import { Deliveries } from "./deliveries.ts";
import { createRuleResources } from "./resources.ts";
import { Router } from "./router.ts";
import { createRuleOperations } from "./rule-operations.ts";
import { RuleStore } from "./store.ts";

export interface EventsService extends Service {
  /** The policy of an event bus, as JSON text, for whoever evaluates policies. */
  resourcePolicy(arn: string): string | undefined;
}

/** Amazon EventBridge: event buses, rules by pattern and by schedule, targets with retries and dead-letter queues. */
export function createEvents(deps: ServiceDeps): EventsService {
  const store = new RuleStore(deps.state.database("events"), deps.clock.now());
  const buses = createBusDirectory(deps, store);
  const deliveries = new Deliveries(deps, store);
  const router = new Router(deps, store, buses, deliveries);
  const rules = createRuleOperations(deps, store, buses, (rule) => router.changed(rule));

  return {
    name: "events",
    sdk: () => import("@aws-sdk/client-eventbridge"),
    operations: {
      ...createBusOperations(deps, store, buses),
      ...rules.operations,
      PutEvents: (input: Events.PutEventsCommandInput, context: CallContext) => router.putEvents(input, context),
    },
    resources: createRuleResources(store, buses, rules),
    resourcePolicy: (arn) => store.buses().find((bus) => buses.busArn(bus) === arn)?.policy,
    start() {
      deliveries.resume();
      router.start();
    },
    async stop() {
      router.stop();
      await deliveries.stop();
    },
  };
}
