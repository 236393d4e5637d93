import type { Service, ServiceDeps } from "../../service.ts";
import { LongPolls } from "./long-polls.ts";
import { createMessageOperations } from "./message-operations.ts";
import { MessageStore } from "./messages.ts";
import type { ReceivedMessage } from "./messages.ts";
import { QueueMetrics } from "./metrics.ts";
import { MoveTasks } from "./move-tasks.ts";
import { createPermissionOperations } from "./permissions.ts";
import { createQueueOperations } from "./queue-operations.ts";
import { createQueueResources } from "./resources.ts";
import { QueueStore } from "./store.ts";

export interface SqsService extends Service {
  /** The queue policy of a queue, as JSON text, for whoever evaluates policies. */
  resourcePolicy(arn: string): string | undefined;
}

/** Amazon SQS: standard queues, durable, with real visibility, redrive and long polls. FIFO queues are refused. */
export function createSqs(deps: ServiceDeps): SqsService {
  const { account, partition, region } = deps.environment;
  const queues = new QueueStore(deps.state.database("sqs"), `arn:${partition}:sqs:${region}:${account}:`);
  const messages = new MessageStore(queues.database, deps.ids);
  const polls = new LongPolls<ReceivedMessage>(deps.clock, (name, now) => messages.nextVisibleAt(name, now));
  const metrics = new QueueMetrics(deps, queues, messages);
  const moveTasks = new MoveTasks(deps, queues, messages, (queue) => polls.notify(queue.name));
  const engine = createQueueOperations(deps, queues, messages, moveTasks, (name) => polls.notify(name));

  return {
    name: "sqs",
    sdk: () => import("@aws-sdk/client-sqs"),
    operations: {
      ...engine.operations,
      ...createMessageOperations(deps, queues, messages, polls, metrics, engine.find),
      ...createPermissionOperations(engine.find, (queue, Policy) => void engine.setAttributes(queue, { Policy })),
    },
    resources: createQueueResources(deps.environment, queues, engine),
    resourcePolicy: (arn) => queues.byArn(arn)?.attributes["Policy"],
    start() {
      moveTasks.resume();
      metrics.start();
    },
    async stop() {
      moveTasks.stop();
      polls.close();
      await metrics.stop();
    },
  };
}
