import type { MetricDatum, StandardUnit } from "@aws-sdk/client-cloudwatch";
import { z } from "zod";

/**
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
const metadata = z.object({
  Timestamp: z.number(),
  CloudWatchMetrics: z.array(
    z.object({
      Namespace: z.string().min(1).max(1_024),
      Dimensions: z.array(z.array(z.string()).max(30)),
      Metrics: z
        .array(
          z.object({
            Name: z.string().min(1),
            Unit: z.string().optional(),
            StorageResolution: z.union([z.literal(1), z.literal(60)]).optional(),
          }),
        )
        .max(100),
    }),
  ),
});

export interface EmbeddedMetrics {
  readonly namespace: string;
  readonly metrics: readonly MetricDatum[];
}

/**
 * The metrics that a log line carries in the Embedded Metric Format, or none. A line that is not quite of that format
 * is a log line like any other; CloudWatch does not complain either. Targets are members of the root: text for
 * dimensions, numbers or lists of up to 100 numbers for metrics. `AWS/` namespaces are not for applications.
 */
export function readEmbeddedMetrics(message: string): EmbeddedMetrics[] {
  if (!message.includes('"_aws"')) return [];
  let root: Record<string, unknown>;
  try {
    root = JSON.parse(message) as Record<string, unknown>;
  } catch {
    return [];
  }
  const parsed = metadata.safeParse(root["_aws"]);
  if (!parsed.success) return [];
  const timestamp = new Date(parsed.data.Timestamp);
  return parsed.data.CloudWatchMetrics.flatMap((directive): EmbeddedMetrics[] => {
    if (directive.Namespace.startsWith("AWS/")) return [];
    const metrics: MetricDatum[] = [];
    for (const names of directive.Dimensions) {
      const Dimensions = names.map((Name) => ({ Name, Value: root[Name] }));
      if (!Dimensions.every(isTextDimension)) continue;
      for (const { Name, Unit, StorageResolution } of directive.Metrics) {
        const Values = readValues(root[Name]);
        if (Values.length === 0) continue;
        metrics.push({
          MetricName: Name,
          Dimensions,
          Timestamp: timestamp,
          Values,
          Unit: (Unit ?? "None") as StandardUnit,
          StorageResolution,
        });
      }
    }
    return metrics.length > 0 ? [{ namespace: directive.Namespace, metrics }] : [];
  });
}

function isTextDimension(dimension: { Name: string; Value: unknown }): dimension is { Name: string; Value: string } {
  return typeof dimension.Value === "string" && dimension.Value !== "";
}

function readValues(target: unknown): number[] {
  const values: unknown[] = Array.isArray(target) ? target.slice(0, 100) : [target];
  return values.every((value) => typeof value === "number" && Number.isFinite(value)) ? (values as number[]) : [];
}
