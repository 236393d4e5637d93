import { createHash } from "node:crypto";
import type { Clock } from "../clock.ts";
import { AwsError, type Principal } from "../service.ts";
import type { Credentials } from "../iam/credentials.ts";
import {
  chunkSigner,
  declaredPayloadHash,
  isValidSignature,
  signatureDoesNotMatch,
  signatureTime,
  type ChunkSigner,
  type Signature,
  type SignedRequest,
} from "./sigv4.ts";

export interface Authenticated {
  readonly principal: Principal;
  readonly chunkSigner: ChunkSigner | undefined;
}

const MAX_SKEW = 15 * 60_000;
const MAX_EXPIRES = 7 * 24 * 3600;
const CHUNKED_AND_SIGNED = /^STREAMING-AWS4-HMAC-SHA256-PAYLOAD(-TRAILER)?$/;

/**
 * Who signed this request? Verifies scope, age, session token and signature against the issued credentials.
 * `body` gives the whole payload; it is called only when the signature covers a hash that no header declares.
 */
export async function authenticate(
  request: SignedRequest,
  signature: Signature,
  body: () => Promise<Buffer>,
  { credentials, clock, region }: { credentials: Credentials; clock: Clock; region: string },
): Promise<Authenticated> {
  const s3 = signature.scope.service === "s3";
  const found = credentials.find(signature.accessKeyId);
  if (!found) throw unknownKey(s3);
  if (found.sessionToken !== signature.sessionToken) throw invalidToken(s3);
  if (found.expiresAt !== undefined && found.expiresAt <= clock.now()) throw expiredToken(s3);
  checkScope(signature, region, s3);
  checkAge(signature, clock, s3);
  const declared = declaredPayloadHash(request, signature);
  const payloadHash =
    declared ??
    createHash("sha256")
      .update(await body())
      .digest("hex");
  if (!isValidSignature(request, signature, found.secretAccessKey, payloadHash)) throw signatureDoesNotMatch();
  return {
    principal: found.principal,
    chunkSigner: CHUNKED_AND_SIGNED.test(payloadHash) ? chunkSigner(signature, found.secretAccessKey) : undefined,
  };
}

function checkScope(signature: Signature, region: string, s3: boolean): void {
  const { scope, timestamp } = signature;
  if (scope.region !== region) {
    throw s3
      ? new AwsError(
          "AuthorizationHeaderMalformed",
          `The authorization header is malformed; the region '${scope.region}' is wrong; expecting '${region}'`,
          { status: 400, fields: { Region: region } },
        )
      : new AwsError("SignatureDoesNotMatch", `Credential should be scoped to a valid region, not '${scope.region}'.`, {
          status: 403,
        });
  }
  if (!timestamp.startsWith(scope.date)) {
    throw new AwsError("SignatureDoesNotMatch", "Date in Credential scope does not match the date of the request.", {
      status: 403,
    });
  }
}

/**
 * Runtime time may be ahead of the machine's (a one-shot run skips idle time), and clients use either: a process of
 * the runtime starts with the offset of its day, the CLI has none. So anything from a quarter of an hour before the
 * machine's time to a quarter after the runtime's is accepted. A presigned URL ends by runtime time.
 */
function checkAge(signature: Signature, clock: Clock, s3: boolean): void {
  const signedAt = signatureTime(signature.timestamp);
  const now = clock.now();
  if (signature.presigned) {
    const expires = signature.expires ?? 0;
    if (!(expires >= 1 && expires <= MAX_EXPIRES)) {
      throw new AwsError(
        "AuthorizationQueryParametersError",
        `X-Amz-Expires must be between 1 and ${MAX_EXPIRES} seconds`,
        { status: 400 },
      );
    }
    if (now > signedAt + expires * 1000) {
      throw new AwsError("AccessDenied", "Request has expired", {
        status: 403,
        fields: { Expires: new Date(signedAt + expires * 1000).toISOString(), ServerTime: new Date(now).toISOString() },
      });
    }
  }
  const earliest = now - clock.offset - MAX_SKEW;
  if (signedAt > now + MAX_SKEW || (!signature.presigned && signedAt < earliest) || Number.isNaN(signedAt)) {
    throw s3
      ? new AwsError(
          "RequestTimeTooSkewed",
          "The difference between the request time and the current time is too large.",
          { status: 403, fields: { ServerTime: new Date(now).toISOString() } },
        )
      : new AwsError(
          "SignatureDoesNotMatch",
          `Signature expired: ${signature.timestamp} is too far from the current time.`,
          {
            status: 403,
          },
        );
  }
}

function unknownKey(s3: boolean): AwsError {
  return s3
    ? new AwsError("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", {
        status: 403,
      })
    : new AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", { status: 403 });
}

function invalidToken(s3: boolean): AwsError {
  return s3
    ? new AwsError("InvalidToken", "The provided token is malformed or otherwise invalid.", { status: 400 })
    : new AwsError("InvalidClientTokenId", "The security token included in the request is invalid.", { status: 403 });
}

function expiredToken(s3: boolean): AwsError {
  return s3
    ? new AwsError("ExpiredToken", "The provided token has expired.", { status: 400 })
    : new AwsError("ExpiredTokenException", "The security token included in the request is expired", { status: 403 });
}
