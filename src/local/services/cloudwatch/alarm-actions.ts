import type { Principal, ServiceDeps } from "../../service.ts";
import { isRetryable } from "../delivery-errors.ts";
import { RetryQueue } from "../retry-queue.ts";
import { eventDetail, functionPayload, subject, topicMessage } from "./alarm-messages.ts";
import type { Transition } from "./alarm-messages.ts";
import type { AlarmStore } from "./alarm-store.ts";

const MAX_ATTEMPTS = 5;

/** One action of one change of state; the event on the default bus is one, too. */
interface Action {
  readonly target: string;
  readonly transition: Transition;
}

const DEFAULT_BUS = "events";

/** Tells topics, functions and the default event bus that an alarm changed its state. */
export class AlarmActions {
  readonly #deps: ServiceDeps;
  readonly #store: AlarmStore;
  readonly #queue: RetryQueue<Action>;

  constructor(deps: ServiceDeps, store: AlarmStore) {
    this.#deps = deps;
    this.#store = store;
    this.#queue = new RetryQueue<Action>(deps, {
      database: store.database,
      table: "alarm_actions",
      attempt: (action) => this.#attempt(action),
      retryDelay: (error, attempts) =>
        isRetryable(error) && attempts < MAX_ATTEMPTS ? 1_000 * 2 ** attempts : undefined,
      giveUp: (action, error) => this.#remember(action, error),
    });
  }

  resume(): void {
    this.#queue.resume();
  }

  stop(): void {
    this.#queue.stop();
  }

  /** Writes down what a change of state sets off; call the returned function to start. */
  add(transition: Transition): () => void {
    const { definition, state } = transition.alarm;
    const actions = {
      OK: definition.OKActions,
      ALARM: definition.AlarmActions,
      INSUFFICIENT_DATA: definition.InsufficientDataActions,
    }[state.value];
    const targets = [DEFAULT_BUS, ...((definition.ActionsEnabled ?? true) ? (actions ?? []) : [])];
    const starts = targets.map((target) => this.#queue.add({ target, transition }));
    return () => {
      for (const start of starts) start();
    };
  }

  async #attempt(action: Action): Promise<void> {
    const { target, transition } = action;
    const { alarm } = transition;
    const { trace } = this.#deps;
    const to = target === DEFAULT_BUS ? "event-bus/default" : target;
    const hop = { type: "delivery", from: alarm.arn, to } as const;
    const messageIds = [`${alarm.name} ${alarm.state.value} ${alarm.state.updatedAt}`];
    try {
      await this.#send(target, transition);
    } catch (error) {
      trace.emit({ ...hop, messageIds, error: String(error) });
      throw error;
    }
    trace.emit({ ...hop, messageIds });
    this.#remember(action, undefined);
  }

  async #send(target: string, transition: Transition): Promise<void> {
    const { bus, environment } = this.#deps;
    const { alarm } = transition;
    const principal = (service: string): Principal => ({ kind: "service", service, sourceArn: alarm.arn });
    if (target === DEFAULT_BUS) {
      const Entries = [
        {
          Source: "aws.cloudwatch",
          DetailType: "CloudWatch Alarm State Change",
          Resources: [alarm.arn],
          Detail: JSON.stringify(eventDetail(transition)),
        },
      ];
      await bus.call("events:PutEvents", { Entries }, principal("cloudwatch.amazonaws.com"));
    } else if (target.split(":")[2] === "lambda") {
      const Payload = Buffer.from(functionPayload(transition, environment));
      const input = { FunctionName: target, InvocationType: "Event", Payload } as const;
      await bus.call("lambda:Invoke", input, principal("lambda.alarms.cloudwatch.amazonaws.com"));
    } else {
      const message = { Subject: subject(transition, environment), Message: topicMessage(transition, environment) };
      await bus.call("sns:Publish", { TopicArn: target, ...message }, principal("cloudwatch.amazonaws.com"));
    }
  }

  #remember({ target, transition: { alarm } }: Action, error: Error | undefined): void {
    if (target === DEFAULT_BUS) return;
    this.#store.remember({
      alarmName: alarm.name,
      kind: alarm.kind,
      at: this.#deps.clock.now(),
      type: "Action",
      summary: `${error ? "Failed to execute" : "Successfully executed"} action ${target}`,
      data: JSON.stringify({
        actionState: error ? "Failed" : "Succeeded",
        stateUpdateTimestamp: alarm.state.updatedAt,
        notificationResource: target,
        publishedMessage: null,
        error: error ? error.message : null,
      }),
    });
  }
}
