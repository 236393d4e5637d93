import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compilePattern } from "../../src/local/services/events/pattern.ts";
import { PatternError } from "../../src/local/services/events/pattern-error.ts";

/**
 * What EventBridge's TestEventPattern answered, where the recordings are on this machine (they are not ours to ship):
 * a name that ends in _NEG did not match, one in _EXC was refused, the rest matched.
 */
const FOLDER = process.env["MILLRACE_RECORDED"] ?? join(import.meta.dirname, "../../../shared/recorded");
const folder = join(FOLDER, "event-patterns");
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json5")) : [];

/** JSON5 as far as the recordings use it: comments on lines of their own and trailing commas. */
function parse(text: string): { Event: unknown; EventPattern: unknown } {
  const plain = text.replaceAll(/^\s*\/\/.*$/gm, "").replaceAll(/,(\s*[}\]])/g, "$1");
  return JSON.parse(plain) as { Event: unknown; EventPattern: unknown };
}

function answer(pattern: unknown, event: unknown): string {
  try {
    return compilePattern(pattern)(event) ? "matches" : "does not match";
  } catch (error) {
    if (error instanceof PatternError) return "refused";
    throw error;
  }
}

describe.skipIf(files.length === 0)("event patterns as EventBridge answered them", () => {
  test.each(files)("%s", (file) => {
    const { Event, EventPattern } = parse(readFileSync(join(folder, file), "utf8"));
    const [, suffix] = /_(NEG|EXC)\.json5$/.exec(file) ?? [];
    const recorded = suffix === "EXC" ? "refused" : suffix === "NEG" ? "does not match" : "matches";
    expect(answer(EventPattern, Event)).toBe(recorded);
  });
});
