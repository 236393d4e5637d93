import type { NormalizedSchema } from "@smithy/core/schema";
import type { AwsError } from "../service.ts";
import { requiredMembers } from "./schema.ts";

/**
 * The SDK's codecs drop what a schema does not name and do not ask for what it requires. These walks run on the parsed
 * document before the codec does, so that nothing a client sent is ignored and no handler sees a missing member.
 */
export interface Complaints {
  unknown(path: string): AwsError;
  missing(path: string): AwsError;
  wrongType(path: string, expected: string): AwsError;
}

/** Checks a parsed JSON document. `useJsonName` is set for REST-JSON, whose members may be renamed. */
export function checkJson(ns: NormalizedSchema, value: unknown, complaints: Complaints, useJsonName: boolean): void {
  walkJson(ns, value, "", complaints, useJsonName);
}

function walkJson(ns: NormalizedSchema, value: unknown, path: string, complaints: Complaints, named: boolean): void {
  if (value === null || value === undefined || ns.isDocumentSchema()) return;
  if (ns.isStructSchema()) {
    const record = asRecord(value, path, complaints);
    const known = new Map<string, [string, NormalizedSchema]>();
    for (const [name, member] of ns.structIterator()) {
      known.set((named && member.getMergedTraits()["jsonName"]?.toString()) || name, [name, member]);
    }
    for (const [key, item] of Object.entries(record)) {
      const entry = known.get(key);
      if (entry) walkJson(entry[1], item, join(path, entry[0]), complaints, named);
      else if (key !== "__type") throw complaints.unknown(join(path, key));
    }
    for (const [key, [name]] of known) {
      if (record[key] == null && requiredMembers(ns).includes(name)) throw complaints.missing(join(path, name));
    }
  } else if (ns.isListSchema()) {
    if (!Array.isArray(value)) throw complaints.wrongType(path, "a list");
    value.forEach((item, index) => walkJson(ns.getValueSchema(), item, `${path}[${index}]`, complaints, named));
  } else if (ns.isMapSchema()) {
    for (const [key, item] of Object.entries(asRecord(value, path, complaints))) {
      walkJson(ns.getValueSchema(), item, join(path, key), complaints, named);
    }
  } else checkJsonScalar(ns, value, path, complaints);
}

function checkJsonScalar(ns: NormalizedSchema, value: unknown, path: string, complaints: Complaints): void {
  const type = typeof value;
  if (ns.isBooleanSchema() && type !== "boolean") throw complaints.wrongType(path, "true or false");
  if ((ns.isStringSchema() || ns.isBlobSchema()) && type !== "string") throw complaints.wrongType(path, "a string");
  // NaN and the infinities travel as text (https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html).
  if (ns.isNumericSchema() && type !== "number" && !["NaN", "Infinity", "-Infinity"].includes(value as string)) {
    throw complaints.wrongType(path, "a number");
  }
}

function asRecord(value: unknown, path: string, complaints: Complaints): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw complaints.wrongType(path, "an object");
}

/** Checks a parsed XML element, as the SDK's parser gives it: text, or an object of children and attributes. */
export function checkXml(ns: NormalizedSchema, value: unknown, path: string, complaints: Complaints): void {
  if (value === undefined || value === "") return checkEmptyXml(ns, path, complaints);
  if (ns.isStructSchema()) {
    const record = asRecord(value, path, complaints);
    const known = new Map<string, [string, NormalizedSchema]>();
    for (const [name, member] of ns.structIterator()) {
      known.set(member.getMemberTraits().xmlName ?? name, [name, member]);
    }
    for (const [key, item] of Object.entries(record)) {
      const entry = known.get(key);
      if (entry) checkXmlMember(entry[1], item, join(path, entry[0]), complaints);
      else if (!isXmlAttribute(key)) throw complaints.unknown(join(path, key));
    }
    for (const [key, [name]] of known) {
      if (record[key] === undefined && requiredMembers(ns).includes(name)) throw complaints.missing(join(path, name));
    }
  } else checkXmlMember(ns, value, path, complaints);
}

function checkEmptyXml(ns: NormalizedSchema, path: string, complaints: Complaints): void {
  const [first] = requiredMembers(ns);
  if (first !== undefined) throw complaints.missing(join(path, first));
}

function checkXmlMember(ns: NormalizedSchema, value: unknown, path: string, complaints: Complaints): void {
  if (ns.isListSchema()) {
    const item = ns.getValueSchema();
    for (const [index, element] of xmlItems(ns, value, path, complaints).entries()) {
      checkXml(item, element, `${path}[${index}]`, complaints);
    }
  } else if (ns.isStructSchema()) {
    checkXml(ns, value, path, complaints);
  } else if (ns.isNumericSchema() && (typeof value !== "string" || value === "" || Number.isNaN(Number(value)))) {
    throw complaints.wrongType(path, "a number");
  }
}

function xmlItems(ns: NormalizedSchema, value: unknown, path: string, complaints: Complaints): unknown[] {
  if (ns.getMergedTraits().xmlFlattened) return Array.isArray(value) ? value : [value];
  if (value === "") return [];
  const name = ns.getValueSchema().getMergedTraits().xmlName ?? "member";
  const record = asRecord(value, path, complaints);
  for (const key of Object.keys(record)) {
    if (key !== name && !isXmlAttribute(key)) throw complaints.unknown(join(path, key));
  }
  const items = record[name];
  return items === undefined ? [] : Array.isArray(items) ? items : [items];
}

/** The parser puts attributes beside children: namespaces, and `xsi:type` of S3's grantees. */
function isXmlAttribute(key: string): boolean {
  return key === "xmlns" || key.startsWith("xmlns:") || key.startsWith("xsi:") || key === "#text";
}

function join(path: string, member: string): string {
  return path === "" ? member : `${path}.${member}`;
}
