import { Aws, Duration } from "aws-cdk-lib";
import { CfnPermission } from "aws-cdk-lib/aws-lambda";
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { acknowledgeNoAccessLogs } from "./access-logs.ts";
import type { CrawlerFunction } from "./crawler-function.ts";
import { bucketArn } from "./names.ts";

export interface TargetBucketProps {
  readonly bucketName: string;
  readonly crawlerFunction: CrawlerFunction;
}

/** The ledger, staging, data, rejects and query results. A new marker under ledger/commits/ calls CrawlerFunction. */
export class TargetBucket extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: TargetBucketProps) {
    super(scope, id);
    const permission = new CfnPermission(this, "MayCallCrawlerFunction", {
      action: "lambda:InvokeFunction",
      functionName: props.crawlerFunction.function.functionArn,
      principal: "s3.amazonaws.com",
      sourceArn: bucketArn(props.bucketName),
      sourceAccount: Aws.ACCOUNT_ID,
    });
    this.bucket = new Bucket(this, "Bucket", {
      bucketName: props.bucketName,
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      lifecycleRules: [
        // Not for staging/: a run may publish late, and its staging is deleted by whoever settles it.
        { id: "expire-query-results", prefix: "athena-results/", expiration: Duration.days(30) },
        { id: "abort-unfinished-uploads", abortIncompleteMultipartUploadAfter: Duration.days(7) },
      ],
    });
    acknowledgeNoAccessLogs(this.bucket);
    const bucket = this.bucket.node.defaultChild as CfnBucket;
    bucket.notificationConfiguration = {
      lambdaConfigurations: [
        {
          function: props.crawlerFunction.function.functionArn,
          event: "s3:ObjectCreated:*",
          filter: {
            s3Key: {
              rules: [
                { name: "prefix", value: "ledger/commits/" },
                { name: "suffix", value: ".jsonl" },
              ],
            },
          },
        },
      ],
    };
    bucket.addResourceDependency(permission);
  }
}
