import type { FunctionError } from "../../lambda/invocation.ts";
import { VERSION } from "../../lambda/function-configuration.ts";
import type { Principal, ServiceDeps } from "../../service.ts";
import { unsupported } from "./errors.ts";
import { parseArn, queueUrlOf } from "./names.ts";
import type { AsyncEvent } from "./store.ts";

/** How an asynchronous invocation ended. */
export interface Outcome {
  readonly condition: "Success" | "RetriesExhausted" | "EventAgeExceeded";
  /** What the function last answered; undefined when it was never reached. */
  readonly payload: string | undefined;
}

const SERVICES = ["sqs", "sns", "lambda", "events"];

/** Refuses, by name, what a destination cannot be here. */
export function checkDestination(arn: string, allowed: readonly string[] = SERVICES): void {
  const { service } = parseArn(arn);
  if (!allowed.includes(service)) throw unsupported(`Destination ${arn}`, `use one of ${allowed.join(", ")}.`);
}

/** Delivers the record of an asynchronous invocation to an on-success or on-failure destination, as the function's role. */
export async function deliverRecord(
  deps: ServiceDeps,
  principal: Principal,
  destinationArn: string,
  functionArn: string,
  event: AsyncEvent,
  outcome: Outcome,
): Promise<void> {
  const { bus, environment, clock } = deps;
  const record = JSON.stringify(destinationRecord(clock.now(), functionArn, event, outcome));
  const { service, resource } = parseArn(destinationArn);
  switch (service) {
    case "sqs":
      await bus.call(
        "sqs:SendMessage",
        { QueueUrl: queueUrlOf(environment, destinationArn), MessageBody: record },
        principal,
      );
      return;
    case "sns":
      await bus.call("sns:Publish", { TopicArn: destinationArn, Message: record }, principal);
      return;
    case "lambda":
      await bus.call(
        "lambda:Invoke",
        { FunctionName: destinationArn, InvocationType: "Event", Payload: Buffer.from(record) },
        principal,
      );
      return;
    case "events": {
      const entry = {
        Source: "lambda",
        DetailType: `Lambda Function Invocation Result - ${outcome.condition === "Success" ? "Success" : "Failure"}`,
        Detail: record,
        Resources: [destinationArn, `${functionArn}:${VERSION}`],
        EventBusName: resource.replace(/^event-bus\//, ""),
      };
      const result = await bus.call("events:PutEvents", { Entries: [entry] }, principal);
      const refused = result.Entries?.find(({ ErrorCode }) => ErrorCode !== undefined);
      if (refused) throw new Error(`${refused.ErrorCode}: ${refused.ErrorMessage}`);
      return;
    }
    default:
      checkDestination(destinationArn);
  }
}

/** https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html */
function destinationRecord(now: number, functionArn: string, event: AsyncEvent, outcome: Outcome): object {
  const failed = outcome.condition !== "Success";
  return {
    version: "1.0",
    timestamp: new Date(now).toISOString(),
    requestContext: {
      requestId: event.requestId,
      functionArn: `${functionArn}:${VERSION}`,
      condition: outcome.condition,
      approximateInvokeCount: event.attempts,
    },
    requestPayload: JSON.parse(event.payload) as unknown,
    ...(outcome.payload !== undefined && {
      responseContext: {
        statusCode: 200,
        executedVersion: VERSION,
        ...(failed && { functionError: "Unhandled" }),
      },
      responsePayload: JSON.parse(outcome.payload) as unknown,
    }),
  };
}

/** Sends an event that was given up to the function's own dead-letter queue or topic, as the function's role. */
export async function deliverDeadLetter(
  deps: ServiceDeps,
  principal: Principal,
  targetArn: string,
  event: AsyncEvent,
  error: FunctionError & { code: number },
): Promise<void> {
  // https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
  const attribute = (DataType: string, value: string) => ({ DataType, StringValue: value });
  const MessageAttributes = {
    RequestID: attribute("String", event.requestId),
    ErrorCode: attribute("Number", String(error.code)),
    ...(error.errorMessage && { ErrorMessage: attribute("String", error.errorMessage.slice(0, 1024)) }),
  };
  const { bus, environment } = deps;
  if (parseArn(targetArn).service === "sns") {
    await bus.call("sns:Publish", { TopicArn: targetArn, Message: event.payload, MessageAttributes }, principal);
    return;
  }
  const QueueUrl = queueUrlOf(environment, targetArn);
  await bus.call("sqs:SendMessage", { QueueUrl, MessageBody: event.payload, MessageAttributes }, principal);
}
