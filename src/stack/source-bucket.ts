import { Duration } from "aws-cdk-lib";
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket } from "aws-cdk-lib/aws-s3";
import { Construct } from "constructs";
import { acknowledgeNoAccessLogs } from "./access-logs.ts";
import type { SourceTopic } from "./source-topic.ts";

export interface SourceBucketProps {
  readonly bucketName: string;
  readonly topic: SourceTopic;
  readonly keepOldVersionsDays: number;
}

/** Where files are dropped. Versioned: a version, not a key, is what is loaded exactly once. */
export class SourceBucket extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, props: SourceBucketProps) {
    super(scope, id);
    this.bucket = new Bucket(this, "Bucket", {
      bucketName: props.bucketName,
      versioned: true,
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      lifecycleRules: [
        {
          id: "expire-old-versions",
          noncurrentVersionExpiration: Duration.days(props.keepOldVersionsDays),
          expiredObjectDeleteMarker: true,
        },
        { id: "abort-unfinished-uploads", abortIncompleteMultipartUploadAfter: Duration.days(7) },
      ],
    });
    acknowledgeNoAccessLogs(this.bucket);
    // The L1 property: CDK's addEventNotification would put a helper function and a custom resource into the template.
    const bucket = this.bucket.node.defaultChild as CfnBucket;
    bucket.notificationConfiguration = {
      topicConfigurations: [{ topic: props.topic.topic.topicArn, event: "s3:ObjectCreated:*" }],
    };
    // S3 validates the destination when the bucket is made: the topic's policy must be there.
    this.bucket.node.addDependency(props.topic.policy);
  }
}
