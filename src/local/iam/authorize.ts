import type { AuthorizationRequest } from "../bus.ts";
import { AwsError } from "../service.ts";
import { statementMatches } from "./match.ts";
import type { PolicyDocument } from "./policy-document.ts";

export interface Decision {
  readonly allowed: boolean;
  /** Why, in words for the person whose call was refused. */
  readonly reason: string;
}

/** Decides every call, whether it came over HTTP or from another service. */
export type Authorize = (request: AuthorizationRequest) => Decision;

/** What the decision is made from. */
export interface Policies {
  /** Who may assume a role; undefined when there is no such role. */
  trustPolicy(roleArn: string): PolicyDocument | undefined;
}

/**
 * The one place where permissions are decided. Trust policies are evaluated: only who a role trusts can assume it.
 * Identity and resource policies are stored (services/iam) but not evaluated yet, so any other call of a known
 * principal is allowed; callers already ask with the principal, action and resource that evaluation needs.
 */
export function createAuthorize(policies: Policies): Authorize {
  return (request) => {
    if (request.action === "sts:AssumeRole") return mayAssume(request, policies.trustPolicy(request.resourceArn));
    return { allowed: true, reason: "identity and resource policies are not evaluated by this version" };
  };
}

function mayAssume(request: AuthorizationRequest, trust: PolicyDocument | undefined): Decision {
  if (!trust) return { allowed: false, reason: "there is no such role" };
  const matching = trust.statements.filter((statement) => statementMatches(statement, request));
  if (matching.some((statement) => statement.effect === "Deny")) {
    return { allowed: false, reason: "the role's trust policy denies it explicitly" };
  }
  return matching.length > 0
    ? { allowed: true, reason: "the role's trust policy allows it" }
    : { allowed: false, reason: "no statement of the role's trust policy allows the sts:AssumeRole action" };
}

/** AWS's answer to a call that no policy allows. */
export function accessDenied(request: AuthorizationRequest, reason: string): AwsError {
  const who = request.principal.kind === "service" ? request.principal.service : request.principal.arn;
  // SNS has a code of its own for this (https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors).
  return new AwsError(
    request.action.startsWith("sns:") ? "AuthorizationError" : "AccessDenied",
    `User: ${who} is not authorized to perform: ${request.action} on resource: ${request.resourceArn} because ${reason}`,
    { status: 403 },
  );
}
