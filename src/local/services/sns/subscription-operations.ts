import type * as Sns from "@aws-sdk/client-sns";
import type { ServiceDeps } from "../../service.ts";
import { invalidParameter, subscriptionDoesNotExist, unsupported } from "./errors.ts";
import { compileFilterPolicy, scopeOf } from "./filter-policy.ts";
import type { Protocol, Subscription, Topic, TopicStore } from "./store.ts";
import { page } from "./topic-operations.ts";

/** Stands for the ARN of a subscription that nobody confirmed; how it is written differs by answer. */
const PENDING_IN_LISTS = "PendingConfirmation";
const PENDING_ON_SUBSCRIBE = "pending confirmation";

/** Making, changing and ending subscriptions. */
export function createSubscriptionOperations(
  deps: ServiceDeps,
  store: TopicStore,
  findTopic: (arn: string | undefined) => Topic,
) {
  const { environment, ids } = deps;

  const find = (arn: string | undefined): Subscription => {
    const subscription = store.subscription(arn ?? "");
    if (!subscription) throw subscriptionDoesNotExist();
    return subscription;
  };

  const subscribe = (
    topicArn: string | undefined,
    protocol: string | undefined,
    endpoint: string | undefined,
    given: Record<string, string>,
  ): Subscription => {
    const topic = findTopic(topicArn);
    const accepted = checkEndpoint(protocol, endpoint);
    const attributes = changeAttributes(accepted.protocol, {}, given);
    const existing = store
      .subscriptionsOf(topic.arn)
      .find((one) => one.protocol === accepted.protocol && one.endpoint === accepted.endpoint);
    if (existing) {
      const same = Object.entries(given).every(([name, value]) => existing.attributes[name] === value);
      if (same) return existing;
      throw invalidParameter("Attributes Reason: Subscription already exists with different attributes");
    }
    const confirmed = accepted.protocol === "sqs" || accepted.protocol === "lambda";
    const arn = `${topic.arn}:${ids.uuid()}`;
    return store.putSubscription({ arn, topicArn: topic.arn, ...accepted, confirmed, attributes });
  };

  const setAttributes = (subscription: Subscription, changes: Record<string, string>): Subscription =>
    store.putSubscription({
      ...subscription,
      attributes: changeAttributes(subscription.protocol, subscription.attributes, changes),
    });

  const describe = (subscription: Subscription): Sns.Subscription => ({
    SubscriptionArn: subscription.confirmed ? subscription.arn : PENDING_IN_LISTS,
    Owner: environment.account,
    Protocol: subscription.protocol,
    Endpoint: subscription.endpoint,
    TopicArn: subscription.topicArn,
  });

  const operations = {
    Subscribe: (input: Sns.SubscribeCommandInput) => {
      const subscription = subscribe(input.TopicArn, input.Protocol, input.Endpoint, input.Attributes ?? {});
      const shown = subscription.confirmed || input.ReturnSubscriptionArn;
      return { SubscriptionArn: shown ? subscription.arn : PENDING_ON_SUBSCRIBE };
    },

    Unsubscribe: (input: Sns.UnsubscribeCommandInput) => {
      if (!input.SubscriptionArn?.startsWith("arn:")) throw invalidParameter("SubscriptionArn");
      store.deleteSubscription(input.SubscriptionArn);
      return {};
    },

    ListSubscriptions: (input: Sns.ListSubscriptionsCommandInput) => {
      const { items, NextToken } = page(store.subscriptions(), input.NextToken);
      return { Subscriptions: items.map((subscription) => describe(subscription)), NextToken };
    },

    ListSubscriptionsByTopic: (input: Sns.ListSubscriptionsByTopicCommandInput) => {
      const topic = findTopic(input.TopicArn);
      const { items, NextToken } = page(store.subscriptionsOf(topic.arn), input.NextToken);
      return { Subscriptions: items.map((subscription) => describe(subscription)), NextToken };
    },

    GetSubscriptionAttributes: (input: Sns.GetSubscriptionAttributesCommandInput) => {
      const subscription = find(input.SubscriptionArn);
      return {
        Attributes: {
          RawMessageDelivery: "false",
          ...subscription.attributes,
          SubscriptionArn: subscription.arn,
          TopicArn: subscription.topicArn,
          Protocol: subscription.protocol,
          Endpoint: subscription.endpoint,
          Owner: environment.account,
          PendingConfirmation: String(!subscription.confirmed),
          ConfirmationWasAuthenticated: String(subscription.confirmed),
          SubscriptionPrincipal: `arn:${environment.partition}:iam::${environment.account}:root`,
        },
      };
    },

    SetSubscriptionAttributes: (input: Sns.SetSubscriptionAttributesCommandInput) => {
      setAttributes(find(input.SubscriptionArn), { [input.AttributeName ?? ""]: input.AttributeValue ?? "" });
      return {};
    },
  };

  return { operations, subscribe, setAttributes };
}

function checkEndpoint(protocol: string | undefined, endpoint: string | undefined) {
  if (!endpoint) throw invalidParameter("Endpoint");
  switch (protocol) {
    case "sqs":
      if (endpoint.endsWith(".fifo")) {
        throw invalidParameter("Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics");
      }
      if (!/^arn:[^:]+:sqs:[^:]+:\d{12}:[\w-]{1,80}$/.test(endpoint)) throw invalidParameter("SQS endpoint ARN");
      return { protocol, endpoint } as const;
    case "lambda":
      if (!/^arn:[^:]+:lambda:[^:]+:\d{12}:function:[\w$:-]+$/.test(endpoint)) {
        throw invalidParameter("Lambda endpoint ARN");
      }
      return { protocol, endpoint } as const;
    case "email":
    case "email-json":
      if (!/^[^\s@]+@[^\s@]+$/.test(endpoint)) throw invalidParameter("Email address");
      return { protocol, endpoint } as const;
    case "http":
    case "https":
    case "sms":
    case "application":
    case "firehose":
      throw unsupported(`Protocol ${protocol}`, "subscribe a queue or a function.");
    default:
      throw invalidParameter(`Amazon SNS does not support this protocol string: ${protocol ?? ""}`);
  }
}

function changeAttributes(
  protocol: Protocol,
  current: Readonly<Record<string, string>>,
  changes: Record<string, string>,
): Record<string, string> {
  const next: Record<string, string> = { ...current };
  for (const [name, value] of Object.entries(changes)) {
    checkAttribute(protocol, name, value);
    if (value === "" || (name === "FilterPolicy" && value === "{}")) delete next[name];
    else next[name] = value;
  }
  if (next["FilterPolicy"]) compileFilterPolicy(next["FilterPolicy"], scopeOf(next));
  return next;
}

function checkAttribute(protocol: Protocol, name: string, value: string): void {
  const refuse = (reason: string) => invalidParameter(`Attributes Reason: ${name}: ${reason}`);
  switch (name) {
    case "RawMessageDelivery":
      if (!["true", "false"].includes(value.toLowerCase())) throw refuse("must be true or false.");
      if (value === "true" && protocol !== "sqs") {
        throw refuse(`Delivery protocol [${protocol}] does not support raw message delivery.`);
      }
      return;
    case "FilterPolicyScope":
      if (value !== "MessageAttributes" && value !== "MessageBody") {
        throw refuse("must be MessageAttributes or MessageBody.");
      }
      return;
    case "FilterPolicy":
      return;
    case "RedrivePolicy":
      if (value !== "") checkRedrivePolicy(value);
      return;
    case "DeliveryPolicy":
      throw unsupported(`Attribute ${name}`, "it is for HTTP endpoints, which do not run locally.");
    case "SubscriptionRoleArn":
    case "ReplayPolicy":
      throw unsupported(`Attribute ${name}`, "leave it out.");
    default:
      throw invalidParameter("AttributeName");
  }
}

function checkRedrivePolicy(value: string): void {
  let arn: unknown;
  try {
    arn = (JSON.parse(value) as { deadLetterTargetArn?: unknown } | null)?.deadLetterTargetArn;
  } catch {
    throw invalidParameter("RedrivePolicy: failed to parse JSON.");
  }
  if (typeof arn !== "string" || !/^arn:[^:]+:sqs:[^:]+:\d{12}:[\w-]{1,80}$/.test(arn)) {
    throw invalidParameter("RedrivePolicy: deadLetterTargetArn is an invalid arn");
  }
}
