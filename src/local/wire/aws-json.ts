import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { NormalizedSchema } from "@smithy/core/schema";
import { AwsError } from "../service.ts";
import type { ServiceDescription } from "./describe.ts";
import { wireError } from "./errors.ts";
import type { Members, Protocol, WireRequest } from "./message.ts";
import type { SchemaRef } from "./schema.ts";
import { checkJson, type Complaints } from "./strict.ts";

/** AWS JSON 1.0 and 1.1: everything is a POST to `/`, the operation stands in `X-Amz-Target`. */
export function awsJson(service: ServiceDescription): Protocol {
  const contentType = service.protocol === "awsJson1_0" ? "application/x-amz-json-1.0" : "application/x-amz-json-1.1";
  const complaints = jsonComplaints(service.queryCompatible);
  return {
    route(request) {
      const target = String(request.headers["x-amz-target"] ?? "");
      const [prefix, name = ""] = target.split(".");
      const operation = prefix === service.target ? service.operations.get(name) : undefined;
      if (!operation) {
        throw new AwsError(
          "UnknownOperationException",
          `X-Amz-Target "${target}" is no operation of ${service.serviceId}.`,
          { status: 400 },
        );
      }
      return {
        operation,
        async read() {
          const document = parseJson(await rpcBody(request));
          checkJson(operation.input, document, complaints, false);
          const deserializer = service.json.createDeserializer() as unknown as ObjectReader;
          return (deserializer.readObject(operation.input, document) ?? {}) as Members;
        },
      };
    },
    write(operation, output, requestId) {
      return {
        status: 200,
        headers: { "content-type": contentType, "x-amzn-requestid": requestId },
        body: operation.output.isUnitSchema() ? "{}" : writeJson(service, operation.output, output),
      };
    },
    error(error, requestId) {
      const wire = wireError(service, error);
      return {
        status: wire.status,
        headers: {
          "content-type": contentType,
          "x-amzn-requestid": requestId,
          ...(service.queryCompatible && { "x-amzn-query-error": `${wire.queryCode};${wire.fault}` }),
          ...wire.headers,
        },
        body: jsonError(service, error),
      };
    },
  };
}

/** The deserializer's method for parsed documents is public in JavaScript, but its declared type hides it. */
export interface ObjectReader {
  readObject(schema: SchemaRef, document: unknown): unknown;
}

/** The JSON form of an error: its qualified shape, the message under the name the shape gives it, its members. */
export function jsonError(service: ServiceDescription, error: AwsError): string {
  const wire = wireError(service, error);
  const members = wire.schema?.schema.getMemberSchemas() ?? {};
  const messageMember = "Message" in members ? "Message" : "message";
  return JSON.stringify({
    __type: wire.schema ? `${wire.schema.namespace}#${wire.shape}` : wire.shape,
    ...wire.fields,
    [messageMember]: wire.message,
  });
}

export function writeJson(service: ServiceDescription, schema: NormalizedSchema, value: unknown): Uint8Array {
  const serializer = service.json.createSerializer();
  serializer.write(schema, value);
  const bytes = serializer.flush();
  // The serializer's own class overrides valueOf with a deprecation warning, which Buffer.from(bytes) would call.
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function parseJson(bytes: Buffer): unknown {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new AwsError("SerializationException", `The request body is not JSON: ${(error as Error).message}`, {
      status: 400,
    });
  }
}

const inflate = promisify(gunzip);

/** The body of an RPC request. The SDK gzips large ones (CloudWatch's PutMetricData above 10 KB). */
export async function rpcBody(request: WireRequest): Promise<Buffer> {
  const bytes = await request.body.bytes({ httpChecksum: false });
  if (request.headers["content-encoding"] !== "gzip") return bytes;
  return inflate(bytes).catch((error: Error) => {
    throw new AwsError("SerializationException", `The request body is not gzip: ${error.message}`, { status: 400 });
  });
}

/** What AWS's JSON services say of a request whose shape is wrong. `queryCompatible`: SQS kept its older codes. */
export function jsonComplaints(queryCompatible: boolean): Complaints {
  return {
    unknown: (path) =>
      new AwsError("ValidationException", `Unknown member ${path}: the service's schema does not have it.`, {
        status: 400,
      }),
    missing: (path) =>
      queryCompatible
        ? new AwsError("MissingParameter", `The request must contain the parameter ${path}.`, { status: 400 })
        : new AwsError(
            "ValidationException",
            `1 validation error detected: Value null at '${path}' failed to satisfy constraint: Member must not be null`,
            { status: 400 },
          ),
    wrongType: (path, expected) =>
      new AwsError("SerializationException", `${path || "The request body"} must be ${expected}.`, { status: 400 }),
  };
}
