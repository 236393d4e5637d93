import type { Principal, ServiceDeps } from "../../service.ts";
import { transaction } from "../../sqlite.ts";
import { createMetricsPublisher } from "../cloudwatch/metrics-publisher.ts";
import type { MetricsPublisher } from "../cloudwatch/metrics-publisher.ts";
import { isRetryable } from "../delivery-errors.ts";
import { RetryQueue } from "../retry-queue.ts";
import { functionEvent, queueEnvelope, rawAttributes } from "./envelope.ts";
import { filteredOut } from "./filter-policy.ts";
import type { AcceptedMessage } from "./publish.ts";
import type { Subscription, Topic, TopicMessage, TopicStore } from "./store.ts";

/** 3 at once, 2 after a second, 10 with backoff, 100,000 every 20 seconds, after the first. */
const MAX_ATTEMPTS = 1 + 3 + 2 + 10 + 100_000;

/** One message on its way to one subscription. */
interface Delivery {
  readonly subscriptionArn: string;
  readonly message: TopicMessage;
}

/**
 * How long to wait after this many failed attempts, in milliseconds, for endpoints that AWS manages.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
 */
function retryDelay(attempts: number): number {
  if (attempts <= 3) return 0;
  if (attempts <= 5) return 1_000;
  if (attempts <= 15) return Math.round(1_000 * 20 ** ((attempts - 5) / 10));
  return 20_000;
}

/**
 * Brings accepted messages to their subscriptions: at least once, in no order, tried again after server errors. A
 * client error (an endpoint that is gone or refuses SNS) is not tried again; then, and when all tries are used up, the
 * message goes to the subscription's dead-letter queue, or it is dropped.
 */
export class Deliveries {
  readonly #deps: ServiceDeps;
  readonly #store: TopicStore;
  readonly #metrics: MetricsPublisher;
  readonly #queue: RetryQueue<Delivery>;

  constructor(deps: ServiceDeps, store: TopicStore) {
    this.#deps = deps;
    this.#store = store;
    this.#metrics = createMetricsPublisher(deps, { service: "sns.amazonaws.com", namespace: "AWS/SNS" });
    this.#queue = new RetryQueue<Delivery>(deps, {
      database: store.database,
      table: "deliveries",
      attempt: (delivery) => this.#attempt(delivery),
      retryDelay: (error, attempts) =>
        isRetryable(error) && attempts < MAX_ATTEMPTS ? retryDelay(attempts) : undefined,
      giveUp: (delivery) => this.#giveUp(delivery),
    });
  }

  /** Takes up what was not delivered when the runtime stopped. */
  resume(): void {
    this.#queue.resume();
  }

  async stop(): Promise<void> {
    this.#queue.stop();
    await this.#metrics.flush();
  }

  /** Accepts a message: it is durable when this returns, and under way to every subscription that wants it. */
  publish(topic: Topic, accepted: AcceptedMessage, messageId: string): void {
    const starts: (() => void)[] = [];
    transaction(this.#store.database, () => {
      for (const subscription of this.#store.subscriptionsOf(topic.arn)) {
        if (!subscription.confirmed) continue;
        const message: TopicMessage = {
          messageId,
          topicArn: topic.arn,
          subject: accepted.subject,
          message: accepted.text(subscription.protocol),
          attributes: accepted.attributes,
          publishedAt: this.#deps.clock.now(),
        };
        const reason = filteredOut(subscription, message);
        if (reason) this.#countFiltered(topic.name, reason);
        else starts.push(this.#queue.add({ subscriptionArn: subscription.arn, message }));
      }
    });
    this.#count(topic.name, "NumberOfMessagesPublished");
    this.#metrics.add("PublishSize", { TopicName: topic.name }, accepted.size, "Bytes");
    for (const start of starts) start();
  }

  async #attempt({ subscriptionArn, message }: Delivery): Promise<void> {
    // The last failure may have been minutes ago; the subscription may have changed or gone since.
    const subscription = this.#store.subscription(subscriptionArn);
    if (!subscription) return;
    const hop = { type: "delivery", from: message.topicArn, to: subscription.endpoint } as const;
    const messageIds = [message.messageId];
    try {
      if (subscription.protocol === "lambda") await this.#invoke(subscription, message);
      else await this.#send(subscription.endpoint, subscription, message);
    } catch (error) {
      this.#deps.trace.emit({ ...hop, messageIds, error: String(error) });
      throw error;
    }
    this.#deps.trace.emit({ ...hop, messageIds });
    this.#count(nameOf(message.topicArn), "NumberOfNotificationsDelivered");
  }

  async #invoke(subscription: Subscription, message: TopicMessage): Promise<void> {
    const { bus, environment } = this.#deps;
    const Payload = Buffer.from(functionEvent(message, subscription, environment.endpoint()));
    const input = { FunctionName: subscription.endpoint, InvocationType: "Event", Payload } as const;
    await bus.call("lambda:Invoke", input, snsOf(message.topicArn));
  }

  /** A dead-letter queue gets it in the same form: a function's message in the queue's envelope. */
  async #send(queueArn: string, subscription: Subscription, message: TopicMessage): Promise<void> {
    const { bus, environment } = this.#deps;
    const raw = subscription.attributes["RawMessageDelivery"] === "true";
    const content = raw
      ? { MessageBody: message.message, MessageAttributes: rawAttributes(message) }
      : { MessageBody: queueEnvelope(message, subscription, environment.endpoint()) };
    const QueueUrl = `${environment.endpoint()}/${queueArn.split(":")[4] ?? ""}/${nameOf(queueArn)}`;
    await bus.call("sqs:SendMessage", { QueueUrl, ...content }, snsOf(message.topicArn));
  }

  async #giveUp({ subscriptionArn, message }: Delivery): Promise<void> {
    const topic = nameOf(message.topicArn);
    this.#count(topic, "NumberOfNotificationsFailed");
    const subscription = this.#store.subscription(subscriptionArn);
    const policy = subscription?.attributes["RedrivePolicy"];
    if (!subscription || !policy) return;
    const { deadLetterTargetArn } = JSON.parse(policy) as { deadLetterTargetArn: string };
    const hop = { type: "delivery", from: subscriptionArn, to: deadLetterTargetArn } as const;
    const messageIds = [message.messageId];
    try {
      await this.#send(deadLetterTargetArn, subscription, message);
      this.#deps.trace.emit({ ...hop, messageIds });
      this.#count(topic, "NumberOfNotificationsRedrivenToDlq");
    } catch (error) {
      this.#deps.trace.emit({ ...hop, messageIds, error: String(error) });
      this.#count(topic, "NumberOfNotificationsFailedToRedriveToDlq");
    }
  }

  #count(topicName: string, metric: string): void {
    this.#metrics.add(metric, { TopicName: topicName }, 1, "Count");
  }

  #countFiltered(topicName: string, reason: string): void {
    this.#count(topicName, "NumberOfNotificationsFilteredOut");
    this.#count(topicName, `NumberOfNotificationsFilteredOut-${reason}`);
  }
}

function snsOf(topicArn: string): Principal {
  return { kind: "service", service: "sns.amazonaws.com", sourceArn: topicArn };
}

function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(":") + 1);
}
