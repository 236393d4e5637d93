import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetDashboardCommand,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  PutDashboardCommand,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  TestEventPatternCommand,
} from "@aws-sdk/client-eventbridge";
import {
  CreateTopicCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  NotFoundException,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  MessageNotInflight,
  QueueDoesNotExist,
  ReceiptHandleIsInvalid,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCloudWatch } from "../../src/local/services/cloudwatch/service.ts";
import { createEvents } from "../../src/local/services/events/service.ts";
import { createLogs } from "../../src/local/services/logs/service.ts";
import { createSns } from "../../src/local/services/sns/service.ts";
import { createSqs } from "../../src/local/services/sqs/service.ts";
import { ACCOUNT, startLocalServices, type LocalServices } from "../support/local-services.ts";

/** The messaging services as the SDK's own clients see them, over HTTP. */
describe("messaging over HTTP", () => {
  let local: LocalServices;
  let sqs: SQSClient;
  let sns: SNSClient;
  let events: EventBridgeClient;
  let logs: CloudWatchLogsClient;
  let cloudwatch: CloudWatchClient;
  beforeAll(async () => {
    local = await startLocalServices({ services: [createLogs, createCloudWatch, createSqs, createSns, createEvents] });
    sqs = local.client(SQSClient);
    sns = local.client(SNSClient);
    events = local.client(EventBridgeClient);
    logs = local.client(CloudWatchLogsClient);
    cloudwatch = local.client(CloudWatchClient);
  });
  afterAll(() => local.close());

  let made = 0;
  const queue = async (Attributes?: Record<string, string>) => {
    const name = `queue-${made++}`;
    const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }));
    return { QueueUrl, arn: `arn:aws:sqs:eu-west-1:${ACCOUNT}:${name}` };
  };
  const receive = async (QueueUrl: string, WaitTimeSeconds = 0) => {
    const command = new ReceiveMessageCommand({
      QueueUrl,
      WaitTimeSeconds,
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["All"],
    });
    return (await sqs.send(command)).Messages ?? [];
  };

  describe("SQS", () => {
    test("messages with attributes come back as they were sent; the client checks every digest", async () => {
      const { QueueUrl } = await queue();
      const MessageAttributes = {
        text: { DataType: "String", StringValue: "ü" },
        bytes: { DataType: "Binary.x", BinaryValue: Buffer.from([0, 255]) },
      };
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "grüße 😀 <&>", MessageAttributes }));
      const [message] = await receive(QueueUrl);
      expect(message).toMatchObject({ Body: "grüße 😀 <&>", Attributes: { ApproximateReceiveCount: "1" } });
      expect(Buffer.from(message?.MessageAttributes?.["bytes"]?.BinaryValue ?? [])).toEqual(Buffer.from([0, 255]));
    });

    test("a long poll wakes as soon as a message is there", async () => {
      const { QueueUrl } = await queue();
      const waiting = receive(QueueUrl, 20);
      await local.trace.waitFor((event) => event.type === "call" && event.operation === "CreateQueue", {
        includePast: true,
      });
      const started = performance.now();
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "now" }));
      expect((await waiting).map((message) => message.Body)).toEqual(["now"]);
      expect(performance.now() - started).toBeLessThan(2_000);
    });

    test("a client that goes away while it waits takes no message with it", async () => {
      const { QueueUrl } = await queue();
      const gone = new AbortController();
      const poll = new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 });
      const abandoned = sqs.send(poll, { abortSignal: gone.signal }).catch((error: Error) => error.name);
      // The next call comes in on another connection, so it does not prove that the poll waits already; both orders are fine.
      await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }));
      const ended = local.trace.waitFor((event) => event.type === "call" && event.operation === "ReceiveMessage");
      gone.abort();
      expect(await abandoned).toBe("AbortError");
      await ended;
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "kept" }));
      expect(await receive(QueueUrl)).toHaveLength(1);
    });

    test("batches and errors have the SDK's shapes", async () => {
      const { QueueUrl } = await queue();
      const Entries = ["a", "b"].map((Id) => ({ Id, MessageBody: Id }));
      const sent = await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      expect(sent.Successful?.map((entry) => entry.Id)).toEqual(["a", "b"]);
      const [message] = await receive(QueueUrl);
      const deleted = await sqs.send(
        new DeleteMessageBatchCommand({
          QueueUrl,
          Entries: [
            { Id: "1", ReceiptHandle: message?.ReceiptHandle },
            { Id: "2", ReceiptHandle: "nonsense" },
          ],
        }),
      );
      expect(deleted).toMatchObject({ Successful: [{ Id: "1" }], Failed: [{ Id: "2", SenderFault: true }] });
      const change = (ReceiptHandle: string | undefined) =>
        sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
      await expect(change("nonsense")).rejects.toBeInstanceOf(ReceiptHandleIsInvalid);
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: "c" }));
      const [third] = await receive(QueueUrl);
      await change(third?.ReceiptHandle);
      await expect(change(third?.ReceiptHandle)).rejects.toBeInstanceOf(MessageNotInflight);
      const missing = new SendMessageCommand({ QueueUrl: `${QueueUrl}-no`, MessageBody: "x" });
      await expect(sqs.send(missing)).rejects.toBeInstanceOf(QueueDoesNotExist);
    });
  });

  describe("SNS and EventBridge", () => {
    test("an event goes by rule to a topic and on to a queue", async () => {
      const { QueueUrl, arn } = await queue();
      const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "chain" }));
      await sns.send(
        new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: arn, Attributes: { RawMessageDelivery: "true" } }),
      );
      await events.send(new PutRuleCommand({ Name: "chain", EventPattern: '{"source":["shop"]}' }));
      const InputTransformer = { InputPathsMap: { id: "$.detail.id" }, InputTemplate: '{"order": <id>}' };
      const target = { Id: "1", Arn: TopicArn, InputTransformer };
      await events.send(new PutTargetsCommand({ Rule: "chain", Targets: [target] }));
      const entry = { Source: "shop", DetailType: "placed", Detail: '{"id":"o-1"}' };
      expect(await events.send(new PutEventsCommand({ Entries: [entry] }))).toMatchObject({ FailedEntryCount: 0 });
      const bodies = (await receive(QueueUrl, 20)).map((message) => JSON.parse(message.Body ?? "") as unknown);
      expect(bodies).toEqual([{ order: "o-1" }]);
    });

    test("answers and errors of the query protocol", async () => {
      const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "query" }));
      const { arn, QueueUrl } = await queue();
      const subscribed = await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: arn }));
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: "email", Endpoint: "a@example.com" }));
      const { Subscriptions } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
      expect(Subscriptions?.map((one) => one.SubscriptionArn)).toEqual([
        subscribed.SubscriptionArn,
        "PendingConfirmation",
      ]);
      const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn }));
      expect(Attributes).toMatchObject({ TopicArn, SubscriptionsConfirmed: "1", SubscriptionsPending: "1" });
      const batch = await sns.send(
        new PublishBatchCommand({
          TopicArn,
          PublishBatchRequestEntries: [
            { Id: "a", Message: "<&> ü", MessageAttributes: { k: { DataType: "Number", StringValue: "7" } } },
            { Id: "b", Message: "x", Subject: "" },
          ],
        }),
      );
      expect(batch).toMatchObject({ Successful: [{ Id: "a" }], Failed: [{ Id: "b", Code: "InvalidParameter" }] });
      const [message] = await receive(QueueUrl, 20);
      expect(JSON.parse(message?.Body ?? "")).toMatchObject({
        Message: "<&> ü",
        MessageAttributes: { k: { Type: "Number", Value: "7" } },
      });
      const missing = new PublishCommand({ TopicArn: `${TopicArn}-no`, Message: "x" });
      await expect(sns.send(missing)).rejects.toBeInstanceOf(NotFoundException);
    });

    test("a pattern that is none is refused by its own error", async () => {
      const command = new TestEventPatternCommand({ EventPattern: '{"a":"b"}', Event: "{}" });
      await expect(events.send(command)).rejects.toMatchObject({ name: "InvalidEventPatternException" });
    });
  });

  describe("CloudWatch and Logs", () => {
    test("lines are found again, and metrics in them are metrics", async () => {
      const names = { logGroupName: "/test/group", logStreamName: "stream" };
      await logs.send(new CreateLogGroupCommand(names));
      await logs.send(new CreateLogStreamCommand(names));
      const timestamp = local.clock.now();
      const metrics = { Namespace: "Emf", Dimensions: [[]], Metrics: [{ Name: "Rows" }] };
      const line = JSON.stringify({ _aws: { Timestamp: timestamp, CloudWatchMetrics: [metrics] }, Rows: 5 });
      const published = local.trace.waitFor((event) => event.type === "call" && event.operation === "PutMetricData");
      const logEvents = ["plain ERROR", line].map((message) => ({ timestamp, message }));
      await logs.send(new PutLogEventsCommand({ ...names, logEvents }));
      expect((await logs.send(new GetLogEventsCommand(names))).events).toHaveLength(2);
      const found = await logs.send(
        new FilterLogEventsCommand({ logGroupName: names.logGroupName, filterPattern: "ERROR" }),
      );
      expect(found.events?.map((event) => event.message)).toEqual(["plain ERROR"]);
      expect((await logs.send(new DescribeLogStreamsCommand(names))).logStreams).toHaveLength(1);
      await published;
      const { Metrics } = await cloudwatch.send(new ListMetricsCommand({ Namespace: "Emf" }));
      expect(Metrics).toEqual([{ Namespace: "Emf", MetricName: "Rows", Dimensions: [] }]);
    });

    test("metrics, also so many that the client compresses them", async () => {
      const now = new Date(local.clock.now());
      const MetricData = Array.from({ length: 500 }, (_, index) => ({
        MetricName: "m",
        Dimensions: [{ Name: "N", Value: `number ${index}` }],
        Timestamp: now,
        Value: index,
      }));
      await cloudwatch.send(new PutMetricDataCommand({ Namespace: "Http", MetricData }));
      const Dimensions = [{ Name: "N", Value: "number 499" }];
      const range = { StartTime: new Date(now.getTime() - 600_000), EndTime: new Date(now.getTime() + 60_000) };
      const Metric = { Namespace: "Http", MetricName: "m", Dimensions };
      const data = await cloudwatch.send(
        new GetMetricDataCommand({
          ...range,
          MetricDataQueries: [
            { Id: "m1", MetricStat: { Metric, Period: 60, Stat: "p90" } },
            { Id: "e1", Expression: "m1 * 2" },
          ],
        }),
      );
      expect(data.MetricDataResults?.map((result) => result.Values)).toEqual([[499], [998]]);
      const statistics = await cloudwatch.send(
        new GetMetricStatisticsCommand({ ...Metric, ...range, Period: 60, Statistics: ["Maximum"] }),
      );
      expect(statistics.Datapoints).toMatchObject([{ Maximum: 499, Unit: "None" }]);
    });

    test("an alarm tells its topic, dashboards keep their text", async () => {
      const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "alerts" }));
      const { QueueUrl, arn } = await queue();
      await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: arn }));
      await cloudwatch.send(
        new PutMetricAlarmCommand({
          AlarmName: "a",
          Namespace: "Http",
          MetricName: "m",
          Statistic: "Sum",
          Period: 60,
          EvaluationPeriods: 1,
          Threshold: 0.5,
          ComparisonOperator: "GreaterThanThreshold",
          AlarmActions: [TopicArn],
        }),
      );
      await cloudwatch.send(new SetAlarmStateCommand({ AlarmName: "a", StateValue: "ALARM", StateReason: "test" }));
      const [message] = await receive(QueueUrl, 20);
      const notification = JSON.parse(message?.Body ?? "") as { Subject: string; Message: string };
      expect(notification.Subject).toBe('ALARM: "a" in EU (Ireland)');
      expect(JSON.parse(notification.Message)).toMatchObject({ NewStateValue: "ALARM", Trigger: { Threshold: 0.5 } });
      const { MetricAlarms } = await cloudwatch.send(new DescribeAlarmsCommand({}));
      expect(MetricAlarms).toMatchObject([
        { AlarmName: "a", StateValue: "ALARM", StateUpdatedTimestamp: expect.any(Date) },
      ]);
      const DashboardBody = JSON.stringify({ widgets: [] });
      await cloudwatch.send(new PutDashboardCommand({ DashboardName: "d", DashboardBody }));
      expect(await cloudwatch.send(new GetDashboardCommand({ DashboardName: "d" }))).toMatchObject({ DashboardBody });
      const broken = new PutDashboardCommand({ DashboardName: "d", DashboardBody: "{}" });
      await expect(cloudwatch.send(broken)).rejects.toMatchObject({ name: "DashboardInvalidInputError" });
    });
  });
});
