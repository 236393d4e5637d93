import type { LifecycleRule, LifecycleRuleFilter } from "@aws-sdk/client-s3";
import { invalidArgument, invalidRequest, malformedXml } from "./errors.ts";
import type { ObjectVersion } from "./version-table.ts";

/** Throws for rules that S3 refuses; gives every rule an id. */
export function checkLifecycle(rules: LifecycleRule[], newId: () => string): LifecycleRule[] {
  if (rules.length === 0 || rules.length > 1000) throw malformedXml("A lifecycle configuration has 1 to 1,000 rules.");
  const named = rules.map((rule) => ({ ...rule, ID: rule.ID || newId() }));
  const ids = new Set<string>();
  for (const rule of named) {
    if (ids.has(rule.ID)) throw invalidArgument("Rule ID must be unique. Found same ID for more than one rule");
    ids.add(rule.ID);
    if (rule.Status !== "Enabled" && rule.Status !== "Disabled") {
      throw malformedXml("The Status of a lifecycle rule is Enabled or Disabled.");
    }
    const acts =
      rule.Expiration ??
      rule.NoncurrentVersionExpiration ??
      rule.AbortIncompleteMultipartUpload ??
      rule.Transitions ??
      rule.NoncurrentVersionTransitions;
    if (!acts) throw invalidRequest("At least one action needs to be specified in a rule");
    for (const days of [
      rule.Expiration?.Days,
      rule.NoncurrentVersionExpiration?.NoncurrentDays,
      rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation,
    ]) {
      if (days !== undefined && !(days > 0)) {
        throw invalidArgument("'Days' for Expiration action must be a positive integer");
      }
    }
  }
  return named;
}

/** Keys begin with what a rule says, in its filter or, as in old configurations, beside it. */
export function prefixOf(rule: LifecycleRule): string {
  return rule.Filter?.Prefix ?? rule.Filter?.And?.Prefix ?? rule.Prefix ?? "";
}

/** Does a rule's filter, its prefix apart, choose this version? */
export function chosenBy(filter: LifecycleRuleFilter | undefined, version: ObjectVersion): boolean {
  if (!filter) return true;
  const tags = [...(filter.Tag ? [filter.Tag] : []), ...(filter.And?.Tags ?? [])];
  const larger = filter.ObjectSizeGreaterThan ?? filter.And?.ObjectSizeGreaterThan;
  const smaller = filter.ObjectSizeLessThan ?? filter.And?.ObjectSizeLessThan;
  return (
    tags.every(({ Key, Value }) => version.details.tags.some((tag) => tag.Key === Key && tag.Value === Value)) &&
    (larger === undefined || version.size > larger) &&
    (smaller === undefined || version.size < smaller)
  );
}
