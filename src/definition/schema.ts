import { z } from "zod";
import { parseType, TYPE_NAMES, TypeSyntaxError } from "../plan/data-type.ts";
import { parseDuration, parseShare, parseSize } from "./units.ts";
import { nearest } from "../plan/suggest.ts";

/**
 * What a user writes. Every field has its sentence (`describe`), which editors show through the JSON schema; a message
 * says what is wrong, and after a line break, as `hint:`, what to write instead.
 */

/** Joins a message and its hint in one zod message; `problems.ts` takes them apart. */
export function withHint(message: string, hint: string | undefined): string {
  return hint === undefined ? message : `${message}\nhint: ${hint}`;
}

const size = z.union([z.string(), z.number()]).transform((value, context) => {
  const bytes = typeof value === "number" ? value : parseSize(value);
  if (bytes === undefined || bytes < 1 || !Number.isInteger(bytes)) {
    context.addIssue({ code: "custom", message: withHint(`"${value}" is not a size`, 'write, for example, "64 MiB"') });
    return z.NEVER;
  }
  return bytes;
});

function duration(least: number, most: number, example: string) {
  return z.union([z.string(), z.number()]).transform((value, context) => {
    const seconds = typeof value === "number" ? value : parseDuration(value);
    if (seconds === undefined || !Number.isInteger(seconds)) {
      context.addIssue({
        code: "custom",
        message: withHint(`"${value}" is not a time`, `write, for example, "${example}"`),
      });
      return z.NEVER;
    }
    if (seconds < least || seconds > most) {
      context.addIssue({ code: "custom", message: `it must be from ${least} to ${most} seconds, and is ${seconds}` });
      return z.NEVER;
    }
    return seconds;
  });
}

const share = z.union([z.string(), z.number()]).transform((value, context) => {
  const part = typeof value === "number" ? value : parseShare(value);
  if (part === undefined || part < 0 || part > 1) {
    context.addIssue({ code: "custom", message: withHint(`"${value}" is not a share`, 'write "10 %", or 0.1') });
    return z.NEVER;
  }
  return part;
});

const type = z.string().superRefine((text, context) => {
  try {
    parseType(text);
  } catch (error) {
    if (!(error instanceof TypeSyntaxError)) throw error;
    const near = nearest(text, TYPE_NAMES);
    const hint = error.hint ?? (near === undefined ? `types are ${TYPE_NAMES.join(", ")}` : `did you mean "${near}"?`);
    context.addIssue({ code: "custom", message: withHint(error.message, hint) });
  }
});

const column = z.union([
  type,
  z.strictObject({
    type: type.describe(
      "string, boolean, int, bigint, double, decimal(p,s), date, timestamp; for JSON and Parquet also array<…>, map<…,…>, struct<…>",
    ),
    from: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .describe(
        "Where the value is: the CSV header, the Parquet column, or for JSON the member (a.b, or a list of names for members within members)",
      )
      .optional(),
    nullable: z.boolean().default(true).describe("Whether a record may lack the value"),
    format: z
      .string()
      .min(1)
      .describe(
        'For date and timestamp: how the text is written, such as "dd.MM.yyyy HH:mm", "unix_seconds" or "unix_millis"; default ISO 8601',
      )
      .optional(),
  }),
]);

/** The tokenizers look for one byte, and no other character of UTF-8 or Latin-1 may contain it. */
const oneCharacter = (what: string) =>
  z.string().refine((text) => text.length === 1 && text < "\u0080" && text !== "\n" && text !== "\r", {
    message: `${what} is one character, of ASCII`,
  });

const source = z.strictObject({
  prefix: z.string().describe('Keys that start with it belong to the dataset; default "<dataset>/"').optional(),
  format: z
    .enum(["csv", "json", "parquet"])
    .describe("csv, json or parquet; .gz and .zst are unpacked by name")
    .default("csv"),
  header: z.boolean().describe("CSV: whether the first record names the columns; default true").optional(),
  delimiter: oneCharacter("the delimiter").describe('CSV: default ","').optional(),
  quote: oneCharacter("the quote").describe("CSV: default the double quote").optional(),
  encoding: z.enum(["utf-8", "latin-1"]).describe("CSV: default utf-8").optional(),
  nullText: z
    .union([z.string(), z.array(z.string())])
    .describe('CSV: texts that mean "no value"; default the empty text')
    .optional(),
  unknownColumns: z
    .enum(["reject", "ignore"])
    .describe("CSV: what a header that is no column does to its file; default reject")
    .optional(),
  missingColumns: z
    .enum(["reject", "null"])
    .describe("CSV: what a nullable column that the header lacks does; default reject")
    .optional(),
  layout: z
    .enum(["lines", "array", "document"])
    .describe("JSON: one document a line (default), one array of records, or one document with the records inside")
    .optional(),
  records: z.string().min(1).describe("JSON: where the records are in the document, such as data.items").optional(),
});

const rule = z.string().min(1);

const dataset = z.strictObject({
  source: source.default({ format: "csv" }),
  columns: z.record(z.string(), column).describe("Columns by name, each a type or { type, from, nullable, format }"),
  rules: z
    .record(z.string().min(1), rule)
    .describe("Conditions by name; a row that breaks one is rejected")
    .default({}),
  transform: z.string().min(1).describe("Spark SQL over source, row by row").default("select * from source"),
  partitionBy: z
    .union([z.string(), z.array(z.string())])
    .describe("Output columns that become folders")
    .default([]),
  rejectLimit: share
    .describe('A file with a greater share of bad records is rejected whole; default "10 %"')
    .default(0.1),
  quietRejects: z.int().nonnegative().describe("Up to so many rejected rows a run sends no mail; default 0").default(0),
  limits: z
    .strictObject({
      maxFiles: z.int().positive().max(100_000).describe("Files in one run; default 1000").optional(),
      maxBytes: size.describe('Bytes in one run; default "10 GiB"').optional(),
    })
    .default({}),
});

const email = z.string().regex(/^[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+$/, { message: "it is not an e-mail address" });

export const definitionSchema = z.strictObject({
  name: z.string().describe("Name of the pipeline: part of every bucket's and function's name"),
  alerts: z
    .strictObject({ from: email, to: z.union([email, z.array(email).min(1)]) })
    .describe("Who is mailed when something is rejected or fails, and from which (verified) address")
    .optional(),
  batching: z
    .strictObject({
      window: duration(0, 300, "1 minute")
        .describe(
          "How long messages gather before a run starts; default none: while a run is at work, what comes gathers anyway",
        )
        .optional(),
    })
    .default({}),
  job: z
    .strictObject({ workers: z.int().min(2).max(100).describe("Workers (G.1X) of one Glue run; default 2").default(2) })
    .default({ workers: 2 }),
  retention: z
    .strictObject({
      logs: duration(86_400, 3653 * 86_400, "30 days")
        .describe("How long logs are kept; default 30 days")
        .optional(),
      oldVersions: duration(86_400, 36_500 * 86_400, "30 days")
        .describe("How long replaced or deleted files stay; default 30 days")
        .optional(),
    })
    .default({}),
  datasets: z.record(z.string(), dataset),
});

/** What `definePipeline` takes. */
export type DefinitionInput = z.input<typeof definitionSchema>;
export type ParsedDefinition = z.output<typeof definitionSchema>;
