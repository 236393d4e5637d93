import { z } from "zod";
import { boolean, integer, jsonText } from "../../../properties.ts";
import { AwsError, defineResource } from "../../../service.ts";
import type { ResourceProvider } from "../../../service.ts";
import type { Classifiers } from "./classifiers.ts";
import type { Crawlers } from "./crawlers.ts";

const s3Target = z.strictObject({
  Path: z.string(),
  Exclusions: z.array(z.string()).optional(),
  SampleSize: integer.optional(),
});

/** AWS::Glue::Crawler and AWS::Glue::Classifier. */
export function createCrawlerResources(
  crawlers: Crawlers,
  classifiers: Classifiers,
): Readonly<Record<string, ResourceProvider>> {
  const crawler = defineResource({
    schema: z.strictObject({
      Name: z.string().optional(),
      Role: z.string(),
      DatabaseName: z.string().optional(),
      Description: z.string().optional(),
      Targets: z.strictObject({ S3Targets: z.array(s3Target).min(1) }),
      Classifiers: z.array(z.string()).optional(),
      Configuration: jsonText.optional(),
      RecrawlPolicy: z
        .strictObject({ RecrawlBehavior: z.enum(["CRAWL_EVERYTHING", "CRAWL_NEW_FOLDERS_ONLY"]).optional() })
        .optional(),
      SchemaChangePolicy: z
        .strictObject({
          UpdateBehavior: z.enum(["LOG", "UPDATE_IN_DATABASE"]).optional(),
          DeleteBehavior: z.enum(["LOG", "DELETE_FROM_DATABASE", "DEPRECATE_IN_DATABASE"]).optional(),
        })
        .optional(),
      Schedule: z.strictObject({ ScheduleExpression: z.string().optional() }).optional(),
      TablePrefix: z.string().optional(),
      CrawlerSecurityConfiguration: z.string().optional(),
      Tags: z.record(z.string(), z.string()).optional(),
    }),
    ignored: {
      Tags: "tags have no effect locally",
      CrawlerSecurityConfiguration: "logs and data are not encrypted on this machine's disk",
    },
    attributes: [],
    provision(request) {
      const { Name, Schedule, Tags: _tags, ...settings } = request.properties;
      const name = Name ?? request.physicalId ?? request.generatedName(255);
      const input = { ...settings, Name: name, Schedule: Schedule?.ScheduleExpression ?? "" };
      if (found(() => crawlers.find(name))) crawlers.ensure(input);
      else crawlers.create(input);
      return { physicalId: name, attributes: {} };
    },
    delete(physicalId) {
      if (found(() => crawlers.find(physicalId))) crawlers.delete({ Name: physicalId });
    },
  });

  const csv = z.strictObject({
    Name: z.string().optional(),
    Delimiter: z.string().optional(),
    QuoteSymbol: z.string().optional(),
    ContainsHeader: z.enum(["UNKNOWN", "PRESENT", "ABSENT"]).optional(),
    Header: z.array(z.string()).optional(),
    AllowSingleColumn: boolean.optional(),
    DisableValueTrimming: boolean.optional(),
  });
  const classifier = defineResource({
    schema: z.strictObject({
      CsvClassifier: csv.optional(),
      JsonClassifier: z.strictObject({ Name: z.string().optional(), JsonPath: z.string() }).optional(),
    }),
    attributes: [],
    provision(request) {
      const { CsvClassifier, JsonClassifier } = request.properties;
      const name = CsvClassifier?.Name ?? JsonClassifier?.Name ?? request.physicalId ?? request.generatedName(255);
      const input = {
        CsvClassifier: CsvClassifier && { ...CsvClassifier, Name: name },
        JsonClassifier: JsonClassifier && { ...JsonClassifier, Name: name },
      };
      if (found(() => classifiers.find(name))) classifiers.update(input);
      else classifiers.create(input);
      return { physicalId: name, attributes: {} };
    },
    delete(physicalId) {
      if (found(() => classifiers.find(physicalId))) classifiers.delete({ Name: physicalId });
    },
  });

  return { "AWS::Glue::Crawler": crawler, "AWS::Glue::Classifier": classifier };
}

function found(look: () => unknown): boolean {
  try {
    look();
    return true;
  } catch (error) {
    if (error instanceof AwsError && error.code === "EntityNotFoundException") return false;
    throw error;
  }
}
