import { createHash, createHmac } from "node:crypto";
import { type Agent, type IncomingMessage, request } from "node:http";
import { SignatureV4 } from "@smithy/signature-v4";

export interface RawRequest {
  readonly method: "GET" | "PUT" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface Signer {
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Signs once: the request is then sent as it is, again and again, so that no client's work is measured. */
export async function signed(service: string, { region, credentials }: Signer, one: RawRequest): Promise<RawRequest> {
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256, uriEscapePath: service !== "s3" });
  const { url, method, body = Buffer.alloc(0) } = one;
  const sha256 = createHash("sha256").update(body).digest("hex");
  const { headers } = await signer.sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    port: Number(url.port),
    path: url.pathname,
    query: {},
    headers: { ...one.headers, host: url.host, "x-amz-content-sha256": sha256 },
  });
  return { ...one, headers };
}

/** Sends a request over a kept connection and reads its answer; throws unless that is 200. */
export async function send(agent: Agent, { method, url, headers, body }: RawRequest): Promise<void> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const length = body ? { "content-length": body.length } : {};
    request(url, { method, agent, headers: { ...headers, ...length } }, resolve)
      .once("error", reject)
      .end(body);
  });
  const chunks = (await answer.toArray()) as Buffer[];
  if (answer.statusCode !== 200) {
    throw new Error(`${method} ${url.href}: ${answer.statusCode} ${Buffer.concat(chunks).toString()}`);
  }
}

/** What the signer asks of a hash. */
class Sha256 {
  readonly #hash;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytes(secret));
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytes(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {}
}

function bytes(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === "string") return Buffer.from(data);
  return ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data);
}
