import type { AuthorizationRequest } from "../bus.ts";
import type { Environment, Principal, ServiceName } from "../service.ts";

type Input = Readonly<Record<string, unknown>>;

/** Prefixes of actions in policies, where they differ from the signing name. */
const ACTION_PREFIX: Partial<Record<ServiceName, string>> = { monitoring: "cloudwatch" };

/**
 * Operations whose IAM action has another name
 * (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html, list_awslambda.html).
 */
const ACTIONS: Readonly<Record<string, string | ((input: Input) => string)>> = {
  "s3:HeadObject": (input) => (input["VersionId"] ? "s3:GetObjectVersion" : "s3:GetObject"),
  "s3:GetObject": (input) => (input["VersionId"] ? "s3:GetObjectVersion" : "s3:GetObject"),
  "s3:GetObjectTagging": (input) => (input["VersionId"] ? "s3:GetObjectVersionTagging" : "s3:GetObjectTagging"),
  "s3:GetObjectAttributes": (input) =>
    input["VersionId"] ? "s3:GetObjectVersionAttributes" : "s3:GetObjectAttributes",
  "s3:DeleteObject": (input) => (input["VersionId"] ? "s3:DeleteObjectVersion" : "s3:DeleteObject"),
  "s3:DeleteObjects": "s3:DeleteObject",
  "s3:CopyObject": "s3:PutObject",
  "s3:CreateMultipartUpload": "s3:PutObject",
  "s3:UploadPart": "s3:PutObject",
  "s3:UploadPartCopy": "s3:PutObject",
  "s3:CompleteMultipartUpload": "s3:PutObject",
  "s3:ListParts": "s3:ListMultipartUploadParts",
  "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
  "s3:ListObjects": "s3:ListBucket",
  "s3:ListObjectsV2": "s3:ListBucket",
  "s3:HeadBucket": "s3:ListBucket",
  "s3:ListObjectVersions": "s3:ListBucketVersions",
  "s3:ListBuckets": "s3:ListAllMyBuckets",
  "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
  "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
  "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
  "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
  "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
  "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
  "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
  "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
  "lambda:Invoke": "lambda:InvokeFunction",
  "sqs:SendMessageBatch": "sqs:SendMessage",
  "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
  "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
  "sns:PublishBatch": "sns:Publish",
};

/** What a call asks permission for: the action, and the ARN of the resource its input names (`*` when it names none). */
export function authorizationOf(
  call: { service: ServiceName; operation: string; input: Input; principal: Principal },
  environment: Environment,
): AuthorizationRequest {
  const { service, operation, input, principal } = call;
  const rule = ACTIONS[`${service}:${operation}`];
  const action =
    typeof rule === "function" ? rule(input) : (rule ?? `${ACTION_PREFIX[service] ?? service}:${operation}`);
  return { principal, action, resourceArn: resourceArn(service, input, environment) ?? "*" };
}

function resourceArn(service: ServiceName, input: Input, environment: Environment): string | undefined {
  const text = (name: string) => (typeof input[name] === "string" ? input[name] : undefined);
  const arn = (resource: string, of: string = service) =>
    `arn:${environment.partition}:${of}:${environment.region}:${environment.account}:${resource}`;
  const named = (prefix: string, ...members: string[]) => {
    const name = members.map(text).find((value) => value !== undefined);
    return name === undefined ? undefined : name.startsWith("arn:") ? name : arn(prefix + name);
  };
  switch (service) {
    case "s3": {
      const bucket = text("Bucket");
      if (bucket === undefined) return undefined;
      const key = text("Key");
      return `arn:${environment.partition}:s3:::${bucket}${key === undefined ? "" : `/${key}`}`;
    }
    case "sqs": {
      const name = text("QueueUrl")?.split("/").at(-1) ?? text("QueueName");
      return name === undefined ? undefined : arn(name);
    }
    case "sns":
      return text("TopicArn") ?? text("TargetArn") ?? text("SubscriptionArn") ?? named("", "Name");
    case "lambda":
      return named("function:", "FunctionName") ?? named("event-source-mapping:", "UUID");
    case "glue":
      return glueArn(input, arn);
    case "athena":
      return named("workgroup/", "WorkGroup");
    case "events":
      return named("rule/", "Name", "Rule") ?? named("event-bus/", "EventBusName") ?? arn("event-bus/default");
    case "monitoring":
      return named("alarm:", "AlarmName");
    case "logs":
      return named("log-group:", "logGroupName", "logGroupIdentifier");
    case "ses":
      return named("identity/", "FromEmailAddress", "EmailIdentity");
    case "sts":
      return text("RoleArn");
    case "iam":
      return (
        text("PolicyArn") ??
        (text("RoleName") && `arn:${environment.partition}:iam::${environment.account}:role/${text("RoleName")}`)
      );
    case "cloudformation":
      return text("StackName") && arn(`stack/${text("StackName")}/*`);
  }
}

function glueArn(input: Input, arn: (resource: string) => string): string | undefined {
  const text = (name: string) => (typeof input[name] === "string" ? input[name] : undefined);
  const table = text("TableName") ?? (input["TableInput"] as { Name?: string } | undefined)?.Name;
  const database = text("DatabaseName") ?? (input["DatabaseInput"] as { Name?: string } | undefined)?.Name ?? undefined;
  if (database !== undefined) return arn(table === undefined ? `database/${database}` : `table/${database}/${table}`);
  if (text("JobName") !== undefined) return arn(`job/${text("JobName")}`);
  return undefined;
}
