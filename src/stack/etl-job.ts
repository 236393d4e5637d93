import { Duration } from "aws-cdk-lib";
import { Code, GlueVersion, PySparkEtlJob, WorkerType } from "aws-cdk-lib/aws-glue";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { Aws } from "aws-cdk-lib";
import { Construct } from "constructs";
import { JOB_ARGUMENTS } from "../plan/job-arguments.ts";
import type { Names } from "./names.ts";
import { bucketArn } from "./names.ts";
import { allow, allowList, glueArn, objects } from "./policy.ts";

export interface EtlJobProps {
  readonly names: Names;
  /** Path of the Glue script. */
  readonly script: string;
  readonly workers: number;
  /** Runs of different datasets go side by side, one per dataset. */
  readonly datasets: number;
}

/** The Spark job: types, checks and transforms a run's files, and publishes them. */
export class EtlJob extends Construct {
  readonly job: PySparkEtlJob;
  readonly #arn: string;

  constructor(scope: Construct, id: string, props: EtlJobProps) {
    super(scope, id);
    const { names } = props;
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("glue.amazonaws.com") });
    const script = new Asset(this, "Script", { path: props.script });
    this.#arn = glueArn(`job/${names.job}`);
    this.job = new PySparkEtlJob(this, "Job", {
      jobName: names.job,
      description: "Loads a run of files: types, checks, transforms, publishes",
      role,
      script: Code.fromBucket(script.bucket, script.s3ObjectKey),
      glueVersion: GlueVersion.V6_0,
      // The CDK default is ten workers: seven times the price of a run that two can do. The top-level property of
      // the same name is ignored without a word; only this one counts.
      workerConfiguration: { workerType: WorkerType.G_1X, numberOfWorkers: props.workers },
      maxConcurrentRuns: Math.max(props.datasets, 3),
      jobRunQueuingEnabled: true,
      // Retries are ours: a retry by Glue would not know what a run has decided.
      maxRetries: 0,
      timeout: Duration.minutes(60),
      defaultArguments: {
        [JOB_ARGUMENTS.sourceBucket]: names.sourceBucket,
        [JOB_ARGUMENTS.targetBucket]: names.targetBucket,
      },
    });
    allow(role, ["s3:GetObject"], [script.bucket.arnForObjects(script.s3ObjectKey)]);
    allow(role, ["s3:GetObject", "s3:GetObjectVersion"], [`${bucketArn(names.sourceBucket)}/*`]);
    allowList(role, names.sourceBucket);
    allow(
      role,
      ["s3:GetObject", "s3:PutObject"],
      objects(names.targetBucket, "ledger/", "staging/", "data/", "rejects/"),
    );
    // Spark's committer tidies up its temporary files; nothing under data/ is ever deleted by the job.
    allow(role, ["s3:DeleteObject"], objects(names.targetBucket, "staging/"));
    allowList(role, names.targetBucket);
    allow(
      role,
      ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
      [`arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:log-group:/aws-glue/*`],
    );
    // PutMetricData has no resources; the namespace is its only limit.
    allow(role, ["cloudwatch:PutMetricData"], ["*"], { StringEquals: { "cloudwatch:namespace": "Glue" } });
  }

  startableBy(role: Role): void {
    allow(role, ["glue:StartJobRun", "glue:GetJobRuns", "glue:GetJobRun"], [this.#arn]);
  }
}
