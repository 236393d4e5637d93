import { AwsError } from "../../service.ts";

export function invalidParameterValue(message: string): AwsError {
  return new AwsError("InvalidParameterValueException", message);
}

export function invalidParameterCombination(message: string): AwsError {
  return new AwsError("InvalidParameterCombinationException", message);
}

export function missingParameter(name: string): AwsError {
  return new AwsError("MissingRequiredParameterException", `The parameter ${name} is required.`);
}

export function validationError(message: string): AwsError {
  return new AwsError("ValidationException", message, { status: 400 });
}

/** What AWS has and the local runtime does not. */
export function unsupported(what: string, instead: string): AwsError {
  return validationError(`${what} is not supported by the local runtime: ${instead}`);
}
