import type {
  DeleteBucketEncryptionCommandInput,
  DeleteBucketLifecycleCommandInput,
  DeleteBucketOwnershipControlsCommandInput,
  DeleteBucketPolicyCommandInput,
  DeleteBucketTaggingCommandInput,
  DeletePublicAccessBlockCommandInput,
  GetBucketEncryptionCommandInput,
  GetBucketLifecycleConfigurationCommandInput,
  GetBucketOwnershipControlsCommandInput,
  GetBucketPolicyCommandInput,
  GetBucketTaggingCommandInput,
  GetPublicAccessBlockCommandInput,
  PublicAccessBlockConfiguration,
  PutBucketEncryptionCommandInput,
  PutBucketLifecycleConfigurationCommandInput,
  PutBucketOwnershipControlsCommandInput,
  PutBucketPolicyCommandInput,
  PutBucketTaggingCommandInput,
  PutPublicAccessBlockCommandInput,
  ServerSideEncryptionConfiguration,
} from "@aws-sdk/client-s3";
import { AwsError } from "../../service.ts";
import type { Bucket, BucketSettings } from "./bucket-table.ts";
import { noSuchConfiguration } from "./errors.ts";
import { checkLifecycle } from "./lifecycle-rules.ts";
import type { OperationFactory } from "./operation.ts";
import { bucketArn, type S3Parts } from "./s3-parts.ts";
import { checkTags } from "./tags.ts";

/** What every bucket has since 2023 that nobody configured. */
const DEFAULT_ENCRYPTION: ServerSideEncryptionConfiguration = {
  Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" }, BucketKeyEnabled: false }],
};
const DEFAULT_ACCESS_BLOCK: PublicAccessBlockConfiguration = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
};

/** Get, Put and Delete of what is configured on buckets, but for versioning and notifications. */
export function createBucketSettings(s3: S3Parts, operation: OperationFactory) {
  const find = (input: { Bucket?: string }) => s3.store.buckets.get(input.Bucket ?? "");
  const change = <Name extends keyof BucketSettings>(
    input: { Bucket?: string },
    name: Name,
    value: BucketSettings[Name],
  ) => {
    setBucketSetting(s3, find(input), name, value);
    return {};
  };

  return {
    GetBucketPolicy: operation("GetBucketPolicy", [], (input: GetBucketPolicyCommandInput) => {
      const bucket = find(input);
      const { policy } = bucket.settings;
      if (policy === undefined) {
        throw noSuchConfiguration("NoSuchBucketPolicy", "The bucket policy does not exist", bucket.name);
      }
      return { Policy: policy };
    }),
    PutBucketPolicy: operation(
      "PutBucketPolicy",
      ["Policy", "ConfirmRemoveSelfBucketAccess"],
      (input: PutBucketPolicyCommandInput) => {
        const bucket = find(input);
        checkPolicy(bucket, input.Policy ?? "");
        return change(input, "policy", input.Policy);
      },
    ),
    DeleteBucketPolicy: operation("DeleteBucketPolicy", [], (input: DeleteBucketPolicyCommandInput) =>
      change(input, "policy", undefined),
    ),

    GetBucketEncryption: operation("GetBucketEncryption", [], (input: GetBucketEncryptionCommandInput) => ({
      ServerSideEncryptionConfiguration: find(input).settings.encryption ?? DEFAULT_ENCRYPTION,
    })),
    PutBucketEncryption: operation(
      "PutBucketEncryption",
      ["ServerSideEncryptionConfiguration"],
      (input: PutBucketEncryptionCommandInput) => change(input, "encryption", input.ServerSideEncryptionConfiguration),
    ),
    DeleteBucketEncryption: operation("DeleteBucketEncryption", [], (input: DeleteBucketEncryptionCommandInput) =>
      change(input, "encryption", undefined),
    ),

    GetPublicAccessBlock: operation("GetPublicAccessBlock", [], (input: GetPublicAccessBlockCommandInput) => {
      const bucket = find(input);
      const configuration = bucket.settings.publicAccessBlock ?? DEFAULT_ACCESS_BLOCK;
      if (Object.keys(configuration).length === 0) {
        throw noSuchConfiguration(
          "NoSuchPublicAccessBlockConfiguration",
          "The public access block configuration was not found",
          bucket.name,
        );
      }
      return { PublicAccessBlockConfiguration: configuration };
    }),
    PutPublicAccessBlock: operation(
      "PutPublicAccessBlock",
      ["PublicAccessBlockConfiguration"],
      (input: PutPublicAccessBlockCommandInput) => {
        const { BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets } =
          input.PublicAccessBlockConfiguration ?? {};
        return change(input, "publicAccessBlock", {
          BlockPublicAcls: BlockPublicAcls ?? false,
          IgnorePublicAcls: IgnorePublicAcls ?? false,
          BlockPublicPolicy: BlockPublicPolicy ?? false,
          RestrictPublicBuckets: RestrictPublicBuckets ?? false,
        });
      },
    ),
    DeletePublicAccessBlock: operation("DeletePublicAccessBlock", [], (input: DeletePublicAccessBlockCommandInput) =>
      change(input, "publicAccessBlock", {}),
    ),

    GetBucketLifecycleConfiguration: operation(
      "GetBucketLifecycleConfiguration",
      [],
      (input: GetBucketLifecycleConfigurationCommandInput) => {
        const bucket = find(input);
        const { lifecycle } = bucket.settings;
        if (!lifecycle) {
          throw noSuchConfiguration(
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
            bucket.name,
          );
        }
        return { Rules: lifecycle };
      },
    ),
    PutBucketLifecycleConfiguration: operation(
      "PutBucketLifecycleConfiguration",
      ["LifecycleConfiguration"],
      (input: PutBucketLifecycleConfigurationCommandInput) => {
        const rules = checkLifecycle(input.LifecycleConfiguration?.Rules ?? [], () => s3.deps.ids.uuid());
        return change(input, "lifecycle", rules);
      },
    ),
    DeleteBucketLifecycle: operation("DeleteBucketLifecycle", [], (input: DeleteBucketLifecycleCommandInput) =>
      change(input, "lifecycle", undefined),
    ),

    GetBucketTagging: operation("GetBucketTagging", [], (input: GetBucketTaggingCommandInput) => {
      const bucket = find(input);
      const { tags } = bucket.settings;
      if (!tags?.length) throw noSuchConfiguration("NoSuchTagSet", "The TagSet does not exist", bucket.name);
      return { TagSet: tags };
    }),
    PutBucketTagging: operation("PutBucketTagging", ["Tagging"], (input: PutBucketTaggingCommandInput) =>
      change(input, "tags", checkTags(input.Tagging?.TagSet ?? [], "bucket")),
    ),
    DeleteBucketTagging: operation("DeleteBucketTagging", [], (input: DeleteBucketTaggingCommandInput) =>
      change(input, "tags", undefined),
    ),

    GetBucketOwnershipControls: operation(
      "GetBucketOwnershipControls",
      [],
      (input: GetBucketOwnershipControlsCommandInput) => ({
        OwnershipControls: find(input).settings.ownership ?? { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
      }),
    ),
    PutBucketOwnershipControls: operation(
      "PutBucketOwnershipControls",
      ["OwnershipControls"],
      (input: PutBucketOwnershipControlsCommandInput) => change(input, "ownership", input.OwnershipControls),
    ),
    DeleteBucketOwnershipControls: operation(
      "DeleteBucketOwnershipControls",
      [],
      (input: DeleteBucketOwnershipControlsCommandInput) => change(input, "ownership", undefined),
    ),
  };
}

export function setBucketSetting<Name extends keyof BucketSettings>(
  s3: S3Parts,
  bucket: Bucket,
  name: Name,
  value: BucketSettings[Name],
): void {
  s3.store.transaction(() => s3.store.buckets.set(bucket, name, value));
}

/** Throws MalformedPolicy unless the text is a policy that speaks of this bucket. */
export function checkPolicy(bucket: Bucket, text: string): void {
  const malformed = (message: string) => new AwsError("MalformedPolicy", message, { status: 400 });
  let document: { Statement?: unknown };
  try {
    document = JSON.parse(text) as typeof document;
  } catch {
    throw malformed("This policy contains invalid Json");
  }
  const statements = [document.Statement ?? []].flat() as Record<string, unknown>[];
  if (statements.length === 0) throw malformed("Missing required field Statement");
  const arn = bucketArn(bucket.name);
  for (const statement of statements) {
    for (const [field, alternative] of [
      ["Effect", "Effect"],
      ["Principal", "NotPrincipal"],
      ["Action", "NotAction"],
      ["Resource", "NotResource"],
    ] as const) {
      if (statement[field] === undefined && statement[alternative] === undefined) {
        throw malformed(`Missing required field ${field}`);
      }
    }
    for (const resource of [statement["Resource"] ?? []].flat() as string[]) {
      const ours = resource === "*" || resource === arn || resource.startsWith(`${arn}/`);
      // Wildcards may stand for this bucket's name too.
      if (!ours && !/^arn:aws:s3:::[^/]*[*?]/.test(resource)) throw malformed("Policy has invalid resource");
    }
  }
}
