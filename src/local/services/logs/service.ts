import type { Timer } from "../../clock.ts";
import type { Service, ServiceDeps } from "../../service.ts";
import { createEventOperations } from "./event-operations.ts";
import { createGroupOperations } from "./group-operations.ts";
import { createLogResources } from "./resources.ts";
import { LogStore } from "./store.ts";

const HOUR = 3_600_000;

export interface LogsService extends Service {
  /**
   * The account's resource policies for log groups, as one policy in JSON text: its statements name the groups they are
   * about. For whoever evaluates policies.
   */
  resourcePolicy(arn: string): string | undefined;
}

/** Amazon CloudWatch Logs: groups with retention, streams, events, filters, and metrics embedded in lines. */
export function createLogs(deps: ServiceDeps): LogsService {
  const store = new LogStore(deps.state.database("logs"));
  const groups = createGroupOperations(deps, store);
  let timer: Timer | undefined;
  const expire = () => {
    store.expire(deps.clock.now());
    timer = deps.clock.timer(HOUR, expire, { background: true });
  };

  return {
    name: "logs",
    sdk: () => import("@aws-sdk/client-cloudwatch-logs"),
    operations: { ...groups.operations, ...createEventOperations(deps, store, groups) },
    resources: createLogResources(store, groups, () => deps.clock.now()),
    resourcePolicy() {
      const documents = store.policies().map((policy) => JSON.parse(policy.document) as { Statement?: unknown });
      const Statement = documents.flatMap((document) => document.Statement ?? []);
      return Statement.length > 0 ? JSON.stringify({ Version: "2012-10-17", Statement }) : undefined;
    },
    start: expire,
    stop: () => timer?.cancel(),
  };
}
