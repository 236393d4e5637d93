import type { ServiceDeps } from "../../service.ts";
import type { Timer } from "../../clock.ts";
import { createMetricsPublisher } from "../cloudwatch/metrics-publisher.ts";
import type { MessageStore } from "./messages.ts";
import type { Queue, QueueStore } from "./store.ts";

const MINUTE = 60_000;

/**
 * The metrics that SQS publishes about its queues: counts as they happen, levels once a minute.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 */
export class QueueMetrics {
  readonly #deps: ServiceDeps;
  readonly #queues: QueueStore;
  readonly #messages: MessageStore;
  readonly #publisher;
  #timer: Timer | undefined;

  constructor(deps: ServiceDeps, queues: QueueStore, messages: MessageStore) {
    this.#deps = deps;
    this.#queues = queues;
    this.#messages = messages;
    this.#publisher = createMetricsPublisher(deps, { service: "sqs.amazonaws.com", namespace: "AWS/SQS" });
  }

  sent(queue: Queue, bytes: number): void {
    this.#publisher.add("NumberOfMessagesSent", { QueueName: queue.name }, 1, "Count");
    this.#publisher.add("SentMessageSize", { QueueName: queue.name }, bytes, "Bytes");
  }

  received(queue: Queue, messages: number): void {
    const dimensions = { QueueName: queue.name };
    if (messages === 0) this.#publisher.add("NumberOfEmptyReceives", dimensions, 1, "Count");
    else this.#publisher.add("NumberOfMessagesReceived", dimensions, messages, "Count");
  }

  deleted(queue: Queue): void {
    this.#publisher.add("NumberOfMessagesDeleted", { QueueName: queue.name }, 1, "Count");
  }

  start(): void {
    const { clock } = this.#deps;
    const untilNextMinute = MINUTE - (clock.now() % MINUTE);
    this.#timer = clock.timer(
      untilNextMinute,
      () => {
        this.#levels();
        this.start();
      },
      { background: true },
    );
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#publisher.flush();
  }

  #levels(): void {
    const now = this.#deps.clock.now();
    for (const queue of this.#queues.list()) {
      this.#messages.expire(queue, now);
      const counts = this.#messages.counts(queue, now);
      const dimensions = { QueueName: queue.name };
      // The level at the end of a minute is that minute's datapoint.
      const at = now - MINUTE;
      const age = counts.oldestSentAt === undefined ? 0 : Math.floor((now - counts.oldestSentAt) / 1_000);
      this.#publisher.add("ApproximateNumberOfMessagesVisible", dimensions, counts.visible, "Count", at);
      this.#publisher.add("ApproximateNumberOfMessagesNotVisible", dimensions, counts.notVisible, "Count", at);
      this.#publisher.add("ApproximateNumberOfMessagesDelayed", dimensions, counts.delayed, "Count", at);
      this.#publisher.add("ApproximateAgeOfOldestMessage", dimensions, age, "Seconds", at);
    }
    void this.#publisher.flush();
  }
}
