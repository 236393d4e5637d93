import { z } from "zod";
import { integer, jsonText, tags } from "../../properties.ts";
import type { ResourceProvider } from "../../service.ts";
import { defineResource } from "../../service.ts";
import type { createGroupOperations } from "./group-operations.ts";
import type { LogStore } from "./store.ts";

export function createLogResources(
  store: LogStore,
  groups: ReturnType<typeof createGroupOperations>,
  now: () => number,
): Record<string, ResourceProvider> {
  const group = defineResource({
    schema: z.strictObject({
      LogGroupName: z.string().optional(),
      RetentionInDays: integer.optional(),
      LogGroupClass: z.literal("STANDARD").optional(),
      Tags: tags.optional(),
    }),
    attributes: ["Arn"],
    provision({ properties, physicalId, generatedName }) {
      const name = properties.LogGroupName ?? physicalId ?? generatedName(512);
      const given = Object.fromEntries((properties.Tags ?? []).map((tag) => [tag.Key, tag.Value]));
      const made = (physicalId === name ? store.group(name) : undefined) ?? groups.createGroup(name, given);
      store.changeGroup(made, { tags: given });
      groups.setRetention({ ...made, tags: given }, properties.RetentionInDays);
      return { physicalId: name, attributes: { Arn: `${groups.groupArn(made)}:*` } };
    },
    delete(name) {
      const existing = store.group(name);
      if (existing) store.deleteGroup(existing);
    },
  });

  const policy = defineResource({
    schema: z.strictObject({ PolicyName: z.string(), PolicyDocument: jsonText }),
    attributes: [],
    provision({ properties }) {
      store.putPolicy(properties.PolicyName, properties.PolicyDocument, now());
      return { physicalId: properties.PolicyName, attributes: {} };
    },
    delete: (name) => void store.deletePolicy(name),
  });

  return { "AWS::Logs::LogGroup": group, "AWS::Logs::ResourcePolicy": policy };
}
