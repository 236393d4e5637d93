/**
 * Arguments of a run of EtlJob. Glue hands them to the script as `--name value` pairs; the names stand here once and
 * the Glue script reads the same.
 */
export const JOB_ARGUMENTS = {
  /** Default argument of the job: the bucket of the ledger, staging and data. */
  targetBucket: "--target-bucket",
  /** Default argument: the bucket that files are dropped in. */
  sourceBucket: "--source-bucket",
  /** Run argument: the dataset's name. */
  dataset: "--dataset",
  /** Run argument: the run's id; its manifest names the files and the plan. */
  run: "--run",
  /** Run argument: the number of this attempt, from 1. */
  attempt: "--attempt",
} as const;

/** Environment variables of the functions; the stack sets them, the functions read them, nothing else is configured. */
export const FUNCTION_ENVIRONMENT = {
  pipeline: "MILLRACE_PIPELINE",
  sourceBucket: "MILLRACE_SOURCE_BUCKET",
  targetBucket: "MILLRACE_TARGET_BUCKET",
  /** `s3://bucket/key` of the plan asset. */
  plan: "MILLRACE_PLAN",
  jobName: "MILLRACE_JOB_NAME",
  crawlerName: "MILLRACE_CRAWLER_NAME",
  database: "MILLRACE_DATABASE",
  alertTopicArn: "MILLRACE_ALERT_TOPIC_ARN",
} as const;
