import { estimateRecords, TEXT_FORMATS } from "./classification.ts";
import type { Classification, Sample } from "./classification.ts";
import { mergeTypes, NULL, resolved, scalar } from "./hive-schema.ts";
import type { HiveColumn, HiveType } from "./hive-schema.ts";

export interface JsonOptions {
  /** From a JsonClassifier: each item of the document's array is a record. */
  readonly splitArray?: boolean;
}

/**
 * JSON objects one after the other (a line each, as a rule), or one array, which is a single column of structs unless
 * a custom classifier splits it. Undefined when the text is not JSON.
 */
export function classifyJson(sample: Sample, options: JsonOptions = {}): Classification | undefined {
  const text = sample.text.trimStart();
  if (!text.startsWith("{") && !text.startsWith("[")) return undefined;
  const documents = text.startsWith("[") ? arrayOf(text, sample.complete) : objectsOf(text, sample.complete);
  if (!documents) return undefined;
  if (text.startsWith("[") && !options.splitArray) {
    const element = documents.map(typeOf).reduce(mergeTypes, NULL);
    return result(sample, [{ name: "array", type: resolved({ kind: "array", element }) }], 1);
  }
  const type = documents.map(typeOf).reduce(mergeTypes, NULL);
  if (type.kind !== "struct" || type.fields.length === 0) return undefined;
  const columns = type.fields.map((field) => ({ ...field, type: resolved(field.type) }));
  return result(sample, columns, documents.length);
}

function result(sample: Sample, columns: HiveColumn[], records: number): Classification {
  return {
    classification: "json",
    columns,
    compression: sample.compression,
    ...TEXT_FORMATS,
    serde: "org.openx.data.jsonserde.JsonSerDe",
    serdeParameters: { paths: columns.map((column) => column.name).join(",") },
    parameters: {},
    records: estimateRecords(sample, records),
  };
}

/** Objects that follow each other, on lines of their own or over several; a cut last one is left out. */
function objectsOf(text: string, complete: boolean): unknown[] | undefined {
  const documents: unknown[] = [];
  let pending = "";
  for (const line of text.split(/\r?\n/u)) {
    pending += pending === "" ? line : `\n${line}`;
    if (pending.trim() === "") continue;
    try {
      const document: unknown = JSON.parse(pending);
      if (!isObject(document)) return undefined;
      documents.push(document);
      pending = "";
    } catch {
      // Goes on in the next line, or is no JSON at all: then nothing will ever parse.
    }
  }
  return documents.length === 0 || (pending.trim() !== "" && complete) ? undefined : documents;
}

function arrayOf(text: string, complete: boolean): unknown[] | undefined {
  if (!complete) return undefined;
  try {
    const document: unknown = JSON.parse(text);
    return Array.isArray(document) ? (document as unknown[]) : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const INT_LIMIT = 2 ** 31;

function typeOf(value: unknown): HiveType {
  if (value === null) return NULL;
  if (Array.isArray(value)) return { kind: "array", element: value.map(typeOf).reduce(mergeTypes, NULL) };
  if (isObject(value)) {
    const fields = new Map<string, HiveType>();
    for (const [key, member] of Object.entries(value)) {
      const name = key.toLowerCase();
      fields.set(name, mergeTypes(fields.get(name) ?? NULL, typeOf(member)));
    }
    return { kind: "struct", fields: [...fields].map(([name, type]) => ({ name, type })) };
  }
  if (typeof value === "boolean") return scalar("boolean");
  if (typeof value === "number") {
    if (!Number.isInteger(value)) return scalar("double");
    return scalar(value >= -INT_LIMIT && value < INT_LIMIT ? "int" : "bigint");
  }
  return scalar("string");
}
