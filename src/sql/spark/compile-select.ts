import { lowerCaseNames } from "../../plan/data-type.ts";
import type { DataType } from "../../plan/data-type.ts";
import { describe } from "./coerce.ts";
import { compileCondition, compileExpression } from "./compile-expression.ts";
import { SparkSqlError } from "./errors.ts";
import { compileGenerator, generatorOf } from "./generators.ts";
import type { Generator } from "./generators.ts";
import { quoteName } from "./literals.ts";
import type { SqlPair } from "./literals.ts";
import { isVoid } from "./operand.ts";
import type { Operand } from "./operand.ts";
import { parseSparkExpression, parseSparkSelect } from "./parse-select.ts";
import { columnBinding, Scope } from "./scope.ts";
import type { Binding, Column } from "./scope.ts";
import { nearest } from "../../plan/suggest.ts";
import type { Select, SelectItem } from "./syntax.ts";

export interface CompiledSelect {
  readonly sparkSql: string;
  readonly duckdbSql: string;
  readonly output: readonly Column[];
}

export interface CompiledExpression {
  readonly sql: SqlPair;
  readonly type: DataType;
}

export interface SelectOptions {
  /** Columns that `*` leaves out but expressions may name, such as lineage. Appended to the output when `append` is on. */
  readonly hidden?: readonly Column[];
  readonly append?: boolean;
}

interface OutputItem {
  readonly name: string;
  readonly operand: Operand;
}

const RELATION = "source";

/**
 * Compiles `SELECT … FROM source` over `columns` for both engines. Throws a `SparkSqlError` with the place in `sql` for
 * whatever is not row-wise, could stop a run because of one row, or has no sure translation.
 */
export function compileSparkSelect(
  sql: string,
  columns: readonly Column[],
  options: SelectOptions = {},
): CompiledSelect {
  const select = parseSparkSelect(sql);
  const relation = checkFrom(select);
  const hidden = options.hidden ?? [];
  const bindings = columns.map((column) => columnBinding(column, relation));
  const hiddenBindings = hidden.map((column) => columnBinding(column, relation));
  let scope = new Scope([...bindings, ...hiddenBindings]);
  const starred: Binding[] = [...bindings];
  const generators: Generator[] = [];
  for (const view of select.views) {
    const generator = compileGenerator(view.generator, scope, view.outer, generators.length, view.columns, view.table);
    generators.push(generator);
    scope = new Scope([...scope.bindings, ...generator.bindings]);
    starred.push(...generator.bindings);
  }
  const where = select.where === undefined ? undefined : compileCondition(select.where, scope, "WHERE");
  const { items, generator } = compileItems(select.items, scope, starred, generators.length);
  const output = checkOutput(items, hidden);
  const appended =
    options.append === true
      ? hiddenBindings.map(({ name, operand }) => ({ name, operand: { ...operand, start: 0, end: 0 } }))
      : [];
  return {
    sparkSql: writeSpark([...output, ...appended], generators, generator, where),
    duckdbSql: writeDuckdb([...output, ...appended], generators, generator, where),
    output: output.map(({ name, operand }) => ({ name, type: lowerCaseNames(outputType(operand, name)) })),
  };
}

/** Compiles one expression over `columns`; `what` names it in errors, and `boolean` wants a condition. */
export function compileSparkExpression(sql: string, columns: readonly Column[], what: string): CompiledExpression {
  const expression = parseSparkExpression(sql);
  const scope = Scope.ofColumns(columns, RELATION);
  const operand = compileExpression(expression, scope);
  return { sql: { spark: operand.spark, duckdb: operand.duckdb }, type: outputType(operand, what) };
}

/** A condition over `columns`: a rule. */
export function compileSparkCondition(sql: string, columns: readonly Column[], what: string): SqlPair {
  const operand = compileCondition(parseSparkExpression(sql), Scope.ofColumns(columns, RELATION), what);
  return { spark: operand.spark, duckdb: operand.duckdb };
}

function checkFrom(select: Select): string {
  if (select.from.toLowerCase() !== RELATION) {
    throw new SparkSqlError(
      `there is no table "${select.from}"`,
      { start: 0, end: 0 },
      "a transform reads FROM source, the records of the file",
    );
  }
  return select.fromAlias ?? RELATION;
}

function compileItems(
  items: readonly SelectItem[],
  scope: Scope,
  starred: readonly Binding[],
  views: number,
): { items: OutputItem[]; generator: Generator | undefined } {
  const output: OutputItem[] = [];
  const aliases = new Map<string, Operand>();
  let generator: Generator | undefined;
  for (const item of items) {
    if (item.kind === "star") {
      output.push(...expandStar(item, starred));
      continue;
    }
    const call = generatorOf(item.expression);
    if (call !== undefined) {
      if (generator !== undefined)
        throw new SparkSqlError("a SELECT has one generator", item, "use LATERAL VIEW for the others");
      generator = compileGenerator(call, scope, false, views, item.aliases, undefined);
      output.push(
        ...generator.bindings.map(({ name, operand }) => ({
          name,
          operand: { ...operand, start: item.start, end: item.end },
        })),
      );
      continue;
    }
    const operand = compileExpression(item.expression, scope.withAliases(aliases));
    const name = outputName(item, operand);
    output.push({ name, operand });
    // Spark resolves a later name to this column where no column of source has it.
    if (!aliases.has(name)) aliases.set(name, operand);
  }
  return { items: output, generator };
}

function expandStar(item: SelectItem & { kind: "star" }, starred: readonly Binding[]): OutputItem[] {
  const wanted = item.of?.toLowerCase();
  const columns = starred.filter((binding) => wanted === undefined || binding.relation?.toLowerCase() === wanted);
  if (columns.length === 0)
    throw new SparkSqlError(`there is no relation "${item.of ?? ""}"`, item, `write ${RELATION}.*`);
  const without = new Set(item.except.map(({ name }) => name.toLowerCase()));
  for (const { name, span } of item.except) {
    if (columns.some((binding) => binding.name.toLowerCase() === name.toLowerCase())) continue;
    const near = nearest(
      name,
      columns.map((binding) => binding.name),
    );
    throw new SparkSqlError(
      `there is no column "${name}" to leave out`,
      span,
      near === undefined ? undefined : `did you mean ${near}?`,
    );
  }
  return columns
    .filter((binding) => !without.has(binding.name.toLowerCase()))
    .map(({ name, operand }) => ({
      name: name.toLowerCase(),
      operand: { ...operand, start: item.start, end: item.end },
    }));
}

function outputName(item: SelectItem & { kind: "expression" }, operand: Operand): string {
  if (item.aliases.length > 1) throw new SparkSqlError("one expression has one name", item);
  const [alias] = item.aliases;
  const { expression } = item;
  const own =
    expression.kind === "name" ? expression.parts.at(-1) : expression.kind === "field" ? expression.name : undefined;
  const name = alias ?? own;
  if (name === undefined) throw new SparkSqlError("the column has no name", operand, "write … AS name");
  return name.toLowerCase();
}

function checkOutput(items: readonly OutputItem[], hidden: readonly Column[]): readonly OutputItem[] {
  const seen = new Set<string>();
  for (const { name, operand } of items) {
    if (hidden.some((column) => column.name === name) || name.startsWith("__") || name === "_run") {
      throw new SparkSqlError(
        `the name "${name}" is taken by the pipeline's own columns`,
        operand,
        "write … AS another name",
      );
    }
    if (seen.has(name)) {
      throw new SparkSqlError(
        `two columns are named "${name}"`,
        operand,
        "rename one with AS, or leave it out: * EXCEPT (…)",
      );
    }
    seen.add(name);
    outputType(operand, name);
  }
  return items;
}

function outputType(operand: Operand, what: string): DataType {
  if (isVoid(operand.type)) {
    throw new SparkSqlError(
      `the type of ${what} is unknown: it is always ${describe(operand.type)}`,
      operand,
      "write CAST(NULL AS string)",
    );
  }
  return operand.type;
}

function writeSpark(
  output: readonly OutputItem[],
  views: readonly Generator[],
  generator: Generator | undefined,
  where: Operand | undefined,
): string {
  const items = output.map(({ name, operand }) => `${operand.spark} AS ${quoteName(name).spark}`);
  // A generator in the select list sees the rows that WHERE keeps; as a view it would see all of them, hence the filter below it.
  const from =
    generator === undefined || where === undefined
      ? `${RELATION}${[...views, ...(generator === undefined ? [] : [generator])].map((view) => ` ${view.sparkView}`).join("")}`
      : `(SELECT * FROM ${RELATION}${views.map((view) => ` ${view.sparkView}`).join("")} WHERE ${where.spark}) ${generator.sparkView}`;
  const filter = where !== undefined && generator === undefined ? ` WHERE ${where.spark}` : "";
  return `SELECT ${items.join(", ")} FROM ${from}${filter}`;
}

/** Each generator is a column of a SELECT within: one unnested value per row, which the outer names take apart. */
function writeDuckdb(
  output: readonly OutputItem[],
  views: readonly Generator[],
  generator: Generator | undefined,
  where: Operand | undefined,
): string {
  let from = RELATION;
  for (const view of views) from = `(SELECT *, unnest(${view.duckdbList}) AS ${view.duckdbName} FROM ${from})`;
  const filter = where === undefined ? "" : ` WHERE ${where.duckdb}`;
  const items = output.map(({ name, operand }) => `${operand.duckdb} AS ${quoteName(name).duckdb}`);
  if (generator === undefined) return `SELECT ${items.join(", ")} FROM ${from}${filter}`;
  return `SELECT ${items.join(", ")} FROM (SELECT *, unnest(${generator.duckdbList}) AS ${generator.duckdbName} FROM ${from}${filter})`;
}
