import type { ColumnDefinition, DatasetDefinition, Definition } from "../../definition/definition.ts";
import { DefinitionError } from "../../definition/problems.ts";
import type { Problem } from "../../definition/problems.ts";
import { isNested, lowerCaseNames, printType } from "../../plan/data-type.ts";
import { planSchema } from "../../plan/plan.ts";
import type { DatasetPlan, Plan, SourceColumn } from "../../plan/plan.ts";
import { compileSparkCondition, compileSparkSelect } from "../../sql/spark/compile-select.ts";
import { SparkSqlError } from "../../sql/spark/errors.ts";
import { quoteName, sparkText, textLiteral } from "../../sql/spark/literals.ts";
import type { SqlPair } from "../../sql/spark/literals.ts";
import type { Column } from "../../sql/spark/scope.ts";
import { nearest } from "../../plan/suggest.ts";
import { jsonMember } from "./nested.ts";
import { TimeFormatError } from "../../sql/spark/time-format.ts";
import { typeText } from "./typing.ts";

/** Lineage that rules and the transform may name; `*` leaves it out, and the compiler appends it. */
const LINEAGE: readonly Column[] = [
  { name: "_source", type: { kind: "string" } },
  { name: "_version", type: { kind: "string" } },
];

/** What may become a folder: types whose texts both engines print alike, and that make sense as a folder's name. */
const PARTITION_TYPES = ["string", "boolean", "int", "bigint", "date"];

/** Compiles a checked definition. Throws a `DefinitionError` with every problem of its SQL, formats and partitions. */
export function compilePlan(definition: Definition): Plan {
  const problems: Problem[] = [];
  const datasets = definition.datasets.map((dataset) => [dataset.name, compileDataset(dataset, problems)] as const);
  if (problems.length > 0) throw new DefinitionError(problems);
  return planSchema.parse({ version: 1, pipeline: definition.name, datasets: Object.fromEntries(datasets) });
}

function compileDataset(dataset: DatasetDefinition, problems: Problem[]): DatasetPlan | undefined {
  const path = ["datasets", dataset.name];
  const before = problems.length;
  const columns = dataset.columns.map((column) =>
    attempt(problems, [...path, "columns", column.name], () => compileColumn(dataset, column)),
  );
  const visible: Column[] = dataset.columns.map(({ name, type }) => ({
    name: name.toLowerCase(),
    type: lowerCaseNames(type),
  }));
  const rules = dataset.rules.map(({ name, condition }) => ({
    name,
    condition: attempt(
      problems,
      [...path, "rules", name],
      () => compileSparkCondition(condition, [...visible, ...LINEAGE], "a rule"),
      condition,
    ),
  }));
  const transform = attempt(
    problems,
    [...path, "transform"],
    () => compileSparkSelect(dataset.transform, visible, { hidden: LINEAGE, append: true }),
    dataset.transform,
  );
  if (transform === undefined) return undefined;
  const output = orderColumns(dataset, transform.output, problems);
  if (problems.length > before) return undefined;
  return {
    name: dataset.name,
    prefix: dataset.prefix,
    table: dataset.name,
    source: planSource(dataset),
    columns: columns.filter((column) => column !== undefined),
    rejectLimit: dataset.rejectLimit,
    quietRejects: dataset.quietRejects,
    rules: rules.flatMap(({ name, condition }) => (condition === undefined ? [] : [{ name, condition }])),
    transform: { spark: transform.sparkSql, duckdb: transform.duckdbSql },
    output: output.map(({ name, type }) => ({ name, type: printType(type) })),
    partitionBy: [...dataset.partitionBy],
    limits: { maxFiles: dataset.maxFiles, maxBytes: dataset.maxBytes },
  };
}

function planSource({ source }: DatasetDefinition): DatasetPlan["source"] {
  switch (source.format) {
    case "csv":
      return { ...source, nullText: [...source.nullText] };
    case "json":
      return { ...source, recordsPath: [...source.recordsPath] };
    case "parquet":
      return { ...source };
  }
}

function compileColumn(dataset: DatasetDefinition, column: ColumnDefinition): SourceColumn {
  const name = column.name.toLowerCase();
  return {
    name,
    from: [...column.from],
    type: printType(lowerCaseNames(column.type)),
    nullable: column.nullable,
    text: fieldText(dataset, column),
    typed: typeText(column.type, quoteName(name), column.format),
  };
}

/** The field as text, over `raw`. */
function fieldText({ source }: DatasetDefinition, column: ColumnDefinition): SqlPair {
  switch (source.format) {
    case "csv":
      return nullTexts(quoteName(column.name.toLowerCase()), source.nullText);
    case "json":
      return jsonMember({ spark: "record", duckdb: "record" }, column.from, column.type.kind === "string");
    case "parquet":
      return parquetText(quoteName(column.from[0] ?? column.name), isNested(column.type));
  }
}

/** A Parquet column as text. Arrays, maps and structs become the JSON that they would have arrived as. */
function parquetText(raw: SqlPair, nested: boolean): SqlPair {
  if (!nested) return { spark: `CAST(${raw.spark} AS STRING)`, duckdb: `parquet_text(${raw.duckdb})` };
  const format = sparkText("yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX");
  return { spark: `to_json(${raw.spark}, map('timestampFormat', ${format}))`, duckdb: `parquet_json(${raw.duckdb})` };
}

function nullTexts(field: SqlPair, texts: readonly string[]): SqlPair {
  const [first] = texts;
  if (first === undefined) return field;
  if (texts.length === 1) {
    const text = textLiteral(first);
    return { spark: `nullif(${field.spark}, ${text.spark})`, duckdb: `nullif(${field.duckdb}, ${text.duckdb})` };
  }
  const list = texts.map(textLiteral);
  const write = (engine: "spark" | "duckdb") =>
    `CASE WHEN ${field[engine]} NOT IN (${list.map((text) => text[engine]).join(", ")}) THEN ${field[engine]} END`;
  return { spark: write("spark"), duckdb: write("duckdb") };
}

/** Partition columns go last, in the order of `partitionBy`, as in the catalog. */
function orderColumns(dataset: DatasetDefinition, output: readonly Column[], problems: Problem[]): Column[] {
  const partitions: Column[] = [];
  for (const [index, name] of dataset.partitionBy.entries()) {
    const path = ["datasets", dataset.name, "partitionBy", index];
    const column = output.find((candidate) => candidate.name === name);
    if (column === undefined) {
      const near = nearest(
        name,
        output.map((candidate) => candidate.name),
      );
      problems.push({
        path,
        message: `the transform has no column "${name}"`,
        hint:
          near === undefined
            ? `it has ${output.map((candidate) => candidate.name).join(", ")}`
            : `did you mean "${near}"?`,
      });
    } else if (!PARTITION_TYPES.includes(column.type.kind)) {
      problems.push({
        path,
        message: `a ${printType(column.type)} cannot be a folder's name`,
        hint:
          column.type.kind === "timestamp"
            ? "add a column such as to_date(…) AS day"
            : `partition by ${PARTITION_TYPES.join(", ")}`,
      });
    } else if (partitions.includes(column)) {
      problems.push({ path, message: `"${name}" is there twice` });
    } else {
      partitions.push(column);
    }
  }
  const rest = output.filter((column) => !partitions.includes(column));
  if (rest.length === 0) {
    problems.push({
      path: ["datasets", dataset.name, "partitionBy"],
      message: "every column is a partition column",
      hint: "leave one out",
    });
  }
  return [...rest, ...partitions];
}

function attempt<T>(
  problems: Problem[],
  path: readonly (string | number)[],
  work: () => T,
  sql?: string,
): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof SparkSqlError) {
      problems.push({
        path,
        message: error.message,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        ...(sql === undefined ? {} : { sql: error.position(sql) }),
      });
    } else if (error instanceof TimeFormatError) {
      problems.push({ path: [...path, "format"], message: error.message, hint: error.hint });
    } else {
      throw error;
    }
    return undefined;
  }
}
