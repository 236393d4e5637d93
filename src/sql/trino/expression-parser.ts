import type { Call, Expression, Frame, FrameBound, Name, Query, SortItem, TypeName, Window } from "./ast.ts";
import type { Cursor } from "./cursor.ts";
import { notSupported } from "./errors.ts";
import type { Position } from "./errors.ts";

const COMPARISONS = ["=", "<>", "!=", "<=", ">=", "<", ">"];

/** Words that are a value by themselves, or a function without parentheses. */
const SPECIAL_VALUES: Readonly<Record<string, string>> = {
  CURRENT_DATE: "current_date",
  CURRENT_TIMESTAMP: "current_timestamp",
  CURRENT_TIME: "current_time",
  LOCALTIMESTAMP: "localtimestamp",
  LOCALTIME: "localtime",
  CURRENT_USER: "current_user",
  CURRENT_CATALOG: "current_catalog",
  CURRENT_SCHEMA: "current_schema",
};

/** Functions of SQL/JSON with a syntax of their own. */
const SPECIAL_SYNTAX = new Set(["JSON_EXISTS", "JSON_VALUE", "JSON_QUERY", "JSON_OBJECT", "JSON_ARRAY", "JSON_TABLE"]);

/** Trino's expressions, by recursive descent; the methods go from the loosest binding to the tightest. */
export class ExpressionParser {
  readonly #cursor: Cursor;
  readonly #query: () => Query;
  #parameters = 0;

  constructor(cursor: Cursor, query: () => Query) {
    this.#cursor = cursor;
    this.#query = query;
  }

  expression(): Expression {
    let left = this.#and();
    for (let at = this.#cursor.position; this.#cursor.word("OR"); at = this.#cursor.position) {
      left = { kind: "operation", operator: "OR", left, right: this.#and(), position: at };
    }
    return left;
  }

  sortItems(): SortItem[] {
    return this.#cursor.list(() => {
      const key = this.expression();
      const descending = this.#cursor.oneOf("ASC", "DESC") === "DESC";
      const nullsFirst = this.#cursor.word("NULLS", "FIRST");
      if (!nullsFirst) this.#cursor.word("NULLS", "LAST");
      return { key, descending, nullsFirst };
    });
  }

  /** What stands between the parentheses of OVER, or after WINDOW … AS. */
  window(): Window {
    const cursor = this.#cursor;
    const startsWithName = cursor.atName() && !["PARTITION", "ROWS", "RANGE", "GROUPS"].includes(cursor.peek().upper);
    const base = startsWithName ? cursor.name() : undefined;
    const partitionBy = cursor.word("PARTITION", "BY") ? cursor.list(() => this.expression()) : [];
    const orderBy = cursor.word("ORDER", "BY") ? this.sortItems() : [];
    const unit = cursor.oneOf("ROWS", "RANGE", "GROUPS");
    return { base, partitionBy, orderBy, frame: unit && this.#frame(unit) };
  }

  type(): TypeName {
    const cursor = this.#cursor;
    const { position } = cursor;
    let name = cursor.name().text.toLowerCase();
    if (name === "double") cursor.word("PRECISION");
    if (name === "interval") {
      const from = cursor.take().upper.toLowerCase();
      cursor.expectWord("TO");
      return { name: `interval ${from} to ${cursor.take().upper.toLowerCase()}`, parameters: [], position };
    }
    if (name === "row" && cursor.atSymbol("(")) return this.#rowType(position);
    const parameters: (number | TypeName)[] = [];
    const angle = cursor.atSymbol("<");
    if (angle || cursor.atSymbol("(")) {
      cursor.take();
      parameters.push(
        ...cursor.list(() => (cursor.peek().kind === "integer" ? Number(cursor.take().text) : this.type())),
      );
      cursor.expectSymbol(angle ? ">" : ")");
    }
    if (name === "timestamp" || name === "time") {
      if (cursor.word("WITH", "TIME", "ZONE")) name += " with time zone";
      else cursor.word("WITHOUT", "TIME", "ZONE");
    }
    let type: TypeName = { name, parameters, position };
    while (cursor.word("ARRAY")) type = { name: "array", parameters: [type], position };
    return type;
  }

  #rowType(position: Position): TypeName {
    const cursor = this.#cursor;
    const fields: (string | undefined)[] = [];
    const parameters = cursor.parenthesized(() =>
      cursor.list(() => {
        // `a integer` has a name, `integer` has none; `a` alone followed by another word is a name.
        const named = cursor.atName() && cursor.atName(1) && !cursor.atWords("DOUBLE", "PRECISION");
        fields.push(named ? cursor.name().text : undefined);
        return this.type();
      }),
    );
    return { name: "row", parameters, fields, position };
  }

  #frame(unit: Frame["unit"]): Frame {
    const cursor = this.#cursor;
    if (!cursor.word("BETWEEN")) return { unit, start: this.#frameBound(), end: undefined };
    const start = this.#frameBound();
    cursor.expectWord("AND");
    return { unit, start, end: this.#frameBound() };
  }

  #frameBound(): FrameBound {
    const cursor = this.#cursor;
    if (cursor.word("UNBOUNDED", "PRECEDING")) return { kind: "UNBOUNDED PRECEDING" };
    if (cursor.word("UNBOUNDED", "FOLLOWING")) return { kind: "UNBOUNDED FOLLOWING" };
    if (cursor.word("CURRENT", "ROW")) return { kind: "CURRENT ROW" };
    const value = this.expression();
    const kind = cursor.oneOf("PRECEDING", "FOLLOWING");
    if (!kind) throw cursor.unexpected("'PRECEDING', 'FOLLOWING'");
    return { kind, value };
  }

  #and(): Expression {
    let left = this.#not();
    for (let at = this.#cursor.position; this.#cursor.word("AND"); at = this.#cursor.position) {
      left = { kind: "operation", operator: "AND", left, right: this.#not(), position: at };
    }
    return left;
  }

  #not(): Expression {
    const { position } = this.#cursor;
    if (this.#cursor.word("NOT")) return { kind: "unary", operator: "NOT", operand: this.#not(), position };
    return this.#predicate();
  }

  #predicate(): Expression {
    const cursor = this.#cursor;
    let left = this.#concatenation();
    for (;;) {
      const { position } = cursor;
      const comparison = COMPARISONS.find((symbol) => cursor.symbol(symbol));
      if (comparison) {
        const operator = comparison === "!=" ? "<>" : comparison;
        const quantifier = cursor.atSymbol("(", 1) ? cursor.oneOf("ALL", "ANY", "SOME") : undefined;
        if (quantifier) {
          const query = cursor.parenthesized(this.#query);
          left = {
            kind: "quantified",
            operator,
            quantifier: quantifier === "ALL" ? "ALL" : "ANY",
            left,
            query,
            position,
          };
        } else {
          left = { kind: "operation", operator, left, right: this.#concatenation(), position };
        }
        continue;
      }
      if (cursor.word("IS")) {
        left = this.#is(left, position);
        continue;
      }
      const negated = ["BETWEEN", "IN", "LIKE"].includes(cursor.peek(1).upper) && cursor.word("NOT");
      if (cursor.word("BETWEEN")) {
        const low = this.#concatenation();
        cursor.expectWord("AND");
        left = { kind: "between", operand: left, low, high: this.#concatenation(), negated, position };
      } else if (cursor.word("IN")) {
        left = this.#in(left, negated, position);
      } else if (cursor.word("LIKE")) {
        const pattern = this.#concatenation();
        const escape = cursor.word("ESCAPE") ? this.#concatenation() : undefined;
        left = { kind: "like", operand: left, pattern, escape, negated, position };
      } else {
        return left;
      }
    }
  }

  #is(operand: Expression, position: Position): Expression {
    const negated = this.#cursor.word("NOT");
    if (this.#cursor.word("NULL")) return { kind: "isNull", operand, negated, position };
    this.#cursor.expectWord("DISTINCT", "FROM");
    return { kind: "isDistinct", left: operand, right: this.#concatenation(), negated, position };
  }

  #in(operand: Expression, negated: boolean, position: Position): Expression {
    return this.#cursor.parenthesized((): Expression => {
      if (this.#atQuery()) return { kind: "inQuery", operand, query: this.#query(), negated, position };
      return { kind: "inList", operand, list: this.#cursor.list(() => this.expression()), negated, position };
    });
  }

  #concatenation(): Expression {
    return this.#leftAssociative(["||"], () => this.#leftAssociative(["+", "-"], () => this.#product()));
  }

  #product(): Expression {
    return this.#leftAssociative(["*", "/", "%"], () => this.#unary());
  }

  #leftAssociative(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const { position } = this.#cursor;
      const operator = operators.find((symbol) => this.#cursor.symbol(symbol));
      if (!operator) return left;
      left = { kind: "operation", operator, left, right: operand(), position };
    }
  }

  #unary(): Expression {
    const { position } = this.#cursor;
    for (const operator of ["-", "+"] as const) {
      if (this.#cursor.symbol(operator)) return { kind: "unary", operator, operand: this.#unary(), position };
    }
    let operand = this.#postfix();
    while (this.#cursor.word("AT")) {
      this.#cursor.expectWord("TIME", "ZONE");
      operand = { kind: "atTimeZone", operand, zone: this.#postfix(), position };
    }
    return operand;
  }

  #postfix(): Expression {
    const cursor = this.#cursor;
    let operand = this.#primary();
    for (;;) {
      const { position } = cursor;
      if (cursor.symbol("[")) {
        operand = { kind: "subscript", operand, index: this.expression(), position };
        cursor.expectSymbol("]");
      } else if (cursor.atSymbol(".")) {
        cursor.take();
        operand = { kind: "field", operand, name: cursor.name(), position };
      } else {
        return operand;
      }
    }
  }

  #primary(): Expression {
    const cursor = this.#cursor;
    const token = cursor.peek();
    const { position } = token;
    switch (token.kind) {
      case "integer":
      case "decimal":
      case "double":
      case "string":
      case "binary":
        cursor.take();
        return { kind: token.kind, text: token.text, position };
      case "symbol":
        if (cursor.symbol("?")) return { kind: "parameter", index: this.#parameters++, position };
        if (token.text === "(") return this.#parenthesis(position);
        throw cursor.unexpected("<expression>");
      case "end":
      case "backquoted":
        throw cursor.unexpected("<expression>");
      case "word":
      case "quoted":
        return this.#keyword(position) ?? this.#nameOrCall(position);
    }
  }

  /** What begins with a word of the language. */
  #keyword(position: Position): Expression | undefined {
    const cursor = this.#cursor;
    if (cursor.peek().kind === "quoted") return undefined;
    if (cursor.word("NULL")) return { kind: "null", position };
    if (cursor.word("TRUE")) return { kind: "boolean", value: true, position };
    if (cursor.word("FALSE")) return { kind: "boolean", value: false, position };
    if (cursor.word("CASE")) return this.#case(position);
    if (cursor.atSymbol("(", 1)) {
      if (cursor.word("CAST")) return this.#cast(false, position);
      if (cursor.word("TRY_CAST")) return this.#cast(true, position);
      if (cursor.word("EXTRACT")) return this.#extract(position);
      if (cursor.word("EXISTS")) return { kind: "exists", query: cursor.parenthesized(this.#query), position };
      if (cursor.word("ROW")) {
        return { kind: "row", items: cursor.parenthesized(() => cursor.list(() => this.expression())), position };
      }
      if (cursor.word("TRIM")) return this.#trim(position);
      if (cursor.word("SUBSTRING")) return this.#substring(position);
      if (cursor.word("POSITION")) return this.#position(position);
      if (SPECIAL_SYNTAX.has(cursor.peek().upper)) throw notSupported(`Function ${cursor.peek().text}`, position);
    }
    if (cursor.atSymbol("[", 1) && cursor.word("ARRAY")) return this.#array(position);
    if (cursor.atWords("INTERVAL") && (cursor.peek(1).kind === "string" || /^[-+]$/u.test(cursor.peek(1).text))) {
      return this.#interval(position);
    }
    const special = SPECIAL_VALUES[cursor.peek().upper];
    if (special) {
      cursor.take();
      const precision = cursor.atSymbol("(") ? cursor.parenthesized(() => [this.expression()]) : [];
      return { kind: "call", call: plainCall(special, precision), position };
    }
    return undefined;
  }

  #nameOrCall(position: Position): Expression {
    const cursor = this.#cursor;
    const isWord = cursor.peek().kind === "word";
    if (cursor.atSymbol("->", 1)) {
      const parameters = [cursor.name()];
      cursor.take();
      return { kind: "lambda", parameters, body: this.expression(), position };
    }
    if (isWord && (cursor.peek(1).kind === "string" || cursor.atWords("DOUBLE", "PRECISION"))) {
      const type = this.type();
      return { kind: "typedLiteral", type, text: cursor.string(), position };
    }
    // LISTAGG, GROUPING and NORMALIZE are reserved, and functions.
    const callable = isWord && /^(?:LISTAGG|GROUPING|NORMALIZE|LEFT|RIGHT)$/u.test(cursor.peek().upper);
    if (cursor.atSymbol("(", 1) && (cursor.atName() || callable)) {
      const name = cursor.take().text.toLowerCase();
      return { kind: "call", call: this.#call(name), position };
    }
    return { kind: "name", parts: cursor.qualifiedName(), position };
  }

  #call(name: string): Call {
    const cursor = this.#cursor;
    cursor.expectSymbol("(");
    const star = cursor.symbol("*");
    const distinct = cursor.oneOf("DISTINCT", "ALL") === "DISTINCT";
    const bare = star || cursor.atSymbol(")") || cursor.atWords("ORDER", "BY");
    const args = bare ? [] : cursor.list(() => this.expression());
    let orderBy = cursor.word("ORDER", "BY") ? this.sortItems() : [];
    if (cursor.atWords("ON", "OVERFLOW")) throw notSupported("ON OVERFLOW of listagg", cursor.position);
    cursor.expectSymbol(")");
    const withinGroup = cursor.word("WITHIN", "GROUP");
    if (withinGroup) {
      orderBy = cursor.parenthesized(() => {
        cursor.expectWord("ORDER", "BY");
        return this.sortItems();
      });
    }
    const filter = cursor.atWords("FILTER") && cursor.atSymbol("(", 1) ? this.#filter() : undefined;
    const ignoreNulls = cursor.word("IGNORE", "NULLS");
    if (!ignoreNulls) cursor.word("RESPECT", "NULLS");
    const over = cursor.word("OVER") ? this.#over() : undefined;
    return { name, arguments: args, star, distinct, orderBy, filter, ignoreNulls, over, withinGroup };
  }

  #filter(): Expression {
    const cursor = this.#cursor;
    cursor.take();
    return cursor.parenthesized(() => {
      cursor.expectWord("WHERE");
      return this.expression();
    });
  }

  #over(): Window | Name {
    return this.#cursor.atSymbol("(") ? this.#cursor.parenthesized(() => this.window()) : this.#cursor.name();
  }

  /** `(query)`, `(a, b) -> c`, `(a, b)`, `(a)`. */
  #parenthesis(position: Position): Expression {
    const cursor = this.#cursor;
    const parameters = this.#lambdaParameters();
    if (parameters) return { kind: "lambda", parameters, body: this.expression(), position };
    return cursor.parenthesized((): Expression => {
      if (this.#atQuery()) return { kind: "subquery", query: this.#query(), position };
      const items = cursor.list(() => this.expression());
      const [only] = items;
      return items.length === 1 && only ? only : { kind: "row", items, position };
    });
  }

  #lambdaParameters(): Name[] | undefined {
    const cursor = this.#cursor;
    let ahead = 1;
    while (cursor.atName(ahead) && cursor.atSymbol(",", ahead + 1)) ahead += 2;
    if (cursor.atName(ahead)) ahead++;
    if (!cursor.atSymbol(")", ahead) || !cursor.atSymbol("->", ahead + 1)) return undefined;
    const parameters = cursor.parenthesized(() => (cursor.atSymbol(")") ? [] : cursor.list(() => cursor.name())));
    cursor.expectSymbol("->");
    return parameters;
  }

  #atQuery(): boolean {
    let ahead = 0;
    while (this.#cursor.atSymbol("(", ahead)) ahead++;
    const { kind, upper } = this.#cursor.peek(ahead);
    return kind === "word" && ["SELECT", "WITH", "VALUES", "TABLE"].includes(upper);
  }

  #case(position: Position): Expression {
    const cursor = this.#cursor;
    const operand = cursor.atWords("WHEN") ? undefined : this.expression();
    const branches: { when: Expression; then: Expression }[] = [];
    while (cursor.word("WHEN")) {
      const when = this.expression();
      cursor.expectWord("THEN");
      branches.push({ when, then: this.expression() });
    }
    if (branches.length === 0) throw cursor.unexpected("'WHEN'");
    const otherwise = cursor.word("ELSE") ? this.expression() : undefined;
    cursor.expectWord("END");
    return { kind: "case", operand, branches, otherwise, position };
  }

  #cast(safe: boolean, position: Position): Expression {
    return this.#cursor.parenthesized((): Expression => {
      const operand = this.expression();
      this.#cursor.expectWord("AS");
      return { kind: "cast", operand, type: this.type(), safe, position };
    });
  }

  #extract(position: Position): Expression {
    return this.#cursor.parenthesized((): Expression => {
      const field = this.#cursor.name().text.toLowerCase();
      this.#cursor.expectWord("FROM");
      return { kind: "extract", field, operand: this.expression(), position };
    });
  }

  #array(position: Position): Expression {
    const cursor = this.#cursor;
    cursor.expectSymbol("[");
    const items = cursor.atSymbol("]") ? [] : cursor.list(() => this.expression());
    cursor.expectSymbol("]");
    return { kind: "array", items, position };
  }

  #interval(position: Position): Expression {
    const cursor = this.#cursor;
    cursor.take();
    const sign = cursor.symbol("-") ? -1 : 1;
    if (sign === 1) cursor.symbol("+");
    const text = cursor.string();
    const unit = cursor.name().text.toLowerCase();
    const to = cursor.word("TO") ? cursor.name().text.toLowerCase() : undefined;
    return { kind: "interval", text, sign, unit, to, position };
  }

  /** `trim([LEADING | TRAILING | BOTH] [characters] FROM text)`, or a plain call. */
  #trim(position: Position): Expression {
    const cursor = this.#cursor;
    return cursor.parenthesized((): Expression => {
      const side = cursor.oneOf("LEADING", "TRAILING", "BOTH") ?? "BOTH";
      const name = { LEADING: "ltrim", TRAILING: "rtrim", BOTH: "trim" }[side];
      if (cursor.word("FROM")) return { kind: "call", call: plainCall(name, [this.expression()]), position };
      const first = this.expression();
      if (cursor.word("FROM")) return { kind: "call", call: plainCall(name, [this.expression(), first]), position };
      const rest = cursor.symbol(",") ? [this.expression()] : [];
      return { kind: "call", call: plainCall(name, [first, ...rest]), position };
    });
  }

  #substring(position: Position): Expression {
    const cursor = this.#cursor;
    return cursor.parenthesized((): Expression => {
      const args = [this.expression()];
      if (cursor.word("FROM")) {
        args.push(this.expression());
        if (cursor.word("FOR")) args.push(this.expression());
      } else {
        while (cursor.symbol(",")) args.push(this.expression());
      }
      return { kind: "call", call: plainCall("substr", args), position };
    });
  }

  #position(position: Position): Expression {
    return this.#cursor.parenthesized((): Expression => {
      const part = this.#concatenation();
      this.#cursor.expectWord("IN");
      return { kind: "call", call: plainCall("strpos", [this.#concatenation(), part]), position };
    });
  }
}

/** A call of nothing but a name and arguments. */
export function plainCall(name: string, args: readonly Expression[]): Call {
  return {
    name,
    arguments: args,
    star: false,
    distinct: false,
    orderBy: [],
    filter: undefined,
    ignoreNulls: false,
    over: undefined,
    withinGroup: false,
  };
}
