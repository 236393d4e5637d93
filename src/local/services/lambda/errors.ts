import { AwsError } from "../../service.ts";

const user = { Type: "User" };

export function resourceNotFound(message: string): AwsError {
  return new AwsError("ResourceNotFoundException", message, { fields: user });
}

export function functionNotFound(functionArn: string): AwsError {
  return resourceNotFound(`Function not found: ${functionArn}`);
}

export function mappingNotFound(): AwsError {
  return resourceNotFound("The resource you requested does not exist.");
}

export function conflict(message: string): AwsError {
  return new AwsError("ResourceConflictException", message, { fields: user });
}

export function invalidParameter(message: string): AwsError {
  return new AwsError("InvalidParameterValueException", message, { fields: user });
}

export function invalidPayload(reason: string): AwsError {
  const message = `Could not parse request body into json: Could not parse payload into json: ${reason}`;
  return new AwsError("InvalidRequestContentException", message, { fields: user });
}

export function payloadTooLarge(limit: number, size: number): AwsError {
  const message = `Request must be smaller than ${limit} bytes for the InvokeFunction operation; this one has ${size}.`;
  return new AwsError("RequestTooLargeException", message, { fields: user });
}

/** What AWS has and the local runtime does not. */
export function unsupported(what: string, instead: string): AwsError {
  return invalidParameter(`${what} is not supported by the local runtime: ${instead}`);
}
