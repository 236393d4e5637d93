import { AwsError } from "../../service.ts";

export function invalidParameter(message: string): AwsError {
  return new AwsError("InvalidParameterException", message);
}

export function groupDoesNotExist(): AwsError {
  return new AwsError("ResourceNotFoundException", "The specified log group does not exist.");
}

export function streamDoesNotExist(): AwsError {
  return new AwsError("ResourceNotFoundException", "The specified log stream does not exist.");
}

/** What AWS has and the local runtime does not. */
export function unsupported(what: string, instead: string): AwsError {
  return invalidParameter(`${what} is not supported by the local runtime: ${instead}`);
}
