import { Cursor } from "./cursor.ts";
import { parseExpression, parseName, refuseSubquery, ROW_WISE_HINT } from "./parse-expression.ts";
import type { Expression, LateralView, Select, SelectItem } from "./syntax.ts";
import type { Span } from "./errors.ts";

/** What may not follow, and how a person calls it. */
const REFUSED_CLAUSES: readonly [string, string][] = [
  ["GROUP", "GROUP BY"],
  ["HAVING", "HAVING"],
  ["ORDER", "ORDER BY"],
  ["SORT", "SORT BY"],
  ["CLUSTER", "CLUSTER BY"],
  ["DISTRIBUTE", "DISTRIBUTE BY"],
  ["LIMIT", "LIMIT"],
  ["OFFSET", "OFFSET"],
  ["WINDOW", "WINDOW"],
  ["QUALIFY", "QUALIFY"],
  ["UNION", "UNION"],
  ["INTERSECT", "INTERSECT"],
  ["EXCEPT", "EXCEPT"],
  ["MINUS", "MINUS"],
  ["PIVOT", "PIVOT"],
  ["UNPIVOT", "UNPIVOT"],
  ["TABLESAMPLE", "TABLESAMPLE"],
];

const JOIN_WORDS = ["JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "SEMI", "ANTI"];

/** One expression and nothing after it: a rule. */
export function parseSparkExpression(sql: string): Expression {
  const cursor = new Cursor(sql);
  const expression = parseExpression(cursor);
  if (cursor.peek().kind !== "end") cursor.unexpected("the end of the expression");
  return expression;
}

/** `SELECT … FROM source [LATERAL VIEW …] [WHERE …]`, and nothing else. */
export function parseSparkSelect(sql: string): Select {
  const cursor = new Cursor(sql);
  if (cursor.isWord("WITH")) cursor.fail("WITH is not supported", cursor.peek(), "write one SELECT over source");
  cursor.expectWord("SELECT");
  if (cursor.isWord("DISTINCT")) cursor.fail("DISTINCT is not row-wise", cursor.peek(), ROW_WISE_HINT);
  cursor.takeWord("ALL");
  const items = [parseItem(cursor)];
  while (cursor.takeSymbol(",")) items.push(parseItem(cursor));
  if (!cursor.isWord("FROM")) cursor.unexpected('"," or FROM source');
  cursor.next();
  if (cursor.isSymbol("(")) refuseSubquery(cursor);
  const from = parseName(cursor, "source");
  cursor.takeWord("AS");
  const hasAlias = cursor.peek().kind === "quoted-name" || (cursor.peek().kind === "word" && !endsFrom(cursor));
  const fromAlias = hasAlias ? parseName(cursor, "an alias") : undefined;
  const views: LateralView[] = [];
  while (cursor.isWord("LATERAL")) views.push(parseView(cursor));
  refuseJoins(cursor);
  const where = cursor.takeWord("WHERE") ? parseExpression(cursor) : undefined;
  refuseJoins(cursor);
  for (const [word, clause] of REFUSED_CLAUSES) {
    if (cursor.isWord(word)) cursor.fail(`${clause} is not row-wise`, cursor.peek(), ROW_WISE_HINT);
  }
  cursor.takeSymbol(";");
  if (cursor.peek().kind !== "end") cursor.unexpected("the end of the SQL");
  return { items, from, fromAlias, views, where };
}

function endsFrom(cursor: Cursor): boolean {
  const { upper } = cursor.peek();
  return ["WHERE", "LATERAL", ...JOIN_WORDS, ...REFUSED_CLAUSES.map(([word]) => word)].includes(upper);
}

function refuseJoins(cursor: Cursor): void {
  if (cursor.isSymbol(",") || JOIN_WORDS.some((word) => cursor.isWord(word))) {
    cursor.fail("joins are not row-wise", cursor.peek(), ROW_WISE_HINT);
  }
}

function parseItem(cursor: Cursor): SelectItem {
  const { start } = cursor.peek();
  if (cursor.takeSymbol("*")) return parseStar(cursor, undefined, start);
  if (cursor.isSymbol(".", 1) && cursor.isSymbol("*", 2)) {
    const of = parseName(cursor, "a relation");
    cursor.expectSymbol(".");
    cursor.expectSymbol("*");
    return parseStar(cursor, of, start);
  }
  const expression = parseExpression(cursor);
  return { kind: "expression", expression, aliases: parseAliases(cursor), start, end: cursor.lastEnd };
}

function parseAliases(cursor: Cursor): string[] {
  const spelled = cursor.takeWord("AS");
  if (cursor.takeSymbol("(")) {
    const names = [parseName(cursor, "a name")];
    while (cursor.takeSymbol(",")) names.push(parseName(cursor, "a name"));
    cursor.expectSymbol(")");
    return names;
  }
  const token = cursor.peek();
  const bare = token.kind === "quoted-name" || (token.kind === "word" && token.upper !== "FROM");
  return spelled || bare ? [parseName(cursor, "a name")] : [];
}

function parseStar(cursor: Cursor, of: string | undefined, start: number): SelectItem {
  const except: { name: string; span: Span }[] = [];
  if (cursor.takeWord("EXCEPT")) {
    cursor.expectSymbol("(");
    do {
      const { start, end } = cursor.peek();
      except.push({ name: parseName(cursor, "a column"), span: { start, end } });
    } while (cursor.takeSymbol(","));
    cursor.expectSymbol(")");
  }
  if (cursor.isWord("REPLACE"))
    cursor.fail("* REPLACE is not supported", cursor.peek(), "use * EXCEPT (…) and name the columns");
  return { kind: "star", of, except, start, end: cursor.lastEnd };
}

function parseView(cursor: Cursor): LateralView {
  const { start } = cursor.next();
  if (!cursor.takeWord("VIEW")) cursor.unexpected("VIEW", "write LATERAL VIEW explode(…) t AS item");
  const outer = cursor.takeWord("OUTER");
  const generator = parseExpression(cursor);
  if (generator.kind !== "call") cursor.fail("LATERAL VIEW takes a generator, such as explode(…)", generator);
  const table = parseName(cursor, "a name for the rows of the LATERAL VIEW");
  const columns: string[] = [];
  if (cursor.takeWord("AS") || (cursor.peek().kind === "word" && !endsFrom(cursor))) {
    columns.push(parseName(cursor, "a name"));
    while (cursor.takeSymbol(",")) columns.push(parseName(cursor, "a name"));
  }
  return { outer, generator, table, columns, start, end: cursor.lastEnd };
}
