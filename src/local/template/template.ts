import { z } from "zod";
import type { Finding } from "./findings.ts";

const names = z.union([z.string().transform((name) => [name]), z.array(z.string())]);
const policy = z.enum(["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"]);

/** Attributes beside Properties (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-product-attribute-reference.html). */
const resource = z.strictObject({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  DependsOn: names.default([]),
  Condition: z.string().optional(),
  DeletionPolicy: policy.default("Delete"),
  UpdateReplacePolicy: policy.default("Delete"),
  Metadata: z.unknown().optional(),
});

const parameter = z.strictObject({
  Type: z.string(),
  Default: z.union([z.string(), z.number()]).transform(String).optional(),
  Description: z.string().optional(),
  AllowedValues: z.array(z.union([z.string(), z.number()]).transform(String)).optional(),
  AllowedPattern: z.string().optional(),
  ConstraintDescription: z.string().optional(),
  MinLength: z.coerce.number().optional(),
  MaxLength: z.coerce.number().optional(),
  MinValue: z.coerce.number().optional(),
  MaxValue: z.coerce.number().optional(),
  NoEcho: z.union([z.boolean(), z.string()]).optional(),
});

const output = z.strictObject({
  Value: z.unknown(),
  Description: z.string().optional(),
  Condition: z.string().optional(),
  Export: z.strictObject({ Name: z.unknown() }).optional(),
});

const template = z.strictObject({
  AWSTemplateFormatVersion: z.literal("2010-09-09").optional(),
  Description: z.string().optional(),
  Metadata: z.unknown().optional(),
  Parameters: z.record(z.string(), parameter).default({}),
  Mappings: z.record(z.string(), z.unknown()).default({}),
  Conditions: z.record(z.string(), z.unknown()).default({}),
  Rules: z.record(z.string(), z.unknown()).default({}),
  Resources: z.record(z.string().regex(/^[A-Za-z0-9]+$/, "logical ids are alphanumeric"), resource),
  Outputs: z.record(z.string(), output).default({}),
});

export type Template = z.output<typeof template>;
export type TemplateResource = Template["Resources"][string];
export type TemplateParameter = z.output<typeof parameter>;

/** Parses a template's sections; what the local runtime does not know of them is a finding each. */
export function parseTemplate(json: unknown): { template: Template | undefined; findings: Finding[] } {
  const parsed = template.safeParse(json);
  if (parsed.success) return { template: parsed.data, findings: [] };
  const findings = parsed.error.issues.flatMap((issue): Finding[] => {
    const where = issue.path.join(".") || "template";
    if (issue.code !== "unrecognized_keys") return [{ where, message: issue.message }];
    return issue.keys.map((key) => ({
      where: [...issue.path, key].join("."),
      message: `${key} is not supported by the local runtime.`,
    }));
  });
  return { template: undefined, findings };
}
