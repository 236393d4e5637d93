import type * as Sts from "@aws-sdk/client-sts";
import type { Credentials } from "../../iam/credentials.ts";
import { AwsError, type CallContext, type Service, type ServiceDeps } from "../../service.ts";
import type { IamService } from "../iam/service.ts";

/** Parameters of AssumeRole that would change what the session may do, and are not built. */
const UNSUPPORTED = [
  "Policy",
  "PolicyArns",
  "Tags",
  "TransitiveTagKeys",
  "SerialNumber",
  "TokenCode",
  "SourceIdentity",
  "ProvidedContexts",
] as const;

/**
 * AWS STS: who am I, and sessions of roles. Whether the caller may assume the role was decided before the handler runs,
 * by the role's trust policy.
 */
export function createSts(
  deps: ServiceDeps,
  { credentials, iam }: { credentials: Credentials; iam: IamService },
): Service {
  return {
    name: "sts",
    sdk: () => import("@aws-sdk/client-sts"),
    resources: {},
    operations: {
      GetCallerIdentity: (_input: Sts.GetCallerIdentityCommandInput, { principal }: CallContext) => {
        if (principal.kind === "service") throw validation("A service principal has no caller identity.");
        return { Account: deps.environment.account, Arn: principal.arn, UserId: principal.userId };
      },

      AssumeRole: (input: Sts.AssumeRoleCommandInput) => {
        for (const parameter of UNSUPPORTED) {
          if (input[parameter] !== undefined) {
            throw validation(`The local runtime does not support the parameter ${parameter} of AssumeRole.`);
          }
        }
        const sessionName = input.RoleSessionName ?? "";
        if (!/^[\w+=,.@-]{2,64}$/.test(sessionName)) {
          throw validation(
            `1 validation error detected: Value '${sessionName}' at 'roleSessionName' failed to satisfy constraint: ` +
              String.raw`Member must satisfy regular expression pattern: [\w+=,.@-]* (2 to 64 characters)`,
          );
        }
        const role = iam.role(input.RoleArn ?? "");
        if (!role) throw new AwsError("AccessDenied", `There is no role ${input.RoleArn}.`, { status: 403 });
        const seconds = input.DurationSeconds ?? 3600;
        if (seconds < 900 || seconds > role.maxSessionDuration) {
          throw validation(
            `The requested DurationSeconds exceeds the MaxSessionDuration set for this role (${role.maxSessionDuration}) or is below 900.`,
          );
        }
        const session = credentials.issue(role, sessionName, seconds);
        return {
          Credentials: {
            AccessKeyId: session.accessKeyId,
            SecretAccessKey: session.secretAccessKey,
            SessionToken: session.sessionToken,
            Expiration: new Date(session.expiresAt),
          },
          AssumedRoleUser: { AssumedRoleId: `${role.roleId}:${sessionName}`, Arn: session.arn },
        };
      },
    },
  };
}

function validation(message: string): AwsError {
  return new AwsError("ValidationError", message, { status: 400 });
}
