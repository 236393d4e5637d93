import { Aws, Validations } from "aws-cdk-lib";
import { Effect, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { bucketArn } from "./names.ts";

export interface Grant {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions?: Record<string, unknown>;
  /** Why a wildcard among the resources is as narrow as it can be; said to cdk-nag (AwsSolutions-IAM5). */
  readonly wildcard?: string;
}

/**
 * Roles are written out action by action: CDK's `grantRead` and its kind give more (`s3:GetObject*`, `s3:List*`) than
 * any box here needs.
 */
export function allow(role: Role, { actions, resources, conditions, wildcard }: Grant): void {
  role.addToPolicy(
    new PolicyStatement({ effect: Effect.ALLOW, actions: [...actions], resources: [...resources], conditions }),
  );
  if (wildcard === undefined) return;
  for (const resource of resources.filter((arn) => arn.includes("*"))) {
    Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[Resource::${findingOf(resource)}]`, reason: wildcard });
  }
}

/** cdk-nag names a resource by its ARN with `<AWS::Region>` where CDK has a token. */
function findingOf(arn: string): string {
  return arn.replaceAll(/\$\{Token\[AWS\.(\w+)\.\d+\]\}/g, "<AWS::$1>");
}

/** A function's role: it may write its own log streams, and what its box adds. */
export function functionRole(scope: Construct, id: string, logGroup: LogGroup): Role {
  const role = new Role(scope, id, { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
  allow(role, { actions: ["logs:CreateLogStream", "logs:PutLogEvents"], resources: [logGroup.logGroupArn] });
  return role;
}

/** Listing is allowed per prefix; without it S3 answers 403 instead of 404 for a key that does not exist. */
export function allowList(role: Role, bucket: string, prefixes?: readonly string[]): void {
  allow(role, {
    actions: ["s3:ListBucket"],
    resources: [bucketArn(bucket)],
    conditions: prefixes && { StringLike: { "s3:prefix": prefixes } },
  });
}

/** Objects below the prefixes (all of the bucket without any), whose keys are not known before. */
export function allowObjects(role: Role, bucket: string, prefixes: readonly string[], ...actions: string[]): void {
  allow(role, {
    actions,
    resources: prefixes.map((prefix) => `${bucketArn(bucket)}/${prefix}*`),
    wildcard: "Keys are made at run time; the prefix is the box's own.",
  });
}

/** Tables of the pipeline's database, with the catalog and database that Glue asks about beside them. */
export function allowTables(role: Role, database: string, ...actions: string[]): void {
  allow(role, {
    actions,
    resources: [glueArn("catalog"), glueArn(`database/${database}`), glueArn(`table/${database}/*`)],
    wildcard: "Tables are named by the datasets; the database is the pipeline's own.",
  });
}

export function glueArn(resource: string): string {
  return `arn:${Aws.PARTITION}:glue:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;
}
