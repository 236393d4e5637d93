import type { z } from "zod";
import type { ResourceProvider } from "../service.ts";
import type { Finding } from "./findings.ts";

type Json = Record<string, unknown>;

export interface ParsedProperties {
  /** What the provider's schema made of the properties; undefined when it refused them. */
  readonly value: unknown;
  readonly ignored: readonly Finding[];
  readonly refused: readonly Finding[];
}

/**
 * Parses a resource's evaluated properties by its provider's schema. What the schema does not name but `ignored` does
 * is left out with its reason (`Path=value` speaks of one value only); what neither names is refused by name. `isUnknown` marks values that only provisioning
 * can know: what the schema says about those is not held against the template.
 */
export function parseProperties(
  provider: ResourceProvider,
  properties: Json,
  where: string,
  isUnknown: (value: unknown) => boolean = () => false,
): ParsedProperties {
  const ignoredHere = Object.entries(provider.ignored ?? {}).filter(([path]) => appliesTo(path, properties));
  const ignored = ignoredHere.map(([path, message]) => ({ where: `${where}.${path}`, message }));
  const paths = ignoredHere.map(([path]) => path);
  let parsed = tryParse(provider.schema, properties);
  if (!parsed.success && paths.length > 0) {
    // Only what the schema does not know is taken out: some ignored properties are kept to be shown.
    const unknown = unrecognized(parsed.error.issues).map((path) => path.map(String));
    const strangers = paths.filter((path) => unknown.some((found) => covers(path.split("."), found)));
    const rest = structuredClone(properties);
    for (const path of strangers) removePath(rest, path.split("."));
    parsed = tryParse(provider.schema, rest);
  }
  if (parsed.success) return { value: parsed.data, ignored, refused: [] };
  const refused = parsed.error.issues.flatMap((issue) => findingsOf(issue, properties, where, isUnknown));
  return { value: undefined, ignored, refused };
}

function tryParse(schema: z.ZodType, properties: Json) {
  // A schema's transforms must not see the caller's object.
  return schema.safeParse(structuredClone(properties));
}

type Issue = z.core.$ZodIssue;

/** Paths of every key that no branch of the schema knows. */
function unrecognized(issues: readonly Issue[]): PropertyKey[][] {
  return issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") return issue.keys.map((key) => [...issue.path, key]);
    if (issue.code === "invalid_union") {
      return issue.errors.flatMap((branch) => unrecognized(branch).map((path) => [...issue.path, ...path]));
    }
    return [];
  });
}

function findingsOf(issue: Issue, properties: Json, where: string, isUnknown: (value: unknown) => boolean): Finding[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      where: [where, ...issue.path, key].join("."),
      message: `the property ${key} is not supported by the local runtime.`,
    }));
  }
  if (issue.code === "invalid_union") {
    // The branch that came closest: the one whose complaints are about keys or values, not about the kind of value.
    const branches = issue.errors.filter((branch) => branch.some((inner) => inner.path.length > 0));
    const closest = branches.toSorted((a, b) => a.length - b.length)[0];
    if (closest) {
      const deeper = closest.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
      return deeper.flatMap((inner) => findingsOf(inner, properties, where, isUnknown));
    }
  }
  const value = issue.path.reduce<unknown>((item, key) => (item as Json | undefined)?.[key as string], properties);
  if (isUnknown(value)) return [];
  return [{ where: [where, ...issue.path].join("."), message: issue.message }];
}

function appliesTo(ignored: string, properties: Json): boolean {
  const [path = "", value] = ignored.split("=");
  return hasPath(properties, path.split(".")) && (value === undefined || String(properties[path]) === value);
}

function hasPath(value: unknown, [head, ...rest]: readonly string[]): boolean {
  if (head === undefined) return true;
  if (Array.isArray(value)) return head === "*" && value.some((item) => hasPath(item, rest));
  if (typeof value !== "object" || value === null) return false;
  return Object.hasOwn(value, head) && hasPath((value as Json)[head], rest);
}

/** Does an ignored path (`A.*.B`) speak of this place, or of something around it? */
function covers(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.length <= path.length
    ? pattern.every((part, index) => part === "*" || part === path[index])
    : path.every((part, index) => pattern[index] === "*" || pattern[index] === part);
}

function removePath(value: unknown, [head, ...rest]: readonly string[]): void {
  if (head === undefined || typeof value !== "object" || value === null) return;
  if (head === "*") {
    if (Array.isArray(value)) for (const item of value) removePath(item, rest);
  } else if (rest.length === 0) delete (value as Json)[head];
  else removePath((value as Json)[head], rest);
}
