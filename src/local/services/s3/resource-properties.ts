import type { FilterRule, LifecycleRule, NotificationConfiguration, TransitionStorageClass } from "@aws-sdk/client-s3";
import { createHash } from "node:crypto";
import { z } from "zod";
import { boolean, integer, tags } from "../../properties.ts";

const filter = z
  .strictObject({
    S3Key: z.strictObject({ Rules: z.array(z.strictObject({ Name: z.string(), Value: z.string() })) }),
  })
  .optional();

const notifications = z.strictObject({
  TopicConfigurations: z.array(z.strictObject({ Event: z.string(), Topic: z.string(), Filter: filter })).optional(),
  QueueConfigurations: z.array(z.strictObject({ Event: z.string(), Queue: z.string(), Filter: filter })).optional(),
  LambdaConfigurations: z.array(z.strictObject({ Event: z.string(), Function: z.string(), Filter: filter })).optional(),
  EventBridgeConfiguration: z.strictObject({ EventBridgeEnabled: boolean.optional() }).optional(),
});

const date = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const transition = { StorageClass: z.string() };

const lifecycleRule = z.strictObject({
  Id: z.string().optional(),
  Status: z.enum(["Enabled", "Disabled"]),
  Prefix: z.string().optional(),
  TagFilters: tags.optional(),
  ObjectSizeGreaterThan: integer.optional(),
  ObjectSizeLessThan: integer.optional(),
  ExpirationDate: date.optional(),
  ExpirationInDays: integer.optional(),
  ExpiredObjectDeleteMarker: boolean.optional(),
  NoncurrentVersionExpirationInDays: integer.optional(),
  NoncurrentVersionExpiration: z
    .strictObject({ NoncurrentDays: integer, NewerNoncurrentVersions: integer.optional() })
    .optional(),
  AbortIncompleteMultipartUpload: z.strictObject({ DaysAfterInitiation: integer }).optional(),
  Transitions: z
    .array(z.strictObject({ ...transition, TransitionInDays: integer.optional(), TransitionDate: date.optional() }))
    .optional(),
  NoncurrentVersionTransitions: z
    .array(
      z.strictObject({
        ...transition,
        TransitionInDays: integer,
        NewerNoncurrentVersions: integer.optional(),
      }),
    )
    .optional(),
});

export const bucketProperties = z.strictObject({
  BucketName: z.string().optional(),
  VersioningConfiguration: z.strictObject({ Status: z.enum(["Enabled", "Suspended"]) }).optional(),
  NotificationConfiguration: notifications.optional(),
  BucketEncryption: z
    .strictObject({
      ServerSideEncryptionConfiguration: z.array(
        z.strictObject({
          BucketKeyEnabled: boolean.optional(),
          ServerSideEncryptionByDefault: z
            .strictObject({
              SSEAlgorithm: z.enum(["AES256", "aws:kms", "aws:kms:dsse"]),
              KMSMasterKeyID: z.string().optional(),
            })
            .optional(),
        }),
      ),
    })
    .optional(),
  PublicAccessBlockConfiguration: z
    .strictObject({
      BlockPublicAcls: boolean.optional(),
      BlockPublicPolicy: boolean.optional(),
      IgnorePublicAcls: boolean.optional(),
      RestrictPublicBuckets: boolean.optional(),
    })
    .optional(),
  LifecycleConfiguration: z
    .strictObject({
      Rules: z.array(lifecycleRule),
      TransitionDefaultMinimumObjectSize: z.string().optional(),
    })
    .optional(),
  OwnershipControls: z
    .strictObject({
      Rules: z.array(
        z.strictObject({
          ObjectOwnership: z.enum(["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"]),
        }),
      ),
    })
    .optional(),
  LoggingConfiguration: z
    .strictObject({
      DestinationBucketName: z.string().optional(),
      LogFilePrefix: z.string().optional(),
      TargetObjectKeyFormat: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  Tags: tags.optional(),
});

export type BucketProperties = z.output<typeof bucketProperties>;

/** What of a bucket's properties is taken and does nothing here. */
export const ignoredBucketProperties = {
  BucketEncryption: "stored and shown in answers; files lie unencrypted in the state directory",
  PublicAccessBlockConfiguration: "stored and shown; nobody outside this machine can reach the local S3 anyway",
  "OwnershipControls.Rules.*.ObjectOwnership": "stored and shown; there is one account, which owns everything",
  LoggingConfiguration: "no access logs are written; every call is in the runtime's trace",
  "LifecycleConfiguration.TransitionDefaultMinimumObjectSize": "there is one storage class here",
  "LifecycleConfiguration.Rules.*.Transitions": "stored and shown; there is one storage class here",
  "LifecycleConfiguration.Rules.*.NoncurrentVersionTransitions": "stored and shown; there is one storage class here",
} as const;

/** The same in the form of the S3 API. Ids are made from what an entry says, so that they stay the same. */
export function notificationConfiguration(
  properties: BucketProperties["NotificationConfiguration"],
): NotificationConfiguration {
  const { TopicConfigurations, QueueConfigurations, LambdaConfigurations, EventBridgeConfiguration } = properties ?? {};
  return {
    ...(TopicConfigurations && {
      TopicConfigurations: TopicConfigurations.map((entry) => ({ ...shared(entry), TopicArn: entry.Topic })),
    }),
    ...(QueueConfigurations && {
      QueueConfigurations: QueueConfigurations.map((entry) => ({ ...shared(entry), QueueArn: entry.Queue })),
    }),
    ...(LambdaConfigurations && {
      LambdaFunctionConfigurations: LambdaConfigurations.map((entry) => ({
        ...shared(entry),
        LambdaFunctionArn: entry.Function,
      })),
    }),
    // CloudFormation's default, once the property is there, is on.
    ...(EventBridgeConfiguration && EventBridgeConfiguration.EventBridgeEnabled !== false
      ? { EventBridgeConfiguration: {} }
      : {}),
  };
}

type NotificationEntry = { Event: string; Filter?: z.output<typeof filter> };
type SharedEntry = Pick<
  NonNullable<NotificationConfiguration["TopicConfigurations"]>[number],
  "Id" | "Events" | "Filter"
>;

function shared(entry: NotificationEntry): SharedEntry {
  const id = createHash("sha256").update(JSON.stringify(entry)).digest("hex").slice(0, 32);
  const rules = entry.Filter?.S3Key.Rules;
  return {
    Id: id,
    // Names of events and filters that S3 does not know are refused when the configuration is put.
    Events: [entry.Event] as SharedEntry["Events"],
    ...(rules && { Filter: { Key: { FilterRules: rules as FilterRule[] } } }),
  };
}

export function lifecycleRules(properties: BucketProperties["LifecycleConfiguration"]): LifecycleRule[] | undefined {
  return properties?.Rules.map((rule) => {
    const noncurrentDays = rule.NoncurrentVersionExpiration?.NoncurrentDays ?? rule.NoncurrentVersionExpirationInDays;
    const expires =
      rule.ExpirationInDays !== undefined ||
      rule.ExpirationDate !== undefined ||
      rule.ExpiredObjectDeleteMarker !== undefined;
    return {
      ...(rule.Id !== undefined && { ID: rule.Id }),
      Status: rule.Status,
      Filter: lifecycleFilter(rule),
      ...(expires && {
        Expiration: {
          Days: rule.ExpirationInDays,
          Date: rule.ExpirationDate,
          ExpiredObjectDeleteMarker: rule.ExpiredObjectDeleteMarker,
        },
      }),
      ...(noncurrentDays !== undefined && {
        NoncurrentVersionExpiration: {
          NoncurrentDays: noncurrentDays,
          NewerNoncurrentVersions: rule.NoncurrentVersionExpiration?.NewerNoncurrentVersions,
        },
      }),
      ...(rule.AbortIncompleteMultipartUpload && {
        AbortIncompleteMultipartUpload: rule.AbortIncompleteMultipartUpload,
      }),
      ...(rule.Transitions && {
        Transitions: rule.Transitions.map((to) => ({
          Days: to.TransitionInDays,
          Date: to.TransitionDate,
          StorageClass: to.StorageClass as TransitionStorageClass,
        })),
      }),
      ...(rule.NoncurrentVersionTransitions && {
        NoncurrentVersionTransitions: rule.NoncurrentVersionTransitions.map((to) => ({
          NoncurrentDays: to.TransitionInDays,
          NewerNoncurrentVersions: to.NewerNoncurrentVersions,
          StorageClass: to.StorageClass as TransitionStorageClass,
        })),
      }),
    };
  });
}

/** S3 takes one condition plain and several only under `And`. */
function lifecycleFilter(rule: z.output<typeof lifecycleRule>): LifecycleRule["Filter"] {
  const { Prefix, TagFilters = [], ObjectSizeGreaterThan, ObjectSizeLessThan } = rule;
  const and = { Prefix, Tags: TagFilters, ObjectSizeGreaterThan, ObjectSizeLessThan };
  const conditions =
    TagFilters.length +
    [Prefix, ObjectSizeGreaterThan, ObjectSizeLessThan].filter((value) => value !== undefined).length;
  if (conditions > 1) return { And: { ...and, ...(TagFilters.length === 0 && { Tags: undefined }) } };
  return {
    Prefix: Prefix ?? "",
    ...(TagFilters[0] && { Tag: TagFilters[0] }),
    ObjectSizeGreaterThan,
    ObjectSizeLessThan,
  };
}
