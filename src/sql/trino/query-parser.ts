import type {
  Alias,
  CommonTable,
  Expression,
  Grouping,
  Name,
  Query,
  QueryBody,
  Relation,
  Select,
  SelectItem,
} from "./ast.ts";
import { Cursor } from "./cursor.ts";
import { notSupported } from "./errors.ts";
import type { Position } from "./errors.ts";
import { ExpressionParser } from "./expression-parser.ts";

/** Words that may be names and that end a table or select item all the same. */
const NO_ALIAS = new Set(["LIMIT", "OFFSET", "FETCH", "WINDOW", "TABLESAMPLE", "MATCH_RECOGNIZE"]);

/** Parses one query (SELECT, WITH, VALUES, TABLE); a syntax error is a `TrinoError` with its place. */
export function parseQuery(sql: string): Query {
  const cursor = new Cursor(sql);
  const query = new QueryParser(cursor).query();
  cursor.expectEnd();
  return query;
}

export class QueryParser {
  readonly #cursor: Cursor;
  readonly #expressions: ExpressionParser;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
    this.#expressions = new ExpressionParser(cursor, () => this.query());
  }

  query(): Query {
    const cursor = this.#cursor;
    const { position } = cursor;
    const hasWith = cursor.word("WITH");
    const recursive = hasWith && cursor.word("RECURSIVE");
    const tables = hasWith ? cursor.list(() => this.#commonTable()) : [];
    return { ...this.#queryWithoutWith(), with: tables, recursive, position };
  }

  #commonTable(): CommonTable {
    const cursor = this.#cursor;
    const name = cursor.name();
    const columns = cursor.atSymbol("(") ? this.#names() : undefined;
    cursor.expectWord("AS");
    return { name, columns, query: cursor.parenthesized(() => this.query()) };
  }

  #queryWithoutWith(): Omit<Query, "with" | "recursive"> {
    const cursor = this.#cursor;
    const { position } = cursor;
    const body = this.#setOperations();
    const orderBy = cursor.word("ORDER", "BY") ? this.#expressions.sortItems() : [];
    let offset: Expression | undefined;
    let limit: Expression | undefined;
    if (cursor.word("OFFSET")) {
      offset = this.#expressions.expression();
      cursor.oneOf("ROW", "ROWS");
    }
    if (cursor.word("LIMIT")) {
      limit = cursor.word("ALL") ? undefined : this.#expressions.expression();
    } else if (cursor.word("FETCH")) {
      if (!cursor.oneOf("FIRST", "NEXT")) throw cursor.unexpected("'FIRST', 'NEXT'");
      limit = cursor.peek().kind === "integer" ? this.#expressions.expression() : one(cursor.position);
      if (!cursor.oneOf("ROW", "ROWS")) throw cursor.unexpected("'ROW', 'ROWS'");
      if (cursor.atWords("WITH", "TIES")) throw notSupported("FETCH FIRST … WITH TIES", cursor.position);
      cursor.expectWord("ONLY");
    }
    return { body, orderBy, offset, limit, position };
  }

  #setOperations(): QueryBody {
    let left = this.#intersections();
    for (;;) {
      const { position } = this.#cursor;
      const operator = this.#cursor.oneOf("UNION", "EXCEPT");
      if (!operator) return left;
      const all = this.#cursor.oneOf("ALL", "DISTINCT") === "ALL";
      left = { kind: "setOperation", operator, all, left, right: this.#intersections(), position };
    }
  }

  #intersections(): QueryBody {
    let left = this.#queryPrimary();
    for (;;) {
      const { position } = this.#cursor;
      if (!this.#cursor.word("INTERSECT")) return left;
      const all = this.#cursor.oneOf("ALL", "DISTINCT") === "ALL";
      left = { kind: "setOperation", operator: "INTERSECT", all, left, right: this.#queryPrimary(), position };
    }
  }

  #queryPrimary(): QueryBody {
    const cursor = this.#cursor;
    const { position } = cursor;
    if (cursor.word("SELECT")) return this.#select(position);
    if (cursor.word("TABLE")) return { kind: "table", name: cursor.qualifiedName(), position };
    if (cursor.word("VALUES")) {
      return { kind: "values", rows: cursor.list(() => this.#expressions.expression()), position };
    }
    if (cursor.atSymbol("(")) {
      return { kind: "nested", query: cursor.parenthesized(() => this.query()), position };
    }
    throw cursor.unexpected("'SELECT', 'TABLE', 'VALUES', '(', 'WITH'");
  }

  #select(position: Position): Select {
    const cursor = this.#cursor;
    const distinct = cursor.oneOf("DISTINCT", "ALL") === "DISTINCT";
    const items = cursor.list(() => this.#selectItem());
    const from = cursor.word("FROM") ? this.#relations() : undefined;
    const where = cursor.word("WHERE") ? this.#expressions.expression() : undefined;
    const groupBy = cursor.word("GROUP", "BY") ? this.#groupBy() : [];
    const having = cursor.word("HAVING") ? this.#expressions.expression() : undefined;
    const windows = cursor.word("WINDOW") ? cursor.list(() => this.#namedWindow()) : [];
    return { kind: "select", position, distinct, items, from, where, groupBy, having, windows };
  }

  #selectItem(): SelectItem {
    const cursor = this.#cursor;
    const { position } = cursor;
    if (cursor.symbol("*")) return { kind: "all", qualifier: [], position };
    const qualifier = this.#qualifiedStar();
    if (qualifier) return { kind: "all", qualifier, position };
    const expression = this.#expressions.expression();
    return { kind: "expression", expression, alias: this.#alias()?.name, position };
  }

  /** `t.*`, `db.t.*` */
  #qualifiedStar(): Name[] | undefined {
    const cursor = this.#cursor;
    let ahead = 0;
    while (cursor.atName(ahead) && cursor.atSymbol(".", ahead + 1)) {
      ahead += 2;
      if (!cursor.atSymbol("*", ahead)) continue;
      const qualifier = cursor.qualifiedName();
      cursor.take();
      cursor.take();
      if (cursor.atWords("AS")) throw notSupported("Aliases of row.*", cursor.position);
      return qualifier;
    }
    return undefined;
  }

  #alias(): Alias | undefined {
    const cursor = this.#cursor;
    const explicit = cursor.word("AS");
    if (!explicit && (!cursor.atName() || (cursor.peek().kind === "word" && NO_ALIAS.has(cursor.peek().upper)))) {
      return undefined;
    }
    return { name: cursor.name(), columns: undefined };
  }

  #relations(): Relation {
    let left = this.#joined();
    for (let { position } = this.#cursor; this.#cursor.symbol(","); position = this.#cursor.position) {
      left = { kind: "join", type: "CROSS", left, right: this.#joined(), on: undefined, using: undefined, position };
    }
    return left;
  }

  #joined(): Relation {
    const cursor = this.#cursor;
    let left = this.#sampled();
    for (;;) {
      const { position } = cursor;
      if (cursor.word("CROSS", "JOIN")) {
        left = { kind: "join", type: "CROSS", left, right: this.#sampled(), on: undefined, using: undefined, position };
        continue;
      }
      if (cursor.atWords("NATURAL")) throw notSupported("NATURAL JOIN", position);
      const outer = cursor.oneOf("LEFT", "RIGHT", "FULL");
      if (outer) cursor.word("OUTER");
      else cursor.word("INNER");
      if (!cursor.word("JOIN")) {
        if (outer) throw cursor.unexpected("'JOIN'");
        return left;
      }
      const right = this.#sampled();
      const using = cursor.word("USING") ? this.#names() : undefined;
      if (!using) cursor.expectWord("ON");
      const on = using ? undefined : this.#expressions.expression();
      left = { kind: "join", type: outer ?? "INNER", left, right, on, using, position };
    }
  }

  #sampled(): Relation {
    const cursor = this.#cursor;
    const relation = this.#relationPrimary();
    const { position } = cursor;
    if (cursor.atWords("MATCH_RECOGNIZE")) throw notSupported("MATCH_RECOGNIZE", position);
    if (!cursor.word("TABLESAMPLE")) return relation;
    const method = cursor.oneOf("BERNOULLI", "SYSTEM");
    if (!method) throw cursor.unexpected("'BERNOULLI', 'SYSTEM'");
    const percentage = cursor.parenthesized(() => this.#expressions.expression());
    return { kind: "sample", relation, method, percentage, position };
  }

  #relationPrimary(): Relation {
    const cursor = this.#cursor;
    const { position } = cursor;
    if (cursor.atSymbol("(", 1)) {
      if (cursor.word("UNNEST")) {
        const arrays = cursor.parenthesized(() => cursor.list(() => this.#expressions.expression()));
        const ordinality = cursor.word("WITH", "ORDINALITY");
        return { kind: "unnest", arrays, ordinality, alias: this.#relationAlias(), position };
      }
      if (cursor.word("LATERAL")) {
        const query = cursor.parenthesized(() => this.query());
        return { kind: "derived", query, lateral: true, alias: this.#relationAlias(), position };
      }
      if (cursor.atWords("TABLE")) throw notSupported("A table function", position);
    }
    if (cursor.atSymbol("(")) {
      if (this.#atQuery()) {
        const query = cursor.parenthesized(() => this.query());
        return { kind: "derived", query, lateral: false, alias: this.#relationAlias(), position };
      }
      return cursor.parenthesized(() => this.#relations());
    }
    const name = cursor.qualifiedName();
    if (cursor.atWords("FOR") && /^(?:VERSION|TIMESTAMP|SYSTEM_TIME|SYSTEM_VERSION)$/u.test(cursor.peek(1).upper)) {
      throw notSupported("Time travel (FOR … AS OF), which is for Iceberg tables,", cursor.position);
    }
    return { kind: "named", name, alias: this.#relationAlias(), position };
  }

  /** Does the parenthesis hold a query (in however many parentheses), or a join? */
  #atQuery(): boolean {
    let ahead = 1;
    while (this.#cursor.atSymbol("(", ahead)) ahead++;
    const { kind, upper } = this.#cursor.peek(ahead);
    return kind === "word" && ["SELECT", "WITH", "VALUES", "TABLE"].includes(upper);
  }

  #relationAlias(): Alias | undefined {
    const alias = this.#alias();
    if (!alias) return undefined;
    return { name: alias.name, columns: this.#cursor.atSymbol("(") ? this.#names() : undefined };
  }

  #groupBy(): Grouping[] {
    const cursor = this.#cursor;
    if (cursor.oneOf("ALL", "DISTINCT") === "DISTINCT") throw notSupported("GROUP BY DISTINCT", cursor.position);
    return cursor.list((): Grouping => {
      const kind = cursor.oneOf("ROLLUP", "CUBE");
      if (kind) return { kind, sets: cursor.parenthesized(() => cursor.list(() => this.#groupingSet())) };
      if (cursor.word("GROUPING", "SETS")) {
        return { kind: "GROUPING SETS", sets: cursor.parenthesized(() => cursor.list(() => this.#groupingSet())) };
      }
      return { kind: "expressions", expressions: this.#groupingSet() };
    });
  }

  #groupingSet(): Expression[] {
    const cursor = this.#cursor;
    if (cursor.atSymbol("(") && cursor.atSymbol(")", 1)) {
      cursor.take();
      cursor.take();
      return [];
    }
    const expression = this.#expressions.expression();
    return expression.kind === "row" && this.#wasParenthesis(expression) ? expression.items : [expression];
  }

  #wasParenthesis(row: Expression): boolean {
    const { line, column } = row.position;
    const text = this.#cursor.sql.split("\n")[line - 1] ?? "";
    return text.startsWith("(", column - 1);
  }

  #namedWindow(): { name: Name; window: ReturnType<ExpressionParser["window"]> } {
    const name = this.#cursor.name();
    this.#cursor.expectWord("AS");
    return { name, window: this.#cursor.parenthesized(() => this.#expressions.window()) };
  }

  #names(): Name[] {
    return this.#cursor.parenthesized(() => this.#cursor.list(() => this.#cursor.name()));
  }
}

function one(position: Position): Expression {
  return { kind: "integer", text: "1", position };
}
