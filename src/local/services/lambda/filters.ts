import { compilePattern } from "../events/pattern.ts";
import { PatternError } from "../events/pattern-error.ts";
import { invalidParameter } from "./errors.ts";
import type { SqsRecord } from "./sqs-records.ts";

/**
 * A mapping's filters as one test: a record passes when any of them matches, or when there are none. A body that is a
 * JSON document is matched as such, any other as text
 * (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html).
 */
export function compileFilters(patterns: readonly string[]): (record: SqsRecord) => boolean {
  if (patterns.length === 0) return () => true;
  const matchers = patterns.map(compileFilter);
  return (record) => {
    const event = { ...record, body: parsedBody(record.body) };
    return matchers.some((matches) => matches(event));
  };
}

function compileFilter(pattern: string): (event: unknown) => boolean {
  try {
    return compilePattern(JSON.parse(pattern));
  } catch (error) {
    if (!(error instanceof PatternError) && !(error instanceof SyntaxError)) throw error;
    throw invalidParameter("Invalid filter pattern definition.");
  }
}

function parsedBody(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return body;
  }
}
