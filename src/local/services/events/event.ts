import type { PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import type { Environment, Principal } from "../../service.ts";

/** An event as rules see it and targets get it; members in the order in which AWS writes them. */
export interface EventEnvelope {
  readonly version: "0";
  readonly id: string;
  readonly "detail-type": string;
  readonly source: string;
  readonly account: string;
  /** UTC, to the second. */
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: unknown;
}

/** Why an entry of PutEvents is refused, in the answer's own words. */
export interface RefusedEntry {
  readonly ErrorCode: string;
  readonly ErrorMessage: string;
}

const MAX_DETAIL_TYPE = 128;

/** Checks one entry and makes it an event, or says why not. Sources `aws.*` belong to AWS's own services. */
export function acceptEntry(
  entry: PutEventsRequestEntry,
  options: { environment: Environment; principal: Principal; id: string; now: number },
): EventEnvelope | RefusedEntry {
  const { environment, principal, id, now } = options;
  const missing = (["Source", "DetailType", "Detail"] as const).find((name) => !entry[name]);
  if (missing) {
    return invalid(`Parameter ${missing} is not valid. Reason: ${missing} is a required argument.`);
  }
  const { Source = "", DetailType = "", Detail = "" } = entry;
  if (DetailType.length > MAX_DETAIL_TYPE) {
    return invalid(`Parameter DetailType is not valid. Reason: must be at most ${MAX_DETAIL_TYPE} characters.`);
  }
  if (Source.startsWith("aws.") && principal.kind !== "service") {
    return { ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source." };
  }
  const detail = parseObject(Detail);
  if (!detail) return { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
  return makeEvent(
    { source: Source, detailType: DetailType, resources: entry.Resources ?? [], detail },
    { environment, id, time: entry.Time?.getTime() ?? now },
  );
}

export function makeEvent(
  content: { source: string; detailType: string; resources: readonly string[]; detail: unknown },
  options: { environment: Environment; id: string; time: number },
): EventEnvelope {
  return {
    version: "0",
    id: options.id,
    "detail-type": content.detailType,
    source: content.source,
    account: options.environment.account,
    time: formatTime(options.time),
    region: options.environment.region,
    resources: content.resources,
    detail: content.detail,
  };
}

/** UTC to the second: `2026-11-24T08:05:00Z`. */
export function formatTime(time: number): string {
  return new Date(time).toISOString().replace(/\.\d{3}Z$/, "Z");
}

function invalid(ErrorMessage: string): RefusedEntry {
  return { ErrorCode: "InvalidArgument", ErrorMessage };
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
