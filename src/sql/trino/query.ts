import type { Expression, Grouping, Name, Query, QueryBody, Select, SortItem } from "./ast.ts";
import { TableNeeded } from "./catalog.ts";
import type { Lookup, TableEntry } from "./catalog.ts";
import { coerce, oneZone } from "./coerce.ts";
import { notSupported, TrinoError } from "./errors.ts";
import type { Position } from "./errors.ts";
import { condition, sortSql } from "./clauses.ts";
import { translateExpression } from "./expressions.ts";
import type { ExpressionContext } from "./context.ts";
import type { Pruning } from "./pruning.ts";
import { parseQuery } from "./query-parser.ts";
import { pruneBy, translateRelation } from "./relations.ts";
import { Scope } from "./scope.ts";
import type { Field, Origin, Typed } from "./scope.ts";
import * as t from "./types.ts";
import type { Type } from "./types.ts";

/** A query in DuckDB's SQL: its columns are named `c0`, `c1`… */
export interface Translated {
  readonly sql: string;
  readonly columns: readonly Column[];
}

export interface Column {
  readonly name: string | undefined;
  readonly type: Type;
  readonly origin?: Origin | undefined;
}

/** A table that the query reads. */
export interface Scan {
  readonly table: Extract<TableEntry, { kind: "table" }>;
  /** The columns that the query names. */
  readonly columns: Set<string>;
  readonly pruning: Pruning;
}

export interface Environment {
  readonly lookup: Lookup;
  /** For names without one. */
  readonly database: string | undefined;
  readonly now: Date;
  readonly parameters: readonly Typed[];
}

interface CommonTable {
  readonly sql: string;
  readonly columns: readonly Column[];
}

/** What a statement's parts share: numbers for names, the scans. */
interface Shared {
  readonly environment: Environment;
  readonly scans: Scan[];
  names: number;
}

/** Translates queries; one translator for each level of WITH, so that names hide each other as they should. */
export class QueryTranslator {
  readonly #shared: Shared;
  readonly #database: string | undefined;
  readonly #commonTables: ReadonlyMap<string, CommonTable>;
  readonly correlation: Scope | undefined;

  constructor(
    shared: Shared,
    database: string | undefined,
    commonTables: ReadonlyMap<string, CommonTable> = new Map(),
    correlation?: Scope,
  ) {
    this.#shared = shared;
    this.#database = database;
    this.#commonTables = commonTables;
    this.correlation = correlation;
  }

  query(query: Query, outer: Scope | undefined): Translated {
    if (query.recursive) throw notSupported("WITH RECURSIVE", query.position);
    const tables = new Map(this.#commonTables);
    const definitions: string[] = [];
    const seen = new Set<string>();
    for (const { name, columns, query: definition } of query.with) {
      if (seen.has(name.text.toLowerCase())) {
        throw new TrinoError(
          "DUPLICATE_NAMED_QUERY",
          `WITH query name '${name.text}' specified more than once`,
          name.position,
        );
      }
      seen.add(name.text.toLowerCase());
      const translated = new QueryTranslator(this.#shared, this.#database, new Map(tables)).query(
        definition,
        undefined,
      );
      const sql = `with_${++this.#shared.names}`;
      definitions.push(`${sql} AS (${translated.sql})`);
      tables.set(name.text.toLowerCase(), { sql, columns: renamed(translated.columns, columns, name) });
    }
    const inner = new QueryTranslator(this.#shared, this.#database, tables, outer);
    const body = inner.#ordered(query);
    return definitions.length === 0 ? body : { ...body, sql: `WITH ${definitions.join(", ")} ${body.sql}` };
  }

  #ordered(query: Query): Translated {
    const limits = this.#limits(query);
    if (query.body.kind === "select") {
      const translated = this.#select(query.body, query.orderBy);
      return {
        sql: translated.sql + limits,
        columns: limits ? translated.columns.map(withoutOrigin) : translated.columns,
      };
    }
    const body = this.#body(query.body);
    if (query.orderBy.length === 0)
      return { sql: limits ? `SELECT * FROM (${body.sql}) AS o${limits}` : body.sql, columns: body.columns };
    const fields = body.columns.map((column, at): Field => ({
      qualifier: [],
      name: column.name,
      value: { sql: `o.c${at}`, type: column.type },
    }));
    const context = this.context(new Scope(fields, this.correlation));
    const orderBy = sortSql(
      query.orderBy,
      (key) =>
        ordinal(
          key,
          fields.map((field) => field.value),
        ) ?? translateExpression(key, context),
    );
    return { sql: `SELECT * FROM (${body.sql}) AS o ORDER BY ${orderBy}${limits}`, columns: body.columns };
  }

  #limits(query: Query): string {
    const count = (expression: Expression | undefined, keyword: string) => {
      if (!expression) return "";
      const { literal } = translateExpression(expression, this.context(new Scope([])));
      if (typeof literal !== "string" || !/^\d+$/u.test(literal)) {
        throw new TrinoError("TYPE_MISMATCH", `${keyword} must be a non-negative number`, expression.position);
      }
      return ` ${keyword} ${literal}`;
    };
    return count(query.limit, "LIMIT") + count(query.offset, "OFFSET");
  }

  #body(body: QueryBody): Translated {
    switch (body.kind) {
      case "select":
        return this.#select(body, []);
      case "nested": {
        const nested = this.query(body.query, this.correlation);
        return { sql: `SELECT * FROM (${nested.sql}) AS n`, columns: nested.columns };
      }
      case "table":
        return this.#select(allOf(body.name, body.position), []);
      case "values":
        return this.#values(body.rows, body.position);
      case "setOperation":
        return this.#setOperation(body);
    }
  }

  #setOperation(body: Extract<QueryBody, { kind: "setOperation" }>): Translated {
    const sides = [this.#body(body.left), this.#body(body.right)] as const;
    const [left, right] = sides;
    if (left.columns.length !== right.columns.length) {
      throw new TrinoError(
        "TYPE_MISMATCH",
        `${body.operator} query has different number of fields: ${left.columns.length}, ${right.columns.length}`,
        body.position,
      );
    }
    const columns = left.columns.map((column, at): Column => {
      const other = right.columns[at]?.type ?? t.UNKNOWN;
      const type = t.commonType(column.type, other);
      if (!type) {
        throw new TrinoError(
          "TYPE_MISMATCH",
          `column ${at + 1} in ${body.operator} query has incompatible types: ${t.typeText(column.type)}, ${t.typeText(other)}`,
          body.position,
        );
      }
      return { name: column.name, type: oneZone(type, body.position) };
    });
    const side = (translated: Translated) => {
      const values = translated.columns.map((column, at) => {
        const value: Typed = { sql: `s.c${at}`, type: column.type };
        return `${coerce(value, columns[at]?.type ?? column.type).sql} AS c${at}`;
      });
      return `(SELECT ${values.join(", ")} FROM (${translated.sql}) AS s)`;
    };
    return { sql: `${side(left)} ${body.operator}${body.all ? " ALL" : ""} ${side(right)}`, columns };
  }

  #values(rows: readonly Expression[], position: Position): Translated {
    const context = this.context(new Scope([], this.correlation));
    const cells = rows.map((row) =>
      (row.kind === "row" ? row.items : [row]).map((item) => translateExpression(item, context)),
    );
    const width = cells[0]?.length ?? 0;
    if (cells.some((row) => row.length !== width)) {
      throw new TrinoError("TYPE_MISMATCH", "Values rows have different number of columns", position);
    }
    const columns = Array.from({ length: width }, (_, at): Column => {
      let type: Type = t.UNKNOWN;
      for (const row of cells) {
        const common = t.commonType(type, row[at]?.type ?? t.UNKNOWN);
        if (!common) throw new TrinoError("TYPE_MISMATCH", "Values rows have mismatched types", position);
        type = common;
      }
      return { name: undefined, type };
    });
    const list = cells.map(
      (row) => `(${row.map((cell, at) => coerce(cell, columns[at]?.type ?? cell.type).sql).join(", ")})`,
    );
    const names = columns.map((_column, at) => `c${at}`).join(", ");
    return { sql: `SELECT * FROM (VALUES ${list.join(", ")}) AS v(${names})`, columns };
  }

  #select(select: Select, orderBy: readonly SortItem[]): Translated {
    const from = select.from && translateRelation(select.from, this, this.correlation);
    const scope = this.scope(from?.fields ?? [], this.correlation);
    let hasWindow = false;
    const windows = new Map(select.windows.map(({ name, window }) => [name.text, window]));
    const context: ExpressionContext = { ...this.context(scope), windows };
    const translate = (expression: Expression) => {
      const value = translateExpression(expression, context);
      if (/ OVER \(/u.test(value.sql)) hasWindow = true;
      return value;
    };

    const where = select.where && condition(translate(select.where), select.where.position);
    if (select.where && from) pruneBy(select.where, from.fields, this);

    const items = select.items.flatMap((item): { name: string | undefined; value: Typed }[] => {
      if (item.kind === "all") {
        return scope.all(item.qualifier, item.position).map((field) => ({ name: field.name, value: field.value }));
      }
      const value = translate(item.expression);
      oneZone(value.type, item.position);
      return [{ name: item.alias?.text ?? nameOf(item.expression), value }];
    });
    const values = items.map((item) => item.value);
    const groupBy = select.groupBy.map((grouping) => this.#grouping(grouping, values, translate)).join(", ");
    const having = select.having && condition(translate(select.having), select.having.position);

    let sql = `SELECT ${select.distinct ? "DISTINCT " : ""}${values.map((value, at) => `${column(value)} AS c${at}`).join(", ")}`;
    if (from) sql += ` FROM ${from.sql}`;
    if (where) sql += ` WHERE ${where.sql}`;
    if (groupBy) sql += ` GROUP BY ${groupBy}`;
    if (having) sql += ` HAVING ${having.sql}`;
    if (orderBy.length > 0) sql += ` ORDER BY ${this.#orderBy(orderBy, items, context)}`;

    const sets = select.groupBy.some((grouping) => grouping.kind !== "expressions");
    const keepsOrigin = !hasWindow && !sets;
    return {
      sql,
      columns: items.map(({ name, value }): Column => ({
        name,
        type: value.type,
        origin: keepsOrigin ? value.origin : undefined,
      })),
    };
  }

  #grouping(grouping: Grouping, values: readonly Typed[], translate: (expression: Expression) => Typed): string {
    const one = (expression: Expression) => (ordinal(expression, values) ?? translate(expression)).sql;
    if (grouping.kind === "expressions") return grouping.expressions.map(one).join(", ") || "()";
    return `${grouping.kind} (${grouping.sets.map((set) => `(${set.map(one).join(", ")})`).join(", ")})`;
  }

  /** An item is an output column by its number or name first, and an expression over the source second. */
  #orderBy(
    items: readonly SortItem[],
    outputs: readonly { name: string | undefined; value: Typed }[],
    context: ExpressionContext,
  ): string {
    const named = outputs.flatMap(({ name, value }): Field[] =>
      name === undefined ? [] : [{ qualifier: [], name, value }],
    );
    const unique = named.filter((field, at) => named.findIndex((other) => other.name === field.name) === at);
    const scope = new Scope(unique, context.scope);
    return sortSql(items, (key) => {
      const at = position(key, outputs.length);
      if (at !== undefined) return { sql: String(at), type: t.INTEGER };
      const value = translateExpression(key, { ...context, scope });
      const same = outputs.findIndex((output) => output.value.sql === value.sql);
      // By its number, where it is an output column: DISTINCT needs that.
      return same === -1 ? value : { sql: String(same + 1), type: t.INTEGER };
    });
  }

  // What the translation of relations and expressions needs of the query around it.

  context(scope: Scope): ExpressionContext {
    const { environment } = this.#shared;
    return {
      translate: translateExpression,
      scope,
      parameters: environment.parameters,
      now: environment.now,
      windows: new Map(),
      subquery: (query, outer) =>
        new QueryTranslator(this.#shared, this.#database, this.#commonTables, outer).query(query, outer),
    };
  }

  scope(fields: readonly Field[], outer: Scope | undefined): Scope {
    return new Scope(fields, outer, ({ reads }) => {
      if (reads) this.#shared.scans[reads.scan]?.columns.add(reads.column);
    });
  }

  relationName(): string {
    return `r${++this.#shared.names}`;
  }

  commonTable(name: string): CommonTable | undefined {
    return this.#commonTables.get(name.toLowerCase());
  }

  lookup(name: readonly Name[]): TableEntry {
    const entry = this.#shared.environment.lookup(name, this.#database);
    if (entry === undefined) throw new TableNeeded(name, this.#database);
    if (entry !== null) return entry;
    const text = name.map((part) => part.text.toLowerCase());
    const full = [...["awsdatacatalog", this.#database ?? "default"].slice(0, 3 - text.length), ...text].join(".");
    throw new TrinoError("TABLE_NOT_FOUND", `Table '${full}' does not exist`, name[0]?.position);
  }

  addScan(table: Extract<TableEntry, { kind: "table" }>): number {
    const { scans } = this.#shared;
    scans.push({ table, columns: new Set(), pruning: { conditions: [], constraints: [] } });
    return scans.length - 1;
  }

  pruneScan(index: number, add: (isKey: (column: string) => boolean, pruning: Pruning) => void): void {
    const scan = this.#shared.scans[index];
    if (!scan) return;
    const keys = new Set(scan.table.columns.filter((column) => column.partitionKey).map((column) => column.name));
    if (keys.size > 0) add((name) => keys.has(name), scan.pruning);
  }

  /** A view's query, in the view's own database, with the columns as the view declares them. */
  view(entry: Extract<TableEntry, { kind: "view" }>): Translated {
    const translated = new QueryTranslator(this.#shared, entry.database).query(parseQuery(entry.sql), undefined);
    const columns = entry.columns.map((column, at): Column => {
      const actual = translated.columns[at];
      if (!actual || translated.columns.length !== entry.columns.length || !t.coercible(actual.type, column.type)) {
        throw new TrinoError(
          "NOT_SUPPORTED",
          `View '${entry.name.join(".")}' is stale or in invalid state: its query no longer gives the columns that it was created with; it must be re-created`,
        );
      }
      return { name: column.name, type: column.type, origin: actual.origin };
    });
    const values = columns.map((column, at) => {
      const value: Typed = { sql: `w.c${at}`, type: translated.columns[at]?.type ?? column.type };
      return `${coerce(value, column.type).sql} AS c${at}`;
    });
    return { sql: `SELECT ${values.join(", ")} FROM (${translated.sql}) AS w`, columns };
  }
}

export function startTranslation(environment: Environment): { translator: QueryTranslator; scans: Scan[] } {
  const shared: Shared = { environment, scans: [], names: 0 };
  return { translator: new QueryTranslator(shared, environment.database), scans: shared.scans };
}

function column(value: Typed): string {
  return value.type.kind === "unknown" ? `CAST(NULL AS ${t.duckdbType(value.type)})` : value.sql;
}

function withoutOrigin(column: Column): Column {
  return { name: column.name, type: column.type };
}

function renamed(columns: readonly Column[], names: readonly Name[] | undefined, table: Name): readonly Column[] {
  if (!names) return columns;
  if (names.length !== columns.length) {
    throw new TrinoError(
      "MISMATCHED_COLUMN_ALIASES",
      `Column alias list has ${names.length} entries but WITH query '${table.text}' has ${columns.length} columns`,
      table.position,
    );
  }
  return columns.map((column, at) => ({ ...column, name: names[at]?.text }));
}

function allOf(name: Name[], position: Position): Select {
  return {
    kind: "select",
    position,
    distinct: false,
    items: [{ kind: "all", qualifier: [], position }],
    from: { kind: "named", name, alias: undefined, position },
    where: undefined,
    groupBy: [],
    having: undefined,
    windows: [],
  };
}

function nameOf(expression: Expression): string | undefined {
  if (expression.kind === "name") return expression.parts.at(-1)?.text;
  return expression.kind === "field" ? expression.name.text : undefined;
}

/** `GROUP BY 1`: the output column of that number. */
function ordinal(expression: Expression, values: readonly Typed[]): Typed | undefined {
  const at = position(expression, values.length);
  return at === undefined ? undefined : values[at - 1];
}

function position(expression: Expression, count: number): number | undefined {
  if (expression.kind !== "integer") return undefined;
  const at = Number(expression.text);
  if (at < 1 || at > count) {
    throw new TrinoError(
      "INVALID_ARGUMENTS",
      `GROUP BY or ORDER BY position ${at} is not in select list`,
      expression.position,
    );
  }
  return at;
}
