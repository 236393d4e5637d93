import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import { AwsError } from "../service.ts";
import { createChecksum, type Checksum } from "./checksums.ts";
import { dechunk } from "./chunked.ts";
import type { WireBody } from "./message.ts";
import type { ChunkSigner } from "./sigv4.ts";

export interface BodySource {
  readonly headers: IncomingHttpHeaders;
  /** Lets the client send (answers `Expect: 100-continue`) and gives the bytes as they arrive. */
  open(): AsyncIterable<Buffer>;
  /** Verifies signed chunks; present when the request's signature is the seed of such a chain. */
  chunkSigner(): ChunkSigner | undefined;
}

/** Documents are collected; objects are not. Lambda's largest synchronous payload is 6 MB, SQS's batch 1 MiB. */
const MAX_DOCUMENT = 64 * 1024 * 1024;

const SHA256_HEX = /^[0-9a-f]{64}$/;

/** The payload of a request: unframed and checked against everything the client said about it. */
export function wireBody(source: BodySource): WireBody {
  return {
    // One buffer of the socket at a time, so that a slow reader holds the client back.
    stream: (options) =>
      Readable.from(payload(source, options.httpChecksum), { objectMode: false, highWaterMark: 256 * 1024 }),
    async bytes(options) {
      const pieces: Buffer[] = [];
      let size = 0;
      for await (const piece of payload(source, options.httpChecksum)) {
        size += piece.length;
        if (size > MAX_DOCUMENT) {
          throw new AwsError("RequestEntityTooLarge", "The request document is larger than 64 MiB.", { status: 413 });
        }
        pieces.push(piece);
      }
      return Buffer.concat(pieces);
    },
  };
}

async function* payload(source: BodySource, httpChecksum: boolean): AsyncGenerator<Buffer> {
  const { headers } = source;
  const checks = new Checks(headers, httpChecksum);
  const chunked = isChunked(headers);
  const trailers = new Map<string, string>();
  const raw = source.open();
  const signer = source.chunkSigner();
  const bytes = chunked
    ? dechunk(raw, {
        chunkStart: (signature) => signer?.start(signature),
        data: (piece) => signer?.update(piece),
        chunkEnd: () => signer?.end(),
        trailers: (sent) => {
          signer?.trailers(sent);
          for (const [name, value] of sent) trailers.set(name, value);
        },
      })
    : raw;
  let size = 0;
  for await (const piece of bytes) {
    size += piece.length;
    checks.update(piece);
    yield piece;
  }
  const declared = chunked ? headers["x-amz-decoded-content-length"] : headers["content-length"];
  if (declared !== undefined && Number(declared) !== size) {
    throw new AwsError(
      "IncompleteBody",
      "You did not provide the number of bytes specified by the Content-Length HTTP header",
      { status: 400 },
    );
  }
  await checks.verify(trailers);
}

function isChunked(headers: IncomingHttpHeaders): boolean {
  return (
    String(headers["x-amz-content-sha256"] ?? "").startsWith("STREAMING-") ||
    (headers["content-encoding"] ?? "").includes("aws-chunked")
  );
}

/** The checksums a client announced: in headers, in trailers to come, and the hash its signature covers. */
class Checks {
  readonly #checksums: { checksum: Checksum; header: string; expected: string | undefined }[] = [];
  readonly #sha256 = createHash("sha256");
  readonly #signedHash: string | undefined;

  constructor(headers: IncomingHttpHeaders, httpChecksum: boolean) {
    const signed = String(headers["x-amz-content-sha256"] ?? "");
    if (SHA256_HEX.test(signed)) this.#signedHash = signed;
    const md5 = headers["content-md5"];
    if (md5 !== undefined) this.#add("md5", "content-md5", String(md5));
    if (!httpChecksum) return;
    for (const [name, value] of Object.entries(headers)) {
      const algorithm = /^x-amz-checksum-(.+)$/.exec(name)?.[1];
      if (algorithm && algorithm !== "algorithm" && algorithm !== "type" && algorithm !== "mode") {
        this.#add(algorithm, name, String(value));
      }
    }
    for (const name of String(headers["x-amz-trailer"] ?? "").split(",")) {
      const algorithm = /^x-amz-checksum-(.+)$/.exec(name.trim().toLowerCase())?.[1];
      if (algorithm) this.#add(algorithm, name.trim().toLowerCase(), undefined);
    }
  }

  #add(algorithm: string, header: string, expected: string | undefined): void {
    const checksum = createChecksum(algorithm);
    if (!checksum) {
      throw new AwsError("NotImplemented", `The local runtime cannot verify the checksum ${header}.`, { status: 501 });
    }
    this.#checksums.push({ checksum, header, expected });
  }

  update(bytes: Buffer): void {
    for (const { checksum } of this.#checksums) checksum.update(bytes);
    if (this.#signedHash !== undefined) this.#sha256.update(bytes);
  }

  async verify(trailers: ReadonlyMap<string, string>): Promise<void> {
    for (const { checksum, header, expected = trailers.get(header) } of this.#checksums) {
      if (expected === undefined) {
        throw new AwsError("MalformedTrailerError", `The announced trailer ${header} is missing.`, { status: 400 });
      }
      if ((await checksum.digest()) !== expected) {
        throw header === "content-md5"
          ? new AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.", { status: 400 })
          : new AwsError(
              "BadDigest",
              `The ${header.replace("x-amz-checksum-", "").toUpperCase()} you specified did not match the calculated checksum.`,
              { status: 400 },
            );
      }
    }
    if (this.#signedHash !== undefined && this.#sha256.digest("hex") !== this.#signedHash) {
      throw new AwsError(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        { status: 400 },
      );
    }
  }
}
