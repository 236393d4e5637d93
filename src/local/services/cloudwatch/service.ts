import type { Service, ServiceDeps } from "../../service.ts";
import { createMetricOperations } from "./metric-operations.ts";
import { MetricStore } from "./metric-store.ts";

/** Amazon CloudWatch: metrics with statistics, percentiles and metric math. */
export function createCloudWatch(deps: ServiceDeps): Service {
  const store = new MetricStore(deps.state.database("monitoring"));
  return {
    name: "monitoring",
    sdk: () => import("@aws-sdk/client-cloudwatch"),
    operations: createMetricOperations(deps, store),
    resources: {},
  };
}
