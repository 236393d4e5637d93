import {
  CreateDatabaseCommand,
  CreateJobCommand,
  GlueClient,
  type JobRun,
  GetJobRunsCommand,
} from "@aws-sdk/client-glue";
import {
  CreateBucketCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { makeHandler as makeCrawlerFunction } from "../../src/functions/crawler/handler.ts";
import { makeHandler as makeEtlFunction } from "../../src/functions/etl/handler.ts";
import { type CrawlAlert, type RunAlert } from "../../src/functions/shared/alert.ts";
import type { Log } from "../../src/functions/shared/log.ts";
import { ledgerKeys } from "../../src/ledger/keys.ts";
import { type Ledger, createLedger } from "../../src/ledger/ledger.ts";
import { planCopy } from "../../src/ledger/plans.ts";
import type { JobEngineRun, JobEngineResult } from "../../src/local/job-engine.ts";
import type { Service, ServiceDeps } from "../../src/local/service.ts";
import { createCloudWatch } from "../../src/local/services/cloudwatch/service.ts";
import { createEvents } from "../../src/local/services/events/service.ts";
import { createCatalog } from "../../src/local/services/glue/catalog/service.ts";
import { createJobs } from "../../src/local/services/glue/jobs/service.ts";
import { createLogs } from "../../src/local/services/logs/service.ts";
import { createS3 } from "../../src/local/services/s3/service.ts";
import { createSns } from "../../src/local/services/sns/service.ts";
import { createSqs } from "../../src/local/services/sqs/service.ts";
import type { DatasetPlan } from "../../src/plan/plan.ts";
import { type SourceContent, executeRun } from "../protocol/model-executor.ts";
import { HandCrawler } from "./hand-crawler.ts";
import { type LocalServices, startLocalServices } from "../support/local-services.ts";

export const SOURCE = "the-source";
export const TARGET = "the-target";
export const DATABASE = "lake";

/** A pipeline of real services and the real handlers; the test hands the events over, so it says when and how often. */
export interface Pipeline extends AsyncDisposable {
  readonly local: LocalServices;
  readonly s3: S3Client;
  readonly glue: GlueClient;
  readonly ledger: Ledger;
  readonly steps: string[];
  readonly crawler: HandCrawler;
  /** Hands the event of a crawl's end to CrawlerFunction. */
  crawlEnded(): Promise<void>;
  /** Makes the next job runs fail. */
  failing: boolean;
  put(key: string, content: SourceContent | string): Promise<Dropped>;
  /** Hands announcements to EtlFunction, one message each. */
  announce(...messages: readonly (Dropped | string)[]): Promise<SQSBatchResponse>;
  /** Waits for every run of EtlJob to end. */
  jobsEnded(): Promise<JobRun[]>;
  /** Markers that were written and not handed over yet. */
  newMarkers(): Promise<string[]>;
  commit(marker: string): Promise<void>;
  /** Hands markers over and lets jobs run until nothing is going on. */
  settle(): Promise<void>;
  alerts(): Promise<(RunAlert | CrawlAlert)[]>;
  keys(prefix: string): Promise<string[]>;
}

export interface Dropped {
  readonly key: string;
  readonly version: string;
}

export async function startPipeline(datasets: Readonly<Record<string, DatasetPlan>>): Promise<Pipeline> {
  const hand = new HandCrawler();
  const glueService = (deps: ServiceDeps): Service => {
    const [catalog, jobs] = [createCatalog(deps), createJobs(deps, { run: (run) => runModel(run) })];
    return {
      name: "glue",
      sdk: () => import("@aws-sdk/client-glue"),
      operations: { ...catalog.operations, ...jobs.operations, ...hand.operations },
      resources: {},
      start: jobs.start,
      stop: jobs.stop,
    };
  };
  const local = await startLocalServices({
    services: [createS3, createSqs, createSns, createEvents, createLogs, createCloudWatch, glueService],
  });
  const [s3, glue] = [local.client(S3Client), local.client(GlueClient)];
  const [sns, sqs] = [local.client(SNSClient), local.client(SQSClient)];
  for (const Bucket of [SOURCE, TARGET, "assets"]) await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutBucketVersioningCommand({ Bucket: SOURCE, VersioningConfiguration: { Status: "Enabled" } }));
  await s3.send(new PutObjectCommand({ Bucket: "assets", Key: "script.py", Body: "the engine is handed in" }));
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: DATABASE } }));
  await glue.send(
    new CreateJobCommand({
      Name: "job",
      Role: await local.role("job", "glue.amazonaws.com"),
      Command: { Name: "glueetl", ScriptLocation: "s3://assets/script.py" },
      GlueVersion: "6.0",
      WorkerType: "G.1X",
      NumberOfWorkers: 2,
      ExecutionProperty: { MaxConcurrentRuns: 5 },
    }),
  );
  const { TopicArn: topicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "alerts" }));
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "alerts" }));
  await sns.send(
    new SubscribeCommand({
      TopicArn: topicArn,
      Protocol: "sqs",
      Endpoint: topicArn.replace(":sns:", ":sqs:"),
      Attributes: { RawMessageDelivery: "true" },
    }),
  );

  const ledger = createLedger({ client: s3, sourceBucket: SOURCE, targetBucket: TARGET });
  const steps: string[] = [];
  const note = (step: string) => void steps.push(step);
  const log: Log = { info: note, warn: note, error: (step, error) => note(`${step}: ${String(error)}`) };
  const plan = planCopy(JSON.stringify({ version: 1, pipeline: "shop", datasets }));
  const deps = {
    ledger,
    glue,
    jobName: "job",
    log,
    plan: () => Promise.resolve(plan),
    pipeline: "shop",
    database: DATABASE,
    crawlerName: "crawler",
    alerts: { sns, topicArn },
  };
  const [etl, crawler] = [makeEtlFunction(deps), makeCrawlerFunction(deps)];
  const handedOver = new Set<string>();

  async function runModel(run: JobEngineRun): Promise<JobEngineResult> {
    if (pipeline.failing) return { succeeded: false, errorMessage: "out of memory" };
    const [dataset, name, attempt] = ["--dataset", "--run", "--attempt"].map(
      (argument) => run.arguments[argument] ?? "",
    );
    await executeRun(ledger, {
      dataset: dataset ?? "",
      run: name ?? "",
      attempt: Number(attempt),
      jobRunId: run.jobRunId,
    });
    return { succeeded: true };
  }

  const pipeline: Pipeline = {
    local,
    s3,
    glue,
    ledger,
    steps,
    crawler: hand,
    failing: false,
    async put(key, content) {
      const Body = typeof content === "string" ? content : JSON.stringify(content);
      const { VersionId } = await s3.send(new PutObjectCommand({ Bucket: SOURCE, Key: key, Body }));
      return { key, version: VersionId ?? "" };
    },
    announce: (...messages) => etl({ Records: messages.map(message) } as SQSEvent),
    async jobsEnded() {
      for (;;) {
        const { JobRuns = [] } = await glue.send(new GetJobRunsCommand({ JobName: "job" }));
        const going = JobRuns.find(({ JobRunState }) => JobRunState !== "SUCCEEDED" && JobRunState !== "FAILED");
        if (!going) return JobRuns;
        await local.trace.waitFor(
          (event) =>
            event.type === "state" && event.kind === "job-run" && (event.to === "SUCCEEDED" || event.to === "FAILED"),
          { includePast: true },
        );
      }
    },
    async newMarkers() {
      return (await pipeline.keys(ledgerKeys.commitsPrefix)).filter((key) => !handedOver.has(key));
    },
    async commit(marker) {
      handedOver.add(marker);
      await crawler(s3Event("ObjectCreated:Put", TARGET, marker));
    },
    crawlEnded: () =>
      crawler({
        source: "aws.glue",
        "detail-type": "Glue Crawler State Change",
        detail: { crawlerName: "crawler", state: hand.last?.Status === "FAILED" ? "Failed" : "Succeeded" },
      }),
    async settle() {
      for (;;) {
        await pipeline.jobsEnded();
        const markers = await pipeline.newMarkers();
        if (markers.length === 0) return;
        for (const marker of markers) await pipeline.commit(marker);
      }
    },
    async alerts() {
      const found: (RunAlert | CrawlAlert)[] = [];
      for (;;) {
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
        if (Messages.length === 0) return found;
        for (const { Body, ReceiptHandle } of Messages) {
          found.push(JSON.parse(Body ?? "") as RunAlert | CrawlAlert);
          await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        }
      }
    },
    async keys(prefix) {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: TARGET, Prefix: prefix }));
      return Contents.map(({ Key }) => Key ?? "");
    },
    [Symbol.asyncDispose]: () => local.close(),
  };
  return pipeline;
}

function message(announced: Dropped | string, index: number) {
  const body =
    typeof announced === "string"
      ? announced
      : JSON.stringify(s3Event("ObjectCreated:Put", SOURCE, announced.key, announced.version));
  return { messageId: `m${index}`, body };
}

function s3Event(eventName: string, bucket: string, key: string, versionId?: string) {
  const encoded = encodeURIComponent(key).replaceAll("%2F", "/").replaceAll("%20", "+");
  const s3 = { bucket: { name: bucket }, object: { key: encoded, size: 1, versionId } };
  return { Records: [{ eventSource: "aws:s3", eventVersion: "2.1", eventName, s3 }] };
}
