import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";

/** Where an object's bytes lie on this machine. */
export interface ObjectFile {
  readonly path: string;
  readonly size: number;
  /** Quoted, as in S3's headers. */
  readonly eTag: string;
}

export interface ObjectName {
  readonly key: string;
  readonly version?: string;
}

export interface ObjectPaths {
  /** The files of objects of one bucket, in order; undefined for one that does not exist (any more). */
  find(bucket: string, objects: readonly ObjectName[]): Promise<(ObjectFile | undefined)[]>;
}

interface Identity {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** The time that signatures are to carry. */
  readonly now: () => Date;
}

/** Names travel in a query: this many characters of them in one request. */
const QUERY_CHARACTERS = 6000;

/**
 * Asks the local runtime where objects lie, so that DuckDB can read them in place. This is the one thing that the local
 * engine does and that AWS has no API for; the runtime asks for this job's own s3:GetObject first.
 */
export function createObjectPaths(identity: Identity): ObjectPaths {
  const { endpoint, region, credentials } = identity;
  const signer = new SignatureV4({ service: "s3", region, credentials, sha256: Sha256, uriEscapePath: false });

  async function ask(bucket: string, objects: readonly string[]): Promise<(ObjectFile | undefined)[]> {
    const url = new URL("/_local/object-file", endpoint);
    const query = { bucket, objects: `[${objects.join(",")}]` };
    const signed = await signer.sign(
      {
        method: "GET",
        protocol: url.protocol,
        hostname: url.hostname,
        port: Number(url.port),
        path: url.pathname,
        query,
        headers: { host: url.host, "x-amz-content-sha256": EMPTY },
      },
      { signingDate: identity.now() },
    );
    const search = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    url.search = search.join("&");
    const response = await fetch(url, { headers: signed.headers });
    if (!response.ok) {
      throw new Error(`objects of ${bucket} cannot be read: ${response.status} ${await response.text()}`);
    }
    const files = (await response.json()) as (ObjectFile | { error: string })[];
    return files.map((file) => ("error" in file ? undefined : file));
  }

  return {
    async find(bucket, objects) {
      const names = objects.map(({ key, version }) => JSON.stringify(version === undefined ? [key] : [key, version]));
      const found: (ObjectFile | undefined)[] = [];
      for (let start = 0; start < names.length;) {
        let end = start;
        for (let length = 0; end < names.length && length < QUERY_CHARACTERS; end++) {
          length += encodeURIComponent(names[end] ?? "").length;
        }
        found.push(...(await ask(bucket, names.slice(start, end))));
        start = end;
      }
      return found;
    },
  };
}

const EMPTY = createHash("sha256").digest("hex");

/** SHA-256 of node:crypto in the shape that the signer wants. */
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

  reset(): void {
    throw new Error("the signer makes a new hash each time");
  }
}

function bytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof data === "string") return Buffer.from(data, "utf8");
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
