import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ApiInvocation {
  readonly requestId: string;
  readonly payload: string;
  readonly deadline: number;
  readonly functionArn: string;
  readonly traceId: string | undefined;
  /** JSON text. */
  readonly clientContext: string | undefined;
  /** How far the runtime's clock is ahead of the machine's, in milliseconds. */
  readonly clockOffset: number;
}

export interface ApiEvents {
  /** The process asks for its next event: it is ready. */
  ready(): void;
  response(requestId: string, body: Buffer): void;
  error(requestId: string, body: Buffer): void;
  initError(body: Buffer): void;
}

const VERSION = "/2018-06-01/runtime";

/**
 * The Lambda Runtime API of one execution environment
 * (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). Each environment has its own port: nothing else
 * tells the processes apart, as in AWS.
 */
export class RuntimeApi {
  readonly #server: Server;
  #events: ApiEvents | undefined;
  #waiting: ServerResponse | undefined;
  #next: ApiInvocation | undefined;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    // The process holds `/invocation/next` open for as long as it is idle.
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = 0;
  }

  static async listen(): Promise<RuntimeApi> {
    const api = new RuntimeApi();
    await new Promise<void>((resolve, reject) => {
      api.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return api;
  }

  /** Who is told what the process says; set before the process starts. */
  attach(events: ApiEvents): void {
    this.#events = events;
  }

  /** host:port, as in AWS_LAMBDA_RUNTIME_API. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Hands an event to the process, at once or when it asks. */
  deliver(invocation: ApiInvocation): void {
    this.#next = invocation;
    this.#flush();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #flush(): void {
    const invocation = this.#next;
    const response = this.#waiting;
    if (!invocation || !response) return;
    this.#next = this.#waiting = undefined;
    response.writeHead(200, {
      "Content-Type": "application/json",
      "Lambda-Runtime-Aws-Request-Id": invocation.requestId,
      "Lambda-Runtime-Deadline-Ms": String(invocation.deadline),
      "Lambda-Runtime-Invoked-Function-Arn": invocation.functionArn,
      "Local-Runtime-Clock-Offset-Ms": String(invocation.clockOffset),
      ...(invocation.traceId !== undefined && { "Lambda-Runtime-Trace-Id": invocation.traceId }),
      ...(invocation.clientContext !== undefined && { "Lambda-Runtime-Client-Context": invocation.clientContext }),
    });
    response.end(invocation.payload);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method} ${request.url}`;
    if (route === `GET ${VERSION}/invocation/next`) {
      this.#waiting = response;
      response.on("close", () => {
        if (this.#waiting === response) this.#waiting = undefined;
      });
      this.#events?.ready();
      return this.#flush();
    }
    let body: Buffer;
    try {
      body = await collect(request);
    } catch {
      return; // The process died in the middle of its answer; its exit says so.
    }
    const [, requestId, kind] = new RegExp(`^POST ${VERSION}/invocation/([^/]+)/(response|error)$`).exec(route) ?? [];
    if (route === `POST ${VERSION}/init/error`) this.#events?.initError(body);
    else if (requestId !== undefined && kind === "response") this.#events?.response(requestId, body);
    else if (requestId !== undefined) this.#events?.error(requestId, body);
    else {
      response.writeHead(404, { "Content-Type": "application/json" });
      response.end(JSON.stringify({ errorType: "NotFound", errorMessage: `no such operation: ${route}` }));
      return;
    }
    response.writeHead(202, { "Content-Type": "application/json" });
    response.end('{"status":"OK"}');
  }
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
