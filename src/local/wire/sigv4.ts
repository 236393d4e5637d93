import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { AwsError } from "../service.ts";

/**
 * Signature Version 4, the verifying side, in headers and in the query
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 */
export interface SignedRequest {
  readonly method: string;
  /** The path as sent, percent-encoded. */
  readonly path: string;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: IncomingHttpHeaders;
}

/** What a request says about its own signature. */
export interface Signature {
  readonly accessKeyId: string;
  readonly scope: { readonly date: string; readonly region: string; readonly service: string };
  /** `YYYYMMDDTHHMMSSZ` */
  readonly timestamp: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly sessionToken: string | undefined;
  /** Seconds of validity, for presigned URLs. */
  readonly expires: number | undefined;
  readonly presigned: boolean;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

/** Reads the signature of a request, or undefined when it has none. Does not verify it. */
export function parseSignature(request: SignedRequest): Signature | undefined {
  const authorization = request.headers.authorization;
  if (authorization !== undefined) return fromHeader(authorization, request.headers);
  const query = new Map(request.query);
  if (query.has("X-Amz-Signature")) return fromQuery(query);
  if (query.has("AWSAccessKeyId")) throw unsupported("Signature Version 2 (AWSAccessKeyId in the query)");
  return undefined;
}

function fromHeader(authorization: string, headers: IncomingHttpHeaders): Signature {
  const [algorithm, ...rest] = authorization.split(" ");
  if (algorithm !== ALGORITHM) throw unsupported(algorithm ?? "");
  const parts = new Map(
    rest
      .join(" ")
      .split(",")
      .map((part) => {
        const at = part.indexOf("=");
        return [part.slice(0, at).trim(), part.slice(at + 1).trim()] as const;
      }),
  );
  const timestamp = headers["x-amz-date"] ?? compactDate(headers.date);
  return {
    ...parseCredential(parts.get("Credential")),
    timestamp: String(timestamp ?? ""),
    signedHeaders: (parts.get("SignedHeaders") ?? "").split(";"),
    signature: parts.get("Signature") ?? "",
    sessionToken: headers["x-amz-security-token"] as string | undefined,
    expires: undefined,
    presigned: false,
  };
}

function fromQuery(query: ReadonlyMap<string, string>): Signature {
  const algorithm = query.get("X-Amz-Algorithm") ?? "";
  if (algorithm !== ALGORITHM) throw unsupported(algorithm);
  return {
    ...parseCredential(query.get("X-Amz-Credential")),
    timestamp: query.get("X-Amz-Date") ?? "",
    signedHeaders: (query.get("X-Amz-SignedHeaders") ?? "").split(";"),
    signature: query.get("X-Amz-Signature") ?? "",
    sessionToken: query.get("X-Amz-Security-Token"),
    expires: Number(query.get("X-Amz-Expires") ?? Number.NaN),
    presigned: true,
  };
}

function parseCredential(credential: string | undefined): Pick<Signature, "accessKeyId" | "scope"> {
  const parts = (credential ?? "").split("/");
  const [date, region, service, terminator] = parts.slice(-4);
  const accessKeyId = parts.slice(0, -4).join("/");
  if (!accessKeyId || !date || !region || !service || terminator !== "aws4_request") {
    throw new AwsError("IncompleteSignature", "The Credential of the signature is malformed.", { status: 400 });
  }
  return { accessKeyId, scope: { date, region, service } };
}

function compactDate(date: string | undefined): string | undefined {
  const time = Date.parse(date ?? "");
  return Number.isNaN(time) ? undefined : new Date(time).toISOString().replace(/[-:]|\.\d{3}/g, "");
}

/** Milliseconds since the epoch of a signature's timestamp; NaN when it is malformed. */
export function signatureTime(timestamp: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(timestamp);
  if (!match) return Number.NaN;
  const [year = 0, month = 0, ...rest] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, ...(rest as [number, number, number, number]));
}

/** Is this the signature that the holder of `secretAccessKey` makes for this request? */
export function isValidSignature(
  request: SignedRequest,
  signature: Signature,
  secretAccessKey: string,
  payloadHash: string,
): boolean {
  // Node reads header bytes as Latin-1. Some clients send text beyond it as UTF-8 but sign the text, so a signature
  // counts as right when it fits either reading.
  return (["utf8", "latin1"] as const).some((encoding) => {
    const canonical = canonicalRequest(request, signature, payloadHash);
    const toSign = stringToSign(signature, createHash("sha256").update(canonical, encoding).digest("hex"));
    return sameText(sign(secretAccessKey, signature.scope, toSign), signature.signature);
  });
}

/** The hash a request's signature covers, as far as its headers say; undefined: the hash of the body itself. */
export function declaredPayloadHash(request: SignedRequest, signature: Signature): string | undefined {
  const header = request.headers["x-amz-content-sha256"];
  if (header !== undefined) return String(header);
  // S3 presigns without the payload (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
  return signature.presigned && signature.scope.service === "s3" ? "UNSIGNED-PAYLOAD" : undefined;
}

function canonicalRequest(request: SignedRequest, signature: Signature, payloadHash: string): string {
  const headers = signature.signedHeaders.map((name) => {
    const value = request.headers[name] ?? "";
    return `${name}:${String(value).trim().replace(/ +/g, " ")}\n`;
  });
  return [
    request.method,
    canonicalPath(request.path, signature.scope.service),
    canonicalQuery(request.query),
    headers.join(""),
    signature.signedHeaders.join(";"),
    payloadHash,
  ].join("\n");
}

function canonicalPath(path: string, service: string): string {
  // S3 signs the encoded path as it is; everyone else normalises it and encodes it once more.
  if (service === "s3") return path.split("/").map(reencode).join("/");
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(encode(segment));
  }
  return `/${segments.join("/")}${segments.length > 0 && path.endsWith("/") ? "/" : ""}`;
}

function canonicalQuery(query: SignedRequest["query"]): string {
  return query
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function reencode(segment: string): string {
  try {
    return encode(decodeURIComponent(segment));
  } catch {
    return segment;
  }
}

function stringToSign(signature: Signature, hash: string): string {
  return [ALGORITHM, signature.timestamp, scopeText(signature), hash].join("\n");
}

function scopeText({ scope }: Signature): string {
  return `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
}

const keys = new Map<string, Buffer>();
const MAX_KEYS = 1000;

function signingKey(secret: string, scope: Signature["scope"]): Buffer {
  const id = `${secret}/${scope.date}/${scope.region}/${scope.service}`;
  const known = keys.get(id);
  if (known) return known;
  const parts = [scope.date, scope.region, scope.service, "aws4_request"];
  const key = parts.reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secret}`));
  if (keys.size >= MAX_KEYS) keys.clear();
  keys.set(id, key);
  return key;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sign(secret: string, scope: Signature["scope"], text: string): string {
  return hmac(signingKey(secret, scope), text).toString("hex");
}

function sameText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

/** S3's own words for Signature Version 2, which AWS no longer takes for new buckets either. */
function unsupported(what: string): AwsError {
  return new AwsError(
    "InvalidRequest",
    `The authorization mechanism you have provided (${what}) is not supported. Please use ${ALGORITHM}.`,
    { status: 400 },
  );
}

const EMPTY_HASH = createHash("sha256").digest("hex");

/** Verifies the chain of chunk signatures that starts with the request's own. */
export interface ChunkSigner {
  start(signature: string | undefined): void;
  update(bytes: Buffer): void;
  end(): void;
  trailers(trailers: ReadonlyMap<string, string>): void;
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html#sigv4-chunked-body-definition */
export function chunkSigner(signature: Signature, secretAccessKey: string): ChunkSigner {
  let previous = signature.signature;
  let current: string | undefined;
  let hash = createHash("sha256");
  const check = (algorithm: string, hashes: string[], claimed: string | undefined) => {
    const text = [algorithm, signature.timestamp, scopeText(signature), previous, ...hashes].join("\n");
    const expected = sign(secretAccessKey, signature.scope, text);
    if (claimed === undefined || !sameText(expected, claimed)) throw signatureDoesNotMatch();
    previous = expected;
  };
  return {
    start(claimed) {
      current = claimed;
      hash = createHash("sha256");
    },
    update: (bytes) => void hash.update(bytes),
    end: () => check(`${ALGORITHM}-PAYLOAD`, [EMPTY_HASH, hash.digest("hex")], current),
    trailers(sent) {
      const claimed = sent.get("x-amz-trailer-signature");
      if (claimed === undefined) {
        if (sent.size > 0) throw signatureDoesNotMatch();
        return;
      }
      const lines = [...sent].filter(([name]) => name !== "x-amz-trailer-signature").map(([n, v]) => `${n}:${v}\n`);
      const trailerHash = createHash("sha256").update(lines.join("")).digest("hex");
      check(`${ALGORITHM}-TRAILER`, [trailerHash], claimed);
    },
  };
}

export function signatureDoesNotMatch(): AwsError {
  return new AwsError(
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    { status: 403 },
  );
}
