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
import { parseType, printType } from "../../src/plan/data-type.ts";
import { compileSparkExpression } from "../../src/sql/spark/compile-select.ts";
import type { SparkFunction } from "../../src/sql/spark/function-table.ts";
import { COLLECTION_FUNCTIONS } from "../../src/sql/spark/functions/collections.ts";
import { CONDITIONAL_FUNCTIONS } from "../../src/sql/spark/functions/conditional.ts";
import { SPARK_FUNCTIONS } from "../../src/sql/spark/functions/all.ts";
import { JSON_FUNCTIONS } from "../../src/sql/spark/functions/json.ts";
import { NUMBER_FUNCTIONS } from "../../src/sql/spark/functions/numbers.ts";
import { REFUSED_FUNCTIONS } from "../../src/sql/spark/functions/refused.ts";
import { REGEXP_FUNCTIONS } from "../../src/sql/spark/functions/regexp.ts";
import { TEXT_FUNCTIONS } from "../../src/sql/spark/functions/text.ts";
import { TIME_FUNCTIONS } from "../../src/sql/spark/functions/time.ts";
import { GENERATOR_NAMES } from "../../src/sql/spark/generators.ts";
import { SPARK_CASES } from "./spark/cases/all.ts";

const ROOT = path.resolve(import.meta.dirname, "..", "..");

/** The text of every generated page, by its path in the repository. */
export async function referencePages(): Promise<Readonly<Record<string, string>>> {
  return {
    "docs/reference/functions.md": await formatted(functionsPage()),
    "docs/reference/local-services.md": await formatted(await localServicesPage()),
  };
}

/** As `npm run format` leaves it. */
function formatted(page: string): Promise<string> {
  return format(page, { parser: "markdown" });
}

const NOTICE = "<!-- Written by `npm run docs` from the code: change test/support/reference.ts instead. -->";

const AREAS: readonly (readonly [string, readonly SparkFunction[]])[] = [
  ["Text", TEXT_FUNCTIONS],
  ["Regular expressions", REGEXP_FUNCTIONS],
  ["Dates and times", TIME_FUNCTIONS],
  ["Numbers", NUMBER_FUNCTIONS],
  ["Conditions and NULL", CONDITIONAL_FUNCTIONS],
  ["Arrays, maps and structs", COLLECTION_FUNCTIONS],
  ["JSON", JSON_FUNCTIONS],
];

function functionsPage(): string {
  const shown = AREAS.flatMap(([, functions]) => functions);
  const left = SPARK_FUNCTIONS.filter((one) => !shown.includes(one));
  if (left.length > 0) throw new Error(`in no area of the page: ${left.flatMap(({ names }) => names).join(", ")}`);
  const names = shown.flatMap((one) => one.names);
  const refused = Map.groupBy(REFUSED_FUNCTIONS, ([, { reason }]) => reason);
  return lines(
    NOTICE,
    "# Functions of transforms and rules",
    "",
    `The ${names.length} functions that Spark SQL of a definition may call, and ${GENERATOR_NAMES.length} generators. What is not on this page is`,
    "a definition error that names it. Each function has cases whose answers were recorded from Spark 4.1.1; DuckDB is",
    "tested to give the same ones.",
    "",
    "Arguments: `number` is any numeric type, `whole` an int or bigint, `moment` a date or timestamp; `text-literal` and",
    "`int-literal` must be written in the SQL. Where a `date` or `timestamp` is asked for, a text written in the SQL may",
    "stand. Brackets mark what may be left out, `…` what may be repeated.",
    "The example is the first of the function's cases, with the type of its result.",
    ...AREAS.flatMap(([area, functions]) => [
      "",
      `## ${area}`,
      "",
      ...table(
        ["function", "example", "result"],
        functions.flatMap((one) =>
          one.names.map((name) => {
            const example = exampleOf(name);
            return [code(signature(name, one)), code(example.expression), code(example.type)];
          }),
        ),
      ),
    ]),
    "",
    "## Generators",
    "",
    `${GENERATOR_NAMES.map(code).join(", ")} turn one record into several rows: once in the select list, or any number of`,
    "times in `LATERAL VIEW [OUTER]`.",
    "",
    "## Refused, and why",
    "",
    "Functions of Spark that people try. Each is refused with this reason.",
    "",
    ...table(
      ["functions", "reason", "instead"],
      [...refused].flatMap(([reason, group]) => byHint(group).map(([hint, some]) => [some, reason, hint])),
    ),
  );
}

/** Functions that share a hint are one row. */
function byHint(
  group: readonly (readonly [string, { readonly hint: string | undefined }])[],
): (readonly [string, string])[] {
  const hints = Map.groupBy(group, ([, { hint }]) => hint ?? "");
  return [...hints].map(([hint, some]) => [hint, some.map(([name]) => code(name)).join(", ")]);
}

function signature(name: string, { parameters, optional = 0, variadic = false }: SparkFunction): string {
  const least = parameters.length - optional;
  const written = parameters.map((kind, index) => (index < least ? kind : `[${kind}]`));
  return `${name}(${[...written, ...(variadic ? ["…"] : [])].join(", ")})`;
}

function exampleOf(name: string): { expression: string; type: string } {
  for (const { columns, expressions } of SPARK_CASES) {
    const expression = expressions.find((each) => each.toLowerCase().startsWith(`${name}(`));
    if (expression === undefined) continue;
    const types = Object.entries(columns).map(([column, { type }]) => ({ name: column, type: parseType(type) }));
    return { expression, type: printType(compileSparkExpression(expression, types, expression).type) };
  }
  throw new Error(`no case begins with ${name}(`);
}

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

/** As code, with as many backticks as it takes. */
function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

function lines(...all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}

if (import.meta.main) {
  for (const [page, text] of Object.entries(await referencePages())) await writeFile(path.join(ROOT, page), text);
}
