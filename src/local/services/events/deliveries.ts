import type { Target } from "@aws-sdk/client-eventbridge";
import type { Principal, ServiceDeps } from "../../service.ts";
import { AwsError } from "../../service.ts";
import { transaction } from "../../sqlite.ts";
import { createMetricsPublisher } from "../cloudwatch/metrics-publisher.ts";
import type { MetricsPublisher } from "../cloudwatch/metrics-publisher.ts";
import { isRetryable } from "../delivery-errors.ts";
import { RetryQueue } from "../retry-queue.ts";
import { formatTime } from "./event.ts";
import type { EventEnvelope } from "./event.ts";
import type { Rule, RuleStore } from "./store.ts";
import { invokeTarget, queueUrl } from "./targets.ts";
import { targetInput, TransformError } from "./transform.ts";

/** How often and how long EventBridge tries by default. */
const DEFAULT_ATTEMPTS = 185;
const DEFAULT_AGE = 86_400;
/** Backoff doubles from a second up to ten minutes, so that 185 attempts take most of a day. */
const LONGEST_DELAY = 600_000;

interface Delivery {
  readonly event: EventEnvelope;
  readonly target: Target;
  readonly ruleArn: string;
  readonly ruleName: string;
  readonly ingestedAt: number;
}

/**
 * Brings events to targets: at least once, in no order. A target that is gone or refuses is not tried again; one that
 * fails is, by the target's retry policy; then the event goes to the target's dead-letter queue, or it is dropped.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
 */
export class Deliveries {
  readonly #deps: ServiceDeps;
  readonly #metrics: MetricsPublisher;
  readonly #queue: RetryQueue<Delivery>;
  readonly #store: RuleStore;

  constructor(deps: ServiceDeps, store: RuleStore) {
    this.#deps = deps;
    this.#store = store;
    this.#metrics = createMetricsPublisher(deps, { service: "events.amazonaws.com", namespace: "AWS/Events" });
    this.#queue = new RetryQueue<Delivery>(deps, {
      database: store.database,
      table: "deliveries",
      attempt: (delivery) => this.#attempt(delivery),
      retryDelay: (error, attempts, delivery, firstAt) =>
        this.#mayRetry(error) && exhausted(delivery.target, attempts, deps.clock.now() - firstAt) === undefined
          ? this.#backoff(attempts)
          : undefined,
      giveUp: (delivery, error, attempts) => this.#giveUp(delivery, error, attempts),
    });
  }

  resume(): void {
    this.#queue.resume();
  }

  async stop(): Promise<void> {
    this.#queue.stop();
    await this.#metrics.flush();
  }

  /** Sends an event to all targets of the rules it matched; durable when this returns. */
  send(event: EventEnvelope, rules: readonly { rule: Rule; arn: string }[]): void {
    const starts = transaction(this.#store.database, () =>
      rules.flatMap(({ rule, arn }) => {
        this.#count(rule.name, "TriggeredRules");
        return rule.targets.map((target) =>
          this.#queue.add({
            event,
            target,
            ruleArn: arn,
            ruleName: rule.name,
            ingestedAt: this.#deps.clock.now(),
          }),
        );
      }),
    );
    for (const start of starts) start();
  }

  matched(rule: Rule): void {
    this.#count(rule.name, "MatchedEvents");
  }

  async #attempt(delivery: Delivery): Promise<void> {
    const { event, target, ruleArn, ruleName } = delivery;
    const arn = target.Arn ?? "";
    const hop = { type: "delivery", from: ruleArn, to: arn } as const;
    this.#count(ruleName, "Invocations");
    try {
      const ingestionTime = formatTime(delivery.ingestedAt);
      const input = targetInput(target, event, { ruleArn, ruleName, ingestionTime });
      await invokeTarget(this.#deps, { arn, input, ruleArn, ruleName });
    } catch (error) {
      this.#deps.trace.emit({ ...hop, messageIds: [event.id], error: String(error) });
      throw error;
    }
    this.#deps.trace.emit({ ...hop, messageIds: [event.id] });
  }

  #mayRetry(error: Error): boolean {
    return !(error instanceof TransformError) && isRetryable(error);
  }

  #backoff(attempts: number): number {
    const longest = Math.min(LONGEST_DELAY, 1_000 * 2 ** Math.min(attempts - 1, 20));
    return Math.round(longest * (0.5 + this.#deps.ids.random() / 2));
  }

  async #giveUp(delivery: Delivery, error: Error, attempts: number): Promise<void> {
    const { event, target, ruleArn, ruleName } = delivery;
    this.#count(ruleName, "FailedInvocations");
    const queueArn = target.DeadLetterConfig?.Arn;
    if (!queueArn) return;
    const condition = this.#mayRetry(error) && exhausted(target, attempts, Number.MAX_SAFE_INTEGER);
    const attributes: Record<string, string> = {
      RULE_ARN: ruleArn,
      TARGET_ARN: target.Arn ?? "",
      ERROR_CODE: errorCode(error),
      ERROR_MESSAGE: error.message,
      // Attempts after the first.
      RETRY_ATTEMPTS: String(attempts - 1),
      ...(condition ? { EXHAUSTED_RETRY_CONDITION: condition } : {}),
    };
    const principal: Principal = { kind: "service", service: "events.amazonaws.com", sourceArn: ruleArn };
    const hop = { type: "delivery", from: ruleArn, to: queueArn } as const;
    try {
      await this.#deps.bus.call(
        "sqs:SendMessage",
        {
          QueueUrl: queueUrl(this.#deps.environment.endpoint(), queueArn),
          MessageBody: JSON.stringify(event),
          MessageAttributes: Object.fromEntries(
            Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: "String", StringValue }]),
          ),
        },
        principal,
      );
      this.#deps.trace.emit({ ...hop, messageIds: [event.id] });
      this.#count(ruleName, "InvocationsSentToDlq");
    } catch (failure) {
      this.#deps.trace.emit({ ...hop, messageIds: [event.id], error: String(failure) });
      this.#count(ruleName, "InvocationsFailedToBeSentToDlq");
    }
  }

  #count(ruleName: string, metric: string): void {
    this.#metrics.add(metric, { RuleName: ruleName }, 1, "Count");
  }
}

/** Which limit of the retry policy is reached, if one is. `age` in milliseconds. */
function exhausted(target: Target, attempts: number, age: number): string | undefined {
  const policy = target.RetryPolicy;
  if (attempts > (policy?.MaximumRetryAttempts ?? DEFAULT_ATTEMPTS)) return "MaximumRetryAttempts";
  if (age >= (policy?.MaximumEventAgeInSeconds ?? DEFAULT_AGE) * 1_000) return "MaximumEventAgeInSeconds";
  return undefined;
}

/** The codes that the EventBridge guide lists for dead letters. */
function errorCode(error: Error): string {
  if (error instanceof TransformError) return "INVALID_JSON";
  if (!(error instanceof AwsError)) return "ERROR_FROM_TARGET";
  if (/AccessDenied|Authoriz/.test(error.code)) return "NO_PERMISSIONS";
  if (/NotFound|DoesNotExist/.test(error.code)) return "NO_RESOURCE";
  if (/Throttl|TooManyRequests|LimitExceeded/.test(error.code)) return "THROTTLING";
  if (/Invalid|Validation/.test(error.code)) return "INVALID_PARAMETER";
  return (error.status ?? 400) >= 500 ? "ERROR_FROM_TARGET" : "SDK_CLIENT_ERROR";
}
