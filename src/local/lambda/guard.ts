/**
 * Preloaded into every function's process (`node --import guard.ts?clock-offset=MS`), workers included:
 *
 * - `Date` runs by the runtime's clock, so that signatures, retries and lag agree with the services.
 * - No connection leaves the machine: a client that would reach the real AWS is refused by host name. An endpoint in
 *   the environment is not enough for that; the SQS client, for one, follows a queue URL's host.
 *
 * It imports nothing of ours: it must run before anything else and stand alone beside the bootstrap when packaged.
 */
import dgram from "node:dgram";
import net from "node:net";

const ALLOWED_HOST = "127.0.0.1";

/** How the bootstrap tells the guard the clock's offset anew with each invocation. */
const CLOCK = Symbol.for("local-lambda.clock");

export interface ChildClock {
  /** Milliseconds that the runtime's clock is ahead of the machine's. */
  offset: number;
}

const clock: ChildClock = { offset: Number(new URL(import.meta.url).searchParams.get("clock-offset") ?? 0) };
Object.defineProperty(globalThis, CLOCK, { value: clock });

const MachineDate = Date;
const now = () => MachineDate.now() + clock.offset;

globalThis.Date = new Proxy(MachineDate, {
  // Date() without `new` gives a string.
  apply: () => new MachineDate(now()).toString(),
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  get: (target, property, receiver) => (property === "now" ? now : Reflect.get(target, property, receiver)),
});
// `new Date().constructor === Date` must stay true.
Object.defineProperty(MachineDate.prototype, "constructor", { value: Date, writable: true, configurable: true });

class HostRefusedError extends Error {
  // Not one of the codes that AWS clients retry.
  readonly code = "ERR_LOCAL_HOST_REFUSED";
  readonly host: string;

  constructor(host: string) {
    super(
      `connection to ${host} refused: in the local runtime a function reaches ${ALLOWED_HOST} only, never the real AWS. ` +
        `Create the client without an endpoint of its own, so that it uses AWS_ENDPOINT_URL (${process.env["AWS_ENDPOINT_URL"] ?? "not set"}).`,
    );
    this.name = "HostRefusedError";
    this.host = host;
  }
}

interface ConnectOptions {
  host?: string;
  port?: number | string;
  path?: string | null;
}

/** The host:port a `socket.connect` is about to reach, or undefined for a Unix socket. */
function targetOf(args: readonly unknown[]): { host: string; port: string } | undefined {
  // net.connect() hands over its arguments already normalised, as one array.
  const [first, second] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
  if (typeof first === "object" && first !== null) {
    const options = first as ConnectOptions;
    // http gives null for a socket that is none.
    if (typeof options.path === "string") return undefined;
    return { host: options.host ?? "localhost", port: String(options.port) };
  }
  if (typeof first === "string" && !/^\d+$/.test(first)) return undefined;
  return { host: typeof second === "string" ? second : "localhost", port: String(first) };
}

// oxlint-disable-next-line typescript/unbound-method -- it is called with the socket as `this` below
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function guarded(this: net.Socket, ...args: unknown[]): net.Socket {
  const target = targetOf(args);
  if (!target || target.host === ALLOWED_HOST) return Reflect.apply(connect, this, args) as net.Socket;
  const error = new HostRefusedError(`${target.host}:${target.port}`);
  // Some clients (fetch) hide the cause of a failed connection: the function's log names the host in any case.
  process.stderr.write(`${error.message}\n`);
  process.nextTick(() => this.destroy(error));
  return this;
};

for (const method of ["send", "connect"] as const) {
  const original = dgram.Socket.prototype[method];
  dgram.Socket.prototype[method] = function guarded(this: dgram.Socket, ...args: unknown[]): void {
    // send(message, …, port, address): a message may be text too; connect(port, address) has none.
    const address = args.slice(method === "send" ? 1 : 0).find((argument) => typeof argument === "string");
    if (address !== ALLOWED_HOST) throw new HostRefusedError(address ?? "localhost");
    Reflect.apply(original, this, args);
  };
}
