import { FromStringShapeDeserializer, ToStringShapeSerializer } from "@smithy/core/protocols";
import { NormalizedSchema } from "@smithy/core/schema";
import { AwsError } from "../service.ts";
import { jsonComplaints, jsonError, parseJson, writeJson, type ObjectReader } from "./aws-json.ts";
import { DATE_TIME, EPOCH_SECONDS, type ServiceDescription } from "./describe.ts";
import { wireError } from "./errors.ts";
import type { Members, Protocol, WireRequest, WireResponse } from "./message.ts";
import { quirks } from "./quirks.ts";
import { compileRoutes, type Match } from "./routes.ts";
import { bodyStructure, structureOf, type OperationSchema, type SchemaRef } from "./schema.ts";
import { checkJson, checkXml, type Complaints } from "./strict.ts";
import { element, malformedXml, parseXml, writeXml, XML_DECLARATION } from "./xml.ts";

/** What differs between REST-JSON and REST-XML: the documents. */
interface Documents {
  readonly contentType: string;
  read(schema: NormalizedSchema, bytes: Buffer): unknown;
  write(schema: NormalizedSchema, value: unknown): string | Uint8Array;
}

/** REST-JSON and REST-XML: the operation by method and path, members in labels, query, headers and body. */
export function rest(service: ServiceDescription): Protocol {
  const xml = service.protocol === "restXml";
  const documents = xml ? xmlDocuments(service) : jsonDocuments(service);
  const settings = {
    timestampFormat: { useTrait: true, default: xml ? DATE_TIME : EPOCH_SECONDS } as const,
    httpBindings: true,
  };
  const fromText = new FromStringShapeDeserializer(settings);
  const toText = new ToStringShapeSerializer(settings);
  const match = compileRoutes(service);
  return {
    route(request) {
      const found = match(request);
      return { operation: found.operation, read: () => readInput(documents, fromText, found, request) };
    },
    write(operation, output, requestId) {
      const quirk = quirks[`${service.serviceId}.${operation.name}`];
      const response = quirk ? quirk(output) : writeOutput(documents, toText, operation, output);
      return { ...response, headers: { ...requestIds(xml, requestId), ...response.headers } };
    },
    error(error, requestId) {
      const wire = wireError(service, error);
      const headers = { ...requestIds(xml, requestId), ...wire.headers, ...errorHeaders(toText, wire) };
      if (!xml) {
        return {
          status: wire.status,
          headers: { "content-type": "application/json", "x-amzn-errortype": wire.shape, ...headers },
          body: jsonError(service, error),
        };
      }
      const fields = Object.entries(wire.fields).map(([name, value]) => element(name, value));
      return {
        status: wire.status,
        headers: { "content-type": "application/xml", ...headers },
        body: `${XML_DECLARATION}<Error>${element("Code", wire.queryCode)}${element("Message", wire.message)}${fields.join("")}${element("RequestId", requestId)}</Error>`,
      };
    },
  };
}

function requestIds(xml: boolean, requestId: string): Record<string, string> {
  // S3 has its own header name and a second id (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html).
  return xml
    ? { "x-amz-request-id": requestId, "x-amz-id-2": Buffer.from(requestId).toString("base64") }
    : { "x-amzn-requestid": requestId };
}

/** Members of a modelled error that travel as headers, e.g. Lambda's retryAfterSeconds. */
function errorHeaders(toText: ToStringShapeSerializer, wire: ReturnType<typeof wireError>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, member] of wire.schema?.schema.structIterator() ?? []) {
    const header = member.getMergedTraits().httpHeader;
    if (header && wire.fields[name] !== undefined)
      headers[header.toLowerCase()] = text(toText, member, wire.fields[name]);
  }
  return headers;
}

async function readInput(
  documents: Documents,
  fromText: FromStringShapeDeserializer,
  { operation, labels }: Match,
  request: WireRequest,
): Promise<Members> {
  const input: Members = {};
  const structure = structureOf(operation.input);
  if (!structure) return input;
  const named = new Set<string>();
  for (const [name, member] of operation.input.structIterator()) {
    const traits = member.getMergedTraits();
    if (traits.httpQuery) named.add(traits.httpQuery);
    const value = traits.httpLabel
      ? labels[name]
      : traits.httpQuery
        ? readQuery(fromText, member, traits.httpQuery, request)
        : traits.httpHeader
          ? readHeader(fromText, member, traits.httpHeader.toLowerCase(), request)
          : typeof traits.httpPrefixHeaders === "string"
            ? readPrefixHeaders(traits.httpPrefixHeaders.toLowerCase(), request)
            : undefined;
    if (value !== undefined) input[name] = traits.httpLabel ? scalar(fromText, member, value as string, name) : value;
    else if (traits.httpPayload) input[name] = await readPayload(documents, operation, member, request);
  }
  for (const [name, member] of operation.input.structIterator()) {
    if (member.getMergedTraits().httpQueryParams) {
      input[name] = Object.fromEntries(request.query.filter(([key]) => !named.has(key)));
    }
  }
  const body = bodyStructure(structure);
  if (body[4].length > 0) {
    const bytes = await request.body.bytes(operation);
    const schema = NormalizedSchema.of(body as SchemaRef);
    Object.assign(input, documents.read(schema, bytes));
  }
  return input;
}

async function readPayload(
  documents: Documents,
  operation: OperationSchema,
  member: NormalizedSchema,
  request: WireRequest,
): Promise<unknown> {
  if (member.isStreaming()) return request.body.stream(operation);
  const bytes = await request.body.bytes(operation);
  if (member.isBlobSchema()) return bytes;
  if (member.isStringSchema()) return bytes.toString("utf8");
  // An absent document is an absent member: S3 clients send no body for CreateBucket in us-east-1.
  return bytes.length === 0 ? undefined : documents.read(member, bytes);
}

function readQuery(
  fromText: FromStringShapeDeserializer,
  member: NormalizedSchema,
  name: string,
  request: WireRequest,
): unknown {
  const values = request.query.filter(([key]) => key === name).map(([, value]) => value);
  if (values.length === 0) return undefined;
  if (member.isListSchema()) return values.map((value) => scalar(fromText, member.getValueSchema(), value, name));
  return scalar(fromText, member, values[0] ?? "", name);
}

function readHeader(
  fromText: FromStringShapeDeserializer,
  member: NormalizedSchema,
  name: string,
  request: WireRequest,
): unknown {
  const value = request.headers[name];
  // Header text goes through as it came: node reads bytes as Latin-1, and answers write them back the same way.
  return value === undefined ? undefined : scalar(fromText, member, String(value), name);
}

function readPrefixHeaders(prefix: string, request: WireRequest): Record<string, string> | undefined {
  const entries = Object.entries(request.headers)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name.slice(prefix.length), String(value)]);
  return entries.length > 0 ? (Object.fromEntries(entries) as Record<string, string>) : undefined;
}

function scalar(fromText: FromStringShapeDeserializer, member: NormalizedSchema, value: string, name: string): unknown {
  const invalid = () => new AwsError("InvalidArgument", `${name} has an invalid value: "${value}"`, { status: 400 });
  if (member.isNumericSchema() && (value.trim() === "" || Number.isNaN(Number(value)))) throw invalid();
  try {
    return fromText.read(member, value);
  } catch {
    throw invalid();
  }
}

function writeOutput(
  documents: Documents,
  toText: ToStringShapeSerializer,
  operation: OperationSchema,
  output: Members,
): WireResponse {
  let status = (output["$status"] as number | undefined) ?? operation.http?.[2] ?? 200;
  const headers: Record<string, string> = {};
  const structure = structureOf(operation.output);
  if (!structure) return { status, headers };
  let payload: NormalizedSchema | undefined;
  for (const [name, member] of operation.output.structIterator()) {
    const traits = member.getMergedTraits();
    if (traits.httpPayload) payload = member;
    const value = output[name];
    if (value === undefined || value === null) continue;
    if (traits.httpHeader) headers[traits.httpHeader.toLowerCase()] = text(toText, member, value);
    else if (typeof traits.httpPrefixHeaders === "string") {
      for (const [key, item] of Object.entries(value as Record<string, string>)) {
        headers[traits.httpPrefixHeaders.toLowerCase() + key] = item;
      }
    } else if (traits.httpResponseCode) status = value as number;
  }
  if (payload)
    return { status, headers, ...writePayload(documents, payload, output[payload.getMemberName()], headers) };
  const body = bodyStructure(structure);
  if (body[4].length === 0) return { status, headers };
  const schema = NormalizedSchema.of(body as SchemaRef);
  return {
    status,
    headers: { "content-type": documents.contentType, ...headers },
    body: documents.write(schema, output),
  };
}

function writePayload(
  documents: Documents,
  member: NormalizedSchema,
  value: unknown,
  headers: Record<string, string>,
): Partial<WireResponse> {
  if (value === undefined || value === null) return {};
  if (member.isStructSchema()) {
    return { headers: { "content-type": documents.contentType, ...headers }, body: documents.write(member, value) };
  }
  return { body: value as NonNullable<WireResponse["body"]> };
}

function text(toText: ToStringShapeSerializer, member: NormalizedSchema, value: unknown): string {
  toText.write(member, value);
  return toText.flush();
}

function jsonDocuments(service: ServiceDescription): Documents {
  const complaints = jsonComplaints(false);
  return {
    contentType: "application/json",
    read(schema, bytes) {
      const document = parseJson(bytes);
      checkJson(schema, document, complaints, true);
      return (service.json.createDeserializer() as unknown as ObjectReader).readObject(schema, document);
    },
    write: (schema, value) => writeJson(service, schema, value),
  };
}

const xmlComplaints: Complaints = {
  unknown: (path) => malformedXml(`Unknown element ${path}: the operation's schema does not have it.`),
  missing: (path) => malformedXml(`The element ${path} is missing.`),
  wrongType: (path, expected) => malformedXml(`${path || "The document"} must be ${expected}.`),
};

function xmlDocuments(service: ServiceDescription): Documents {
  return {
    contentType: "application/xml",
    read(schema, bytes) {
      const tree = parseXml(service, bytes);
      checkXml(schema, tree, "", xmlComplaints);
      return service.xml.createDeserializer().readSchema(schema, tree) as unknown;
    },
    write: (schema, value) => XML_DECLARATION + writeXml(service, schema, value),
  };
}
