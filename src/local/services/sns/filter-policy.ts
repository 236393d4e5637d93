import { PatternError } from "../events/pattern-error.ts";
import { compilePattern } from "../events/pattern.ts";
import { AwsError } from "../../service.ts";
import { invalidParameter } from "./errors.ts";
import type { PublishedAttribute, Subscription, TopicMessage } from "./store.ts";

const MAX_KEYS = 5;
const MAX_COMBINATIONS = 150;
const MAX_NUMBER = 1_000_000_000;

export type FilterScope = "MessageAttributes" | "MessageBody";

/** Why a message was kept back, as CloudWatch counts it; undefined lets it pass. */
export type FilteredOut = "NoMessageAttributes" | "MessageAttributes" | "MessageBody" | "InvalidMessageBody";

/**
 * Compiles a filter policy into the question "is this message kept back, and why". Policies speak the operators of
 * event patterns; by scope they look at the message's attributes (one level) or into its body.
 * https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
 */
export function compileFilterPolicy(
  text: string,
  scope: FilterScope,
): (message: Pick<TopicMessage, "message" | "attributes">) => FilteredOut | undefined {
  const policy = parse(text);
  if (Object.keys(policy).length === 0) return () => undefined;
  const shape = measure(policy, scope, 1);
  if (shape.keys > MAX_KEYS)
    throw new AwsError("FilterPolicyLimitExceededException", `Filter policy can not have more than ${MAX_KEYS} keys`);
  if (shape.combinations > MAX_COMBINATIONS) throw invalidParameter("FilterPolicy: Filter policy is too complex");
  const matches = compile(policy);

  if (scope === "MessageBody") {
    return ({ message }) => {
      const body = parseBody(message);
      if (body === undefined) return "InvalidMessageBody";
      return matches(body) ? undefined : "MessageBody";
    };
  }
  return ({ attributes }) => {
    if (matches(Object.fromEntries(Object.entries(attributes).flatMap(toField)))) return undefined;
    return Object.keys(attributes).length === 0 ? "NoMessageAttributes" : "MessageAttributes";
  };
}

const compiled = new WeakMap<Subscription, ReturnType<typeof compileFilterPolicy>>();

/** Why `subscription` does not get this message, if it does not. */
export function filteredOut(subscription: Subscription, message: TopicMessage): FilteredOut | undefined {
  const text = subscription.attributes["FilterPolicy"];
  if (!text) return undefined;
  let filter = compiled.get(subscription);
  if (!filter) {
    filter = compileFilterPolicy(text, scopeOf(subscription.attributes));
    compiled.set(subscription, filter);
  }
  return filter(message);
}

export function scopeOf(attributes: Readonly<Record<string, string>>): FilterScope {
  return attributes["FilterPolicyScope"] === "MessageBody" ? "MessageBody" : "MessageAttributes";
}

function parse(text: string): Record<string, unknown> {
  try {
    const policy: unknown = JSON.parse(text);
    if (typeof policy === "object" && policy !== null && !Array.isArray(policy)) return { ...policy };
  } catch {
    // said below
  }
  throw invalidParameter("FilterPolicy: failed to parse JSON");
}

function compile(policy: unknown): (event: unknown) => boolean {
  try {
    return compilePattern(policy);
  } catch (error) {
    if (error instanceof PatternError) throw invalidParameter(`FilterPolicy: ${error.message}`);
    throw error;
  }
}

/** How many fields a policy names, and the product of their alternatives: a nested field counts once per level. */
function measure(policy: object, scope: FilterScope, depth: number): { keys: number; combinations: number } {
  let keys = 0;
  let combinations = 1;
  for (const [key, value] of Object.entries(policy) as [string, unknown][]) {
    if (key === "$or" && Array.isArray(value)) {
      const sides = value
        .filter((side) => typeof side === "object" && side !== null)
        .map((side: object) => measure(side, scope, depth));
      keys += sides.reduce((sum, side) => sum + side.keys, 0);
      combinations *= sides.reduce((sum, side) => sum + side.combinations, 0);
    } else if (Array.isArray(value)) {
      for (const item of value) checkNumber(item);
      keys += 1;
      combinations *= value.length * depth;
    } else if (typeof value === "object" && value !== null) {
      if (scope === "MessageAttributes") {
        throw invalidParameter(
          "FilterPolicy: Filter policy scope MessageAttributes does not support nested filter policy",
        );
      }
      const below = measure(value, scope, depth + 1);
      keys += below.keys;
      combinations *= below.combinations;
    }
  }
  return { keys, combinations };
}

function checkNumber(item: unknown): void {
  if (typeof item === "number" && Math.abs(item) > MAX_NUMBER) {
    throw invalidParameter(`FilterPolicy: Numbers must be between -${MAX_NUMBER} and ${MAX_NUMBER}`);
  }
}

function parseBody(message: string): object | undefined {
  try {
    const body: unknown = JSON.parse(message);
    return typeof body === "object" && body !== null ? body : undefined;
  } catch {
    return undefined;
  }
}

/** An attribute as a filter sees it: text, a number, or the items of a String.Array; binary ones are not looked at. */
function toField([name, { Type, Value }]: [string, PublishedAttribute]): [string, unknown][] {
  if (Type === "Number") return [[name, Number(Value)]];
  if (Type === "String.Array") {
    try {
      return [[name, JSON.parse(Value) as unknown]];
    } catch {
      return [];
    }
  }
  return Type === "Binary" ? [] : [[name, Value]];
}
