import { PublishCommand, type SNSClient } from "@aws-sdk/client-sns";
import { z } from "zod";
import type { CommitLine } from "../../ledger/documents.ts";
import type { DatasetPlan } from "../../plan/plan.ts";

/** How many of a run's bad files a message names; the view `loads` has them all. */
const PROBLEMS_NAMED = 20;
/** SNS refuses a subject of more characters. https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
const SUBJECT_LENGTH = 100;

const problem = z.strictObject({
  key: z.string(),
  version: z.string(),
  outcome: z.enum(["committed", "rejected", "failed"]),
  rowsRejected: z.number(),
  reason: z.string().nullable(),
  message: z.string().nullable(),
});

/** AlertTopic's message about a run that did not load everything. It may come twice; `id` is the same then. */
export const runAlert = z.strictObject({
  kind: z.literal("run"),
  id: z.string(),
  pipeline: z.string(),
  dataset: z.string(),
  run: z.string(),
  decidedAt: z.string(),
  files: z.strictObject({ committed: z.number(), rejected: z.number(), failed: z.number() }),
  rows: z.strictObject({ in: z.number(), out: z.number(), rejected: z.number() }),
  problems: z.array(problem),
  /** How many more files have problems than `problems` names. */
  problemsLeftOut: z.number(),
});

/** AlertTopic's message about a crawl that failed. */
export const crawlAlert = z.strictObject({
  kind: z.literal("crawl"),
  id: z.string(),
  pipeline: z.string(),
  crawler: z.string(),
  status: z.string(),
  message: z.string(),
});

export type RunAlert = z.output<typeof runAlert>;
export type CrawlAlert = z.output<typeof crawlAlert>;

export interface Alerts {
  readonly sns: SNSClient;
  readonly topicArn: string;
}

export async function publishAlert(alerts: Alerts, alert: RunAlert | CrawlAlert): Promise<void> {
  await alerts.sns.send(
    new PublishCommand({
      TopicArn: alerts.topicArn,
      Subject: subject(alert).slice(0, SUBJECT_LENGTH),
      Message: JSON.stringify(alert),
    }),
  );
}

function subject(alert: RunAlert | CrawlAlert): string {
  if (alert.kind === "crawl") return `${alert.pipeline}: a crawl ended ${alert.status.toLowerCase()}`;
  const { rejected, failed } = alert.files;
  return `${alert.pipeline}: ${alert.dataset} run ${alert.run}: ${rejected} rejected, ${failed} failed`;
}

/** The message about a run, or undefined when it loaded everything that its dataset wants to hear about. */
export function alertOfRun(pipeline: string, dataset: DatasetPlan, lines: readonly CommitLine[]): RunAlert | undefined {
  const [first] = lines;
  if (!first) return undefined;
  const count = (outcome: CommitLine["outcome"]) => lines.filter((line) => line.outcome === outcome).length;
  const sum = (member: "rows_in" | "rows_out" | "rows_rejected") =>
    lines.reduce((total, line) => total + line[member], 0);
  const files = { committed: count("committed"), rejected: count("rejected"), failed: count("failed") };
  const rows = { in: sum("rows_in"), out: sum("rows_out"), rejected: sum("rows_rejected") };
  if (files.rejected === 0 && files.failed === 0 && rows.rejected <= dataset.quietRejects) return undefined;
  const bad = lines.filter((line) => line.outcome !== "committed" || line.rows_rejected > 0);
  return {
    kind: "run",
    id: `${pipeline}/${dataset.name}/${first.run}`,
    pipeline,
    dataset: dataset.name,
    run: first.run,
    decidedAt: first.decided_at,
    files,
    rows,
    problems: bad.slice(0, PROBLEMS_NAMED).map((line) => ({
      key: line.key,
      version: line.version,
      outcome: line.outcome,
      rowsRejected: line.rows_rejected,
      reason: line.error_reason,
      message: line.error_message,
    })),
    problemsLeftOut: Math.max(0, bad.length - PROBLEMS_NAMED),
  };
}
