import type { Readable } from "node:stream";
import type { IncomingHttpHeaders } from "node:http";
import type { AwsError } from "../service.ts";
import type { OperationSchema } from "./schema.ts";

/** A request whose signature was checked; the body is still on its way. */
export interface WireRequest {
  readonly method: string;
  /** The path as sent, still percent-encoded. */
  readonly path: string;
  /** Query parameters, decoded, in order. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: IncomingHttpHeaders;
  readonly body: WireBody;
}

export interface WireBody {
  /** The payload, without chunk framing; errors when a checksum, a length or a signature does not hold. */
  stream(options: { httpChecksum: boolean }): Readable;
  /** The whole payload, for documents. */
  bytes(options: { httpChecksum: boolean }): Promise<Buffer>;
}

export interface WireResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | Readable;
}

/** Operation inputs and outputs on the wire's side: typed by schema, not by TypeScript. */
export type Members = Record<string, unknown>;

/** One AWS protocol, bound to one service's description. */
export interface Protocol {
  /** Finds the operation a request asks for; throws an AwsError when it asks for none. */
  route(request: WireRequest): Promise<RoutedRequest> | RoutedRequest;
  write(operation: OperationSchema, output: Members, requestId: string): WireResponse;
  error(error: AwsError, requestId: string): WireResponse;
}

interface RoutedRequest {
  readonly operation: OperationSchema;
  read(): Promise<Members>;
}
