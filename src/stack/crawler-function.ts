import { Duration } from "aws-cdk-lib";
import { Rule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import type { Construct } from "constructs";
import { BoxFunction, type BoxFunctionProps } from "./box-function.ts";
import type { EtlJob } from "./etl-job.ts";
import type { Names } from "./names.ts";
import type { PlanAsset } from "./plan-asset.ts";
import { allow, allowList, allowObjects, allowTables, glueArn } from "./policy.ts";

export interface CrawlerFunctionProps extends Pick<BoxFunctionProps, "code" | "environment" | "logRetentionDays"> {
  readonly names: Names;
  readonly job: EtlJob;
  readonly plan: PlanAsset;
}

/** Settles a committed run, starts the next one, and brings the catalog up to date: a partition, or a crawl. */
export class CrawlerFunction extends BoxFunction {
  constructor(scope: Construct, id: string, props: CrawlerFunctionProps) {
    const { names } = props;
    super(scope, id, {
      functionName: names.box("crawler"),
      description: "Settles committed runs and keeps the catalog in step with the data",
      code: props.code,
      environment: props.environment,
      logRetentionDays: props.logRetentionDays,
      timeout: Duration.minutes(5),
      memoryMiB: 512,
    });
    const { role } = this;
    props.plan.readableBy(role);
    allowObjects(role, names.targetBucket, ["ledger/"], "s3:GetObject", "s3:PutObject", "s3:DeleteObject");
    allowObjects(role, names.targetBucket, ["staging/"], "s3:DeleteObject");
    allowList(role, names.targetBucket, ["ledger/*", "staging/*"]);
    props.job.startableBy(role);
    allow(role, {
      actions: ["glue:StartCrawler", "glue:GetCrawler"],
      resources: [glueArn(`crawler/${names.crawler}`)],
    });
    allowTables(role, names.database, "glue:GetTable", "glue:BatchCreatePartition");
    new Rule(this, "CrawlEndedRule", {
      ruleName: names.box("crawl-ended"),
      description: "Tells CrawlerFunction that a crawl ended",
      eventPattern: {
        source: ["aws.glue"],
        detailType: ["Glue Crawler State Change"],
        detail: { crawlerName: [names.crawler], state: ["Succeeded", "Failed"] },
      },
      targets: [new LambdaTarget(this.function)],
    });
  }
}
