import type { Service, ServiceDeps } from "../../service.ts";
import { Dashboards } from "./dashboards.ts";
import { createMetricOperations } from "./metric-operations.ts";
import { MetricStore } from "./metric-store.ts";
import { createDashboardResource } from "./resources.ts";

/** Amazon CloudWatch: metrics with statistics, percentiles and metric math, and dashboards. */
export function createCloudWatch(deps: ServiceDeps): Service {
  const store = new MetricStore(deps.state.database("monitoring"));
  const dashboards = new Dashboards(deps, store.database);
  return {
    name: "monitoring",
    sdk: () => import("@aws-sdk/client-cloudwatch"),
    operations: { ...createMetricOperations(deps, store), ...dashboards.operations() },
    resources: { "AWS::CloudWatch::Dashboard": createDashboardResource(dashboards) },
  };
}
