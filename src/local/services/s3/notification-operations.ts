import type {
  GetBucketNotificationConfigurationCommandInput,
  GetBucketNotificationConfigurationCommandOutput,
  NotificationConfiguration,
  PutBucketNotificationConfigurationCommandInput,
} from "@aws-sdk/client-s3";
import { AwsError, type CallContext, type Principal } from "../../service.ts";
import type { Bucket } from "./bucket-table.ts";
import { setBucketSetting } from "./bucket-settings.ts";
import { destinationsOf, normalizeNotifications, type NotificationRule } from "./notification-rules.ts";
import { testEvent } from "./object-events.ts";
import type { OperationFactory, Output } from "./operation.ts";
import { send } from "./outbox.ts";
import { bucketArn, type S3Parts } from "./s3-parts.ts";

export function createNotificationOperations(s3: S3Parts, operation: OperationFactory) {
  return {
    GetBucketNotificationConfiguration: operation(
      "GetBucketNotificationConfiguration",
      [],
      (
        input: GetBucketNotificationConfigurationCommandInput,
      ): Output<GetBucketNotificationConfigurationCommandOutput> =>
        s3.store.buckets.get(input.Bucket ?? "").settings.notification ?? {},
    ),

    PutBucketNotificationConfiguration: operation(
      "PutBucketNotificationConfiguration",
      ["NotificationConfiguration", "SkipDestinationValidation"],
      async (input: PutBucketNotificationConfigurationCommandInput, context: CallContext) => {
        const bucket = s3.store.buckets.get(input.Bucket ?? "");
        await configureNotifications(s3, bucket, input.NotificationConfiguration ?? {}, context, {
          validateDestinations: input.SkipDestinationValidation !== true,
        });
        return {};
      },
    ),
  };
}

/**
 * Replaces a bucket's notifications. Every topic and queue gets a test event first, which must arrive; a function must
 * let S3 invoke it. Throws InvalidArgument, and nothing changes, for the first thing that is not so.
 */
export async function configureNotifications(
  s3: S3Parts,
  bucket: Bucket,
  configuration: NotificationConfiguration,
  context: CallContext,
  options: { validateDestinations: boolean },
): Promise<void> {
  const normalized = normalizeNotifications(configuration, () => s3.deps.ids.uuid());
  if (options.validateDestinations) await validateDestinations(s3, bucket, destinationsOf(normalized), context);
  const none = Object.keys(normalized).length === 0;
  setBucketSetting(s3, bucket, "notification", none ? undefined : normalized);
}

async function validateDestinations(
  s3: S3Parts,
  bucket: Bucket,
  rules: readonly NotificationRule[],
  context: CallContext,
): Promise<void> {
  const byArn = new Map(rules.map((rule) => [rule.arn, rule]));
  const complaints: { argument: string; complaint: string }[] = [];
  for (const rule of byArn.values()) {
    const complaint = await complaintAbout(s3, bucket, rule, context);
    if (complaint === undefined) continue;
    complaints.push({ argument: rule.kind === "function" ? `${rule.arn}, null` : rule.arn, complaint });
  }
  if (complaints.length === 0) return;
  const fields = complaints.flatMap(({ argument, complaint }, index) => [
    [`ArgumentName${index + 1}`, argument],
    [`ArgumentValue${index + 1}`, complaint],
  ]);
  throw new AwsError("InvalidArgument", "Unable to validate the following destination configurations", {
    status: 400,
    fields: Object.fromEntries(fields) as Record<string, string>,
  });
}

/** What is wrong with a destination, in S3's words; undefined when events can go there. */
async function complaintAbout(
  s3: S3Parts,
  bucket: Bucket,
  rule: NotificationRule,
  context: CallContext,
): Promise<string | undefined> {
  const { bus, environment } = s3.deps;
  const source = bucketArn(bucket.name);
  const principal: Principal = { kind: "service", service: "s3.amazonaws.com", sourceArn: source };
  if (rule.kind === "function") {
    // Nothing may be invoked to find out, so only the permission is asked for.
    const aws = { "aws:sourcearn": source, "aws:sourceaccount": environment.account };
    const asked = { principal, action: "lambda:InvokeFunction", resourceArn: rule.arn, context: aws };
    return (await bus.allowed(asked)) ? undefined : `Not authorized to invoke function [${rule.arn}]`;
  }
  const what = rule.kind === "topic" ? "topic" : "queue";
  try {
    const body = JSON.stringify(testEvent(s3.notifications.origin(bucket.name, context)));
    await send(s3.deps, { kind: rule.kind, destination: rule.arn, source, body });
    return undefined;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    if (/NotFound|NonExistent|DoesNotExist/i.test(error.code)) return `The destination ${what} does not exist`;
    return `Permissions on the destination ${what} do not allow S3 to publish notifications from this bucket`;
  }
}
