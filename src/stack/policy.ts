import { Aws } from "aws-cdk-lib";
import { Effect, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { LogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { bucketArn } from "./names.ts";

/**
 * Roles are written out action by action: CDK's `grantRead` and its kind give more (`s3:GetObject*`, `s3:List*`) than
 * any box here needs.
 */
export function allow(role: Role, actions: string[], resources: string[], conditions?: Record<string, unknown>): void {
  role.addToPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources, conditions }));
}

/** A function's role: it may write its own log streams, and what its box adds. */
export function functionRole(scope: Construct, id: string, logGroup: LogGroup): Role {
  const role = new Role(scope, id, { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
  allow(role, ["logs:CreateLogStream", "logs:PutLogEvents"], [logGroup.logGroupArn]);
  return role;
}

/** Listing is allowed per prefix; without it S3 answers 403 instead of 404 for a key that does not exist. */
export function allowList(role: Role, bucket: string, prefixes?: string[]): void {
  allow(role, ["s3:ListBucket"], [bucketArn(bucket)], prefixes ? { StringLike: { "s3:prefix": prefixes } } : undefined);
}

export function objects(bucket: string, ...prefixes: string[]): string[] {
  return prefixes.map((prefix) => `${bucketArn(bucket)}/${prefix}*`);
}

export function glueArn(resource: string): string {
  return `arn:${Aws.PARTITION}:glue:${Aws.REGION}:${Aws.ACCOUNT_ID}:${resource}`;
}
