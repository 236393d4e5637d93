import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock } from "../clock.ts";
import { WAITING, type Dispatcher } from "../dispatch.ts";
import type { Credentials } from "../iam/credentials.ts";
import type { Ids } from "../ids.ts";
import { AwsError, type Principal, type Service, type ServiceName } from "../service.ts";
import type { Trace } from "../trace.ts";
import { authenticate } from "./authenticate.ts";
import { awsJson } from "./aws-json.ts";
import { awsQuery } from "./aws-query.ts";
import { wireBody } from "./body.ts";
import { describeService, type ServiceDescription } from "./describe.ts";
import { malformedUri, notImplemented } from "./errors.ts";
import type { Protocol, WireRequest, WireResponse } from "./message.ts";
import { rest } from "./rest.ts";
import { parseSignature, type ChunkSigner } from "./sigv4.ts";
import { element, XML_DECLARATION } from "./xml.ts";

export interface ListenerDeps {
  readonly dispatcher: Dispatcher;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly trace: Trace;
  readonly region: string;
  /** Handlers of local extras, by path below `/_local/`. They pass the same signature check. */
  readonly extras?: Readonly<Record<string, LocalExtra>>;
}

/** Something AWS has no API for. Answers JSON. */
export type LocalExtra = (query: ReadonlyMap<string, string>, principal: Principal) => unknown;

export interface Listener {
  /** Port 0 takes a free one. Resolves to the port. */
  listen(port: number): Promise<number>;
  /** Ends every connection at once; resolves when the calls that were being handled have ended too. */
  close(): Promise<void>;
}

/** The HTTP endpoint of all services: one port, dispatch by the service name in the signature's scope. */
export function createListener(deps: ListenerDeps): Listener {
  const protocols = new Map<ServiceName, Promise<Protocol>>();
  const protocolOf = (service: Service): Promise<Protocol> => {
    let protocol = protocols.get(service.name);
    if (!protocol) protocols.set(service.name, (protocol = service.sdk().then((sdk) => bind(describeService(sdk)))));
    return protocol;
  };
  let server: Server | undefined;
  const exchanges = new Set<Promise<void>>();
  const handle = (req: IncomingMessage, res: ServerResponse) => {
    const exchange = new Exchange(deps, protocolOf, req, res).run().finally(() => exchanges.delete(exchange));
    exchanges.add(exchange);
  };
  return {
    listen(port) {
      return new Promise((resolve, reject) => {
        // No limit for a whole request: an upload takes as long as its sender needs.
        const options = { keepAliveTimeout: 60_000, requestTimeout: 0, highWaterMark: 256 * 1024 };
        server = createServer(options, handle);
        server.on("checkContinue", handle);
        server.once("error", reject);
        server.listen(port, "127.0.0.1", () => resolve(portOf(server)));
      });
    },
    async close() {
      await new Promise<void>((resolve) => {
        if (!server?.listening) return resolve();
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await Promise.all(exchanges);
    },
  };
}

const PROTOCOLS: Readonly<Record<ServiceDescription["protocol"], (service: ServiceDescription) => Protocol>> = {
  awsJson1_0: awsJson,
  awsJson1_1: awsJson,
  awsQuery,
  restJson1: rest,
  restXml: rest,
};

function bind(service: ServiceDescription): Protocol {
  return PROTOCOLS[service.protocol](service);
}

/** One request and its answer. */
class Exchange {
  readonly #deps: ListenerDeps;
  readonly #protocolOf: (service: Service) => Promise<Protocol>;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #requestId: string;
  #protocol: Protocol | undefined;
  #continued = false;
  #chunkSigner: ChunkSigner | undefined;
  readonly #gone = new AbortController();
  /** Idle time is not skipped while a request is on its way, nor under a long upload or download. */
  readonly #release: () => void;

  constructor(
    deps: ListenerDeps,
    protocolOf: (service: Service) => Promise<Protocol>,
    req: IncomingMessage,
    res: ServerResponse,
  ) {
    this.#deps = deps;
    this.#protocolOf = protocolOf;
    this.#req = req;
    this.#res = res;
    this.#requestId = deps.ids.uuid();
    this.#release = deps.clock.hold();
  }

  async run(): Promise<void> {
    // The client went before it had its answer: a long poll must then hand out nothing.
    this.#res.once("close", () => {
      if (!this.#res.writableFinished) this.#gone.abort(new Error("the client closed the connection"));
    });
    try {
      await this.#send(await this.#answer());
    } catch (thrown) {
      // Nobody is there to hear an answer, and a download that was broken off is no mistake of ours.
      if (this.#gone.signal.aborted) return void this.#res.destroy();
      const error = thrown instanceof AwsError ? thrown : this.#internal(thrown);
      try {
        await this.#send(this.#protocol?.error(error, this.#requestId) ?? plainError(error, this.#requestId));
      } catch {
        // The client went away, or the answer had begun: nothing can be said any more.
        this.#res.destroy();
      }
    } finally {
      this.#release();
    }
  }

  async #answer(): Promise<WireResponse> {
    checkSource(this.#req);
    const { path, query } = splitUrl(this.#req.url ?? "/");
    const signed = { method: this.#req.method ?? "GET", path, query, headers: this.#req.headers };
    const signature = parseSignature(signed);
    const service = signature && this.#deps.dispatcher.services.get(signature.scope.service as ServiceName);
    // The protocol is known first, so that every later refusal is in the form its client understands.
    if (service) this.#protocol = await this.#protocolOf(service);
    if (!signature) throw anonymous(this.#req);
    let collected: Promise<Buffer> | undefined;
    const body = this.#body();
    const collect = () => (collected ??= body.bytes({ httpChecksum: false }));
    const { principal, chunkSigner } = await authenticate(signed, signature, collect, this.#deps);
    this.#chunkSigner = chunkSigner;
    if (path.startsWith("/_local/")) return this.#extra(path.slice("/_local/".length), query, principal);
    if (!service || !this.#protocol) {
      throw notImplemented(signature.scope.service, String(this.#req.headers["x-amz-target"] ?? path));
    }
    const request: WireRequest = { ...signed, body: collected ? alreadyRead(collected) : body };
    return this.#call(service, this.#protocol, request, principal);
  }

  async #call(service: Service, protocol: Protocol, request: WireRequest, principal: Principal): Promise<WireResponse> {
    const { dispatcher } = this.#deps;
    const routed = await protocol.route(request);
    const { operation } = routed;
    const call = { service: service.name, operation: operation.name, principal, requestId: this.#requestId };
    // An operation nobody wrote is said to be missing before its input is looked at.
    const input =
      operation.name in service.operations
        ? await routed.read().catch((error: unknown) => {
            if (error instanceof AwsError) dispatcher.refused(call, error);
            throw error;
          })
        : {};
    if (WAITING.has(`${call.service}:${call.operation}`)) this.#release();
    const output = await dispatcher.dispatch({ ...call, input, signal: this.#gone.signal });
    return protocol.write(operation, output, this.#requestId);
  }

  async #extra(name: string, query: WireRequest["query"], principal: Principal): Promise<WireResponse> {
    const extra = this.#deps.extras?.[name];
    if (!extra) throw new AwsError("NotFound", `There is no local extra /_local/${name}.`, { status: 404 });
    const answer = await extra(new Map(query), principal);
    return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(answer ?? {}) };
  }

  #body() {
    return wireBody({
      headers: this.#req.headers,
      open: () => {
        if (!this.#continued && this.#expectsContinue()) {
          this.#continued = true;
          this.#res.writeContinue();
        }
        return receive(this.#req);
      },
      chunkSigner: () => this.#chunkSigner,
    });
  }

  #expectsContinue(): boolean {
    return this.#req.headers.expect?.toLowerCase() === "100-continue";
  }

  async #send(response: WireResponse): Promise<void> {
    const res = this.#res;
    const { status, body } = response;
    const headers: Record<string, string> = { ...response.headers };
    headers["date"] = new Date(this.#deps.clock.now()).toUTCString();
    const bodiless = this.#req.method === "HEAD" || status === 204 || status === 304;
    if (!(body instanceof Readable) && !bodiless) headers["content-length"] = String(byteLength(body));
    // A client that waits for 100 Continue may or may not send its body after a refusal: only a new connection is safe.
    if (this.#expectsContinue() && !this.#continued) headers["connection"] = "close";
    res.writeHead(status, headers);
    if (body instanceof Readable && !bodiless) await pipeline(body, res);
    else {
      if (body instanceof Readable) body.destroy();
      res.end(bodiless ? undefined : body);
    }
    // What the client still sends is read and dropped, or it would see a broken pipe instead of the answer.
    if (!this.#req.complete) this.#req.resume();
  }

  #internal(thrown: unknown): AwsError {
    const error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    this.#deps.trace.emit({ type: "internal-error", where: `wire: ${this.#req.method} ${this.#req.url}`, error });
    return new AwsError("InternalFailure", `The local runtime failed: ${error}`, { status: 500 });
  }
}

/** The bytes of a request; a client that goes away in the middle has not sent its body. */
async function* receive(req: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const piece of req) yield piece as Buffer;
  } catch (cause) {
    const message = `The client closed the connection before its body was complete: ${(cause as Error).message}`;
    throw new AwsError("IncompleteBody", message, { status: 400 });
  }
}

function portOf(server: Server | undefined): number {
  return (server?.address() as AddressInfo | null)?.port ?? 0;
}

function byteLength(body: string | Uint8Array | undefined): number {
  return body === undefined ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
}

function alreadyRead(bytes: Promise<Buffer>): WireRequest["body"] {
  const pieces = async function* () {
    yield await bytes;
  };
  return { stream: () => Readable.from(pieces(), { objectMode: false }), bytes: () => bytes };
}

/**
 * Only programs of this machine may ask. A page in a browser can send requests here too, but not without its Origin,
 * and a name that was rebound to 127.0.0.1 shows in Host.
 */
function checkSource(req: IncomingMessage): void {
  const host = (req.headers.host ?? "").replace(/:\d+$/, "");
  if (host !== "127.0.0.1" && host !== "localhost") {
    throw new AwsError("AccessDenied", `Requests must be addressed to 127.0.0.1, not to "${req.headers.host ?? ""}".`, {
      status: 403,
    });
  }
  if (req.headers.origin !== undefined || req.headers["sec-fetch-site"] !== undefined) {
    throw new AwsError("AccessDenied", "Requests from web pages are refused.", { status: 403 });
  }
}

function splitUrl(url: string): Pick<WireRequest, "path" | "query"> {
  const at = url.indexOf("?");
  const path = at < 0 ? url : url.slice(0, at);
  const decode = (text: string) => {
    try {
      return decodeURIComponent(text.replaceAll("+", " "));
    } catch {
      throw malformedUri(url);
    }
  };
  const query = (at < 0 ? "" : url.slice(at + 1))
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [name = "", ...value] = pair.split("=");
      return [decode(name), decode(value.join("="))] as const;
    });
  return { path, query };
}

function anonymous(req: IncomingMessage): AwsError {
  const rpc = req.headers["x-amz-target"] !== undefined || req.method === "POST";
  return rpc
    ? new AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", { status: 403 })
    : new AwsError("AccessDenied", "Anonymous access is forbidden: sign the request", { status: 403 });
}

/** Before the service is known there is no protocol: XML with the code, which S3 and query clients read. */
function plainError(error: AwsError, requestId: string): WireResponse {
  return {
    status: error.status ?? 400,
    headers: { "content-type": "application/xml", "x-amzn-errortype": error.code },
    body: `${XML_DECLARATION}<Error>${element("Code", error.code)}${element("Message", error.message)}${element("RequestId", requestId)}</Error>`,
  };
}
