import { AwsError } from "../../service.ts";

export function queueDoesNotExist(): AwsError {
  return new AwsError("QueueDoesNotExist", "The specified queue does not exist.");
}

export function invalidParameterValue(message: string): AwsError {
  return new AwsError("InvalidParameterValue", message, { status: 400 });
}

/** The form in which SQS refuses most values. */
export function invalidValue(parameter: string, value: unknown, reason: string): AwsError {
  return invalidParameterValue(`Value ${String(value)} for parameter ${parameter} is invalid. Reason: ${reason}`);
}

export function missingParameter(name: string): AwsError {
  return new AwsError("MissingParameter", `The request must contain the parameter ${name}.`, { status: 400 });
}

export function receiptHandleIsInvalid(handle: string): AwsError {
  return new AwsError("ReceiptHandleIsInvalid", `The input receipt handle "${handle}" is not a valid receipt handle.`);
}

export function messageNotInflight(): AwsError {
  return new AwsError("MessageNotInflight", "The specified message isn't in flight.");
}

/** What AWS has and the local runtime does not. */
export function unsupported(what: string, instead: string): AwsError {
  return new AwsError("UnsupportedOperation", `${what} is not supported by the local runtime: ${instead}`);
}
