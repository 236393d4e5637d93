import { Aws, Validations } from "aws-cdk-lib";
import { CfnCrawler } from "aws-cdk-lib/aws-glue";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";
import { ledgerKeys } from "../ledger/keys.ts";
import type { Plan } from "../plan/plan.ts";
import { type Names, bucketArn } from "./names.ts";
import { allow, allowList, allowObjects, allowTables } from "./policy.ts";

export interface CrawlerProps {
  readonly names: Names;
  readonly plan: Plan;
}

/** Bucket is level 1, data/ level 2: one table per dataset directory. */
const TABLE_LEVEL = 3;

/** Learns tables and partitions from the data. It is started by CrawlerFunction, never by a schedule. */
export class Crawler extends Construct {
  constructor(scope: Construct, id: string, props: CrawlerProps) {
    super(scope, id);
    const { names, plan } = props;
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("glue.amazonaws.com") });
    allowObjects(role, names.targetBucket, ["data/"], "s3:GetObject");
    allowList(role, names.targetBucket, ["data/*"]);
    allow(role, { actions: ["s3:GetBucketLocation"], resources: [bucketArn(names.targetBucket)] });
    allowTables(
      role,
      names.database,
      "glue:GetDatabase",
      "glue:GetTable",
      "glue:GetTables",
      "glue:CreateTable",
      "glue:UpdateTable",
      "glue:GetPartition",
      "glue:GetPartitions",
      "glue:BatchGetPartition",
      "glue:BatchCreatePartition",
      "glue:UpdatePartition",
      "glue:BatchUpdatePartition",
    );
    allow(role, {
      actions: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
      resources: [`arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:log-group:/aws-glue/crawlers:*`],
      wildcard: "The crawler makes its own log streams in this group.",
    });
    Validations.of(this).acknowledge({
      id: "AwsSolutions-GL1",
      reason: "The log group is encrypted at rest by the service; a KMS key would be the user's to pay and manage.",
    });
    const crawler = new CfnCrawler(this, "Crawler", {
      name: names.crawler,
      role: role.roleArn,
      databaseName: names.database,
      targets: {
        s3Targets: Object.keys(plan.datasets)
          .toSorted()
          .map((dataset) => ({
            path: `s3://${names.targetBucket}/${ledgerKeys.data(dataset)}`,
            exclusions: ["**/_*", "**/.*"],
          })),
      },
      // Columns are only ever added by a crawl, and partitions follow their table: a crawl never retypes what is read.
      schemaChangePolicy: { updateBehavior: "UPDATE_IN_DATABASE", deleteBehavior: "LOG" },
      recrawlPolicy: { recrawlBehavior: "CRAWL_EVERYTHING" },
      configuration: JSON.stringify({
        Version: 1,
        CrawlerOutput: {
          Tables: { AddOrUpdateBehavior: "MergeNewColumns" },
          Partitions: { AddOrUpdateBehavior: "InheritFromTable" },
        },
        Grouping: { TableGroupingPolicy: "CombineCompatibleSchemas", TableLevelConfiguration: TABLE_LEVEL },
      }),
    });
    crawler.node.addDependency(role);
  }
}
