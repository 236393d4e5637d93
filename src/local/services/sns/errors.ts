import { AwsError } from "../../service.ts";

export function topicDoesNotExist(): AwsError {
  return new AwsError("NotFoundException", "Topic does not exist");
}

export function subscriptionDoesNotExist(): AwsError {
  return new AwsError("NotFoundException", "Subscription does not exist");
}

export function invalidParameter(reason: string): AwsError {
  return new AwsError("InvalidParameterException", `Invalid parameter: ${reason}`);
}

/** What AWS has and the local runtime does not. */
export function unsupported(what: string, instead: string): AwsError {
  return invalidParameter(`${what} is not supported by the local runtime: ${instead}`);
}
