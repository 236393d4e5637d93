import type { Plan } from "./plan.ts";

/** The dataset that takes a key of SourceBucket: the one whose prefix is the longest that the key begins with. */
export function datasetOf(plan: Plan, key: string): string | undefined {
  let longest: { name: string; prefix: string } | undefined;
  for (const { name, prefix } of Object.values(plan.datasets)) {
    if (key.startsWith(prefix) && (!longest || prefix.length > longest.prefix.length)) longest = { name, prefix };
  }
  return longest?.name;
}

/** What consoles make for a "folder": no data, and never an object to account for. */
export function isFolderMarker(key: string, size: number | undefined): boolean {
  return key.endsWith("/") && size === 0;
}
