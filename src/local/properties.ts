import { z } from "zod";

/**
 * Property types of CloudFormation. Templates give numbers and booleans as such or as text ("30", "true"), and JSON
 * documents as objects or as text; CloudFormation accepts both, so these do.
 */
export const integer = z.union([
  z.int(),
  z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number),
]);

export const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/)
    .transform(Number),
]);

export const boolean = z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")]);

/** A JSON document, given as an object or as its text; the text comes out. */
export const jsonText = z.union([
  z.record(z.string(), z.unknown()).transform((document) => JSON.stringify(document)),
  z.string(),
]);

export const tags = z.array(z.strictObject({ Key: z.string(), Value: z.string() }));
