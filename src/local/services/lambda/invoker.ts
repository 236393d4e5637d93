import type { InvokeCommandInput, InvokeCommandOutput } from "@aws-sdk/client-lambda";
import { MAX_SYNCHRONOUS_PAYLOAD, VERSION } from "../../lambda/function-configuration.ts";
import type { LambdaHost } from "../../lambda/host.ts";
import type { InvocationRequest, InvocationResult } from "../../lambda/invocation.ts";
import { AwsError, type CallContext } from "../../service.ts";
import type { AsyncEvents } from "./async-events.ts";
import { invalidParameter, invalidPayload, payloadTooLarge, unsupported } from "./errors.ts";
import type { Functions } from "./functions.ts";
import type { LambdaMetrics } from "./metrics.ts";

/** Of an asynchronous payload, in bytes. */
const MAX_ASYNCHRONOUS_PAYLOAD = 1024 * 1024;

/** Runs a function as it is now, and counts it. */
export class Invoker {
  readonly #functions: Functions;
  readonly #host: LambdaHost;
  readonly #metrics: LambdaMetrics;

  constructor(functions: Functions, host: LambdaHost, metrics: LambdaMetrics) {
    this.#functions = functions;
    this.#host = host;
    this.#metrics = metrics;
  }

  /** Rejects with TooManyRequestsException or ResourceNotFoundException; a function that fails is a result. */
  async invoke(functionName: string, request: InvocationRequest): Promise<InvocationResult> {
    const configuration = this.#functions.configuration(this.#functions.find(functionName));
    let result: InvocationResult;
    try {
      const running = this.#host.invoke(configuration, request);
      this.#metrics.add(functionName, "ConcurrentExecutions", this.#host.busy(functionName));
      result = await running;
    } catch (error) {
      if (isThrottle(error)) this.#metrics.add(functionName, "Throttles");
      throw error;
    }
    this.#metrics.add(functionName, "Invocations");
    this.#metrics.add(functionName, "Errors", result.status === "success" ? 0 : 1);
    this.#metrics.add(functionName, "Duration", result.durationMs);
    return result;
  }
}

export function isThrottle(error: unknown): boolean {
  return error instanceof AwsError && error.code === "TooManyRequestsException";
}

/** The operation Invoke, in its three forms. */
export function createInvokeOperation(functions: Functions, invoker: Invoker, events: AsyncEvents) {
  return {
    async Invoke(input: InvokeCommandInput, context: CallContext): Promise<Omit<InvokeCommandOutput, "$metadata">> {
      for (const name of ["TenantId", "DurableExecutionName"] as const) {
        if (input[name] !== undefined) throw unsupported(`Invoke.${name}`, "leave it out.");
      }
      const { name } = functions.find(input.FunctionName, input.Qualifier);
      const type = input.InvocationType ?? "RequestResponse";
      const payload = payloadText(input.Payload, type === "Event" ? MAX_ASYNCHRONOUS_PAYLOAD : MAX_SYNCHRONOUS_PAYLOAD);
      switch (type) {
        case "DryRun":
          return { StatusCode: 204 };
        case "Event":
          events.accept({ functionName: name, requestId: context.requestId, payload });
          return { StatusCode: 202 };
        case "RequestResponse": {
          const clientContext = clientContextText(input.ClientContext);
          const result = await invoker.invoke(name, { requestId: context.requestId, payload, clientContext });
          return {
            StatusCode: 200,
            ExecutedVersion: VERSION,
            Payload: blob(result.payload),
            ...(result.status !== "success" && { FunctionError: "Unhandled" }),
            ...(input.LogType === "Tail" && { LogResult: Buffer.from(result.logTail).toString("base64") }),
          };
        }
        default:
          throw invalidParameter(`InvocationType ${String(type)} is not RequestResponse, Event or DryRun`);
      }
    },
  };
}

/** A payload as the SDK hands it to callers, so that one on the bus gets what a client gets. */
function blob(text: string): Uint8Array & { transformToString(encoding?: BufferEncoding): string } {
  const bytes = Buffer.from(text);
  return Object.assign(bytes, { transformToString: (encoding?: BufferEncoding) => bytes.toString(encoding) });
}

function payloadText(payload: InvokeCommandInput["Payload"], limit: number): string {
  if (payload === undefined) return "{}";
  // Not Buffer.from(view): that would copy it, and warns about the SDK's own kind of Uint8Array.
  const bytes = ArrayBuffer.isView(payload)
    ? Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    : Buffer.from(payload as string);
  if (bytes.length === 0) return "{}";
  if (bytes.length > limit) throw payloadTooLarge(limit, bytes.length);
  const text = bytes.toString();
  try {
    JSON.parse(text);
  } catch (error) {
    throw invalidPayload(error instanceof Error ? error.message : String(error));
  }
  return text;
}

/** X-Amz-Client-Context carries JSON in base64. */
function clientContextText(encoded: string | undefined): string | undefined {
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString();
  try {
    JSON.parse(text);
    return text;
  } catch {
    throw invalidPayload("the client context is not JSON in base64");
  }
}
