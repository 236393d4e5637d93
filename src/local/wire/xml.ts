import type { NormalizedSchema } from "@smithy/core/schema";
import { AwsError } from "../service.ts";
import type { ServiceDescription } from "./describe.ts";

export const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;" };

/** Text for an element's content. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"\r]/g, (character) => ESCAPES[character] ?? character);
}

/** One element with text content; nothing when there is no value. */
export function element(name: string, value: unknown): string {
  return value === undefined || value === null ? "" : `<${name}>${escapeXml(plainText(value))}</${name}>`;
}

function plainText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** The root element of `schema`'s name (or `xmlName`) with the members of `value`. */
export function writeXml(service: ServiceDescription, schema: NormalizedSchema, value: unknown): string {
  const serializer = service.xml.createSerializer();
  serializer.write(schema, value);
  return String(serializer.flush());
}

const DOCUMENT = 15;

/** Parses a body to the SDK parser's tree: the root's children and attributes, or its text. */
export function parseXml(service: ServiceDescription, bytes: Buffer): unknown {
  if (bytes.length === 0) return "";
  try {
    return service.xml.createDeserializer().read(DOCUMENT, bytes) as unknown;
  } catch {
    throw malformedXml("The XML you provided was not well-formed or did not validate against our published schema");
  }
}

export function malformedXml(message: string): AwsError {
  return new AwsError("MalformedXML", message, { status: 400 });
}
