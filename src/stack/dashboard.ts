import { Duration } from "aws-cdk-lib";
import {
  Dashboard as CloudWatchDashboard,
  GraphWidget,
  type IMetric,
  Metric,
  TextWidget,
} from "aws-cdk-lib/aws-cloudwatch";
import { Construct } from "constructs";
import type { BoxFunction } from "./box-function.ts";
import type { IngestQueue } from "./ingest-queue.ts";
import type { Names } from "./names.ts";
import type { SourceTopic } from "./source-topic.ts";

export interface DashboardProps {
  readonly names: Names;
  readonly pipeline: string;
  readonly topic: SourceTopic;
  readonly queue: IngestQueue;
  readonly etlFunction: BoxFunction;
  readonly crawlerFunction: BoxFunction;
}

/** One dashboard, its rows in the order in which a file meets the boxes. */
export class Dashboard extends Construct {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id);
    const { queue, topic, names } = props;
    const dashboard = new CloudWatchDashboard(this, "Dashboard", { dashboardName: names.dashboard });
    dashboard.addWidgets(
      new TextWidget({
        markdown: `# ${props.pipeline}\nFrom SourceBucket to Athena, left to right, top down.`,
        width: 24,
        height: 2,
      }),
    );
    dashboard.addWidgets(
      graph("SourceTopic: events", [
        topic.topic.metricNumberOfMessagesPublished(),
        topic.topic.metricNumberOfNotificationsDelivered(),
        topic.topic.metricNumberOfNotificationsFailed(),
      ]),
      graph("IngestQueue: waiting, in work", [
        queue.queue.metricApproximateNumberOfMessagesVisible({ period: MINUTE }),
        queue.queue.metricApproximateNumberOfMessagesNotVisible({ period: MINUTE }),
      ]),
      graph("IngestQueue: age of the oldest message", [
        queue.queue.metricApproximateAgeOfOldestMessage({ period: MINUTE }),
      ]),
    );
    dashboard.addWidgets(
      ...functionGraphs("EtlFunction", props.etlFunction),
      graph("DeadLetterQueue", [queue.deadLetterQueue.metricApproximateNumberOfMessagesVisible({ period: MINUTE })]),
    );
    dashboard.addWidgets(
      graph("EtlJob: records read", [glueMetric(names.job, "glue.driver.aggregate.recordsRead", "count")]),
      graph("EtlJob: tasks", [
        glueMetric(names.job, "glue.driver.aggregate.numCompletedTasks", "count"),
        glueMetric(names.job, "glue.driver.aggregate.numFailedTasks", "count"),
      ]),
      graph("EtlJob: heap used", [glueMetric(names.job, "glue.ALL.jvm.heap.usage", "gauge", "Average")]),
    );
    dashboard.addWidgets(
      ...functionGraphs("CrawlerFunction", props.crawlerFunction),
      graph("Athena: bytes scanned", [
        new Metric({
          namespace: "AWS/Athena",
          metricName: "ProcessedBytes",
          dimensionsMap: { WorkGroup: names.workgroup, QueryState: "SUCCEEDED", QueryType: "DML" },
          statistic: "Sum",
          period: MINUTE,
        }),
      ]),
    );
  }
}

const MINUTE = Duration.minutes(1);

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: 8, height: 6, leftYAxis: { min: 0 } });
}

function functionGraphs(name: string, { function: fn }: BoxFunction): GraphWidget[] {
  return [
    graph(`${name}: calls and errors`, [
      fn.metricInvocations({ period: MINUTE }),
      fn.metricErrors({ period: MINUTE }),
      fn.metricThrottles({ period: MINUTE }),
    ]),
    graph(`${name}: duration`, [fn.metricDuration({ period: MINUTE, statistic: "p95" })]),
  ];
}

function glueMetric(job: string, metricName: string, type: "count" | "gauge", statistic = "Sum"): Metric {
  return new Metric({
    namespace: "Glue",
    metricName,
    dimensionsMap: { JobName: job, JobRunId: "ALL", Type: type },
    statistic,
    period: MINUTE,
  });
}
