import type * as Sns from "@aws-sdk/client-sns";
import { AwsError } from "../../service.ts";
import type { ServiceDeps } from "../../service.ts";
import type { Deliveries } from "./deliveries.ts";
import { invalidParameter, topicDoesNotExist, unsupported } from "./errors.ts";
import { acceptMessage, maximumMessageSize } from "./publish.ts";
import type { Topic, TopicStore } from "./store.ts";

const PAGE = 100;
const MAX_BATCH = 10;
/** Above 256 KiB only subscriptions that AWS manages may be there; those are the only ones that deliver here. */
const SIZE = { min: 1_024, max: 1_048_576 };

/** Topics, publishing, tags and permissions. */
export function createTopicOperations(deps: ServiceDeps, store: TopicStore, deliveries: Deliveries) {
  const { environment, ids } = deps;
  const arnPrefix = `arn:${environment.partition}:sns:${environment.region}:${environment.account}:`;

  const find = (arn: string | undefined): Topic => {
    if (!arn?.startsWith("arn:")) throw invalidParameter("TopicArn");
    const topic = store.topic(arn);
    if (!topic) throw topicDoesNotExist();
    return topic;
  };

  const createTopic = (
    name: string | undefined,
    attributes: Record<string, string> = {},
    tags: Record<string, string> = {},
  ): Topic => {
    if (name?.endsWith(".fifo")) throw unsupported(`The FIFO topic ${name}`, "only standard topics run locally.");
    if (!name || !/^[\w-]{1,256}$/.test(name)) throw invalidParameter("Topic Name");
    for (const [key, value] of Object.entries(attributes)) checkTopicAttribute(key, value);
    const arn = arnPrefix + name;
    const existing = store.topic(arn);
    if (!existing) return store.putTopic({ arn, attributes, tags });
    const differing = Object.entries(attributes).find(([key, value]) => existing.attributes[key] !== value);
    if (differing) throw invalidParameter("Attributes Reason: Topic already exists with different attributes");
    if (Object.entries(tags).some(([key, value]) => existing.tags[key] !== value)) {
      throw invalidParameter("Tags Reason: Topic already exists with different tags");
    }
    return existing;
  };

  const setTopicAttributes = (topic: Topic, changes: Record<string, string>): Topic => {
    const attributes = { ...topic.attributes };
    for (const [name, value] of Object.entries(changes)) {
      checkTopicAttribute(name, value);
      if (value === "") delete attributes[name];
      else attributes[name] = value;
    }
    return store.putTopic({ ...topic, attributes });
  };

  /** The policy that stands: what was set, or the one that lets the account do everything. */
  const policyOf = (topic: Topic) => topic.attributes["Policy"] ?? defaultPolicy(topic.arn, environment.account);

  const publish = (topic: Topic, input: Omit<Sns.PublishInput, "TopicArn"> | Sns.PublishBatchRequestEntry): string => {
    const messageId = ids.uuid();
    deliveries.publish(topic, acceptMessage(topic, input), messageId);
    return messageId;
  };

  const operations = {
    CreateTopic: (input: Sns.CreateTopicCommandInput) => {
      if (input.DataProtectionPolicy) throw unsupported("DataProtectionPolicy", "leave it out.");
      const topic = createTopic(input.Name, input.Attributes, toTags(input.Tags));
      return { TopicArn: topic.arn };
    },

    DeleteTopic: (input: Sns.DeleteTopicCommandInput) => {
      // Deleting what is not there succeeds: https://docs.aws.amazon.com/sns/latest/api/API_DeleteTopic.html
      store.deleteTopic(input.TopicArn ?? "");
      return {};
    },

    ListTopics: (input: Sns.ListTopicsCommandInput) => {
      const { items, NextToken } = page(store.topics(), input.NextToken);
      return { Topics: items.map((topic) => ({ TopicArn: topic.arn })), NextToken };
    },

    GetTopicAttributes: (input: Sns.GetTopicAttributesCommandInput) => {
      const topic = find(input.TopicArn);
      const subscriptions = store.subscriptionsOf(topic.arn);
      const confirmed = subscriptions.filter((subscription) => subscription.confirmed).length;
      return {
        Attributes: {
          DisplayName: "",
          ...topic.attributes,
          TopicArn: topic.arn,
          Owner: environment.account,
          Policy: policyOf(topic),
          MaximumMessageSize: String(maximumMessageSize(topic)),
          EffectiveDeliveryPolicy: EFFECTIVE_DELIVERY_POLICY,
          SubscriptionsConfirmed: String(confirmed),
          SubscriptionsPending: String(subscriptions.length - confirmed),
          SubscriptionsDeleted: "0",
        },
      };
    },

    SetTopicAttributes: (input: Sns.SetTopicAttributesCommandInput) => {
      setTopicAttributes(find(input.TopicArn), { [input.AttributeName ?? ""]: input.AttributeValue ?? "" });
      return {};
    },

    Publish: (input: Sns.PublishCommandInput) => {
      if (input.PhoneNumber !== undefined) throw unsupported("Publishing to a PhoneNumber", "publish to a topic.");
      if (input.TargetArn !== undefined && input.TopicArn !== undefined) {
        throw invalidParameter("TopicArn or TargetArn Reason: only one of them may be given");
      }
      return { MessageId: publish(find(input.TopicArn ?? input.TargetArn), input) };
    },

    PublishBatch: (input: Sns.PublishBatchCommandInput) => {
      const topic = find(input.TopicArn);
      const entries = input.PublishBatchRequestEntries ?? [];
      checkBatch(entries, maximumMessageSize(topic));
      const Successful: Sns.PublishBatchResultEntry[] = [];
      const Failed: Sns.BatchResultErrorEntry[] = [];
      for (const entry of entries) {
        try {
          Successful.push({ Id: entry.Id, MessageId: publish(topic, entry) });
        } catch (error) {
          if (!(error instanceof AwsError)) throw error;
          // Entries carry the code as it is written in answers, without "Exception".
          const Code = error.code.replace(/Exception$/, "");
          Failed.push({ Id: entry.Id, Code, Message: error.message, SenderFault: true });
        }
      }
      return { Successful, Failed };
    },

    AddPermission: (input: Sns.AddPermissionCommandInput) => {
      const topic = find(input.TopicArn);
      const policy = JSON.parse(policyOf(topic)) as PolicyDocument;
      if (policy.Statement.some((statement) => statement.Sid === input.Label)) {
        throw invalidParameter("Statement already exists");
      }
      policy.Statement.push({
        Sid: input.Label,
        Effect: "Allow",
        Principal: { AWS: (input.AWSAccountId ?? []).map((account) => `arn:aws:iam::${account}:root`) },
        Action: (input.ActionName ?? []).map((action) => `SNS:${action}`),
        Resource: topic.arn,
      });
      setTopicAttributes(topic, { Policy: JSON.stringify(policy) });
      return {};
    },

    RemovePermission: (input: Sns.RemovePermissionCommandInput) => {
      const topic = find(input.TopicArn);
      const policy = JSON.parse(policyOf(topic)) as PolicyDocument;
      const rest = policy.Statement.filter((statement) => statement.Sid !== input.Label);
      setTopicAttributes(topic, { Policy: JSON.stringify({ ...policy, Statement: rest }) });
      return {};
    },

    TagResource: (input: Sns.TagResourceCommandInput) => {
      const topic = tagged(input.ResourceArn);
      store.putTopic({ ...topic, tags: { ...topic.tags, ...toTags(input.Tags) } });
      return {};
    },

    UntagResource: (input: Sns.UntagResourceCommandInput) => {
      const topic = tagged(input.ResourceArn);
      const kept = Object.entries(topic.tags).filter(([key]) => !input.TagKeys?.includes(key));
      store.putTopic({ ...topic, tags: Object.fromEntries(kept) });
      return {};
    },

    ListTagsForResource: (input: Sns.ListTagsForResourceCommandInput) => ({
      Tags: Object.entries(tagged(input.ResourceArn).tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  };

  function tagged(arn: string | undefined): Topic {
    const topic = store.topic(arn ?? "");
    if (!topic) throw new AwsError("ResourceNotFoundException", "Resource does not exist");
    return topic;
  }

  return { operations, find, createTopic, setTopicAttributes, policyOf };
}

interface PolicyDocument {
  Statement: { Sid?: string; [member: string]: unknown }[];
}

function checkTopicAttribute(name: string, value: string): void {
  const refuse = (reason: string) => invalidParameter(`${name} Reason: ${reason}`);
  switch (name) {
    case "DisplayName":
      if (value.length > 100) throw refuse("must be at most 100 characters long");
      return;
    case "Policy":
      try {
        if (value !== "") JSON.parse(value);
      } catch {
        throw refuse("Policy statement must be valid JSON");
      }
      return;
    case "MaximumMessageSize": {
      const size = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      if (!(size >= SIZE.min && size <= SIZE.max)) throw refuse(`must be between ${SIZE.min} and ${SIZE.max}`);
      return;
    }
    case "SignatureVersion":
      if (value !== "1" && value !== "2") throw refuse("must be 1 or 2");
      return;
    case "FifoTopic":
    case "ContentBasedDeduplication":
      throw unsupported(`Attribute ${name}`, "only standard topics run locally.");
    case "KmsMasterKeyId":
      throw unsupported(`Attribute ${name}`, "leave the topic unencrypted, or encrypt it on AWS only.");
    case "DeliveryPolicy":
      throw unsupported(`Attribute ${name}`, "it is for HTTP endpoints, which do not run locally.");
    case "TracingConfig":
      throw unsupported(`Attribute ${name}`, "there is no X-Ray locally.");
    default:
      if (/FeedbackRoleArn$|FeedbackSampleRate$/.test(name)) {
        throw unsupported(`Attribute ${name}`, "deliveries are in the runtime's trace instead.");
      }
      throw invalidParameter("AttributeName");
  }
}

function checkBatch(entries: readonly Sns.PublishBatchRequestEntry[], maximumBytes: number): void {
  if (entries.length === 0) {
    throw new AwsError("EmptyBatchRequestException", "The batch request doesn't contain any entries.");
  }
  if (entries.length > MAX_BATCH) {
    throw new AwsError(
      "TooManyEntriesInBatchRequestException",
      "The batch request contains more entries than permissible.",
    );
  }
  const ids = entries.map((entry) => entry.Id ?? "");
  if (ids.some((id) => !/^[\w-]{1,80}$/.test(id))) {
    throw new AwsError(
      "InvalidBatchEntryIdException",
      "The Id of a batch entry in a batch request doesn't abide by the specification.",
    );
  }
  if (new Set(ids).size !== ids.length) {
    throw new AwsError(
      "BatchEntryIdsNotDistinctException",
      "Two or more batch entries in the request have the same Id.",
    );
  }
  const bytes = entries.reduce((sum, entry) => sum + Buffer.byteLength(entry.Message ?? ""), 0);
  if (bytes > maximumBytes) {
    throw new AwsError(
      "BatchRequestTooLongException",
      "The length of all the batch messages put together is more than the limit.",
    );
  }
}

export function toTags(tags: readonly { Key?: string; Value?: string }[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
}

/** A page of 100, and a token for the next. */
export function page<Item extends { arn: string }>(items: readonly Item[], token: string | undefined) {
  const start = token ? Number(Buffer.from(token, "base64url").toString()) : 0;
  if (!Number.isInteger(start)) throw invalidParameter("NextToken");
  const more = start + PAGE < items.length;
  return {
    items: items.slice(start, start + PAGE),
    NextToken: more ? Buffer.from(String(start + PAGE)).toString("base64url") : undefined,
  };
}

function defaultPolicy(topicArn: string, account: string): string {
  const actions = ["GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic"];
  return JSON.stringify({
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [
      {
        Sid: "__default_statement_ID",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: [...actions, "Subscribe", "ListSubscriptionsByTopic", "Publish"].map((action) => `SNS:${action}`),
        Resource: topicArn,
        Condition: { StringEquals: { "AWS:SourceOwner": account } },
      },
    ],
  });
}

/** SNS's default for HTTP endpoints, which every topic shows. */
const EFFECTIVE_DELIVERY_POLICY = JSON.stringify({
  http: {
    defaultHealthyRetryPolicy: {
      minDelayTarget: 20,
      maxDelayTarget: 20,
      numRetries: 3,
      numMaxDelayRetries: 0,
      numNoDelayRetries: 0,
      numMinDelayRetries: 0,
      backoffFunction: "linear",
    },
    disableSubscriptionOverrides: false,
    defaultRequestPolicy: { headerContentType: "text/plain; charset=UTF-8" },
  },
});
