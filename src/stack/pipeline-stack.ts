import { CfnOutput, DefaultStackSynthesizer, Duration, Stack, Tags } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { FUNCTION_ENVIRONMENT } from "../plan/job-arguments.ts";
import { Athena } from "./athena.ts";
import { Catalog } from "./catalog.ts";
import { CrawlerFunction } from "./crawler-function.ts";
import { Crawler } from "./crawler.ts";
import { Dashboard } from "./dashboard.ts";
import { ETL_FUNCTION_TIMEOUT, EtlFunction } from "./etl-function.ts";
import { EtlJob } from "./etl-job.ts";
import { IngestQueue } from "./ingest-queue.ts";
import { makeNames } from "./names.ts";
import { PlanAsset } from "./plan-asset.ts";
import type { BuiltCode, PipelineSettings } from "./settings.ts";
import { SourceBucket } from "./source-bucket.ts";
import { SourceTopic } from "./source-topic.ts";
import { TargetBucket } from "./target-bucket.ts";

export interface PipelineStackProps {
  readonly settings: PipelineSettings;
  readonly code: BuiltCode;
  /** Path of the plan, as a file with the bytes that its hash is of. */
  readonly planPath: string;
}

/** The pipeline, box by box, in the order in which a file meets them. */
export class PipelineStack extends Stack {
  constructor(scope: Construct, id: string, props: PipelineStackProps) {
    super(scope, id, {
      // Without these two, the CDK CLI and plain Node would make different templates of the same app.
      analyticsReporting: false,
      synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
      description: `Millrace pipeline ${props.settings.pipeline}, stage ${props.settings.stage}`,
    });
    const { settings, code } = props;
    const { logRetentionDays, plan } = settings;
    const names = makeNames(settings.pipeline, settings.stage);
    const batchingWindow = Duration.seconds(settings.batchingWindowSeconds);
    const planAsset = new PlanAsset(this, "Plan", { path: props.planPath });
    const environment = {
      [FUNCTION_ENVIRONMENT.pipeline]: settings.pipeline,
      [FUNCTION_ENVIRONMENT.sourceBucket]: names.sourceBucket,
      [FUNCTION_ENVIRONMENT.targetBucket]: names.targetBucket,
      [FUNCTION_ENVIRONMENT.plan]: planAsset.uri,
      [FUNCTION_ENVIRONMENT.jobName]: names.job,
      [FUNCTION_ENVIRONMENT.crawlerName]: names.crawler,
      [FUNCTION_ENVIRONMENT.database]: names.database,
    };

    const topic = new SourceTopic(this, "SourceTopic", {
      topicName: names.box("source"),
      sourceBucket: names.sourceBucket,
    });
    new SourceBucket(this, "SourceBucket", {
      bucketName: names.sourceBucket,
      topic,
      keepOldVersionsDays: settings.keepOldVersionsDays,
    });
    const queue = new IngestQueue(this, "IngestQueue", {
      queueName: names.box("ingest"),
      deadLetterQueueName: names.box("dead-letters"),
      topic,
      functionTimeout: ETL_FUNCTION_TIMEOUT,
      batchingWindow,
    });
    const job = new EtlJob(this, "EtlJob", {
      names,
      script: code.jobScript,
      workers: settings.workers,
      datasets: Object.keys(plan.datasets).length,
    });
    const etlFunction = new EtlFunction(this, "EtlFunction", {
      functionName: names.box("etl"),
      code: code.functions.etl,
      environment,
      logRetentionDays,
      queue,
      job,
      plan: planAsset,
      sourceBucket: names.sourceBucket,
      targetBucket: names.targetBucket,
      batchingWindow,
    });
    const crawlerFunction = new CrawlerFunction(this, "CrawlerFunction", {
      names,
      code: code.functions.crawler,
      environment,
      logRetentionDays,
      job,
      plan: planAsset,
    });
    new TargetBucket(this, "TargetBucket", { bucketName: names.targetBucket, crawlerFunction });
    const catalog = new Catalog(this, "Catalog", { names, plan });
    const crawler = new Crawler(this, "Crawler", { names, plan });
    crawler.node.addDependency(catalog);
    new Athena(this, "Athena", { names, plan });
    new Dashboard(this, "Dashboard", {
      names,
      pipeline: settings.pipeline,
      topic,
      queue,
      etlFunction,
      crawlerFunction,
    });

    Tags.of(this).add("millrace:pipeline", settings.pipeline);
    Tags.of(this).add("millrace:stage", settings.stage);
    const outputs = {
      SourceBucketName: names.sourceBucket,
      TargetBucketName: names.targetBucket,
      DatabaseName: names.database,
      WorkGroupName: names.workgroup,
      JobName: names.job,
      CrawlerName: names.crawler,
      PlanUri: planAsset.uri,
      DashboardName: names.dashboard,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
