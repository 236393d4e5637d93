import { GlueClient } from "@aws-sdk/client-glue";
import { S3Client } from "@aws-sdk/client-s3";
import { SNSClient } from "@aws-sdk/client-sns";
import { z } from "zod";
import { createLedger } from "../../ledger/ledger.ts";
import type { PlanCopy } from "../../ledger/plans.ts";
import { readEnvironment } from "../shared/environment.ts";
import { consoleLog } from "../shared/log.ts";
import { loadPlan, once } from "../shared/plan-file.ts";
import { parseS3Event } from "../shared/s3-event.ts";
import { type CommitDeps, afterCommit } from "./commit.ts";
import { crawlEnded } from "./crawl.ts";

export interface CrawlerFunctionDeps extends CommitDeps {
  readonly plan: () => Promise<PlanCopy>;
}

/** https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-glue.html */
const crawlerStateChange = z.object({
  source: z.literal("aws.glue"),
  "detail-type": z.literal("Glue Crawler State Change"),
  detail: z.object({ crawlerName: z.string(), state: z.enum(["Started", "Succeeded", "Failed"]) }),
});

/** CrawlerFunction: S3 events of markers and the crawler's state changes in; settled runs and a true catalog out. */
export function makeHandler(deps: CrawlerFunctionDeps): (event: unknown) => Promise<void> {
  return async (event) => {
    const plan = await deps.plan();
    const stateChange = crawlerStateChange.safeParse(event);
    if (stateChange.success) {
      const { crawlerName, state } = stateChange.data.detail;
      if (crawlerName !== deps.crawlerName || state === "Started") return;
      deps.log.info("crawl ended", { crawler: crawlerName, state });
      await crawlEnded(deps, {
        datasets: Object.keys(plan.plan.datasets),
        pipeline: deps.pipeline,
        alerts: deps.alerts,
      });
      return;
    }
    for (const { key } of parseS3Event(event)) await afterCommit(deps, plan, key);
  };
}

function fromEnvironment(): CrawlerFunctionDeps {
  const settings = readEnvironment(process.env, [
    "pipeline",
    "sourceBucket",
    "targetBucket",
    "plan",
    "jobName",
    "crawlerName",
    "database",
    "alertTopicArn",
  ]);
  const client = new S3Client({});
  return {
    ...settings,
    ledger: createLedger({ client, ...settings }),
    glue: new GlueClient({}),
    log: consoleLog,
    plan: once(() => loadPlan(client, settings.plan)),
    alerts: settings.alertTopicArn ? { sns: new SNSClient({}), topicArn: settings.alertTopicArn } : undefined,
  };
}

const start = once(async () => makeHandler(fromEnvironment()));

export async function handler(event: unknown): Promise<void> {
  await (
    await start()
  )(event);
}
