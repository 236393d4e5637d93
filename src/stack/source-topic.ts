import { Aws } from "aws-cdk-lib";
import { Effect, PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Topic, TopicPolicy } from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";
import { bucketArn } from "./names.ts";

export interface SourceTopicProps {
  readonly topicName: string;
  readonly sourceBucket: string;
}

/** SourceBucket tells it of every new object version; others may subscribe beside IngestQueue. */
export class SourceTopic extends Construct {
  readonly topic: Topic;
  readonly policy: TopicPolicy;

  constructor(scope: Construct, id: string, props: SourceTopicProps) {
    super(scope, id);
    this.topic = new Topic(this, "Topic", { topicName: props.topicName });
    // A topic policy replaces SNS's default one, so it names the publishing service and refuses plain HTTP.
    this.policy = new TopicPolicy(this, "Policy", { topics: [this.topic], enforceSSL: true });
    this.policy.document.addStatements(
      new PolicyStatement({
        sid: "SourceBucketPublishes",
        effect: Effect.ALLOW,
        principals: [new ServicePrincipal("s3.amazonaws.com")],
        actions: ["sns:Publish"],
        resources: [this.topic.topicArn],
        conditions: {
          ArnLike: { "aws:SourceArn": bucketArn(props.sourceBucket) },
          StringEquals: { "aws:SourceAccount": Aws.ACCOUNT_ID },
        },
      }),
    );
  }
}
