import { z } from "zod";
import { AwsError } from "../../service.ts";
import { invalidValue, unsupported } from "./errors.ts";

/** Attributes that can be set, as text; what was not set has its default. */
export type QueueAttributes = Readonly<Record<string, string>>;

/** Ranges and defaults: facts of the SQS API reference, SetQueueAttributes. */
const NUMBERS: Readonly<Record<string, { min: number; max: number; default: number }>> = {
  VisibilityTimeout: { min: 0, max: 43_200, default: 30 },
  MaximumMessageSize: { min: 1_024, max: 1_048_576, default: 1_048_576 },
  MessageRetentionPeriod: { min: 60, max: 1_209_600, default: 345_600 },
  DelaySeconds: { min: 0, max: 900, default: 0 },
  ReceiveMessageWaitTimeSeconds: { min: 0, max: 20, default: 0 },
};

export const DEFAULT_ATTRIBUTES: QueueAttributes = {
  ...Object.fromEntries(Object.entries(NUMBERS).map(([name, range]) => [name, String(range.default)])),
  SqsManagedSseEnabled: "true",
};

const FIFO = ["FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"];
const KMS = ["KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"];
const DOCUMENTS = ["Policy", "RedrivePolicy", "RedriveAllowPolicy"];

const redrivePolicySchema = z.strictObject({
  deadLetterTargetArn: z.string(),
  maxReceiveCount: z.coerce.number().int().min(1).max(1_000).default(10),
});

const redriveAllowPolicySchema = z.strictObject({
  redrivePermission: z.enum(["allowAll", "denyAll", "byQueue"]).default("allowAll"),
  sourceQueueArns: z.array(z.string()).max(10).optional(),
});

export interface RedrivePolicy {
  deadLetterTargetArn: string;
  maxReceiveCount: number;
}

export interface RedriveAllowPolicy {
  redrivePermission: "allowAll" | "denyAll" | "byQueue";
  sourceQueueArns?: string[] | undefined;
}

export function parseRedrivePolicy(text: string | undefined): RedrivePolicy | undefined {
  return text ? parseDocument("RedrivePolicy", text, redrivePolicySchema) : undefined;
}

export function parseRedriveAllowPolicy(text: string | undefined): RedriveAllowPolicy {
  return text ? parseDocument("RedriveAllowPolicy", text, redriveAllowPolicySchema) : { redrivePermission: "allowAll" };
}

/**
 * The attributes of a queue after `changes`. An empty document (`Policy: ""`) takes the attribute away.
 * Refuses names and values as SQS does; whether a dead-letter target exists is for the caller to check.
 */
export function changeAttributes(
  current: QueueAttributes,
  changes: Partial<Record<string, string>>,
): Record<string, string> {
  const next: Record<string, string> = { ...current };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) continue;
    checkAttribute(name, value);
    if (DOCUMENTS.includes(name) && value === "") delete next[name];
    else next[name] = value;
  }
  return next;
}

function checkAttribute(name: string, value: string): void {
  const range = NUMBERS[name];
  if (range) {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= range.min && number <= range.max)) {
      throw new AwsError("InvalidAttributeValue", `Invalid value for the parameter ${name}.`);
    }
    return;
  }
  if (name === "SqsManagedSseEnabled") {
    if (value !== "true" && value !== "false") {
      throw new AwsError("InvalidAttributeValue", `Invalid value for the parameter ${name}.`);
    }
    return;
  }
  if (FIFO.includes(name)) throw unsupported(`Attribute ${name}`, "only standard queues run locally.");
  if (KMS.includes(name)) throw unsupported(`Attribute ${name}`, "use SqsManagedSseEnabled (SSE-SQS), the default.");
  if (!DOCUMENTS.includes(name)) throw new AwsError("InvalidAttributeName", `Unknown Attribute ${name}.`);
  if (value === "") return;
  if (name === "RedrivePolicy") parseRedrivePolicy(value);
  else if (name === "RedriveAllowPolicy") parseRedriveAllowPolicy(value);
  else parseDocument(name, value, z.looseObject({ Statement: z.unknown() }));
}

function parseDocument<T>(name: string, text: string, schema: z.ZodType<T>): T {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw invalidValue(name, text, "The document is not valid JSON.");
  }
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw invalidValue(name, text, `${issue?.path.join(".") ?? "document"}: ${issue?.message ?? "invalid"}.`);
}
