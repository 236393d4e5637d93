import type { Timer } from "../../clock.ts";
import type { Principal, ServiceDeps } from "../../service.ts";
import { transaction } from "../../sqlite.ts";
import { isRetryable } from "../delivery-errors.ts";
import { createMetricsPublisher } from "../cloudwatch/metrics-publisher.ts";
import type { MetricsPublisher } from "../cloudwatch/metrics-publisher.ts";
import { functionEvent, queueEnvelope, rawAttributes } from "./envelope.ts";
import { filteredOut } from "./filter-policy.ts";
import type { AcceptedMessage } from "./publish.ts";
import type { Delivery, Subscription, Topic, TopicMessage, TopicStore } from "./store.ts";

/** 3 at once, 2 after a second, 10 with backoff, 100,000 every 20 seconds, after the first. */
const MAX_ATTEMPTS = 1 + 3 + 2 + 10 + 100_000;

/**
 * How long to wait after this many failed attempts, in milliseconds, for endpoints that AWS manages.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
 */
export function retryDelay(attempts: number): number {
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
  readonly #timers = new Map<number, Timer>();
  #stopped = false;

  constructor(deps: ServiceDeps, store: TopicStore) {
    this.#deps = deps;
    this.#store = store;
    this.#metrics = createMetricsPublisher(deps, { service: "sns.amazonaws.com", namespace: "AWS/SNS" });
  }

  /** Takes up what was not delivered when the runtime stopped. */
  resume(): void {
    for (const delivery of this.#store.deliveries()) this.#schedule(delivery);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
    await this.#metrics.flush();
  }

  /** Accepts a message: it is durable when this returns, and under way to every subscription that wants it. */
  publish(topic: Topic, accepted: AcceptedMessage, messageId: string): void {
    const now = this.#deps.clock.now();
    const deliveries: Delivery[] = [];
    transaction(this.#store.database, () => {
      for (const subscription of this.#store.subscriptionsOf(topic.arn)) {
        if (!subscription.confirmed) continue;
        const message: TopicMessage = {
          messageId,
          topicArn: topic.arn,
          subject: accepted.subject,
          message: accepted.text(subscription.protocol),
          attributes: accepted.attributes,
          publishedAt: now,
        };
        const reason = filteredOut(subscription, message);
        if (reason) this.#countFiltered(topic.name, reason);
        else deliveries.push(this.#store.addDelivery(subscription.arn, message, now));
      }
    });
    this.#count(topic.name, "NumberOfMessagesPublished");
    this.#metrics.add("PublishSize", { TopicName: topic.name }, accepted.size, "Bytes");
    for (const delivery of deliveries) void this.#attempt(delivery);
  }

  #schedule(delivery: Delivery): void {
    const delay = delivery.nextAt - this.#deps.clock.now();
    const timer = this.#deps.clock.timer(delay, () => {
      this.#timers.delete(delivery.id);
      void this.#attempt(delivery);
    });
    this.#timers.set(delivery.id, timer);
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const { clock, trace } = this.#deps;
    const release = clock.hold();
    try {
      // The last failure may have been minutes ago; the subscription may have changed or gone since.
      const subscription = this.#store.subscription(delivery.subscriptionArn);
      if (!subscription) return this.#store.removeDelivery(delivery.id);
      const error = await this.#deliver(subscription, delivery.message).then(
        () => undefined,
        (failure: unknown) => (failure instanceof Error ? failure : new Error(String(failure))),
      );
      trace.emit({
        type: "delivery",
        from: delivery.message.topicArn,
        to: subscription.endpoint,
        messageIds: [delivery.message.messageId],
        ...(error === undefined ? {} : { error: String(error) }),
      });
      if (error === undefined) this.#done(delivery, "NumberOfNotificationsDelivered");
      else await this.#failed(subscription, delivery, error);
    } catch (error) {
      trace.emit({ type: "internal-error", where: `delivery to ${delivery.subscriptionArn}`, error: String(error) });
    } finally {
      release();
    }
  }

  async #deliver(subscription: Subscription, message: TopicMessage): Promise<void> {
    const { bus, environment } = this.#deps;
    const principal = snsOf(message.topicArn);
    if (subscription.protocol === "lambda") {
      const Payload = Buffer.from(functionEvent(message, subscription, environment.endpoint()));
      await bus.call(
        "lambda:Invoke",
        { FunctionName: subscription.endpoint, InvocationType: "Event", Payload },
        principal,
      );
      return;
    }
    await bus.call(
      "sqs:SendMessage",
      { QueueUrl: this.#queueUrl(subscription.endpoint), ...this.#queueMessage(subscription, message) },
      principal,
    );
  }

  #queueMessage(subscription: Subscription, message: TopicMessage) {
    if (subscription.attributes["RawMessageDelivery"] === "true") {
      return { MessageBody: message.message, MessageAttributes: rawAttributes(message) };
    }
    return { MessageBody: queueEnvelope(message, subscription, this.#deps.environment.endpoint()) };
  }

  async #failed(subscription: Subscription, delivery: Delivery, error: unknown): Promise<void> {
    const attempts = delivery.attempts + 1;
    if (isRetryable(error) && attempts < MAX_ATTEMPTS) {
      const next = { ...delivery, attempts, nextAt: this.#deps.clock.now() + retryDelay(attempts) };
      this.#store.updateDelivery(next);
      if (!this.#stopped) this.#schedule(next);
      return;
    }
    const topic = nameOf(delivery.message.topicArn);
    const redrive = subscription.attributes["RedrivePolicy"];
    if (redrive) {
      const redriven = await this.#redrive(subscription, delivery.message, redrive);
      this.#count(topic, redriven ? "NumberOfNotificationsRedrivenToDlq" : "NumberOfNotificationsFailedToRedriveToDlq");
    }
    this.#done(delivery, "NumberOfNotificationsFailed");
  }

  /** The dead-letter queue gets what the subscriber would have got: a function's event in the queue's envelope. */
  async #redrive(subscription: Subscription, message: TopicMessage, policy: string): Promise<boolean> {
    const { deadLetterTargetArn } = JSON.parse(policy) as { deadLetterTargetArn: string };
    const { bus, trace } = this.#deps;
    let error: string | undefined;
    try {
      await bus.call(
        "sqs:SendMessage",
        { QueueUrl: this.#queueUrl(deadLetterTargetArn), ...this.#queueMessage(subscription, message) },
        snsOf(message.topicArn),
      );
    } catch (failure) {
      error = String(failure);
    }
    trace.emit({
      type: "delivery",
      from: subscription.arn,
      to: deadLetterTargetArn,
      messageIds: [message.messageId],
      ...(error === undefined ? {} : { error }),
    });
    return error === undefined;
  }

  #done(delivery: Delivery, metric: string): void {
    this.#store.removeDelivery(delivery.id);
    this.#count(nameOf(delivery.message.topicArn), metric);
  }

  #count(topicName: string, metric: string): void {
    this.#metrics.add(metric, { TopicName: topicName }, 1, "Count");
  }

  #countFiltered(topicName: string, reason: string): void {
    this.#count(topicName, "NumberOfNotificationsFilteredOut");
    this.#count(topicName, `NumberOfNotificationsFilteredOut-${reason}`);
  }

  #queueUrl(arn: string): string {
    return `${this.#deps.environment.endpoint()}/${arn.split(":")[4] ?? ""}/${nameOf(arn)}`;
  }
}

function snsOf(topicArn: string): Principal {
  return { kind: "service", service: "sns.amazonaws.com", sourceArn: topicArn };
}

function nameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(":") + 1);
}
