import type { Service, ServiceDeps } from "../../service.ts";
import { Deliveries } from "./deliveries.ts";
import { createTopicResources } from "./resources.ts";
import { TopicStore } from "./store.ts";
import { createSubscriptionOperations } from "./subscription-operations.ts";
import { createTopicOperations } from "./topic-operations.ts";

export interface SnsService extends Service {
  /** The topic policy that stands (the default one when none was set), as JSON text, for whoever evaluates policies. */
  resourcePolicy(arn: string): string | undefined;
}

/** Amazon SNS: standard topics with subscriptions of queues and functions. FIFO topics and other protocols are refused. */
export function createSns(deps: ServiceDeps): SnsService {
  const store = new TopicStore(deps.state.database("sns"));
  const deliveries = new Deliveries(deps, store);
  const topics = createTopicOperations(deps, store, deliveries);
  const subscriptions = createSubscriptionOperations(deps, store, topics.find);

  return {
    name: "sns",
    sdk: () => import("@aws-sdk/client-sns"),
    operations: { ...topics.operations, ...subscriptions.operations },
    resources: createTopicResources(store, topics, subscriptions),
    resourcePolicy(arn) {
      const topic = store.topic(arn);
      return topic && topics.policyOf(topic);
    },
    start: () => deliveries.resume(),
    stop: () => deliveries.stop(),
  };
}
