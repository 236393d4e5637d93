import type { Timer } from "../../clock.ts";
import type { Service, ServiceDeps } from "../../service.ts";
import { createEventOperations } from "./event-operations.ts";
import { createGroupOperations } from "./group-operations.ts";
import { createLogResources } from "./resources.ts";
import { LogStore } from "./store.ts";

const HOUR = 3_600_000;

export interface LogsService extends Service {
  /** The account's resource policies for log groups, as JSON texts; each names the groups it is about. */
  resourcePolicies(): string[];
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
    resourcePolicies: () => store.policies().map((policy) => policy.document),
    start: expire,
    stop: () => timer?.cancel(),
  };
}
