import { z } from "zod";
import type { Environment, ResourceProvider } from "../../service.ts";
import { defineResource } from "../../service.ts";
import { boolean, integer, jsonText, tags } from "../../properties.ts";
import { DEFAULT_ATTRIBUTES } from "./attributes.ts";
import { queueUrl } from "./queue-operations.ts";
import type { createQueueOperations } from "./queue-operations.ts";
import type { QueueStore } from "./store.ts";

/** What a property goes back to when the template no longer gives it. A policy is a resource of its own and stays. */
const RESET = { ...DEFAULT_ATTRIBUTES, RedrivePolicy: "", RedriveAllowPolicy: "" };

export function createQueueResources(
  environment: Environment,
  queues: QueueStore,
  engine: ReturnType<typeof createQueueOperations>,
): Record<string, ResourceProvider> {
  const queue = defineResource({
    schema: z.strictObject({
      QueueName: z.string().optional(),
      DelaySeconds: integer.optional(),
      MaximumMessageSize: integer.optional(),
      MessageRetentionPeriod: integer.optional(),
      ReceiveMessageWaitTimeSeconds: integer.optional(),
      VisibilityTimeout: integer.optional(),
      RedrivePolicy: jsonText.optional(),
      RedriveAllowPolicy: jsonText.optional(),
      SqsManagedSseEnabled: boolean.optional(),
      Tags: tags.optional(),
    }),
    ignored: {
      SqsManagedSseEnabled: "stored and shown; messages lie unencrypted in the state directory",
    },
    attributes: ["Arn", "QueueName", "QueueUrl"],
    provision({ properties, physicalId, generatedName }) {
      const { QueueName, Tags, ...given } = properties;
      const previous = physicalId ? nameOf(physicalId) : undefined;
      const name = QueueName ?? previous ?? generatedName(80);
      const attributes = Object.fromEntries(
        Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
      );
      const tagged = Object.fromEntries((Tags ?? []).map((tag) => [tag.Key, tag.Value]));
      const existing = queues.get(name);
      if (existing && previous !== name) {
        // Refuses a queue that another stack or call made with other attributes, as CreateQueue does.
        engine.createQueue(name, attributes, tagged);
      }
      const made = existing
        ? queues.change(engine.setAttributes(existing, { ...RESET, ...attributes }), { tags: tagged })
        : engine.createQueue(name, attributes, tagged);
      const url = queueUrl(environment, made.name);
      return { physicalId: url, attributes: { Arn: made.arn, QueueName: made.name, QueueUrl: url } };
    },
    delete(physicalId) {
      const existing = queues.get(nameOf(physicalId));
      if (existing) engine.deleteQueue(existing);
    },
  });

  const policy = defineResource({
    schema: z.strictObject({ Queues: z.array(z.string()).min(1), PolicyDocument: jsonText }),
    attributes: ["Id"],
    provision({ properties, physicalId, generatedName }) {
      for (const url of properties.Queues)
        engine.setAttributes(engine.find(url), { Policy: properties.PolicyDocument });
      // The queues' names are in the id, because deleting the policy has to find them again.
      const names = properties.Queues.map((url) => nameOf(url)).join(",");
      const id = `${physicalId?.split("/")[0] ?? generatedName(80)}/${names}`;
      return { physicalId: id, attributes: { Id: id } };
    },
    delete(physicalId) {
      for (const name of physicalId.split("/")[1]?.split(",") ?? []) {
        const existing = queues.get(name);
        if (existing) engine.setAttributes(existing, { Policy: "" });
      }
    },
  });

  return { "AWS::SQS::Queue": queue, "AWS::SQS::QueuePolicy": policy };
}

function nameOf(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}
