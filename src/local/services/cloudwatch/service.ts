import type { Service, ServiceDeps } from "../../service.ts";
import { AlarmEngine } from "./alarm-engine.ts";
import { createAlarmOperations } from "./alarm-operations.ts";
import { AlarmStore } from "./alarm-store.ts";
import { Dashboards } from "./dashboards.ts";
import { createMetricOperations } from "./metric-operations.ts";
import { MetricStore } from "./metric-store.ts";
import { createCloudWatchResources } from "./resources.ts";

/** Amazon CloudWatch: metrics with statistics, percentiles and metric math; alarms that act; dashboards. */
export function createCloudWatch(deps: ServiceDeps): Service {
  const metrics = new MetricStore(deps.state.database("monitoring"));
  const dashboards = new Dashboards(deps, metrics.database);
  const store = new AlarmStore(metrics.database);
  const engine = new AlarmEngine(deps, metrics, store);
  const alarms = createAlarmOperations(deps, store, engine);
  return {
    name: "monitoring",
    sdk: () => import("@aws-sdk/client-cloudwatch"),
    operations: { ...createMetricOperations(deps, metrics), ...alarms.operations, ...dashboards.operations() },
    resources: createCloudWatchResources(dashboards, store, alarms),
    start: () => engine.start(),
    stop: () => engine.stop(),
  };
}
