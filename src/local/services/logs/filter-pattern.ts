import { invalidParameter, unsupported } from "./errors.ts";
import { parseJsonPattern } from "./json-pattern.ts";

/**
 * Compiles a filter pattern into a test of messages: terms (`ERROR`, `"a phrase"`, `-not`, `?either`, `%regex%`) or a
 * condition on JSON (`{ $.level = "error" && $.ms > 100 }`). An empty pattern matches everything.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
export function compileFilterPattern(pattern: string): (message: string) => boolean {
  const text = pattern.trim();
  if (text === "") return () => true;
  if (text.startsWith("[")) {
    throw unsupported("A space-delimited filter pattern", "filter by terms or by JSON fields.");
  }
  if (text.startsWith("{")) {
    const matches = parseJsonPattern(text);
    return (message) => {
      const value = parse(message);
      return value !== undefined && matches(value);
    };
  }
  return compileTerms(text);
}

interface Terms {
  readonly required: ((message: string) => boolean)[];
  readonly excluded: ((message: string) => boolean)[];
  readonly either: ((message: string) => boolean)[];
}

function compileTerms(text: string): (message: string) => boolean {
  const terms: Terms = { required: [], excluded: [], either: [] };
  let rest = text;
  while (rest !== "") {
    const match = /^([-?]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|([\w.:/@#$=*-]+))(?:\s+|$)/.exec(rest);
    if (!match) throw invalidParameter(`Invalid filter pattern near: ${rest}`);
    const [whole, sign, phrase, expression, word] = match;
    const test =
      expression === undefined ? contains(phrase?.replaceAll(/\\(.)/g, "$1") ?? word ?? "") : regex(expression);
    if (sign === "-") terms.excluded.push(test);
    else if (sign === "?") terms.either.push(test);
    else terms.required.push(test);
    rest = rest.slice(whole.length);
  }
  return (message) =>
    terms.required.every((test) => test(message)) &&
    !terms.excluded.some((test) => test(message)) &&
    // As on AWS, "either" terms count only when there are no others.
    (terms.either.length === 0 || terms.required.length > 0 || terms.either.some((test) => test(message)));
}

function contains(term: string): (message: string) => boolean {
  return (message) => message.includes(term);
}

function regex(source: string): (message: string) => boolean {
  try {
    const expression = new RegExp(source);
    return (message) => expression.test(message);
  } catch {
    throw invalidParameter(`Invalid regular expression in filter pattern: ${source}`);
  }
}

function parse(message: string): unknown {
  if (!message.trimStart().startsWith("{") && !message.trimStart().startsWith("[")) return undefined;
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
}
