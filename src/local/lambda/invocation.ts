export interface InvocationRequest {
  readonly requestId: string;
  /** JSON text: the event. */
  readonly payload: string;
  /** JSON text, of a synchronous call that has one. */
  readonly clientContext?: string | undefined;
}

export interface InvocationResult {
  /** JSON text: the answer, or the error as `{errorType, errorMessage, trace?}`. */
  readonly payload: string;
  readonly status: "success" | "error" | "timeout";
  /** The last 4 KB of the invocation's log. */
  readonly logTail: string;
  readonly durationMs: number;
}

/** An error that Lambda itself reports for a function, not its code. */
export function failurePayload(errorType: string, requestId: string, message: string): string {
  return JSON.stringify({ errorType, errorMessage: `RequestId: ${requestId} Error: ${message}` });
}

export interface FunctionError {
  readonly errorType?: string;
  readonly errorMessage?: string;
}

/** What a failed invocation's payload says, as far as it follows the convention. */
export function functionErrorOf(payload: string): FunctionError {
  const document = JSON.parse(payload) as Record<string, unknown> | null;
  const text = (value: unknown) => (typeof value === "string" ? { value } : undefined)?.value;
  return { errorType: text(document?.["errorType"]), errorMessage: text(document?.["errorMessage"]) };
}
