import { AwsError } from "../service.ts";
import type { ErrorSchema } from "./schema.ts";
import type { ServiceDescription } from "./describe.ts";

/** An error as it goes over the wire, with what the service's schemas know of its code. */
export interface WireError {
  readonly status: number;
  readonly message: string;
  /** Shape name where the code has a shape, else the code itself. */
  readonly shape: string;
  /** The code of query and XML protocols. */
  readonly queryCode: string;
  readonly fault: "Sender" | "Receiver";
  readonly schema: ErrorSchema | undefined;
  /** Members beside the message. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Completes an error from the service's schemas: status, query code and fault. A code without a shape keeps the status
 * it was thrown with, or 400. `fields.$headers` go out as headers (S3 sends `x-amz-delete-marker` with a 404).
 */
export function wireError(service: ServiceDescription, error: AwsError): WireError {
  const schema = service.errors.get(error.code);
  const status = error.status ?? schema?.status ?? (schema?.fault === "server" ? 500 : 400);
  const { $headers, ...fields } = error.fields;
  return {
    status,
    message: error.message,
    shape: schema?.name ?? error.code,
    queryCode: schema?.queryCode ?? error.code,
    fault: status >= 500 ? "Receiver" : "Sender",
    schema,
    fields,
    headers: ($headers ?? {}) as Record<string, string>,
  };
}

/** An operation that AWS has and this runtime does not. */
export function notImplemented(service: string, operation: string): AwsError {
  return new AwsError(
    "NotImplemented",
    `${service}: the operation ${operation} is not implemented by the local runtime.`,
    { status: 501 },
  );
}

export function malformedUri(text: string): AwsError {
  return new AwsError("InvalidURI", `Couldn't parse the specified URI: ${text}`, { status: 400 });
}

/** Decodes one percent-encoded piece of a URI; what is malformed is the client's mistake. */
export function decodeUri(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformedUri(text);
  }
}
