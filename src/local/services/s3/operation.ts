import { AwsError, type CallContext, type Environment, type Handler } from "../../service.ts";
import { notImplemented } from "./errors.ts";

/** An SDK output as a handler gives it: the wire adds `$metadata`; `$status` overrides the operation's HTTP status. */
export type Output<T> = Omit<T, "$metadata"> & { $status?: number };

/** Members that many requests carry and that need no code of their own. */
const COMMON: ReadonlySet<string> = new Set([
  "Bucket",
  // Checked here.
  "ExpectedBucketOwner",
  "ExpectedSourceBucketOwner",
  "ACL",
  // There is one account, which pays nothing.
  "RequestPayer",
  // Verified by the wire.
  "ContentMD5",
  "ChecksumAlgorithm",
]);

/** With object ownership enforced, S3's default, these two say what is so anyway; every other ACL is refused. */
const HARMLESS_ACLS: ReadonlySet<unknown> = new Set(["private", "bucket-owner-full-control"]);

/** Makes handlers that refuse, by name, every member they were not written for. */
export function operationFactory(environment: Environment) {
  return function operation<Input extends object, Result>(
    name: string,
    members: readonly (keyof Input & string)[],
    handle: (input: Input, context: CallContext) => Result | Promise<Result>,
  ): Handler<Input, Result> {
    const accepted = new Set<string>([...COMMON, ...members]);
    return (input, context) => {
      for (const [member, value] of Object.entries(input) as [string, unknown][]) {
        if (value === undefined) continue;
        if (member === "ACL" ? !HARMLESS_ACLS.has(value) : member.startsWith("Grant")) throw aclNotSupported();
        if (!accepted.has(member)) throw notImplemented(`${name} with ${member}`, "leave it out");
        if (member === "ExpectedBucketOwner" || member === "ExpectedSourceBucketOwner") {
          if (value !== environment.account) throw new AwsError("AccessDenied", "Access Denied", { status: 403 });
        }
      }
      return handle(input, context);
    };
  };
}

export type OperationFactory = ReturnType<typeof operationFactory>;

function aclNotSupported(): AwsError {
  return new AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs", { status: 400 });
}
