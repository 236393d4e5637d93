import { Aws } from "aws-cdk-lib";
import { stageProblem } from "./stack-name.ts";

/**
 * Names that are built instead of referenced. A bucket that notifies a topic or a function, whose policy names the
 * bucket, is a circle in CloudFormation as soon as one of them uses Ref or GetAtt; names break it.
 */
export interface Names {
  readonly sourceBucket: string;
  readonly targetBucket: string;
  readonly database: string;
  readonly crawler: string;
  readonly job: string;
  readonly workgroup: string;
  readonly dashboard: string;
  /** `<pipeline>-<stage>-<box>`, for functions, queues, topics and rules. */
  box(name: string): string;
}

export function makeNames(pipeline: string, stage: string): Names {
  const problem = stageProblem(pipeline, stage);
  if (problem !== undefined) throw new Error(problem);
  const prefix = `${pipeline}-${stage}`;
  return {
    sourceBucket: `${prefix}-source-${Aws.ACCOUNT_ID}-${Aws.REGION}`,
    targetBucket: `${prefix}-target-${Aws.ACCOUNT_ID}-${Aws.REGION}`,
    // Athena wants names without hyphens, or quoted everywhere.
    database: prefix.replaceAll("-", "_"),
    crawler: `${prefix}-crawler`,
    job: `${prefix}-etl`,
    workgroup: prefix,
    dashboard: prefix,
    box: (name) => `${prefix}-${name}`,
  };
}

export function bucketArn(bucket: string): string {
  return `arn:${Aws.PARTITION}:s3:::${bucket}`;
}
