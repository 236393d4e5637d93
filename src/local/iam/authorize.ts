import type { AuthorizationRequest } from "../bus.ts";
import { AwsError } from "../service.ts";

export interface Decision {
  readonly allowed: boolean;
  /** Why, in words for the person whose call was refused. */
  readonly reason: string;
}

/** Decides every call, whether it came over HTTP or from another service. */
export type Authorize = (request: AuthorizationRequest) => Decision;

/**
 * The one place where permissions are decided. Policies are stored (services/iam) but not evaluated yet, so every
 * call of a known principal is allowed; the dispatcher already asks with the principal, action and resource that
 * evaluation needs.
 */
export function createAuthorize(): Authorize {
  return () => ({ allowed: true, reason: "policies are not evaluated by this version" });
}

/** AWS's answer to a call that no policy allows. */
export function accessDenied(request: AuthorizationRequest, reason: string): AwsError {
  const who = request.principal.kind === "service" ? request.principal.service : request.principal.arn;
  return new AwsError(
    request.action.startsWith("s3:") || !request.action.startsWith("sns:") ? "AccessDenied" : "AuthorizationError",
    `User: ${who} is not authorized to perform: ${request.action} on resource: ${request.resourceArn} because ${reason}`,
    { status: 403 },
  );
}
