import type * as Events from "@aws-sdk/client-eventbridge";
import type { CallContext, ServiceDeps } from "../../service.ts";
import { AwsError } from "../../service.ts";
import type { BusDirectory } from "./bus-operations.ts";
import { resourceNotFound, unsupported, validationError } from "./errors.ts";
import { PatternError } from "./pattern-error.ts";
import { compilePattern } from "./pattern.ts";
import { page } from "./pages.ts";
import { parseSchedule } from "./schedule.ts";
import { DEFAULT_BUS } from "./store.ts";
import type { Rule, RuleStore } from "./store.ts";
import { checkTarget } from "./targets.ts";

const MAX_PATTERN = 4_096;
const MAX_TARGETS = 5;

/** Rules and their targets. `changed` is told of every rule that came, changed or went. */
export function createRuleOperations(
  deps: ServiceDeps,
  store: RuleStore,
  buses: BusDirectory,
  changed: (rule: Rule) => void,
) {
  const { clock } = deps;

  const find = (busName: string | undefined, name: string | undefined): Rule => {
    const bus = buses.find(busName);
    const rule = store.rule(bus.name, name ?? "");
    if (!rule) throw resourceNotFound(`Rule ${name ?? ""} does not exist on EventBus ${bus.name}.`);
    return rule;
  };

  /** Replaces the whole rule but its targets: what is not given is gone. */
  const putRule = (input: Omit<Events.PutRuleRequest, "Name"> & { Name: string | undefined }): Rule => {
    const bus = buses.find(input.EventBusName);
    const name = input.Name ?? "";
    if (!/^[\w.-]{1,64}$/.test(name)) throw validationError(`Invalid rule name: ${name}`);
    if (input.RoleArn !== undefined)
      throw unsupported(`RoleArn of rule ${name}`, "targets are allowed by their policies.");
    if (!input.EventPattern && !input.ScheduleExpression) {
      throw validationError("Parameter(s) EventPattern or ScheduleExpression must be specified.");
    }
    if (input.EventPattern) parsePattern(input.EventPattern);
    if (input.ScheduleExpression) {
      parseSchedule(input.ScheduleExpression);
      if (bus.name !== DEFAULT_BUS) {
        throw validationError("ScheduleExpression is supported only on the default event bus.");
      }
    }
    const enabled = readState(input.State);
    const previous = store.rule(bus.name, name);
    const sameSchedule = previous?.scheduleExpression === input.ScheduleExpression && previous?.enabled === enabled;
    const rule = store.putRule({
      bus: bus.name,
      name,
      enabled,
      description: input.Description,
      eventPattern: input.EventPattern || undefined,
      scheduleExpression: input.ScheduleExpression || undefined,
      scheduledFrom: previous && sameSchedule ? previous.scheduledFrom : clock.now(),
      tags: previous?.tags ?? toTags(input.Tags),
      targets: previous?.targets ?? [],
    });
    changed(rule);
    return rule;
  };

  const putTargets = (rule: Rule, targets: readonly Events.Target[]): Rule => {
    for (const target of targets) checkTarget(target);
    const byId = new Map([...rule.targets, ...targets].map((target) => [target.Id, target]));
    if (byId.size > MAX_TARGETS) {
      throw new AwsError("LimitExceededException", "The requested resource exceeds the maximum number allowed.");
    }
    const next = store.putRule({ ...rule, targets: [...byId.values()] });
    changed(next);
    return next;
  };

  const setEnabled = (rule: Rule, enabled: boolean) => {
    if (rule.enabled !== enabled) changed(store.putRule({ ...rule, enabled, scheduledFrom: clock.now() }));
  };

  const deleteRule = (rule: Rule) => {
    store.deleteRule(rule);
    changed(rule);
  };

  const operations = {
    PutRule: (input: Events.PutRuleCommandInput) => ({ RuleArn: buses.ruleArn(putRule(input)) }),

    DeleteRule: (input: Events.DeleteRuleCommandInput) => {
      const bus = buses.find(input.EventBusName);
      const rule = store.rule(bus.name, input.Name ?? "");
      if (rule && rule.targets.length > 0) throw validationError("Rule can't be deleted since it has targets.");
      if (rule) deleteRule(rule);
      return {};
    },

    DescribeRule: (input: Events.DescribeRuleCommandInput, _context: CallContext) => ({
      ...describe(find(input.EventBusName, input.Name)),
      CreatedBy: deps.environment.account,
    }),

    ListRules: (input: Events.ListRulesCommandInput) => {
      const bus = buses.find(input.EventBusName);
      const rules = store.rules(bus.name).filter((rule) => rule.name.startsWith(input.NamePrefix ?? ""));
      const { items, NextToken } = page(rules, input.Limit, input.NextToken);
      return { Rules: items.map((rule) => describe(rule)), NextToken };
    },

    EnableRule: (input: Events.EnableRuleCommandInput) => {
      setEnabled(find(input.EventBusName, input.Name), true);
      return {};
    },

    DisableRule: (input: Events.DisableRuleCommandInput) => {
      setEnabled(find(input.EventBusName, input.Name), false);
      return {};
    },

    PutTargets: (input: Events.PutTargetsCommandInput) => {
      putTargets(find(input.EventBusName, input.Rule), input.Targets ?? []);
      return { FailedEntryCount: 0, FailedEntries: [] };
    },

    RemoveTargets: (input: Events.RemoveTargetsCommandInput) => {
      const rule = find(input.EventBusName, input.Rule);
      const ids = input.Ids ?? [];
      const missing = ids.filter((id) => !rule.targets.some((target) => target.Id === id));
      changed(store.putRule({ ...rule, targets: rule.targets.filter((target) => !ids.includes(target.Id ?? "")) }));
      return {
        FailedEntryCount: missing.length,
        FailedEntries: missing.map((TargetId) => ({
          TargetId,
          ErrorCode: "ResourceNotFoundException",
          ErrorMessage: `Rule ${rule.name} does not have target ${TargetId}.`,
        })),
      };
    },

    ListTargetsByRule: (input: Events.ListTargetsByRuleCommandInput) => {
      const rule = find(input.EventBusName, input.Rule);
      const { items, NextToken } = page(rule.targets, input.Limit, input.NextToken);
      return { Targets: items, NextToken };
    },

    ListRuleNamesByTarget: (input: Events.ListRuleNamesByTargetCommandInput) => {
      const bus = buses.find(input.EventBusName);
      const rules = store
        .rules(bus.name)
        .filter((rule) => rule.targets.some((target) => target.Arn === input.TargetArn));
      const { items, NextToken } = page(rules, input.Limit, input.NextToken);
      return { RuleNames: items.map((rule) => rule.name), NextToken };
    },

    TestEventPattern: (input: Events.TestEventPatternCommandInput) => {
      const matches = parsePattern(input.EventPattern ?? "");
      return { Result: matches(parseTestEvent(input.Event ?? "")) };
    },
  };

  const describe = (rule: Rule) => ({
    Name: rule.name,
    Arn: buses.ruleArn(rule),
    EventBusName: rule.bus,
    State: rule.enabled ? ("ENABLED" as const) : ("DISABLED" as const),
    Description: rule.description,
    EventPattern: rule.eventPattern,
    ScheduleExpression: rule.scheduleExpression,
  });

  return { operations, find, putRule, putTargets, deleteRule };
}

/** Compiles the text of a pattern; answers what EventBridge answers when it is none. */
export function parsePattern(text: string): (event: unknown) => boolean {
  const refuse = (reason: string) =>
    new AwsError("InvalidEventPatternException", `Event pattern is not valid. Reason: ${reason}`);
  if (text.length > MAX_PATTERN) throw refuse(`longer than ${MAX_PATTERN} characters`);
  let pattern: unknown;
  try {
    pattern = JSON.parse(text);
  } catch {
    throw refuse("Filter is not valid JSON");
  }
  try {
    return compilePattern(pattern);
  } catch (error) {
    throw error instanceof PatternError ? refuse(error.message) : error;
  }
}

function parseTestEvent(text: string): unknown {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    throw validationError("Parameter Event is not valid.");
  }
  const required = ["id", "account", "source", "time", "region", "detail-type"];
  const missing = required.find((name) => typeof event !== "object" || event === null || !(name in event));
  if (missing) throw validationError(`Parameter Event is not valid. Reason: ${missing} is missing.`);
  return event;
}

function readState(state: string | undefined): boolean {
  if (state === undefined || state === "ENABLED") return true;
  if (state === "DISABLED") return false;
  throw unsupported(`Rule state ${state}`, "use ENABLED or DISABLED.");
}

export function toTags(tags: readonly { Key?: string; Value?: string }[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
}
