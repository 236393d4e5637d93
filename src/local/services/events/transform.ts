import type { InputTransformer, Target } from "@aws-sdk/client-eventbridge";
import { validationError } from "./errors.ts";
import type { EventEnvelope } from "./event.ts";

/** A target's input could not be made from this event; the message says why. */
export class TransformError extends Error {
  override readonly name = "TransformError";
}

export interface RuleNames {
  readonly ruleArn: string;
  readonly ruleName: string;
  /** When EventBridge got the event, as text. */
  readonly ingestionTime: string;
}

type Step = string | number;

const RESERVED = [
  "aws.events.rule-arn",
  "aws.events.rule-name",
  "aws.events.event.ingestion-time",
  "aws.events.event",
  "aws.events.event.json",
];
const PLACEHOLDER = /<([\w.-]+)>/g;

/** Checks what a target says about its input; throws what PutTargets answers. */
export function checkTargetInput(target: Target): void {
  const id = target.Id ?? "";
  const given = [target.Input, target.InputPath, target.InputTransformer].filter((value) => value !== undefined);
  if (given.length > 1) {
    throw validationError(`Only one of Input, InputPath, or InputTransformer must be provided for target ${id}.`);
  }
  if (target.Input !== undefined) {
    try {
      JSON.parse(target.Input);
    } catch {
      throw validationError(`JSON syntax error in input for target ${id}.`);
    }
  }
  if (target.InputPath !== undefined) parsePath(target.InputPath);
  const transformer = target.InputTransformer;
  if (!transformer) return;
  const map = transformer.InputPathsMap ?? {};
  for (const path of Object.values(map)) parsePath(path);
  for (const [, name = ""] of (transformer.InputTemplate ?? "").matchAll(PLACEHOLDER)) {
    if (!(name in map) && !RESERVED.includes(name)) {
      throw validationError(`InputTemplate for target ${id} contains invalid placeholder ${name}.`);
    }
  }
}

/** The text that a target gets for an event. Throws `TransformError` when none can be made. */
export function targetInput(target: Target, event: EventEnvelope, names: RuleNames): string {
  if (target.Input !== undefined) return target.Input;
  if (target.InputPath !== undefined) {
    const value = valueAt(event, parsePath(target.InputPath));
    if (value === undefined) throw new TransformError(`InputPath ${target.InputPath} matches nothing in the event`);
    return JSON.stringify(value);
  }
  if (target.InputTransformer) return transform(target.InputTransformer, event, names);
  return JSON.stringify(event);
}

/**
 * Fills a template. One that starts with a quote is text: values go in without their quotes. Any other is JSON: outside
 * of quotes a value goes in as JSON, inside as text, and what comes out has to be JSON.
 */
function transform(transformer: InputTransformer, event: EventEnvelope, names: RuleNames): string {
  const template = transformer.InputTemplate ?? "";
  const map = transformer.InputPathsMap ?? {};
  const valueOf = (name: string): unknown =>
    name in map ? valueAt(event, parsePath(map[name] ?? "$")) : reserved(name, event, names);
  if (template.trimStart().startsWith('"')) {
    return template.replaceAll(PLACEHOLDER, (_, name: string) => asText(valueOf(name)));
  }
  const filled = template.replaceAll(PLACEHOLDER, (_, name: string, offset: number) => {
    const value = valueOf(name);
    // A value that is missing becomes an empty text.
    if (!isInString(template, offset)) return JSON.stringify(value ?? "");
    return typeof value === "string"
      ? JSON.stringify(value).slice(1, -1)
      : value === undefined
        ? ""
        : JSON.stringify(value);
  });
  try {
    JSON.parse(filled);
  } catch {
    throw new TransformError(`The input template did not become JSON: ${filled}`);
  }
  return filled;
}

function reserved(name: string, event: EventEnvelope, names: RuleNames): unknown {
  switch (name) {
    case "aws.events.rule-arn":
      return names.ruleArn;
    case "aws.events.rule-name":
      return names.ruleName;
    case "aws.events.event.ingestion-time":
      return names.ingestionTime;
    case "aws.events.event.json":
      return event;
    default: {
      // The short form: no detail, and its own spelling of detail-type.
      const { detail: _detail, "detail-type": detailType, ...rest } = event;
      return { ...rest, detailType };
    }
  }
}

/** A value inside text: no quotes at all, not even those of an object's names. */
function asText(value: unknown): string {
  if (value === undefined) return "";
  const json = JSON.stringify(value);
  return typeof value === "string" ? json.slice(1, -1) : json.replaceAll('"', "");
}

function isInString(template: string, offset: number): boolean {
  let inside = false;
  for (let index = 0; index < offset; index++) {
    if (template[index] === "\\" && inside) index++;
    else if (template[index] === '"') inside = !inside;
  }
  return inside;
}

/** `$`, `$.detail.x`, `$.list[0]`, `$.detail['a b']`. */
function parsePath(path: string): Step[] {
  const refuse = () => validationError(`Invalid InputPath: ${path}`);
  if (!path.startsWith("$")) throw refuse();
  const steps: Step[] = [];
  let rest = path.slice(1);
  while (rest !== "") {
    const match = /^(?:\.([\w-]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\])/.exec(rest);
    if (!match) throw refuse();
    const [whole, name, index, single, double] = match;
    steps.push(index === undefined ? (name ?? single ?? double ?? "") : Number(index));
    rest = rest.slice(whole.length);
  }
  return steps;
}

function valueAt(event: unknown, steps: readonly Step[]): unknown {
  let here = event;
  for (const step of steps) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, step)) return undefined;
    here = (here as Record<Step, unknown>)[step];
  }
  return here;
}
