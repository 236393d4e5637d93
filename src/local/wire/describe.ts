import { XmlCodec } from "@aws-sdk/core/protocols";
import { JsonCodec2 } from "@smithy/core/protocols";
import { errorSchemas, operationSchemas, type ErrorSchema, type OperationSchema } from "./schema.ts";

type ProtocolName = "awsJson1_0" | "awsJson1_1" | "awsQuery" | "restJson1" | "restXml";

/** What the SDK's client module says about its service. */
export interface ServiceDescription {
  /** The SDK's service id, as in `S3` or `CloudWatch Logs`. */
  readonly serviceId: string;
  readonly protocol: ProtocolName;
  readonly namespace: string;
  readonly xmlNamespace: string;
  /** What stands before the dot in `X-Amz-Target`. */
  readonly target: string;
  /** Errors also carry the code of the service's former query protocol. */
  readonly queryCompatible: boolean;
  readonly operations: ReadonlyMap<string, OperationSchema>;
  /** By shape name and, where that differs, by query code. */
  readonly errors: ReadonlyMap<string, ErrorSchema>;
  readonly json: JsonCodec2;
  readonly xml: XmlCodec;
}

interface ClientConfig {
  serviceId: string;
  protocol: { getShapeId(): string };
  protocolSettings: {
    defaultNamespace: string;
    xmlNamespace?: string;
    serviceTarget: string;
    awsQueryCompatible?: boolean;
  };
}

type ClientClass = new (config: unknown) => { config: ClientConfig; destroy(): void };

/** Reads protocol, operations and errors from a loaded client module. */
export function describeService(sdk: Record<string, unknown>): ServiceDescription {
  const config = clientConfig(sdk);
  const settings = config.protocolSettings;
  const protocol = config.protocol.getShapeId().replace("aws.protocols#", "") as ProtocolName;
  const errors = new Map<string, ErrorSchema>();
  for (const error of errorSchemas(sdk)) {
    errors.set(error.name, error);
    if (error.queryCode !== undefined && !errors.has(error.queryCode)) errors.set(error.queryCode, error);
  }
  // Defaults: epoch seconds in JSON, ISO 8601 in XML (facts/aws.md §0; https://smithy.io/2.0/aws/protocols/).
  const xmlNamespace = settings.xmlNamespace ?? "";
  return {
    serviceId: config.serviceId,
    protocol,
    namespace: settings.defaultNamespace,
    xmlNamespace,
    target: settings.serviceTarget,
    queryCompatible: settings.awsQueryCompatible ?? false,
    operations: new Map(operationSchemas(sdk).map((operation) => [operation.name, operation])),
    errors,
    json: new JsonCodec2({
      timestampFormat: { useTrait: true, default: EPOCH_SECONDS },
      jsonName: protocol === "restJson1",
      httpBindings: protocol === "restJson1",
    }),
    xml: new XmlCodec({
      serviceNamespace: settings.defaultNamespace,
      // A query answer carries its namespace on the element around the result.
      xmlNamespace: protocol === "awsQuery" ? "" : xmlNamespace,
      timestampFormat: { useTrait: true, default: DATE_TIME },
      httpBindings: protocol === "restXml",
    }),
  };
}

export const DATE_TIME = 5;
export const EPOCH_SECONDS = 7;

function clientConfig(sdk: Record<string, unknown>): ClientConfig {
  const entry = Object.entries(sdk).find(
    ([name, value]) => /^[A-Z].*Client$/.test(name) && typeof value === "function",
  );
  if (!entry) throw new Error("not an SDK client module: no export ends in Client");
  const Client = entry[1] as ClientClass;
  // The client is never used to send anything: only its static configuration is read.
  const client = new Client({ region: "us-east-1", credentials: { accessKeyId: "none", secretAccessKey: "none" } });
  client.destroy();
  return client.config;
}
