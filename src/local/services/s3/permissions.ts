import type { Principal } from "../../service.ts";
import { accessDenied } from "./errors.ts";
import type { ObjectAddress } from "./find-object.ts";
import { bucketArn, type S3Parts } from "./s3-parts.ts";

/**
 * The gate asks one permission per call, for the object that the call names. These ask what more S3 wants of a call:
 * to read the source of a copy, to tag, to delete each key of a batch.
 */
async function mayDo(
  s3: S3Parts,
  principal: Principal,
  action: string,
  address: Pick<ObjectAddress, "bucket" | "key">,
): Promise<void> {
  const resourceArn = `${bucketArn(address.bucket)}/${address.key}`;
  if (await s3.deps.bus.allowed({ principal, action, resourceArn })) return;
  const who = principal.kind === "service" ? principal.service : principal.arn;
  throw accessDenied(`User: ${who} is not authorized to perform: ${action} on resource: "${resourceArn}"`);
}

/** The right to read an object, or a named version of it. */
export async function mayRead(s3: S3Parts, principal: Principal, address: ObjectAddress): Promise<void> {
  const action = address.versionId === undefined ? "s3:GetObject" : "s3:GetObjectVersion";
  await mayDo(s3, principal, action, address);
}

/** The right to write an object that has tags. */
export async function mayTag(s3: S3Parts, principal: Principal, address: ObjectAddress): Promise<void> {
  await mayDo(s3, principal, "s3:PutObjectTagging", address);
}

/** The right to delete an object, or a named version of it for good. */
export async function mayDelete(s3: S3Parts, principal: Principal, address: ObjectAddress): Promise<void> {
  const action = address.versionId === undefined ? "s3:DeleteObject" : "s3:DeleteObjectVersion";
  await mayDo(s3, principal, action, address);
}

/**
 * May a caller learn that something is not there? The key counts as the prefix of the listing that would show it, so a
 * policy may limit this to prefixes. https://github.com/ceph/ceph/pull/68577 found AWS to do so.
 */
export function mayKnow(s3: S3Parts, principal: Principal, action: string, address: ObjectAddress): Promise<boolean> {
  const context = { "s3:prefix": address.key };
  return s3.deps.bus.allowed({ principal, action, resourceArn: bucketArn(address.bucket), context });
}
