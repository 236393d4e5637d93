import type { Plan } from "../../plan/plan.ts";
import { datasetOf, isFolderMarker } from "../../plan/route.ts";
import type { ObjectEvent } from "../shared/s3-event.ts";

/** Where an event leads: to a dataset, to the list of what is ignored, or nowhere (and then it is only acknowledged). */
export type Route =
  | { readonly kind: "dataset"; readonly dataset: string; readonly key: string; readonly version: string }
  | { readonly kind: "ignore"; readonly key: string; readonly version: string; readonly reason: string }
  | { readonly kind: "acknowledge"; readonly reason: string };

/** Throws when the event is about another bucket, or one that is not versioned: then the stack is wired wrongly. */
export function route(plan: Plan, sourceBucket: string, event: ObjectEvent): Route {
  const { key, version } = event;
  if (event.bucket !== sourceBucket) {
    throw new Error(`the event is about the bucket ${event.bucket}; this pipeline reads ${sourceBucket}`);
  }
  if (!event.name.startsWith("ObjectCreated:")) return { kind: "acknowledge", reason: `${event.name} loads nothing` };
  if (version === undefined) throw new Error(`the bucket ${sourceBucket} is not versioned: turn versioning on`);
  if (isFolderMarker(key, event.size)) return { kind: "acknowledge", reason: "a folder marker" };
  const dataset = datasetOf(plan, key);
  if (dataset === undefined) {
    const prefixes = Object.values(plan.datasets).map(({ prefix }) => prefix);
    return { kind: "ignore", key, version, reason: `no dataset takes it: prefixes are ${prefixes.join(", ")}` };
  }
  return { kind: "dataset", dataset, key, version };
}
