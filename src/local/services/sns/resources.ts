import { z } from "zod";
import { boolean, integer, jsonText, tags } from "../../properties.ts";
import type { ResourceProvider } from "../../service.ts";
import { defineResource } from "../../service.ts";
import type { Topic, TopicStore } from "./store.ts";
import type { createSubscriptionOperations } from "./subscription-operations.ts";
import { toTags } from "./topic-operations.ts";
import type { createTopicOperations } from "./topic-operations.ts";

const subscriptionProperties = {
  Protocol: z.string(),
  Endpoint: z.string(),
};

export function createTopicResources(
  store: TopicStore,
  topics: ReturnType<typeof createTopicOperations>,
  subscriptions: ReturnType<typeof createSubscriptionOperations>,
): Record<string, ResourceProvider> {
  const setAll = (topic: Topic, attributes: Record<string, string>) => {
    // A policy is a resource of its own and stays; what the template no longer says goes back to its default.
    const { Policy: _policy, ...rest } = topic.attributes;
    const gone = Object.keys(rest).map((name) => [name, ""]);
    return topics.setTopicAttributes(topic, { ...Object.fromEntries(gone), ...attributes });
  };

  const topic = defineResource({
    schema: z.strictObject({
      TopicName: z.string().optional(),
      DisplayName: z.string().optional(),
      MaximumMessageSize: integer.optional(),
      SignatureVersion: z.enum(["1", "2"]).optional(),
      FifoTopic: boolean.pipe(z.literal(false)).optional(),
      Subscription: z.array(z.strictObject(subscriptionProperties)).optional(),
      Tags: tags.optional(),
    }),
    attributes: ["TopicArn", "TopicName"],
    provision({ properties, physicalId, generatedName }) {
      const { TopicName, Tags, Subscription = [], FifoTopic: _standard, ...given } = properties;
      const previous = physicalId === undefined ? undefined : store.topic(physicalId);
      const name = TopicName ?? previous?.name ?? generatedName(256);
      const attributes = Object.fromEntries(
        Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
      );
      const made =
        previous?.name === name
          ? store.putTopic({ ...setAll(previous, attributes), tags: toTags(Tags) })
          : topics.createTopic(name, attributes, toTags(Tags));
      for (const { Protocol, Endpoint } of Subscription) subscriptions.subscribe(made.arn, Protocol, Endpoint, {});
      return { physicalId: made.arn, attributes: { TopicArn: made.arn, TopicName: made.name } };
    },
    delete: (arn) => store.deleteTopic(arn),
  });

  const subscription = defineResource({
    schema: z.strictObject({
      ...subscriptionProperties,
      TopicArn: z.string(),
      Region: z.string().optional(),
      FilterPolicy: jsonText.optional(),
      FilterPolicyScope: z.enum(["MessageAttributes", "MessageBody"]).optional(),
      RawMessageDelivery: boolean.optional(),
      RedrivePolicy: jsonText.optional(),
    }),
    ignored: {
      Region: "there is one Region locally",
      "Protocol=email": "stays PendingConfirmation, as on AWS until somebody clicks; nothing is delivered to it",
      "Protocol=email-json": "stays PendingConfirmation, as on AWS until somebody clicks; nothing is delivered to it",
    },
    attributes: ["Arn"],
    provision({ properties, physicalId }) {
      const { Protocol, Endpoint, TopicArn, Region: _region, ...given } = properties;
      const attributes = Object.fromEntries(
        Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
      );
      const previous = physicalId === undefined ? undefined : store.subscription(physicalId);
      const same = previous?.topicArn === TopicArn && previous.protocol === Protocol && previous.endpoint === Endpoint;
      if (previous && same) {
        // The template's attributes are all that stay.
        subscriptions.setAttributes({ ...previous, attributes: {} }, attributes);
        return { physicalId: previous.arn, attributes: { Arn: previous.arn } };
      }
      const made = subscriptions.subscribe(TopicArn, Protocol, Endpoint, attributes);
      return { physicalId: made.arn, attributes: { Arn: made.arn } };
    },
    delete: (arn) => store.deleteSubscription(arn),
  });

  const policy = defineResource({
    schema: z.strictObject({ Topics: z.array(z.string()).min(1), PolicyDocument: jsonText }),
    attributes: ["Id"],
    provision({ properties, physicalId, generatedName }) {
      for (const arn of properties.Topics) {
        topics.setTopicAttributes(topics.find(arn), { Policy: properties.PolicyDocument });
      }
      // The topics are in the id, because deleting the policy has to find them again.
      const id = `${physicalId?.split("/")[0] ?? generatedName(80)}/${properties.Topics.join(",")}`;
      return { physicalId: id, attributes: { Id: id } };
    },
    delete(physicalId) {
      for (const arn of physicalId.split("/")[1]?.split(",") ?? []) {
        const existing = store.topic(arn);
        if (existing) topics.setTopicAttributes(existing, { Policy: "" });
      }
    },
  });

  return { "AWS::SNS::Topic": topic, "AWS::SNS::Subscription": subscription, "AWS::SNS::TopicPolicy": policy };
}
