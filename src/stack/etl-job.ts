import { Aws, Duration, Validations } from "aws-cdk-lib";
import { Code, GlueVersion, PySparkEtlJob, WorkerType } from "aws-cdk-lib/aws-glue";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import { Construct } from "constructs";
import { JOB_ARGUMENTS } from "../plan/job-arguments.ts";
import { type Names, bucketArn } from "./names.ts";
import { allow, allowList, allowObjects, glueArn } from "./policy.ts";

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
      // Without updates: CDK would let the role read the whole asset bucket.
      role: role.withoutPolicyUpdates(),
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
    allow(role, { actions: ["s3:GetObject"], resources: [script.bucket.arnForObjects(script.s3ObjectKey)] });
    // Every read names its version. Sources are copied to staging, and S3 copies their tags with them.
    allowObjects(role, names.sourceBucket, [""], "s3:GetObjectVersion", "s3:GetObjectVersionTagging");
    // What is not there is told from what is forbidden (404, not 403) only to those who may list it.
    allow(role, {
      actions: ["s3:ListBucket", "s3:ListBucketVersions"],
      resources: [bucketArn(names.sourceBucket)],
    });
    // A write with If-Match asks for s3:GetObject too.
    allowObjects(role, names.targetBucket, ["ledger/", "staging/", "data/"], "s3:GetObject", "s3:PutObject");
    allowObjects(role, names.targetBucket, ["rejects/"], "s3:PutObject");
    // Temporary files and unfinished uploads are tidied up; nothing under data/ is ever deleted by the job.
    const tidying = ["s3:DeleteObject", "s3:AbortMultipartUpload"];
    allowObjects(role, names.targetBucket, ["staging/"], "s3:PutObjectTagging", ...tidying);
    allowList(role, names.targetBucket);
    allow(role, {
      actions: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
      resources: [`arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:log-group:/aws-glue/*`],
      wildcard: "Glue makes the log groups of jobs, and their streams, under this name.",
    });
    allow(role, {
      actions: ["cloudwatch:PutMetricData"],
      resources: ["*"],
      conditions: { StringEquals: { "cloudwatch:namespace": "Glue" } },
      wildcard: "PutMetricData has no resources; the namespace is its only limit.",
    });
    for (const id of ["AwsSolutions-GL1", "AwsSolutions-GL3"]) {
      Validations.of(this).acknowledge({
        id,
        reason:
          "Encryption at rest is the service's own; a KMS key would be the user's to pay and manage. No bookmarks.",
      });
    }
  }

  startableBy(role: Role): void {
    allow(role, { actions: ["glue:StartJobRun", "glue:GetJobRuns", "glue:GetJobRun"], resources: [this.#arn] });
  }
}
