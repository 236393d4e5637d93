import type * as Events from "@aws-sdk/client-eventbridge";
import type * as Glue from "@aws-sdk/client-glue";
import type * as Lambda from "@aws-sdk/client-lambda";
import type * as Logs from "@aws-sdk/client-cloudwatch-logs";
import type * as Monitoring from "@aws-sdk/client-cloudwatch";
import type * as S3 from "@aws-sdk/client-s3";
import type * as Sns from "@aws-sdk/client-sns";
import type * as Sqs from "@aws-sdk/client-sqs";
import type { Principal } from "./service.ts";

/**
 * The calls that services make of each other. They pass the same gate as calls that come over HTTP: attributed to a
 * principal, traced, authorised, then handled. Add a row when a service needs another call.
 */
export interface Calls {
  "events:PutEvents": [Events.PutEventsCommandInput, Events.PutEventsCommandOutput];
  "glue:BatchCreatePartition": [Glue.BatchCreatePartitionCommandInput, Glue.BatchCreatePartitionCommandOutput];
  "glue:CreateDatabase": [Glue.CreateDatabaseCommandInput, Glue.CreateDatabaseCommandOutput];
  "glue:CreateTable": [Glue.CreateTableCommandInput, Glue.CreateTableCommandOutput];
  "glue:DeleteDatabase": [Glue.DeleteDatabaseCommandInput, Glue.DeleteDatabaseCommandOutput];
  "glue:DeletePartition": [Glue.DeletePartitionCommandInput, Glue.DeletePartitionCommandOutput];
  "glue:DeleteTable": [Glue.DeleteTableCommandInput, Glue.DeleteTableCommandOutput];
  "glue:GetDatabase": [Glue.GetDatabaseCommandInput, Glue.GetDatabaseCommandOutput];
  "glue:GetDatabases": [Glue.GetDatabasesCommandInput, Glue.GetDatabasesCommandOutput];
  "glue:GetPartitions": [Glue.GetPartitionsCommandInput, Glue.GetPartitionsCommandOutput];
  "glue:GetTable": [Glue.GetTableCommandInput, Glue.GetTableCommandOutput];
  "glue:GetTables": [Glue.GetTablesCommandInput, Glue.GetTablesCommandOutput];
  "glue:UpdatePartition": [Glue.UpdatePartitionCommandInput, Glue.UpdatePartitionCommandOutput];
  "glue:UpdateTable": [Glue.UpdateTableCommandInput, Glue.UpdateTableCommandOutput];
  "lambda:Invoke": [Lambda.InvokeCommandInput, Lambda.InvokeCommandOutput];
  "logs:CreateLogGroup": [Logs.CreateLogGroupCommandInput, Logs.CreateLogGroupCommandOutput];
  "logs:CreateLogStream": [Logs.CreateLogStreamCommandInput, Logs.CreateLogStreamCommandOutput];
  "logs:PutLogEvents": [Logs.PutLogEventsCommandInput, Logs.PutLogEventsCommandOutput];
  "monitoring:PutMetricData": [Monitoring.PutMetricDataCommandInput, Monitoring.PutMetricDataCommandOutput];
  "s3:GetBucketLocation": [S3.GetBucketLocationCommandInput, S3.GetBucketLocationCommandOutput];
  "s3:GetObject": [S3.GetObjectCommandInput, S3.GetObjectCommandOutput];
  "s3:HeadObject": [S3.HeadObjectCommandInput, S3.HeadObjectCommandOutput];
  "s3:ListObjectsV2": [S3.ListObjectsV2CommandInput, S3.ListObjectsV2CommandOutput];
  "s3:PutObject": [S3.PutObjectCommandInput, S3.PutObjectCommandOutput];
  "sns:Publish": [Sns.PublishCommandInput, Sns.PublishCommandOutput];
  "sqs:ChangeMessageVisibility": [Sqs.ChangeMessageVisibilityCommandInput, Sqs.ChangeMessageVisibilityCommandOutput];
  "sqs:DeleteMessageBatch": [Sqs.DeleteMessageBatchCommandInput, Sqs.DeleteMessageBatchCommandOutput];
  "sqs:GetQueueAttributes": [Sqs.GetQueueAttributesCommandInput, Sqs.GetQueueAttributesCommandOutput];
  "sqs:ReceiveMessage": [Sqs.ReceiveMessageCommandInput, Sqs.ReceiveMessageCommandOutput];
  "sqs:SendMessage": [Sqs.SendMessageCommandInput, Sqs.SendMessageCommandOutput];
}

export type CallName = keyof Calls;

export interface Bus {
  /**
   * Makes a call as `principal`; rejects with an `AwsError` exactly as a client would see it. A `signal` says that the
   * caller no longer waits (it reaches the handler as `context.signal`).
   */
  call<Name extends CallName>(
    name: Name,
    input: Calls[Name][0],
    principal: Principal,
    options?: { signal?: AbortSignal },
  ): Promise<Omit<Calls[Name][1], "$metadata">>;
  /** Would this call be allowed? Used where AWS checks a destination before it accepts a configuration. */
  allowed(request: AuthorizationRequest): Promise<boolean>;
  /**
   * The file that holds an object's bytes, for engines that read in place. Asks for s3:GetObject (GetObjectVersion
   * with a version id) as `principal` first. The file does not change and stays while the version exists.
   */
  objectFile(
    object: { bucket: string; key: string; versionId?: string },
    principal: Principal,
  ): Promise<{ path: string; size: number; eTag: string; versionId: string | undefined; lastModified: Date }>;
  /** Temporary credentials of a role, for a process that acts as it. */
  assumeRole(roleArn: string, sessionName: string): Promise<RoleSession>;
}

export interface AuthorizationRequest {
  readonly principal: Principal;
  /** As in policies: `s3:GetObject`, `sqs:SendMessage`. */
  readonly action: string;
  readonly resourceArn: string;
  /** Condition keys of this call, in lower case. */
  readonly context?: Readonly<Record<string, string>>;
}

export interface RoleSession {
  readonly principal: Principal;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}
