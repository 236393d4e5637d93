import { Duration } from "aws-cdk-lib";
import { SqsSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import type { SourceTopic } from "./source-topic.ts";

export interface IngestQueueProps {
  readonly queueName: string;
  readonly deadLetterQueueName: string;
  readonly topic: SourceTopic;
  /** Timeout of the function that reads the queue. */
  readonly functionTimeout: Duration;
  readonly batchingWindow: Duration;
}

/** A message is tried this often before it goes to DeadLetterQueue. */
const MAX_RECEIVES = 5;

/** Holds what the topic told until EtlFunction has written it down; what fails five times goes to DeadLetterQueue. */
export class IngestQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;

  constructor(scope: Construct, id: string, props: IngestQueueProps) {
    super(scope, id);
    this.deadLetterQueue = new Queue(this, "DeadLetterQueue", {
      queueName: props.deadLetterQueueName,
      // SSE-SQS: with the AWS-managed KMS key, services could not send to the queue, without a word.
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // The clock of a moved message goes on from its first send, so this must outlast the queue it comes from.
      retentionPeriod: Duration.days(14),
    });
    this.queue = new Queue(this, "Queue", {
      queueName: props.queueName,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(7),
      // AWS's advice: six times the function's timeout, and the window
      // (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
      visibilityTimeout: Duration.seconds(6 * props.functionTimeout.toSeconds() + props.batchingWindow.toSeconds()),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: MAX_RECEIVES },
    });
    props.topic.topic.addSubscription(new SqsSubscription(this.queue));
  }
}
