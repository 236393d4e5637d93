import { isNested, parseType } from "../plan/data-type.ts";
import type { ColumnDefinition, DatasetDefinition, Definition, SourceDefinition } from "./definition.ts";
import { checkDatasetName, checkPipelineName, checkPrefixes, columnNameProblem } from "./names.ts";
import { DefinitionError } from "./problems.ts";
import type { Problem } from "./problems.ts";
import { definitionSchema } from "./schema.ts";
import type { ParsedDefinition } from "./schema.ts";
import { problemsOfZod } from "./zod-problems.ts";

type Path = readonly (string | number)[];
type ParsedDataset = ParsedDefinition["datasets"][string];
type ParsedSource = ParsedDataset["source"];

/** Checks what a user wrote and fills in the defaults. Throws a `DefinitionError` with every problem found. */
export function checkDefinition(written: unknown): Definition {
  const parsed = definitionSchema.safeParse(written);
  if (!parsed.success) throw new DefinitionError(problemsOfZod(parsed.error, written));
  const problems: Problem[] = [];
  const definition = resolve(parsed.data, problems);
  if (problems.length > 0) throw new DefinitionError(problems);
  return definition;
}

function resolve(parsed: ParsedDefinition, problems: Problem[]): Definition {
  problems.push(...checkPipelineName(parsed.name));
  const names = Object.keys(parsed.datasets);
  if (names.length === 0) {
    problems.push({
      path: ["datasets"],
      message: "there is no dataset",
      hint: 'write datasets: { orders: { columns: { id: "int" } } }',
    });
  }
  const datasets = Object.entries(parsed.datasets).map(([name, dataset]) => resolveDataset(name, dataset, problems));
  problems.push(...checkPrefixes(datasets));
  return {
    name: parsed.name,
    alerts: parsed.alerts && { from: parsed.alerts.from, to: [parsed.alerts.to].flat() },
    batchingWindowSeconds: parsed.batching.window ?? 0,
    workers: parsed.job.workers,
    logRetentionDays: logRetention(parsed.retention.logs ?? 30 * DAY, problems),
    keepOldVersionsDays: Math.max(1, Math.round((parsed.retention.oldVersions ?? 30 * DAY) / DAY)),
    datasets,
  };
}

const DAY = 86_400;

/** The only values that CloudWatch Logs takes: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
const LOG_RETENTIONS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

function logRetention(seconds: number, problems: Problem[]): number {
  const days = seconds / DAY;
  if (!LOG_RETENTIONS.includes(days)) {
    problems.push({
      path: ["retention", "logs"],
      message: `CloudWatch Logs does not keep logs for ${days} days`,
      hint: `it takes ${LOG_RETENTIONS.join(", ")} days`,
    });
  }
  return days;
}

function resolveDataset(name: string, dataset: ParsedDataset, problems: Problem[]): DatasetDefinition {
  const path = ["datasets", name];
  problems.push(...checkDatasetName(name));
  const source = resolveSource(dataset.source, [...path, "source"], problems);
  return {
    name,
    prefix: withSlash(dataset.source.prefix ?? name),
    source,
    columns: resolveColumns(dataset.columns, source, [...path, "columns"], problems),
    rules: Object.entries(dataset.rules).map(([rule, condition]) => ({ name: rule, condition })),
    transform: dataset.transform,
    partitionBy: [dataset.partitionBy].flat().map((column) => column.toLowerCase()),
    rejectLimit: dataset.rejectLimit,
    quietRejects: dataset.quietRejects,
    maxFiles: dataset.limits.maxFiles ?? 1000,
    maxBytes: dataset.limits.maxBytes ?? 10 * 1024 ** 3,
  };
}

function withSlash(prefix: string): string {
  return prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
}

const OPTIONS_OF = {
  csv: ["header", "delimiter", "quote", "encoding", "nullText", "unknownColumns", "missingColumns"],
  json: ["layout", "records"],
  parquet: [],
} as const;

function resolveSource(source: ParsedSource, path: Path, problems: Problem[]): SourceDefinition {
  for (const [format, options] of Object.entries(OPTIONS_OF)) {
    if (format === source.format) continue;
    for (const option of options) {
      if (source[option] === undefined) continue;
      problems.push({
        path: [...path, option],
        message: `this is an option of ${format}, and the format is ${source.format}`,
      });
    }
  }
  switch (source.format) {
    case "csv": {
      const delimiter = source.delimiter ?? ",";
      const quote = source.quote ?? '"';
      if (delimiter === quote)
        problems.push({ path: [...path, "quote"], message: "the quote and the delimiter are the same character" });
      return {
        format: "csv",
        header: source.header ?? true,
        delimiter,
        quote,
        encoding: source.encoding ?? "utf-8",
        nullText: [source.nullText ?? ""].flat(),
        unknownColumns: source.unknownColumns ?? "reject",
        missingColumns: source.missingColumns ?? "reject",
      };
    }
    case "json": {
      const layout = source.layout ?? (source.records === undefined ? "lines" : "document");
      if (layout === "document" && source.records === undefined) {
        problems.push({
          path: [...path, "records"],
          message: "it is missing",
          hint: 'name the list of records in the document, such as "features"',
        });
      }
      if (layout !== "document" && source.records !== undefined) {
        problems.push({
          path: [...path, "records"],
          message: `a layout of ${layout} has no path to its records`,
          hint: 'leave it out, or write layout: "document"',
        });
      }
      return { format: "json", layout, recordsPath: source.records?.split(".") ?? [] };
    }
    case "parquet":
      return { format: "parquet" };
  }
}

function resolveColumns(
  columns: ParsedDataset["columns"],
  source: SourceDefinition,
  path: Path,
  problems: Problem[],
): ColumnDefinition[] {
  const names = new Map<string, string>();
  if (Object.keys(columns).length === 0)
    problems.push({ path, message: "there is no column", hint: 'write columns: { id: "int" }' });
  return Object.entries(columns).map(([name, written]) => {
    const at = [...path, name];
    const column =
      typeof written === "string" ? { type: written, nullable: true, from: undefined, format: undefined } : written;
    const type = parseType(column.type);
    const problem = columnNameProblem(name);
    if (problem !== undefined) problems.push({ path: at, ...problem });
    const twin = names.get(name.toLowerCase());
    if (twin !== undefined)
      problems.push({
        path: at,
        message: `"${twin}" is the same name: the catalog does not tell small letters from capitals`,
      });
    names.set(name.toLowerCase(), name);
    if (source.format === "csv" && isNested(type)) {
      problems.push({
        path: at,
        message: `a CSV field cannot be ${type.kind === "array" ? "an array" : `a ${type.kind}`}`,
        hint: "declare it as string",
      });
    }
    if (source.format === "csv" && !source.header && column.from !== undefined) {
      problems.push({
        path: [...at, "from"],
        message: "without a header, columns are taken in their order",
        hint: "leave it out",
      });
    }
    if (column.format !== undefined && type.kind !== "date" && type.kind !== "timestamp") {
      problems.push({
        path: [...at, "format"],
        message: `${type.kind === "int" || type.kind === "array" ? "an" : "a"} ${type.kind} has no format`,
        hint: "only date and timestamp have",
      });
    }
    if (column.format !== undefined && source.format === "parquet") {
      problems.push({ path: [...at, "format"], message: "a format is for text, and Parquet has types of its own" });
    }
    const from = resolveFrom(column.from, name, source.format);
    if (source.format === "json" && from.some((member) => /['"\\]/.test(member))) {
      problems.push({
        path: [...at, "from"],
        message: "the name of a JSON member may not contain quotes or backslashes",
      });
    }
    return { name, from, type, nullable: column.nullable, format: column.format };
  });
}

/** Dots take apart the members of JSON; a header may contain them. */
function resolveFrom(from: string | string[] | undefined, name: string, format: SourceDefinition["format"]): string[] {
  if (from === undefined) return [name];
  if (typeof from === "string") return format === "json" ? from.split(".") : [from];
  return from;
}
