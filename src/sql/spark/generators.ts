import { scalar } from "../../plan/data-type.ts";
import type { DataType } from "../../plan/data-type.ts";
import { compileExpression } from "./compile-expression.ts";
import { describe } from "./coerce.ts";
import { SparkSqlError } from "./errors.ts";
import { quoteName } from "./literals.ts";
import type { SqlPair } from "./literals.ts";
import type { Binding, Scope } from "./scope.ts";
import type { Expression } from "./syntax.ts";

/** Generators turn one record into several rows. */
const GENERATORS: Readonly<Record<string, { position: boolean; outer: boolean }>> = {
  explode: { position: false, outer: false },
  explode_outer: { position: false, outer: true },
  posexplode: { position: true, outer: false },
  posexplode_outer: { position: true, outer: true },
};

export const GENERATOR_NAMES = Object.keys(GENERATORS);

export interface Generator {
  /** `LATERAL VIEW [OUTER] explode(…) t AS …`. */
  readonly sparkView: string;
  /** The list whose elements become rows, one each. */
  readonly duckdbList: string;
  readonly duckdbName: string;
  /** Its columns: position, then element, or key and value of a map. */
  readonly bindings: readonly Binding[];
}

/** The call, if the expression is one of a generator. */
export function generatorOf(expression: Expression): (Expression & { kind: "call" }) | undefined {
  return expression.kind === "call" && expression.name in GENERATORS ? expression : undefined;
}

export function compileGenerator(
  call: Expression & { kind: "call" },
  scope: Scope,
  outerView: boolean,
  index: number,
  aliases: readonly string[],
  table: string | undefined,
): Generator {
  const kind = GENERATORS[call.name];
  if (kind === undefined)
    throw new SparkSqlError(`${call.name} is no generator`, call.nameSpan, `use ${GENERATOR_NAMES.join(", ")}`);
  const [operandExpression] = call.arguments;
  if (operandExpression === undefined || call.arguments.length > 1)
    throw new SparkSqlError(`${call.name} takes 1 argument`, call);
  const operand = compileExpression(operandExpression, scope);
  const { type } = operand;
  if (type.kind !== "array" && type.kind !== "map") {
    throw new SparkSqlError(`${call.name} takes an array or a map, not ${describe(type)}`, operand);
  }
  const outer = outerView || kind.outer;
  const values: { name: string; type: DataType }[] =
    type.kind === "array"
      ? [{ name: "col", type: type.element }]
      : [
          { name: "key", type: type.key },
          { name: "value", type: type.value },
        ];
  const columns = [...(kind.position ? [{ name: "pos", type: scalar("int") }] : []), ...values];
  if (aliases.length > 0 && aliases.length !== columns.length) {
    throw new SparkSqlError(
      `${call.name} gives ${columns.length} column${columns.length === 1 ? "" : "s"}, not ${aliases.length}`,
      call,
      `name ${columns.map(({ name }) => name).join(", ")}`,
    );
  }
  const view = `__g${index}`;
  const bindings = columns.map(({ name, type: columnType }, position): Binding => {
    const sparkName = `__c${index}_${position}`;
    const sql: SqlPair = { spark: `${view}.${sparkName}`, duckdb: takeApart(view, name, type.kind, kind.position) };
    return { name: (aliases[position] ?? name).toLowerCase(), relation: table, operand: { type: columnType, ...sql } };
  });
  const names = columns.map((_, position) => `__c${index}_${position}`).join(", ");
  const sparkFunction = kind.position ? "posexplode" : "explode";
  return {
    sparkView: `LATERAL VIEW${outer ? " OUTER" : ""} ${sparkFunction}(${operand.spark}) ${view} AS ${names}`,
    duckdbList: list(operand.duckdb, type.kind, kind.position, outer),
    duckdbName: quoteName(view).duckdb,
    bindings,
  };
}

function takeApart(view: string, column: string, kind: "array" | "map", position: boolean): string {
  const row = quoteName(view).duckdb;
  if (column === "pos") return `struct_extract(${row}, 'pos')`;
  const element = position ? `struct_extract(${row}, 'element')` : row;
  return kind === "array" ? element : `struct_extract(${element}, '${column}')`;
}

/** NULL and empty lists give no row, or one of NULLs where the generator is an outer one. */
function list(sql: string, kind: "array" | "map", position: boolean, outer: boolean): string {
  const elements = kind === "array" ? sql : `map_entries(${sql})`;
  const rows = position
    ? `list_transform(${elements}, lambda __e, __i: {'pos': CAST(__i - 1 AS INTEGER), 'element': __e})`
    : elements;
  return outer ? `CASE WHEN len(${elements}) > 0 THEN ${rows} ELSE [NULL] END` : rows;
}
