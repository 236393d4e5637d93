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
  return RESOURCES[service](new Names(service, input, environment));
}

/** The names in a call's input, and ARNs made of them. */
class Names {
  readonly #service: ServiceName;
  readonly #input: Input;
  readonly #environment: Environment;

  constructor(service: ServiceName, input: Input, environment: Environment) {
    this.#service = service;
    this.#input = input;
    this.#environment = environment;
  }

  /** A member, or a member of a member. */
  text(name: string, inner?: string): string | undefined {
    const member = this.#input[name];
    const value = inner === undefined ? member : (member as Input | undefined)?.[inner];
    return typeof value === "string" ? value : undefined;
  }

  arn(resource: string): string {
    const { partition, region, account } = this.#environment;
    return `arn:${partition}:${this.#service}:${region}:${account}:${resource}`;
  }

  /** An ARN of a service without Regions. */
  globalArn(service: string, account: boolean, resource: string): string {
    return `arn:${this.#environment.partition}:${service}::${account ? this.#environment.account : ""}:${resource}`;
  }

  /** The first of these members that is there, as an ARN; a member may be one already. */
  named(prefix: string, ...members: string[]): string | undefined {
    const name = members.map((member) => this.text(member)).find((value) => value !== undefined);
    return name === undefined || name.startsWith("arn:") ? name : this.arn(prefix + name);
  }
}

const RESOURCES: Readonly<Record<ServiceName, (names: Names) => string | undefined>> = {
  s3(names) {
    const [bucket, key] = [names.text("Bucket"), names.text("Key")];
    return bucket && names.globalArn("s3", false, key === undefined ? bucket : `${bucket}/${key}`);
  },
  sqs(names) {
    const name = names.text("QueueUrl")?.split("/").at(-1) ?? names.text("QueueName");
    return name && names.arn(name);
  },
  sns: (names) => names.named("", "TopicArn", "TargetArn", "SubscriptionArn", "Name"),
  lambda: (names) => names.named("function:", "FunctionName") ?? names.named("event-source-mapping:", "UUID"),
  glue(names) {
    const database = names.text("DatabaseName") ?? names.text("DatabaseInput", "Name");
    const table = names.text("TableName") ?? names.text("TableInput", "Name");
    if (database !== undefined) {
      return names.arn(table === undefined ? `database/${database}` : `table/${database}/${table}`);
    }
    return names.named("job/", "JobName");
  },
  athena: (names) => names.named("workgroup/", "WorkGroup"),
  events: (names) => names.named("rule/", "Name", "Rule") ?? names.arn("event-bus/default"),
  monitoring: (names) => names.named("alarm:", "AlarmName"),
  logs: (names) => names.named("log-group:", "logGroupName", "logGroupIdentifier"),
  ses: (names) => names.named("identity/", "FromEmailAddress", "EmailIdentity"),
  sts: (names) => names.text("RoleArn"),
  iam(names) {
    const role = names.text("RoleName");
    return names.text("PolicyArn") ?? (role && names.globalArn("iam", true, `role/${role}`));
  },
  cloudformation(names) {
    const stack = names.text("StackName");
    return stack && (stack.startsWith("arn:") ? stack : names.arn(`stack/${stack}/*`));
  },
};
