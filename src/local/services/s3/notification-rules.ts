import type {
  Event as EventType,
  FilterRuleName,
  NotificationConfiguration,
  NotificationConfigurationFilter,
} from "@aws-sdk/client-s3";
import { invalidArgument } from "./errors.ts";
import type { DestinationKind } from "./outbox.ts";

/** One entry of a notification configuration, whatever its destination. */
export interface NotificationRule {
  readonly kind: Exclude<DestinationKind, "event-bus">;
  readonly id: string;
  readonly arn: string;
  readonly events: readonly string[];
  readonly filter: NotificationConfigurationFilter | undefined;
}

/** Every event type S3 knows; those of features that are not here simply never happen. */
const EVENT_TYPES: ReadonlySet<string> = new Set<EventType>([
  "s3:IntelligentTiering",
  "s3:LifecycleExpiration:*",
  "s3:LifecycleExpiration:Delete",
  "s3:LifecycleExpiration:DeleteMarkerCreated",
  "s3:LifecycleTransition",
  "s3:ObjectAcl:Put",
  "s3:ObjectCreated:*",
  "s3:ObjectCreated:CompleteMultipartUpload",
  "s3:ObjectCreated:Copy",
  "s3:ObjectCreated:Post",
  "s3:ObjectCreated:Put",
  "s3:ObjectRemoved:*",
  "s3:ObjectRemoved:Delete",
  "s3:ObjectRemoved:DeleteMarkerCreated",
  "s3:ObjectRestore:*",
  "s3:ObjectRestore:Completed",
  "s3:ObjectRestore:Delete",
  "s3:ObjectRestore:Post",
  "s3:ObjectTagging:*",
  "s3:ObjectTagging:Delete",
  "s3:ObjectTagging:Put",
  "s3:ReducedRedundancyLostObject",
  "s3:Replication:*",
  "s3:Replication:OperationFailedReplication",
  "s3:Replication:OperationMissedThreshold",
  "s3:Replication:OperationNotTracked",
  "s3:Replication:OperationReplicatedAfterThreshold",
]);

/** The entries of a configuration in one form. Ids must be there (`withIds`). */
export function destinationsOf(configuration: NotificationConfiguration): NotificationRule[] {
  const rule = (
    kind: NotificationRule["kind"],
    arn: string | undefined,
    entry: { Id?: string; Events?: string[]; Filter?: NotificationConfigurationFilter },
  ): NotificationRule => ({
    kind,
    id: entry.Id ?? "",
    arn: arn ?? "",
    events: entry.Events ?? [],
    filter: entry.Filter,
  });
  return [
    ...(configuration.TopicConfigurations ?? []).map((entry) => rule("topic", entry.TopicArn, entry)),
    ...(configuration.QueueConfigurations ?? []).map((entry) => rule("queue", entry.QueueArn, entry)),
    ...(configuration.LambdaFunctionConfigurations ?? []).map((entry) =>
      rule("function", entry.LambdaFunctionArn, entry),
    ),
  ];
}

/** `events` as in configurations (`s3:ObjectCreated:*`), `name` as in records (`ObjectCreated:Put`). */
export function matchesEvent(events: readonly string[], name: string): boolean {
  return events.some((event) => event === `s3:${name}` || event === `s3:${name.split(":")[0]}:*`);
}

/** Filters look at the key itself, not at its encoded form. */
export function matchesKey(filter: NotificationConfigurationFilter | undefined, key: string): boolean {
  const { prefix, suffix } = affixes(filter);
  return key.startsWith(prefix) && key.endsWith(suffix);
}

/**
 * The configuration with an id for every entry and its filter names as S3 gives them back (`Prefix`, `Suffix`).
 * Throws InvalidArgument for what S3 refuses without looking at the destinations.
 */
export function normalizeNotifications(
  configuration: NotificationConfiguration,
  newId: () => string,
): NotificationConfiguration {
  const entry = <Entry extends { Id?: string; Events?: string[]; Filter?: NotificationConfigurationFilter }>(
    raw: Entry,
  ): Entry => {
    for (const event of raw.Events ?? []) {
      if (!EVENT_TYPES.has(event)) {
        throw invalidArgument("The event is not supported for notifications", "Event", event);
      }
    }
    const rules = normalizeFilter(raw.Filter);
    const { Filter: _, ...rest } = raw;
    return { ...rest, Id: raw.Id || newId(), ...(rules && { Filter: { Key: { FilterRules: rules } } }) } as Entry;
  };
  const normalized: NotificationConfiguration = {
    ...(configuration.TopicConfigurations?.length && {
      TopicConfigurations: configuration.TopicConfigurations.map(entry),
    }),
    ...(configuration.QueueConfigurations?.length && {
      QueueConfigurations: configuration.QueueConfigurations.map(entry),
    }),
    ...(configuration.LambdaFunctionConfigurations?.length && {
      LambdaFunctionConfigurations: configuration.LambdaFunctionConfigurations.map(entry),
    }),
    ...(configuration.EventBridgeConfiguration && { EventBridgeConfiguration: {} }),
  };
  const rules = destinationsOf(normalized);
  checkArns(rules);
  checkOverlaps(rules);
  return normalized;
}

function normalizeFilter(filter: NotificationConfigurationFilter | undefined) {
  const rules = filter?.Key?.FilterRules;
  if (!rules?.length) return undefined;
  const seen = new Set<string>();
  return rules.map(({ Name: name = "", Value: value = "" }) => {
    const lower = name.toLowerCase();
    if (lower !== "prefix" && lower !== "suffix") {
      throw invalidArgument("filter rule name must be either prefix or suffix", "FilterRule.Name", name);
    }
    if (seen.has(lower)) {
      throw invalidArgument(`Cannot specify more than one ${lower} rule in a filter.`, "FilterRule.Name", name);
    }
    seen.add(lower);
    // S3 answers with these names, whatever the request said; the SDK's type knows only the lower-case ones.
    const Name = (lower === "prefix" ? "Prefix" : "Suffix") as string as FilterRuleName;
    return { Name, Value: value };
  });
}

const ARN_OF: Record<NotificationRule["kind"], { name: string; pattern: RegExp }> = {
  topic: { name: "Topic", pattern: /^arn:[^:]+:sns:[^:]*:\d{12}:[^:]+$/ },
  queue: { name: "Queue", pattern: /^arn:[^:]+:sqs:[^:]*:\d{12}:[^:]+$/ },
  function: { name: "CloudFunction", pattern: /^arn:[^:]+:lambda:[^:]*:\d{12}:function:[^:]+(:[^:]+)?$/ },
};

function checkArns(rules: readonly NotificationRule[]): void {
  for (const rule of rules) {
    const { name, pattern } = ARN_OF[rule.kind];
    if (!pattern.test(rule.arn)) throw invalidArgument("The ARN could not be parsed", name, rule.arn);
    if (rule.arn.endsWith(".fifo")) {
      throw invalidArgument(`FIFO ${name === "Topic" ? "SNS topics" : "SQS queues"} are not supported`, name, rule.arn);
    }
  }
}

/**
 * No two entries may tell of the same event of the same key.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html#notification-how-to-filtering-examples-invalid
 */
function checkOverlaps(rules: readonly NotificationRule[]): void {
  for (const [index, one] of rules.entries()) {
    for (const other of rules.slice(index + 1)) {
      const sameEvent = one.events.some((a) => other.events.some((b) => covers(a, b) || covers(b, a)));
      if (!sameEvent) continue;
      const a = affixes(one.filter);
      const b = affixes(other.filter);
      const prefixes = a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix);
      const suffixes = a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix);
      if (prefixes && suffixes) {
        throw invalidArgument(
          "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
        );
      }
    }
  }
}

function covers(wide: string, narrow: string): boolean {
  return wide === narrow || (wide.endsWith(":*") && narrow.startsWith(wide.slice(0, -1)));
}

function affixes(filter: NotificationConfigurationFilter | undefined): { prefix: string; suffix: string } {
  const value = (name: string) =>
    filter?.Key?.FilterRules?.find((rule) => rule.Name?.toLowerCase() === name)?.Value ?? "";
  return { prefix: value("prefix"), suffix: value("suffix") };
}
