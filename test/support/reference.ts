/**
 * Writes the pages of docs/reference from the tables that the code runs by. `test/docs.test.ts` fails when a page is
 * not what this would write.
 *
 *   npm run docs
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { format } from "prettier";
import { z } from "zod";
import { inspectServices } from "../../src/local/runtime.ts";
import type { ResourceProvider, Service, ServiceName } from "../../src/local/service.ts";
import { functionReference } from "../../src/sql/spark/reference.ts";

const ROOT = path.resolve(import.meta.dirname, "..", "..");

/** The text of every generated page, by its path in the repository. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  return {
    "docs/reference/functions.md": await formatted(functionReference()),
    "docs/reference/local-services.md": await formatted(await localServicesPage()),
  };
}

/** As `npm run format` leaves it. */
function formatted(page: string): Promise<string> {
  return format(page, { parser: "markdown" });
}

const NOTICE = "<!-- Written by `npm run docs` from the code: change test/support/reference.ts instead. -->";

const TITLES: Readonly<Record<ServiceName, string>> = {
  s3: "S3",
  sns: "SNS",
  sqs: "SQS",
  lambda: "Lambda",
  glue: "Glue",
  athena: "Athena",
  events: "EventBridge",
  ses: "SES",
  monitoring: "CloudWatch",
  logs: "CloudWatch Logs",
  iam: "IAM",
  sts: "STS",
  cloudformation: "CloudFormation",
};

async function localServicesPage(): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), "millrace-reference-"));
  try {
    return await inspectServices(directory, (services) => {
      const known = services.toSorted((a, b) => (TITLES[a.name] < TITLES[b.name] ? -1 : 1));
      const count = (of: (service: Service) => object) =>
        known.reduce((sum, service) => sum + Object.keys(of(service)).length, 0);
      return lines(
        NOTICE,
        "# Services of the local runtime",
        "",
        `${known.length} services, ${count((service) => service.operations)} operations, ${count((service) => service.resources)} resource types of templates.`,
        "An operation that is not listed is answered with `NotImplemented` and its name; a parameter that is not supported",
        "is refused by the operation. A template with another resource type, or another property, is refused as a whole,",
        "before anything is made. A property *without effect* is accepted, and `millrace check` prints it.",
        "Only the first level of properties is listed.",
        ...known.flatMap(serviceSection),
      );
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function serviceSection(service: Service): string[] {
  const operations = Object.keys(service.operations).toSorted();
  return [
    "",
    `## ${TITLES[service.name]}`,
    "",
    `Operations (${operations.length}): ${operations.map(code).join(", ")}.`,
    ...Object.entries(service.resources)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([type, provider]) => resourceSection(type, provider)),
  ];
}

function resourceSection(type: string, { schema, attributes, ignored = {} }: ResourceProvider): string[] {
  const properties = [...propertiesOf(schema)];
  const without = Object.entries(ignored);
  return [
    "",
    `### ${type}`,
    "",
    `Properties: ${properties.map(code).join(", ")}.`,
    ...(attributes.length > 0 ? ["", `Attributes: ${attributes.map(code).join(", ")}.`] : []),
    ...(without.length > 0
      ? [
          "",
          ...table(
            ["without effect", "because"],
            without.map(([property, reason]) => [code(property), reason]),
          ),
        ]
      : []),
  ];
}

/** Names at the first level of a schema: of an object, of what a check or a transform is laid on, of each branch. */
function propertiesOf(schema: z.core.$ZodType): Set<string> {
  if (schema instanceof z.ZodObject) return new Set(Object.keys(schema.shape));
  if (schema instanceof z.ZodPipe) return propertiesOf(schema.def.in);
  if (schema instanceof z.ZodUnion || schema instanceof z.ZodDiscriminatedUnion) {
    return new Set(schema.options.flatMap((option) => [...propertiesOf(option)]));
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return propertiesOf(schema.def.innerType);
  throw new Error(`what properties a ${schema._zod.def.type} has is not known here`);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [row(head), row(head.map(() => "---")), ...rows.map(row)];
}

function code(text: string): string {
  return `\`${text}\``;
}

function lines(...all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}

if (import.meta.main) {
  for (const [page, text] of Object.entries(await referencePages())) await writeFile(path.join(ROOT, page), text);
}
