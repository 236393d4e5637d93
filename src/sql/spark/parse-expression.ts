import type { Cursor } from "./cursor.ts";
import type { Span } from "./errors.ts";
import type { BinaryOperator, Expression, IntervalPart, IntervalUnit } from "./syntax.ts";

/**
 * Expressions of Spark SQL, by the precedences of its grammar:
 * https://github.com/apache/spark/blob/v4.1.1/sql/api/src/main/antlr4/org/apache/spark/sql/catalyst/parser/SqlBaseParser.g4
 */

/** Words that end an expression: never the name of a column unless quoted. */
const RESERVED = new Set(
  (
    "SELECT FROM WHERE GROUP ORDER HAVING LIMIT UNION EXCEPT INTERSECT JOIN LATERAL ON USING AND OR NOT AS CASE WHEN THEN " +
    "ELSE END IN IS BETWEEN LIKE ILIKE RLIKE REGEXP DISTINCT WITH OVER SORT CLUSTER DISTRIBUTE WINDOW QUALIFY"
  ).split(" "),
);

const COMPARISONS: Readonly<Record<string, BinaryOperator>> = {
  "=": "=",
  "==": "=",
  "<=>": "<=>",
  "<>": "<>",
  "!=": "<>",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">=",
};

/** Binary operators above the comparisons, loosest first, as the grammar orders them. */
const LEVELS: readonly (readonly string[])[] = [["|"], ["^"], ["&"], ["+", "-", "||"], ["*", "/", "%", "DIV"]];

const UNIT_FUNCTIONS = ["timestampdiff", "timestampadd", "datediff", "date_diff", "dateadd", "date_add"];

const UNITS: readonly IntervalUnit[] = ["year", "month", "week", "day", "hour", "minute", "second"];

export function parseExpression(cursor: Cursor): Expression {
  let left = parseAnd(cursor);
  while (cursor.takeWord("OR")) left = binary("OR", left, parseAnd(cursor));
  return left;
}

function parseAnd(cursor: Cursor): Expression {
  let left = parseNot(cursor);
  while (cursor.takeWord("AND")) left = binary("AND", left, parseNot(cursor));
  return left;
}

function parseNot(cursor: Cursor): Expression {
  const { start } = cursor.peek();
  if (cursor.takeWord("NOT") || cursor.takeSymbol("!")) {
    const operand = parseNot(cursor);
    return { kind: "unary", operator: "NOT", operand, start, end: operand.end };
  }
  return parsePredicate(cursor);
}

/** A value expression and at most one predicate after it. */
function parsePredicate(cursor: Cursor): Expression {
  const operand = parseComparison(cursor);
  const { start } = operand;
  if (cursor.takeWord("IS")) {
    const not = cursor.takeWord("NOT");
    if (cursor.takeWord("DISTINCT")) {
      cursor.expectWord("FROM");
      const equal = binary("<=>", operand, parseComparison(cursor));
      // `IS NOT DISTINCT FROM` is `<=>`.
      return not ? equal : { kind: "unary", operator: "NOT", operand: equal, start, end: equal.end };
    }
    for (const what of ["NULL", "TRUE", "FALSE"] as const) {
      if (cursor.takeWord(what)) return { kind: "is", not, what, operand, start, end: cursor.lastEnd };
    }
    cursor.unexpected("NULL, TRUE, FALSE or DISTINCT FROM");
  }
  const not = cursor.takeWord("NOT");
  if (cursor.takeWord("BETWEEN")) {
    if (cursor.isWord("SYMMETRIC")) cursor.unexpected("a value", "write the smaller bound first");
    const low = parseComparison(cursor);
    cursor.expectWord("AND");
    const high = parseComparison(cursor);
    return { kind: "between", not, operand, low, high, start, end: cursor.lastEnd };
  }
  if (cursor.takeWord("IN")) {
    cursor.expectSymbol("(");
    if (cursor.isWord("SELECT") || cursor.isWord("WITH")) refuseSubquery(cursor);
    const list = parseList(cursor);
    cursor.expectSymbol(")");
    return { kind: "in", not, operand, list, start, end: cursor.lastEnd };
  }
  for (const word of ["LIKE", "ILIKE", "RLIKE", "REGEXP"] as const) {
    if (!cursor.takeWord(word)) continue;
    if (cursor.isWord("ANY") || cursor.isWord("ALL") || cursor.isWord("SOME")) {
      cursor.unexpected("a pattern", "write one LIKE for each pattern, joined by OR or AND");
    }
    const pattern = parseComparison(cursor);
    const operator = word === "REGEXP" ? "RLIKE" : word;
    let escape = "\\";
    if (operator !== "RLIKE" && cursor.takeWord("ESCAPE")) {
      const token = cursor.next();
      if (token.kind !== "text" || [...token.value].length !== 1) cursor.fail("ESCAPE takes one character", token);
      escape = token.value;
    }
    return { kind: "like", not, operator, operand, pattern, escape, start, end: cursor.lastEnd };
  }
  if (not) cursor.unexpected("BETWEEN, IN, LIKE or RLIKE");
  return operand;
}

function parseComparison(cursor: Cursor): Expression {
  let left = parseLevel(cursor, 0);
  for (;;) {
    const token = cursor.peek();
    const operator = token.kind === "symbol" ? COMPARISONS[token.value] : undefined;
    if (operator === undefined) return left;
    cursor.next();
    left = binary(operator, left, parseLevel(cursor, 0));
  }
}

function parseLevel(cursor: Cursor, level: number): Expression {
  const operators = LEVELS[level];
  if (operators === undefined) return parseUnary(cursor);
  let left = parseLevel(cursor, level + 1);
  for (;;) {
    if (cursor.isSymbol("<<") || cursor.isSymbol(">>")) cursor.fail("shift operators are not supported", cursor.peek());
    const token = cursor.peek();
    const text = token.kind === "symbol" ? token.value : token.upper;
    if (!operators.includes(text) || token.kind === "text") return left;
    cursor.next();
    left = binary(text as BinaryOperator, left, parseLevel(cursor, level + 1));
  }
}

function parseUnary(cursor: Cursor): Expression {
  const token = cursor.peek();
  if (token.kind === "symbol" && (token.value === "-" || token.value === "+" || token.value === "~")) {
    cursor.next();
    const operand = parseUnary(cursor);
    // A minus belongs to its number, so that the smallest bigint can be written.
    if (token.value === "-" && operand.kind === "number" && !operand.value.startsWith("-")) {
      return { kind: "number", value: `-${operand.value}`, start: token.start, end: operand.end };
    }
    return { kind: "unary", operator: token.value, operand, start: token.start, end: operand.end };
  }
  return parsePostfix(cursor);
}

function parsePostfix(cursor: Cursor): Expression {
  let value = parsePrimary(cursor);
  for (;;) {
    const { start } = value;
    if (cursor.takeSymbol("[")) {
      const index = parseExpression(cursor);
      cursor.expectSymbol("]");
      value = { kind: "index", of: value, index, start, end: cursor.lastEnd };
    } else if (cursor.takeSymbol(".")) {
      const name = parseName(cursor, "a field");
      value =
        value.kind === "name"
          ? { kind: "name", parts: [...value.parts, name], start, end: cursor.lastEnd }
          : { kind: "field", of: value, name, start, end: cursor.lastEnd };
    } else if (cursor.takeSymbol("::")) {
      const { type, typeSpan } = parseTypeText(cursor);
      value = { kind: "cast", try: false, operand: value, type, typeSpan, start, end: cursor.lastEnd };
    } else {
      return value;
    }
  }
}

function parsePrimary(cursor: Cursor): Expression {
  const token = cursor.peek();
  const { start } = token;
  switch (token.kind) {
    case "text": {
      cursor.next();
      const again = cursor.peek();
      if (again.kind === "text") {
        cursor.fail("two texts side by side", again, "write || between them, and \\' for a quote inside a text");
      }
      return { kind: "text", value: token.value, start, end: token.end };
    }
    case "number":
      cursor.next();
      return { kind: "number", value: token.value, start, end: token.end };
    case "quoted-name":
      cursor.next();
      return { kind: "name", parts: [token.value], start, end: token.end };
    case "symbol":
      if (token.value === "(") return parseParenthesis(cursor);
      return cursor.unexpected("an expression");
    case "end":
      return cursor.unexpected("an expression");
    case "word":
      return parseWord(cursor);
  }
}

function parseParenthesis(cursor: Cursor): Expression {
  const lambda = tryLambdaParameters(cursor);
  const { start } = cursor.next();
  if (lambda !== undefined) {
    while (!cursor.takeSymbol("->")) cursor.next();
    const body = parseExpression(cursor);
    return { kind: "lambda", parameters: lambda, body, start, end: body.end };
  }
  if (cursor.isWord("SELECT") || cursor.isWord("WITH")) refuseSubquery(cursor);
  const inner = parseExpression(cursor);
  if (cursor.isSymbol(",")) cursor.unexpected('")"', "write struct(…) for several values together");
  cursor.expectSymbol(")");
  return { ...inner, start, end: cursor.lastEnd };
}

/** `(a, b) ->` ahead of the cursor gives the names. */
function tryLambdaParameters(cursor: Cursor): string[] | undefined {
  const names: string[] = [];
  for (let ahead = 1; ; ahead += 2) {
    const name = cursor.peek(ahead);
    if (name.kind !== "word" && name.kind !== "quoted-name") return undefined;
    names.push(name.value);
    if (cursor.isSymbol(")", ahead + 1)) return cursor.isSymbol("->", ahead + 2) ? names : undefined;
    if (!cursor.isSymbol(",", ahead + 1)) return undefined;
  }
}

function parseWord(cursor: Cursor): Expression {
  const token = cursor.peek();
  const { start } = token;
  const after = cursor.peek(1);
  if (cursor.isSymbol("->", 1)) {
    cursor.next();
    cursor.next();
    const body = parseExpression(cursor);
    return { kind: "lambda", parameters: [token.value], body, start, end: body.end };
  }
  switch (token.upper) {
    case "TRUE":
    case "FALSE":
      cursor.next();
      return { kind: "boolean", value: token.upper === "TRUE", start, end: token.end };
    case "NULL":
      cursor.next();
      return { kind: "null", start, end: token.end };
    case "CASE":
      return parseCase(cursor);
    case "CAST":
    case "TRY_CAST":
      if (cursor.isSymbol("(", 1)) return parseCast(cursor);
      break;
    case "DATE":
    case "TIMESTAMP":
      if (after.kind === "text") {
        cursor.next();
        cursor.next();
        const type = token.upper === "DATE" ? "date" : "timestamp";
        return { kind: "moment", type, value: after.value, start, end: after.end };
      }
      break;
    case "TIMESTAMP_NTZ":
    case "TIMESTAMP_LTZ":
    case "X":
    case "BINARY":
      if (after.kind === "text") cursor.fail(`${token.value} literals are not supported`, token);
      break;
    case "INTERVAL":
      if (after.kind === "text" || after.kind === "number" || cursor.isSymbol("-", 1)) return parseInterval(cursor);
      break;
    case "EXISTS":
      if (cursor.isSymbol("(", 1) && cursor.peek(2).upper === "SELECT") refuseSubquery(cursor);
      break;
    case "EXTRACT":
      if (cursor.isSymbol("(", 1)) return parseExtract(cursor);
      break;
    case "TRIM":
      if (cursor.isSymbol("(", 1) && ["BOTH", "LEADING", "TRAILING"].includes(cursor.peek(2).upper)) {
        return parseTrim(cursor);
      }
      break;
    default:
  }
  if (cursor.isSymbol("(", 1) && !(RESERVED.has(token.upper) && !["REGEXP", "RLIKE"].includes(token.upper))) {
    return parseCall(cursor);
  }
  if (RESERVED.has(token.upper)) cursor.unexpected("an expression");
  cursor.next();
  return { kind: "name", parts: [token.value], start, end: token.end };
}

function parseCall(cursor: Cursor): Expression {
  const nameToken = cursor.next();
  const { start } = nameToken;
  cursor.expectSymbol("(");
  if (cursor.isWord("DISTINCT")) {
    cursor.fail(`${nameToken.value}(DISTINCT …) is an aggregate`, cursor.peek(), ROW_WISE_HINT);
  }
  if (cursor.isSymbol("*") && cursor.isSymbol(")", 1)) {
    cursor.fail(`${nameToken.value}(*) is an aggregate`, nameToken, ROW_WISE_HINT);
  }
  const list = cursor.isSymbol(")") ? [] : parseList(cursor);
  const [unit] = list;
  // The unit of timestampdiff(HOUR, …) is a word, not a column.
  if (UNIT_FUNCTIONS.includes(nameToken.value.toLowerCase()) && list.length === 3 && unit?.kind === "name") {
    list[0] = { kind: "text", value: unit.parts.join("."), start: unit.start, end: unit.end };
  }
  if (cursor.isSymbol("=>")) cursor.unexpected('","', "arguments have no names here: give them in order");
  if (cursor.isWord("FROM") || cursor.isWord("FOR") || cursor.isWord("IN")) {
    cursor.unexpected('","', `write ${nameToken.value}(…) with commas between its arguments`);
  }
  cursor.expectSymbol(")");
  const end = cursor.lastEnd;
  if (cursor.isWord("OVER")) {
    cursor.fail("window functions are not row-wise", cursor.peek(), ROW_WISE_HINT);
  }
  if (cursor.isWord("FILTER") || cursor.isWord("WITHIN")) {
    cursor.fail("aggregates are not row-wise", cursor.peek(), ROW_WISE_HINT);
  }
  if (cursor.isWord("IGNORE", "NULLS") || cursor.isWord("RESPECT", "NULLS")) {
    cursor.fail("window functions are not row-wise", cursor.peek(), ROW_WISE_HINT);
  }
  return { kind: "call", name: nameToken.value.toLowerCase(), nameSpan: span(nameToken), arguments: list, start, end };
}

export const ROW_WISE_HINT =
  "a transform sees one record at a time, because which files arrive together is chance; put this into an Athena view over the table";

function parseList(cursor: Cursor): Expression[] {
  const list = [parseExpression(cursor)];
  while (cursor.takeSymbol(",")) list.push(parseExpression(cursor));
  return list;
}

function parseCase(cursor: Cursor): Expression {
  const { start } = cursor.next();
  const operand = cursor.isWord("WHEN") ? undefined : parseExpression(cursor);
  const branches: { when: Expression; then: Expression }[] = [];
  while (cursor.takeWord("WHEN")) {
    const when = parseExpression(cursor);
    cursor.expectWord("THEN");
    branches.push({ when, then: parseExpression(cursor) });
  }
  if (branches.length === 0) cursor.unexpected("WHEN");
  const otherwise = cursor.takeWord("ELSE") ? parseExpression(cursor) : undefined;
  cursor.expectWord("END");
  return { kind: "case", operand, branches, otherwise, start, end: cursor.lastEnd };
}

function parseCast(cursor: Cursor): Expression {
  const word = cursor.next();
  cursor.expectSymbol("(");
  const operand = parseExpression(cursor);
  cursor.expectWord("AS");
  const { type, typeSpan } = parseTypeText(cursor);
  cursor.expectSymbol(")");
  return {
    kind: "cast",
    try: word.upper === "TRY_CAST",
    operand,
    type,
    typeSpan,
    start: word.start,
    end: cursor.lastEnd,
  };
}

/** The text of a type: a word, and brackets of its own after it. */
function parseTypeText(cursor: Cursor): { type: string; typeSpan: Span } {
  const { start } = cursor.peek();
  if (cursor.peek().kind !== "word") cursor.unexpected("a type");
  cursor.next();
  let depth = 0;
  for (;;) {
    const token = cursor.peek();
    if (token.kind === "end") break;
    const opens = token.value === "(" || token.value === "<";
    const closes = token.value === ")" || token.value === ">" || token.value === ">>";
    if (depth === 0 && !opens) break;
    if (opens) depth += 1;
    if (closes) depth -= token.value.length;
    cursor.next();
  }
  const end = cursor.lastEnd;
  return { type: cursor.sql.slice(start, end), typeSpan: { start, end } };
}

function parseInterval(cursor: Cursor): Expression {
  const { start } = cursor.next();
  const parts: IntervalPart[] = [];
  do {
    const sign = cursor.takeSymbol("-") ? -1 : 1;
    const amount = cursor.next();
    if (!/^-?\d{1,9}$/.test(amount.value)) {
      cursor.fail("an interval takes whole numbers", amount, "write, for example, INTERVAL 90 MINUTES");
    }
    const word = cursor.next();
    const name = word.value.toLowerCase().replace(/s$/, "");
    const unit = UNITS.find((candidate) => candidate === name);
    if (unit === undefined) cursor.fail(`"${word.value}" is no unit of an interval`, word, `use ${UNITS.join(", ")}`);
    parts.push({ amount: sign * Number(amount.value), unit });
  } while (cursor.peek().kind === "number");
  if (cursor.isWord("TO"))
    cursor.fail(
      "intervals of several fields in one text are not supported",
      cursor.peek(),
      "write INTERVAL 1 DAY 2 HOURS",
    );
  return { kind: "interval", parts, start, end: cursor.lastEnd };
}

/** `EXTRACT(YEAR FROM x)` is `date_part('year', x)`. */
function parseExtract(cursor: Cursor): Expression {
  const word = cursor.next();
  cursor.expectSymbol("(");
  const unit = cursor.next();
  cursor.expectWord("FROM");
  const value = parseExpression(cursor);
  cursor.expectSymbol(")");
  const field: Expression = { kind: "text", value: unit.value.toLowerCase(), start: unit.start, end: unit.end };
  return {
    kind: "call",
    name: "date_part",
    nameSpan: span(word),
    arguments: [field, value],
    start: word.start,
    end: cursor.lastEnd,
  };
}

/** `TRIM(BOTH 'x' FROM y)` is `btrim(y, 'x')`; LEADING and TRAILING are `ltrim` and `rtrim`, whose arguments are the other way round. */
function parseTrim(cursor: Cursor): Expression {
  const word = cursor.next();
  cursor.expectSymbol("(");
  const side = cursor.next();
  const characters = cursor.isWord("FROM") ? undefined : parseExpression(cursor);
  cursor.expectWord("FROM");
  const value = parseExpression(cursor);
  cursor.expectSymbol(")");
  const name = side.upper === "BOTH" ? "btrim" : side.upper === "LEADING" ? "ltrim" : "rtrim";
  const list = characters === undefined ? [value] : name === "btrim" ? [value, characters] : [characters, value];
  return { kind: "call", name, nameSpan: span(word), arguments: list, start: word.start, end: cursor.lastEnd };
}

export function parseName(cursor: Cursor, what: string): string {
  const token = cursor.peek();
  if (token.kind !== "quoted-name" && (token.kind !== "word" || RESERVED.has(token.upper))) cursor.unexpected(what);
  cursor.next();
  return token.value;
}

export function refuseSubquery(cursor: Cursor): never {
  return cursor.fail("subqueries are not row-wise", cursor.peek(), ROW_WISE_HINT);
}

function binary(operator: BinaryOperator, left: Expression, right: Expression): Expression {
  return { kind: "binary", operator, left, right, start: left.start, end: right.end };
}

const span = ({ start, end }: Span): Span => ({ start, end });
