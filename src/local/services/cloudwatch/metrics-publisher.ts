import type { MetricDatum, StandardUnit } from "@aws-sdk/client-cloudwatch";
import type { Timer } from "../../clock.ts";
import type { Principal, ServiceDeps } from "../../service.ts";

const MINUTE = 60_000;
/** How long values are gathered before they are published, in milliseconds. */
const GATHER = 1_000;
/** PutMetricData takes 1,000 metrics a call, and 150 distinct values a metric. */
const MAX_METRICS = 1_000;
const MAX_VALUES = 150;

export interface MetricsPublisher {
  /** Records one value, now or at `at`. Values of the same metric and minute travel together. */
  add(name: string, dimensions: Readonly<Record<string, string>>, value: number, unit: StandardUnit, at?: number): void;
  /** Publishes what was gathered. A failure is traced, never thrown: metrics are best effort on AWS too. */
  flush(): Promise<void>;
}

interface Gathered {
  name: string;
  dimensions: Readonly<Record<string, string>>;
  unit: StandardUnit;
  timestamp: number;
  counts: Map<number, number>;
}

/**
 * How a service publishes the metrics that AWS publishes for it: by PutMetricData as its service principal, the only
 * kind of caller that may write to an `AWS/` namespace (and to `Glue`).
 */
export function createMetricsPublisher(
  deps: Pick<ServiceDeps, "bus" | "clock" | "trace" | "environment">,
  options: { service: string; namespace: string },
): MetricsPublisher {
  const { bus, clock, trace, environment } = deps;
  let gathered = new Map<string, Gathered>();
  let timer: Timer | undefined;

  const flush = async (): Promise<void> => {
    timer?.cancel();
    timer = undefined;
    const metrics = [...gathered.values()].flatMap(toData);
    gathered = new Map();
    const principal: Principal = {
      kind: "service",
      service: options.service,
      sourceArn: `arn:${environment.partition}:cloudwatch:${environment.region}:${environment.account}:${options.namespace}`,
    };
    for (let start = 0; start < metrics.length; start += MAX_METRICS) {
      const MetricData = metrics.slice(start, start + MAX_METRICS);
      try {
        await bus.call("monitoring:PutMetricData", { Namespace: options.namespace, MetricData }, principal);
      } catch (error) {
        trace.emit({ type: "internal-error", where: `metrics of ${options.namespace}`, error: String(error) });
      }
    }
  };

  return {
    flush,
    add(name, dimensions, value, unit, at = clock.now()) {
      const timestamp = Math.floor(at / MINUTE) * MINUTE;
      const key = JSON.stringify([name, timestamp, unit, dimensions]);
      const entry = gathered.get(key) ?? { name, dimensions, unit, timestamp, counts: new Map() };
      gathered.set(key, entry);
      entry.counts.set(value, (entry.counts.get(value) ?? 0) + 1);
      timer ??= clock.timer(GATHER, () => void flush(), { background: true });
    },
  };
}

function toData(entry: Gathered): MetricDatum[] {
  const pairs = [...entry.counts];
  const data: MetricDatum[] = [];
  for (let start = 0; start < pairs.length; start += MAX_VALUES) {
    const some = pairs.slice(start, start + MAX_VALUES);
    data.push({
      MetricName: entry.name,
      Dimensions: Object.entries(entry.dimensions).map(([Name, Value]) => ({ Name, Value })),
      Timestamp: new Date(entry.timestamp),
      Unit: entry.unit,
      Values: some.map(([value]) => value),
      Counts: some.map(([, count]) => count),
    });
  }
  return data;
}
