import type { StandardUnit } from "@aws-sdk/client-cloudwatch";
import type { ServiceDeps } from "../../service.ts";
import { createMetricsPublisher } from "../cloudwatch/metrics-publisher.ts";

/** Lambda's metrics (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html). */
const UNITS = {
  Invocations: "Count",
  Errors: "Count",
  Throttles: "Count",
  Duration: "Milliseconds",
  ConcurrentExecutions: "Count",
  DeadLetterErrors: "Count",
  DestinationDeliveryFailures: "Count",
  AsyncEventsReceived: "Count",
  AsyncEventAge: "Milliseconds",
  AsyncEventsDropped: "Count",
} as const satisfies Record<string, StandardUnit>;

type FunctionMetric = keyof typeof UNITS;

const MAPPING_METRICS = [
  "PolledEventCount",
  "InvokedEventCount",
  "FilteredOutEventCount",
  "FailedInvokeEventCount",
  "DeletedEventCount",
] as const;

export interface LambdaMetrics {
  /** One value, under the function's name and over all functions. */
  add(functionName: string, metric: FunctionMetric, value?: number): void;
  /** An event source mapping's count, where its MetricsConfig asks for it. */
  addMapping(uuid: string, metric: (typeof MAPPING_METRICS)[number], value: number): void;
  flush(): Promise<void>;
}

export function createLambdaMetrics(deps: ServiceDeps): LambdaMetrics {
  const publisher = createMetricsPublisher(deps, { service: "lambda.amazonaws.com", namespace: "AWS/Lambda" });
  return {
    flush: () => publisher.flush(),
    add(functionName, metric, value = 1) {
      publisher.add(metric, { FunctionName: functionName }, value, UNITS[metric]);
      publisher.add(metric, {}, value, UNITS[metric]);
    },
    addMapping(uuid, metric, value) {
      if (value > 0) publisher.add(metric, { EventSourceMappingUUID: uuid }, value, "Count");
    },
  };
}
