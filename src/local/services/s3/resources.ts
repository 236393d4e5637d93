import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { jsonText } from "../../properties.ts";
import { defineResource, type CallContext, type ResourceProvider } from "../../service.ts";
import { alreadyOwned, createBucket, deleteBucket } from "./bucket-operations.ts";
import { checkPolicy, setBucketSetting } from "./bucket-settings.ts";
import type { Bucket, BucketSettings } from "./bucket-table.ts";
import { checkLifecycle } from "./lifecycle-rules.ts";
import { configureNotifications } from "./notification-operations.ts";
import { normalizeNotifications } from "./notification-rules.ts";
import {
  bucketProperties,
  ignoredBucketProperties,
  lifecycleRules,
  notificationConfiguration,
  type BucketProperties,
} from "./resource-properties.ts";
import { bucketArn, type S3Parts } from "./s3-parts.ts";
import { checkTags } from "./tags.ts";

/** What CloudFormation writes on the buckets it makes; so a bucket tells whose it is. */
const STACK_TAG = "aws:cloudformation:stack-name";
const RESOURCE_TAG = "aws:cloudformation:logical-id";

/** AWS::S3::Bucket and AWS::S3::BucketPolicy. */
export function createS3Resources(s3: S3Parts): Record<string, ResourceProvider> {
  const { region } = s3.deps.environment;

  const bucket = defineResource({
    schema: bucketProperties,
    ignored: ignoredBucketProperties,
    attributes: ["Arn", "DomainName", "DualStackDomainName", "RegionalDomainName", "WebsiteURL"],
    async provision({ properties, physicalId, logicalId, stackName, generatedName }) {
      const name = properties.BucketName ?? physicalId ?? generatedName(63).toLowerCase();
      const existing = s3.store.buckets.find(name);
      // An earlier attempt may have made it and died before anybody noted its name.
      const ours = name === physicalId || (existing && madeBy(existing, stackName, logicalId));
      if (existing && !ours) throw alreadyOwned(name);
      const made = existing ?? createBucket(s3, name, {});
      try {
        await configure(s3, made, properties, [
          { Key: STACK_TAG, Value: stackName },
          { Key: RESOURCE_TAG, Value: logicalId },
        ]);
      } catch (error) {
        if (!existing) deleteBucket(s3, made);
        throw error;
      }
      return {
        physicalId: name,
        attributes: {
          Arn: bucketArn(name),
          DomainName: `${name}.s3.amazonaws.com`,
          DualStackDomainName: `${name}.s3.dualstack.${region}.amazonaws.com`,
          RegionalDomainName: `${name}.s3.${region}.amazonaws.com`,
          WebsiteURL: `http://${name}.s3-website-${region}.amazonaws.com`,
        },
      };
    },
    delete(physicalId) {
      const existing = s3.store.buckets.find(physicalId);
      if (existing) deleteBucket(s3, existing);
    },
  });

  const policy = defineResource({
    schema: z.strictObject({ Bucket: z.string(), PolicyDocument: jsonText }),
    attributes: [],
    provision({ properties, physicalId }) {
      const target = s3.store.buckets.get(properties.Bucket);
      checkPolicy(target, properties.PolicyDocument);
      setBucketSetting(s3, target, "policy", properties.PolicyDocument);
      const before = physicalId === undefined ? undefined : s3.store.buckets.find(physicalId);
      if (before && before !== target) setBucketSetting(s3, before, "policy", undefined);
      return { physicalId: target.name, attributes: {} };
    },
    delete(physicalId) {
      const target = s3.store.buckets.find(physicalId);
      if (target) setBucketSetting(s3, target, "policy", undefined);
    },
  });

  const context = (source: Bucket): CallContext => ({
    requestId: s3.deps.ids.upper(16),
    principal: { kind: "service", service: "cloudformation.amazonaws.com", sourceArn: bucketArn(source.name) },
  });

  const configure = async (
    parts: S3Parts,
    target: Bucket,
    properties: BucketProperties,
    stackTags: { Key: string; Value: string }[],
  ) => {
    const set = <Name extends keyof BucketSettings>(name: Name, value: BucketSettings[Name]) => {
      if (!isDeepStrictEqual(target.settings[name], value)) setBucketSetting(parts, target, name, value);
    };
    set("tags", checkTags([...stackTags, ...(properties.Tags ?? [])], "bucket"));
    const encryption = properties.BucketEncryption?.ServerSideEncryptionConfiguration;
    set(
      "encryption",
      encryption && {
        Rules: encryption.map((rule) => ({
          ApplyServerSideEncryptionByDefault: rule.ServerSideEncryptionByDefault,
          BucketKeyEnabled: rule.BucketKeyEnabled ?? false,
        })),
      },
    );
    const block = properties.PublicAccessBlockConfiguration;
    set(
      "publicAccessBlock",
      block && {
        BlockPublicAcls: block.BlockPublicAcls ?? false,
        IgnorePublicAcls: block.IgnorePublicAcls ?? false,
        BlockPublicPolicy: block.BlockPublicPolicy ?? false,
        RestrictPublicBuckets: block.RestrictPublicBuckets ?? false,
      },
    );
    set("ownership", properties.OwnershipControls);
    const rules = lifecycleRules(properties.LifecycleConfiguration);
    let unnamed = 0;
    set("lifecycle", rules && checkLifecycle(rules, () => `rule-${++unnamed}`));
    // Versioning cannot be taken back, only suspended.
    const versioning = properties.VersioningConfiguration?.Status ?? (target.versioning && "Suspended");
    if (versioning !== undefined && versioning !== target.versioning) {
      parts.store.transaction(() => parts.store.buckets.setVersioning(target, versioning));
    }
    const wanted = notificationConfiguration(properties.NotificationConfiguration);
    const normalized = normalizeNotifications(wanted, () => "");
    // Put only when it changed: every put sends test events.
    if (!isDeepStrictEqual(target.settings.notification ?? {}, normalized)) {
      await configureNotifications(parts, target, wanted, context(target), { validateDestinations: true });
    }
  };

  const madeBy = (existing: Bucket, stackName: string, logicalId: string) => {
    const tag = (key: string) => existing.settings.tags?.find(({ Key }) => Key === key)?.Value;
    return tag(STACK_TAG) === stackName && tag(RESOURCE_TAG) === logicalId;
  };

  return { "AWS::S3::Bucket": bucket, "AWS::S3::BucketPolicy": policy };
}
