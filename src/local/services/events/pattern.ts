import { compileExpression } from "./pattern-expressions.ts";
import type { Expression } from "./pattern-expressions.ts";
import { PatternError } from "./pattern-error.ts";

/** Alternatives of one field (any may match), under the path of that field. */
interface FieldTest {
  readonly path: string;
  readonly alternatives: readonly Expression[];
}

/** All of these must match, in this order. A pattern with `$or` is several such rules of which one must match. */
type Rule = readonly FieldTest[];

interface Field {
  readonly value: unknown;
  /** Which element of which array this field lies in. */
  readonly elements: ReadonlyMap<number, number>;
}

type Fields = ReadonlyMap<string, readonly Field[]>;

/** Joins the names of a path; no JSON text that people write has it in a name. */
const SEPARATOR = "\u0000";
/** `$or` multiplies rules; EventBridge stops at this many. */
const MAX_RULES = 1_000;

/**
 * Compiles an event pattern into a test of events, as the matcher that EventBridge runs does it
 * (https://github.com/aws/event-ruler): events are flattened into fields; arrays are walked through, and fields of one
 * array match together only when they come from the same element; a field that is absent matches nothing but
 * `{"exists": false}`. SNS uses the same for the bodies of messages.
 * Throws `PatternError` with the reason when the pattern is not one.
 */
export function compilePattern(pattern: unknown): (event: unknown) => boolean {
  const rules = compileObject(pattern, "", []).map((rule) =>
    [...rule].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)),
  );
  return (event) => {
    const fields = flatten(event);
    return rules.some((rule) => matches(rule, 0, fields, new Map()));
  };
}

function compileObject(pattern: unknown, path: string, name: readonly string[]): Rule[] {
  if (!isObject(pattern)) throw new PatternError(`${describe(name)} must be an object or an array`);
  const entries = Object.entries(pattern);
  if (entries.length === 0) throw new PatternError("Empty objects are not allowed");
  let rules: Rule[] = [[]];
  for (const [key, value] of entries) {
    const keyName = [...name, key];
    rules = combine(
      rules,
      key === "$or" ? compileOr(value, path, name) : compileField(value, join(path, key), keyName),
    );
  }
  return rules;
}

function compileOr(alternatives: unknown, path: string, name: readonly string[]): Rule[] {
  if (!Array.isArray(alternatives) || alternatives.length < 2) {
    throw new PatternError("There must have at least 2 Objects in $or relationship");
  }
  return alternatives.flatMap((alternative) => compileObject(alternative, path, name));
}

function compileField(value: unknown, path: string, name: readonly string[]): Rule[] {
  if (!Array.isArray(value)) return compileObject(value, path, name);
  if (value.length === 0) throw new PatternError("Empty arrays are not allowed");
  return [[{ path, alternatives: value.map((expression) => compileExpression(expression)) }]];
}

function combine(left: readonly Rule[], right: readonly Rule[]): Rule[] {
  if (left.length * right.length > MAX_RULES) throw new PatternError(`More than ${MAX_RULES} combinations of $or`);
  return left.flatMap((first) => right.map((second) => [...first, ...second]));
}

/** Looks for one field per test, all of them in array elements that go together. */
function matches(rule: Rule, index: number, fields: Fields, elements: ReadonlyMap<number, number>): boolean {
  const test = rule[index];
  if (!test) return true;
  const candidates = (fields.get(test.path) ?? []).flatMap((field) => {
    const together = merge(elements, field.elements);
    return together ? [{ value: field.value, elements: together }] : [];
  });
  if (candidates.length === 0) {
    return (
      test.alternatives.some((alternative) => alternative.matchesAbsence) && matches(rule, index + 1, fields, elements)
    );
  }
  return candidates.some(
    (candidate) =>
      test.alternatives.some((alternative) => alternative.matches(candidate.value)) &&
      matches(rule, index + 1, fields, candidate.elements),
  );
}

/** The elements of both, or undefined when they are different elements of one array. */
function merge(
  a: ReadonlyMap<number, number>,
  b: ReadonlyMap<number, number>,
): ReadonlyMap<number, number> | undefined {
  if (b.size === 0) return a;
  const both = new Map(a);
  for (const [array, element] of b) {
    if ((both.get(array) ?? element) !== element) return undefined;
    both.set(array, element);
  }
  return both;
}

function flatten(event: unknown): Fields {
  const fields = new Map<string, Field[]>();
  let arrays = 0;
  const walk = (value: unknown, path: string, elements: ReadonlyMap<number, number>): void => {
    if (Array.isArray(value)) {
      const array = arrays++;
      for (const [index, item] of value.entries()) walk(item, path, new Map(elements).set(array, index));
    } else if (isObject(value)) {
      for (const [key, item] of Object.entries(value)) walk(item, join(path, key), elements);
    } else {
      const same = fields.get(path);
      if (same) same.push({ value, elements });
      else fields.set(path, [{ value, elements }]);
    }
  };
  walk(event, "", new Map());
  return fields;
}

function join(path: string, key: string): string {
  return path === "" ? key : path + SEPARATOR + key;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function describe(name: readonly string[]): string {
  return name.length > 0 ? `"${name.at(-1)}"` : "The pattern";
}
