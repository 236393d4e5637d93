import { Duration } from "aws-cdk-lib";
import { SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import type { Construct } from "constructs";
import { BoxFunction, type BoxFunctionProps } from "./box-function.ts";
import type { EtlJob } from "./etl-job.ts";
import type { IngestQueue } from "./ingest-queue.ts";
import type { PlanAsset } from "./plan-asset.ts";
import { allowList, allowObjects } from "./policy.ts";

export interface EtlFunctionProps extends Pick<
  BoxFunctionProps,
  "functionName" | "code" | "environment" | "logRetentionDays"
> {
  readonly queue: IngestQueue;
  readonly job: EtlJob;
  readonly plan: PlanAsset;
  readonly sourceBucket: string;
  readonly targetBucket: string;
  readonly batchingWindow: Duration;
}

/** Long enough to write down a full batch and start a run; IngestQueue's visibility follows from it. */
export const ETL_FUNCTION_TIMEOUT = Duration.minutes(5);

/** Writes down which object versions came, takes the dataset's lease and starts EtlJob. */
export class EtlFunction extends BoxFunction {
  constructor(scope: Construct, id: string, props: EtlFunctionProps) {
    super(scope, id, {
      functionName: props.functionName,
      description: "Writes down new object versions and starts the job that loads them",
      code: props.code,
      environment: props.environment,
      logRetentionDays: props.logRetentionDays,
      timeout: ETL_FUNCTION_TIMEOUT,
      memoryMiB: 512,
    });
    const { role } = this;
    props.plan.readableBy(role);
    // HEAD of the key, which names no version: their order comes from S3, not from the order of events.
    allowObjects(role, props.sourceBucket, [""], "s3:GetObject");
    allowList(role, props.sourceBucket);
    allowObjects(role, props.targetBucket, ["ledger/"], "s3:GetObject", "s3:PutObject", "s3:DeleteObject");
    allowList(role, props.targetBucket, ["ledger/*"]);
    props.job.startableBy(role);
    this.function.addEventSource(
      new SqsEventSource(props.queue.queue, {
        // Above 10 a window of at least one second is needed; with a window, batches are cut at 6 MB anyway.
        batchSize: props.batchingWindow.toSeconds() > 0 ? 1000 : 10,
        maxBatchingWindow: props.batchingWindow,
        reportBatchItemFailures: true,
        // Stops polling instead of throttling, so that waiting costs no receives (reserved concurrency would).
        maxConcurrency: 2,
      }),
    );
  }
}
