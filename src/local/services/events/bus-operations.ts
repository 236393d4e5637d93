import type * as Events from "@aws-sdk/client-eventbridge";
import type { ServiceDeps } from "../../service.ts";
import { AwsError } from "../../service.ts";
import { resourceNotFound, unsupported, validationError } from "./errors.ts";
import { page } from "./pages.ts";
import { toTags } from "./rule-operations.ts";
import { DEFAULT_BUS } from "./store.ts";
import type { EventBus, Rule, RuleStore } from "./store.ts";

export interface BusDirectory {
  /** By name or ARN; the default bus without either. */
  find(nameOrArn: string | undefined): EventBus;
  get(nameOrArn: string | undefined): EventBus | undefined;
  busArn(bus: EventBus): string;
  ruleArn(rule: Pick<Rule, "bus" | "name">): string;
}

export function createBusDirectory(deps: ServiceDeps, store: RuleStore): BusDirectory {
  const { partition, region, account } = deps.environment;
  const prefix = `arn:${partition}:events:${region}:${account}:`;
  const get = (nameOrArn: string = DEFAULT_BUS) => store.bus(nameOrArn.replace(`${prefix}event-bus/`, ""));
  return {
    get,
    find(nameOrArn) {
      const bus = get(nameOrArn);
      if (!bus) throw resourceNotFound(`Event bus ${nameOrArn ?? ""} does not exist.`);
      return bus;
    },
    busArn: (bus) => `${prefix}event-bus/${bus.name}`,
    ruleArn: (rule) => `${prefix}rule/${rule.bus === DEFAULT_BUS ? "" : `${rule.bus}/`}${rule.name}`,
  };
}

/** Event buses with their policies, and the tags of buses and rules. */
export function createBusOperations(deps: ServiceDeps, store: RuleStore, buses: BusDirectory) {
  const tagged = (arn: string | undefined) => {
    const bus = store.buses().find((one) => buses.busArn(one) === arn);
    if (bus) return { tags: bus.tags, set: (tags: Record<string, string>) => void store.putBus({ ...bus, tags }) };
    const rule = store.rules().find((one) => buses.ruleArn(one) === arn);
    if (rule) return { tags: rule.tags, set: (tags: Record<string, string>) => void store.putRule({ ...rule, tags }) };
    throw resourceNotFound(`Resource ${arn ?? ""} does not exist.`);
  };

  return {
    CreateEventBus: (input: Events.CreateEventBusCommandInput) => {
      const name = input.Name ?? "";
      if (!/^[\w.-]{1,256}$/.test(name)) throw validationError(`Event bus name ${name} is not valid.`);
      const other = (["EventSourceName", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"] as const).find(
        (member) => input[member] !== undefined,
      );
      if (other) throw unsupported(`${other} of an event bus`, "leave it out.");
      if (store.bus(name)) {
        throw new AwsError("ResourceAlreadyExistsException", `Event bus ${name} already exists.`);
      }
      const bus = store.putBus({
        name,
        createdAt: deps.clock.now(),
        description: input.Description,
        tags: toTags(input.Tags),
      });
      return { EventBusArn: buses.busArn(bus), Description: bus.description };
    },

    DeleteEventBus: (input: Events.DeleteEventBusCommandInput) => {
      if (input.Name === DEFAULT_BUS) throw validationError("Cannot delete event bus default.");
      if (store.rules(input.Name).length > 0) throw validationError("Cannot delete event bus with rules.");
      store.deleteBus(input.Name ?? "");
      return {};
    },

    DescribeEventBus: (input: Events.DescribeEventBusCommandInput) => describe(buses.find(input.Name)),

    ListEventBuses: (input: Events.ListEventBusesCommandInput) => {
      const matching = store.buses().filter((bus) => bus.name.startsWith(input.NamePrefix ?? ""));
      const { items, NextToken } = page(matching, input.Limit, input.NextToken);
      return { EventBuses: items.map((bus) => describe(bus)), NextToken };
    },

    PutPermission: (input: Events.PutPermissionCommandInput) => {
      const bus = buses.find(input.EventBusName);
      if (input.Policy !== undefined) {
        store.putBus({ ...bus, policy: input.Policy });
        return {};
      }
      const principal = input.Principal === "*" ? "*" : { AWS: `arn:aws:iam::${input.Principal ?? ""}:root` };
      const policy = readPolicy(bus);
      const statement = {
        Sid: input.StatementId,
        Effect: "Allow",
        Principal: principal,
        Action: input.Action,
        Resource: buses.busArn(bus),
        ...(input.Condition && { Condition: conditionOf(input.Condition) }),
      };
      const others = policy.Statement.filter((one) => one.Sid !== input.StatementId);
      store.putBus({ ...bus, policy: JSON.stringify({ ...policy, Statement: [...others, statement] }) });
      return {};
    },

    RemovePermission: (input: Events.RemovePermissionCommandInput) => {
      const bus = buses.find(input.EventBusName);
      const policy = readPolicy(bus);
      const rest = input.RemoveAllPermissions
        ? []
        : policy.Statement.filter((statement) => statement.Sid !== input.StatementId);
      if (!input.RemoveAllPermissions && rest.length === policy.Statement.length) {
        throw resourceNotFound("Statement with the provided id does not exist.");
      }
      store.putBus({ ...bus, policy: rest.length > 0 ? JSON.stringify({ ...policy, Statement: rest }) : undefined });
      return {};
    },

    TagResource: (input: Events.TagResourceCommandInput) => {
      const { tags, set } = tagged(input.ResourceARN);
      set({ ...tags, ...toTags(input.Tags) });
      return {};
    },

    UntagResource: (input: Events.UntagResourceCommandInput) => {
      const { tags, set } = tagged(input.ResourceARN);
      set(Object.fromEntries(Object.entries(tags).filter(([key]) => !input.TagKeys?.includes(key))));
      return {};
    },

    ListTagsForResource: (input: Events.ListTagsForResourceCommandInput) => ({
      Tags: Object.entries(tagged(input.ResourceARN).tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  };

  function describe(bus: EventBus) {
    return {
      Name: bus.name,
      Arn: buses.busArn(bus),
      Description: bus.description,
      Policy: bus.policy,
      CreationTime: new Date(bus.createdAt),
    };
  }
}

function conditionOf({ Type = "", Key = "", Value = "" }: Partial<Events.Condition>) {
  return { [Type]: { [Key]: Value } };
}

interface PolicyDocument {
  Version: string;
  Statement: { Sid?: string | undefined }[];
}

function readPolicy(bus: EventBus): PolicyDocument {
  return bus.policy ? (JSON.parse(bus.policy) as PolicyDocument) : { Version: "2012-10-17", Statement: [] };
}
