import { AwsError } from "../../service.ts";

export function validationError(message: string): AwsError {
  return new AwsError("ValidationException", message, { status: 400 });
}

export function resourceNotFound(message: string): AwsError {
  return new AwsError("ResourceNotFoundException", message);
}

/** What AWS has and the local runtime does not. */
export function unsupported(what: string, instead: string): AwsError {
  return validationError(`${what} is not supported by the local runtime: ${instead}`);
}
