import { AwsError } from "../service.ts";

const THROTTLING =
  /Throttl|TooManyRequests|LimitExceeded|OverLimit|ServiceUnavailable|InternalFailure|ServiceException/;

/**
 * May a delivery succeed when it is tried again? Not after what is the caller's fault: a target that is gone, a
 * permission that is missing, a message that is refused. Everything else is the target's and may pass.
 */
export function isRetryable(error: unknown): boolean {
  if (!(error instanceof AwsError)) return true;
  if (error.code === "NotImplemented") return false;
  return THROTTLING.test(error.code) || (error.status ?? 400) >= 500 || error.status === 429;
}
