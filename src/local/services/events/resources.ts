import type { Target } from "@aws-sdk/client-eventbridge";
import { z } from "zod";
import { integer, jsonText, tags } from "../../properties.ts";
import type { ResourceProvider } from "../../service.ts";
import { defineResource } from "../../service.ts";
import type { BusDirectory } from "./bus-operations.ts";
import { toTags } from "./rule-operations.ts";
import type { createRuleOperations } from "./rule-operations.ts";
import { DEFAULT_BUS } from "./store.ts";
import type { RuleStore } from "./store.ts";

const target = z.strictObject({
  Id: z.string(),
  Arn: z.string(),
  Input: z.string().optional(),
  InputPath: z.string().optional(),
  InputTransformer: z
    .strictObject({ InputPathsMap: z.record(z.string(), z.string()).optional(), InputTemplate: z.string() })
    .optional(),
  DeadLetterConfig: z.strictObject({ Arn: z.string().optional() }).optional(),
  RetryPolicy: z
    .strictObject({ MaximumRetryAttempts: integer.optional(), MaximumEventAgeInSeconds: integer.optional() })
    .optional(),
});

export function createRuleResources(
  store: RuleStore,
  buses: BusDirectory,
  rules: ReturnType<typeof createRuleOperations>,
): Record<string, ResourceProvider> {
  const rule = defineResource({
    schema: z.strictObject({
      Name: z.string().optional(),
      Description: z.string().optional(),
      EventBusName: z.string().optional(),
      EventPattern: jsonText.optional(),
      ScheduleExpression: z.string().optional(),
      State: z.enum(["ENABLED", "DISABLED"]).optional(),
      Targets: z.array(target).optional(),
      Tags: tags.optional(),
    }),
    attributes: ["Arn"],
    provision({ properties, physicalId, generatedName }) {
      const { Targets = [], Tags, ...given } = properties;
      const previous = physicalId === undefined ? undefined : parseId(physicalId);
      const Name = given.Name ?? previous?.name ?? generatedName(64);
      const put = rules.putRule({ ...given, Name });
      const made = rules.putTargets({ ...put, tags: toTags(Tags), targets: [] }, Targets as Target[]);
      const id = made.bus === DEFAULT_BUS ? made.name : `${made.bus}|${made.name}`;
      return { physicalId: id, attributes: { Arn: buses.ruleArn(made) } };
    },
    delete(physicalId) {
      const { bus, name } = parseId(physicalId);
      const existing = store.rule(bus, name);
      if (existing) rules.deleteRule(existing);
    },
  });
  return { "AWS::Events::Rule": rule };
}

/** `name`, or `bus|name` on another bus than the default one. */
function parseId(physicalId: string): { bus: string; name: string } {
  const [first = "", second] = physicalId.split("|");
  return second === undefined ? { bus: DEFAULT_BUS, name: first } : { bus: first, name: second };
}
