import { unsupported, validationError } from "./errors.ts";
import type { AlarmStateValue } from "./alarm-evaluation.ts";

export interface CompositeRule {
  /** The alarms that it speaks of, by name. */
  readonly children: readonly string[];
  test(stateOf: (alarmName: string) => AlarmStateValue): boolean;
}

type Node = (stateOf: (alarmName: string) => AlarmStateValue) => boolean;

const TOKEN = /\s*(?:([()])|"((?:[^"\\]|\\.)*)"|([^\s()"]+))/y;
const MAX_RULE = 10_240;

/**
 * Parses the rule of a composite alarm: `ALARM("a") AND (OK(b) OR NOT INSUFFICIENT_DATA(c))`, TRUE, FALSE. Alarms are
 * given by name or ARN. NOT binds most, OR least.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
 */
export function parseCompositeRule(rule: string): CompositeRule {
  if (rule.length < 1 || rule.length > MAX_RULE)
    throw validationError(`AlarmRule must be 1 to ${MAX_RULE} characters long.`);
  const tokens = tokenize(rule);
  const children = new Set<string>();
  let at = 0;
  const fail = (what: string) => validationError(`AlarmRule is not valid: ${what} in ${rule}`);
  const peek = () => tokens[at]?.text.toUpperCase();
  const take = (expected?: string) => {
    const token = tokens[at++];
    if (!token || (expected !== undefined && token.text !== expected)) throw fail(`expected ${expected ?? "more"}`);
    return token;
  };

  const or = (): Node => {
    const sides = [and()];
    while (peek() === "OR") {
      take();
      sides.push(and());
    }
    return (stateOf) => sides.some((side) => side(stateOf));
  };
  const and = (): Node => {
    const sides = [not()];
    while (peek() === "AND") {
      take();
      sides.push(not());
    }
    return (stateOf) => sides.every((side) => side(stateOf));
  };
  const not = (): Node => {
    if (peek() !== "NOT") return primary();
    take();
    const inner = not();
    return (stateOf) => !inner(stateOf);
  };
  const primary = (): Node => {
    const token = take();
    const word = token.text.toUpperCase();
    switch (word) {
      case "(": {
        const inner = or();
        take(")");
        return inner;
      }
      case "TRUE":
        return () => true;
      case "FALSE":
        return () => false;
      case "ALARM":
      case "OK":
      case "INSUFFICIENT_DATA": {
        take("(");
        const name = alarmName(take().text);
        take(")");
        children.add(name);
        return (stateOf) => stateOf(name) === word;
      }
      case "AT_LEAST":
        throw unsupported("AT_LEAST in an AlarmRule", "write it with AND and OR.");
      default:
        throw fail(`unexpected ${token.text}`);
    }
  };

  const test = or();
  if (at < tokens.length) throw fail(`unexpected ${tokens[at]?.text ?? ""}`);
  return { children: [...children], test };
}

function tokenize(rule: string): { text: string }[] {
  const tokens: { text: string }[] = [];
  TOKEN.lastIndex = 0;
  while (rule.slice(TOKEN.lastIndex).trim() !== "") {
    const match = TOKEN.exec(rule);
    if (!match) throw validationError(`AlarmRule is not valid: ${rule}`);
    tokens.push({ text: match[1] ?? match[2]?.replaceAll(/\\(.)/g, "$1") ?? match[3] ?? "" });
  }
  return tokens;
}

/** An ARN ends in `:alarm:<name>`. */
function alarmName(text: string): string {
  return /^arn:[^:]+:cloudwatch:[^:]*:\d{12}:alarm:(.+)$/.exec(text)?.[1] ?? text;
}
