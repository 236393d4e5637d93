import { z } from "zod";
import { invalidInput } from "../catalog/errors.ts";

/** A crawler's `Configuration`. https://docs.aws.amazon.com/glue/latest/dg/crawler-configuration.html */
const schema = z.strictObject({
  Version: z.number(),
  CrawlerOutput: z
    .strictObject({
      Tables: z
        .strictObject({
          AddOrUpdateBehavior: z.literal("MergeNewColumns").optional(),
          TableThreshold: z.number().optional(),
        })
        .optional(),
      Partitions: z.strictObject({ AddOrUpdateBehavior: z.literal("InheritFromTable").optional() }).optional(),
    })
    .optional(),
  Grouping: z
    .strictObject({
      TableGroupingPolicy: z.literal("CombineCompatibleSchemas").optional(),
      TableLevelConfiguration: z.number().int().min(1).optional(),
    })
    .optional(),
  // Partition indexes make lookups in AWS's catalog faster and change nothing else.
  CreatePartitionIndex: z.boolean().optional(),
});

export interface CrawlerConfiguration {
  readonly mergeNewColumns: boolean;
  readonly inheritFromTable: boolean;
  readonly combine: boolean;
  readonly tableLevel: number | undefined;
  readonly tableThreshold: number | undefined;
}

/** Parses the JSON text; a setting that is not known is refused by name. */
export function parseConfiguration(text: string | undefined): CrawlerConfiguration {
  let document: unknown = { Version: 1 };
  if (text !== undefined && text.trim() !== "") {
    try {
      document = JSON.parse(text);
    } catch {
      throw invalidInput("The crawler's Configuration is not valid JSON.");
    }
  }
  const parsed = schema.safeParse(document);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalidInput(`The crawler's Configuration: ${[...(issue?.path ?? []), issue?.message].join(": ")}`);
  }
  const { CrawlerOutput, Grouping } = parsed.data;
  return {
    mergeNewColumns: CrawlerOutput?.Tables?.AddOrUpdateBehavior === "MergeNewColumns",
    inheritFromTable: CrawlerOutput?.Partitions?.AddOrUpdateBehavior === "InheritFromTable",
    combine: Grouping?.TableGroupingPolicy === "CombineCompatibleSchemas",
    tableLevel: Grouping?.TableLevelConfiguration,
    tableThreshold: CrawlerOutput?.Tables?.TableThreshold,
  };
}
