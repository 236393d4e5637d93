import { spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";
import type { ClientOptions } from "../support/local-services.ts";

export type Members = Record<string, unknown>;

/** What an operation answered: its output, or the error as the client saw it. Bytes are Buffers. */
export type Outcome =
  | { readonly output: Members; readonly error?: undefined }
  | { readonly error: { code: string; status: number; message: string }; readonly output?: undefined };

/** The thinnest thing that all AWS clients are: an operation of a service, an input, an outcome. */
export interface AwsClient {
  call(service: string, operation: string, input: Members): Promise<Outcome>;
  presign(input: Members): Promise<string>;
  close(): void;
}

type Sdk = Record<string, unknown>;
type Sender = { send(command: unknown): Promise<Members>; destroy(): void };

const SDKS: Record<string, () => Promise<Sdk>> = {
  s3: () => import("@aws-sdk/client-s3"),
  sqs: () => import("@aws-sdk/client-sqs"),
  sts: () => import("@aws-sdk/client-sts"),
};

/** boto3, in a process of its own. */
export function boto3Client(python: string, options: ClientOptions): AwsClient {
  const driver = path.join(import.meta.dirname, "boto3_driver.py");
  const child = spawn(python, [driver, JSON.stringify(options)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ask = async (request: Members): Promise<{ output?: unknown; error?: unknown }> => {
    child.stdin.write(`${JSON.stringify(request, encodeBytes)}\n`);
    const answer = await lines.next();
    if (answer.done) throw new Error("the boto3 driver ended");
    return JSON.parse(answer.value, decodeBytes) as Outcome;
  };
  return {
    call: async (service, operation, input) => (await ask({ service, operation, input })) as Outcome,
    presign: async (input) => String((await ask({ service: "s3", operation: "presign", input })).output),
    close: () => child.stdin.end(),
  };
}

function encodeBytes(this: unknown, key: string, value: unknown): unknown {
  // JSON.stringify has called Buffer's toJSON already; the holder still has the Buffer.
  const original = (this as Members)[key];
  return original instanceof Uint8Array ? { $bytes: Buffer.from(original).toString("base64") } : value;
}

function decodeBytes(_key: string, value: unknown): unknown {
  const bytes = (value as { $bytes?: unknown } | null)?.$bytes;
  return typeof bytes === "string" ? Buffer.from(bytes, "base64") : value;
}

/** The AWS SDK for JavaScript. */
export function javascriptClient(options: ClientOptions): AwsClient {
  const clients = new Map<string, { sdk: Sdk; sender: Sender }>();
  const open = async (service: string) => {
    const known = clients.get(service);
    if (known) return known;
    const sdk = (await SDKS[service]?.()) ?? {};
    const entry = Object.entries(sdk).find(([name]) => /^[A-Z].*Client$/.test(name));
    const Client = entry?.[1] as new (options: ClientOptions) => Sender;
    const opened = { sdk, sender: new Client(options) };
    clients.set(service, opened);
    return opened;
  };
  return {
    async call(service, operation, input) {
      const { sdk, sender } = await open(service);
      const Command = sdk[`${operation}Command`] as new (input: Members) => unknown;
      try {
        const { $metadata: _, ...output } = await sender.send(new Command(input));
        const body = output["Body"] as { transformToByteArray(): Promise<Uint8Array> } | undefined;
        if (body) output["Body"] = Buffer.from(await body.transformToByteArray());
        return { output };
      } catch (thrown) {
        const error = thrown as Error & { Code?: string; $metadata?: { httpStatusCode?: number } };
        const status = error.$metadata?.httpStatusCode;
        if (status === undefined) throw thrown;
        return { error: { code: error.Code ?? error.name, status, message: error.message } };
      }
    },
    async presign(input) {
      const { SignatureV4 } = await import("@smithy/signature-v4");
      const { HttpRequest } = await import("@smithy/core/protocols");
      const { Sha256 } = await import("@smithy/core/checksum");
      const { hostname, port, host } = new URL(options.endpoint);
      const key = String(input["Key"]).split("/").map(encodeURIComponent).join("/");
      const request = new HttpRequest({
        hostname,
        port: Number(port),
        path: `/${String(input["Bucket"])}/${key}`,
        headers: { host, "x-amz-content-sha256": "UNSIGNED-PAYLOAD" },
      });
      const signer = new SignatureV4({ ...options, service: "s3", sha256: Sha256, uriEscapePath: false });
      const signed = await signer.presign(request, { expiresIn: 60 });
      return `${options.endpoint}${request.path}?${new URLSearchParams(signed.query as Record<string, string>).toString()}`;
    },
    close: () => clients.forEach(({ sender }) => sender.destroy()),
  };
}
