import type { Expression, Query } from "./ast.ts";
import * as arithmetic from "./arithmetic.ts";
import { concatenate, condition, mismatch, quoted, textLiteral } from "./clauses.ts";
import { cast, coerce, oneZone, unify } from "./coerce.ts";
import type { ExpressionContext } from "./context.ts";
import { notSupported, TrinoError } from "./errors.ts";
import type { Position } from "./errors.ts";
import { plainCall } from "./expression-parser.ts";
import { translateCall } from "./functions/call.ts";
import type { Typed } from "./scope.ts";
import * as t from "./types.ts";
import type { Type } from "./types.ts";

/** An expression as DuckDB's SQL, with its type by Trino's rules. */
export function translateExpression(expression: Expression, context: ExpressionContext): Typed {
  const { position } = expression;
  const translate = (operand: Expression) => translateExpression(operand, context);
  switch (expression.kind) {
    case "null":
      return { sql: "NULL", type: t.UNKNOWN, literal: null };
    case "boolean":
      return { sql: expression.value ? "TRUE" : "FALSE", type: t.BOOLEAN };
    case "integer":
      return integerLiteral(expression.text, position);
    case "decimal":
      return decimalLiteral(expression.text);
    case "double":
      return { sql: `CAST(${expression.text} AS DOUBLE)`, type: t.DOUBLE };
    case "string":
      return textLiteral(expression.text);
    case "binary":
      return { sql: `unhex('${expression.text}')`, type: t.VARBINARY };
    case "typedLiteral":
      return typedLiteral(t.resolveType(expression.type), expression.text, position);
    case "interval":
      return intervalLiteral(expression);
    case "parameter": {
      const value = context.parameters[expression.index];
      if (!value)
        throw new TrinoError("INVALID_PARAMETER_USAGE", "Incorrect number of parameters: a value is missing", position);
      return value;
    }
    case "name": {
      const { value, rest } = context.scope.resolve(expression.parts);
      return rest.reduce((row, part) => rowField(row, part.text, part.position), value);
    }
    case "field":
      return rowField(translate(expression.operand), expression.name.text, expression.name.position);
    case "call":
      return translateCall(expression.call, position, context);
    case "lambda":
      throw new TrinoError("SYNTAX_ERROR", "Lambda expression should always be used inside a function", position);
    case "cast": {
      const type = t.resolveType(expression.type);
      const value = cast(translate(expression.operand), type, position);
      return expression.safe ? { sql: `TRY(${value.sql})`, type } : value;
    }
    case "extract":
      return translateCall(plainCall(expression.field, [expression.operand]), position, context);
    case "case":
      return translateCase(expression, context);
    case "unary":
      return unary(expression.operator, translate(expression.operand), position);
    case "operation":
      return operation(expression.operator, translate(expression.left), translate(expression.right), position);
    case "between": {
      const operands = [expression.operand, expression.low, expression.high].map(translate);
      const { values } = unify(operands, position, (a, b) => mismatch("BETWEEN", a, b));
      const [operand, low, high] = values.map((value) => value.sql);
      return { sql: `(${operand} ${not(expression)}BETWEEN ${low} AND ${high})`, type: t.BOOLEAN };
    }
    case "inList": {
      const all = [expression.operand, ...expression.list].map(translate);
      const { values } = unify(
        all,
        position,
        (a, b) =>
          `IN value and list items must be the same type or coercible to a common type. Cannot find common type between ${t.typeText(a)} and ${t.typeText(b)}`,
      );
      const [operand, ...list] = values.map((value) => value.sql);
      return { sql: `(${operand} ${not(expression)}IN (${list.join(", ")}))`, type: t.BOOLEAN };
    }
    case "inQuery": {
      const operand = translate(expression.operand);
      const query = oneColumn(expression.query, context, position);
      const { values } = unify([operand, query.column], position, (a, b) => mismatch("IN", a, b));
      const [left, column] = values.map((value) => value.sql);
      const rows = `SELECT ${column} FROM (${query.sql}) AS q`;
      return { sql: `(${left} ${not(expression)}IN (${rows}))`, type: t.BOOLEAN };
    }
    case "like":
      return like(expression, context);
    case "isNull":
      return { sql: `(${translate(expression.operand).sql} IS ${not(expression)}NULL)`, type: t.BOOLEAN };
    case "isDistinct": {
      const both = [translate(expression.left), translate(expression.right)];
      const { values } = unify(both, position, (a, b) => mismatch("IS DISTINCT FROM", a, b));
      const [left, right] = values.map((value) => value.sql);
      return { sql: `(${left} IS ${not(expression)}DISTINCT FROM ${right})`, type: t.BOOLEAN };
    }
    case "quantified": {
      const query = oneColumn(expression.query, context, position);
      const { values } = unify([translate(expression.left), query.column], position, (a, b) =>
        mismatch(expression.operator, a, b),
      );
      const [left, column] = values.map((value) => value.sql);
      const rows = `SELECT ${column} FROM (${query.sql}) AS q`;
      return { sql: `(${left} ${expression.operator} ${expression.quantifier} (${rows}))`, type: t.BOOLEAN };
    }
    case "exists":
      return { sql: `EXISTS (${context.subquery(expression.query, context.scope).sql})`, type: t.BOOLEAN };
    case "subquery": {
      const query = oneColumn(expression.query, context, position);
      return { sql: `(${query.sql})`, type: query.column.type };
    }
    case "array": {
      const { values, type } = unify(
        expression.items.map(translate),
        position,
        (a, b) => `All ARRAY elements must be the same type: ${t.typeText(a)} and ${t.typeText(b)}`,
      );
      const sql = `[${values.map((value) => value.sql).join(", ")}]`;
      return { sql: values.length === 0 ? "CAST([] AS INTEGER[])" : sql, type: t.array(oneZone(type, position)) };
    }
    case "row":
      return row(expression.items.map(translate));
    case "subscript":
      return subscript(translate(expression.operand), translate(expression.index), position);
    case "atTimeZone":
      return atTimeZone(translate(expression.operand), translate(expression.zone), position);
  }
}

function not(expression: { negated: boolean }): string {
  return expression.negated ? "NOT " : "";
}

/** Small integers are `integer` and not of whatever type stands beside them, as DuckDB would have it. */
function integerLiteral(text: string, position: Position): Typed {
  const value = BigInt(text);
  if (value > 2n ** 63n - 1n) throw new TrinoError("INVALID_LITERAL", `Invalid numeric literal: ${text}`, position);
  const type = value < 2n ** 31n ? t.INTEGER : t.BIGINT;
  return { sql: `${value}::${t.duckdbType(type)}`, type, literal: String(value) };
}

function decimalLiteral(text: string): Typed {
  const [whole = "", fraction = ""] = text.split(".");
  const digits = whole.replace(/^0+/u, "");
  const type = t.decimal(Math.max(1, digits.length + fraction.length), fraction.length);
  return { sql: `CAST('${text}' AS ${t.duckdbType(type)})`, type };
}

function typedLiteral(type: Type, text: string, position: Position): Typed {
  switch (type.kind) {
    case "date":
      if (!/^\s*[-+]?\d{4,}-\d{1,2}-\d{1,2}\s*$/u.test(text)) throw invalidLiteral(text, "date", position);
      return { sql: `CAST(${quoted(text.trim())} AS DATE)`, type, literal: text.trim() };
    case "timestamp":
    case "timestamp with time zone":
      return timestampLiteral(text.trim(), position);
    case "time":
      return { sql: `CAST(${quoted(text)} AS TIME)`, type };
    case "decimal":
      return decimalLiteral(text);
    default:
      return cast(textLiteral(text), type, position);
  }
}

function timestampLiteral(text: string, position: Position): Typed {
  const match =
    /^(?<stamp>\d{4,}-\d{1,2}-\d{1,2}(?:[ T]\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.(?<fraction>\d+))?)?)?)\s*(?<zone>\S+)?$/u.exec(
      text,
    );
  const { stamp, fraction = "", zone } = match?.groups ?? {};
  if (stamp === undefined) throw invalidLiteral(text, "timestamp", position);
  if (fraction.length > 6) throw notSupported("A timestamp finer than microseconds", position);
  const precision = fraction.length;
  const local = /:\d+:/u.test(stamp) || !stamp.includes(":") ? stamp : `${stamp}:00`;
  const sql = `CAST(${quoted(local)} AS TIMESTAMP)`;
  if (zone === undefined) return { sql, type: { kind: "timestamp", precision }, literal: local };
  const name = zoneName(zone, position);
  return {
    sql: `timezone(${quoted(name)}, ${sql})`,
    type: { kind: "timestamp with time zone", precision, zone: name },
  };
}

function invalidLiteral(text: string, type: string, position: Position): TrinoError {
  return new TrinoError("INVALID_LITERAL", `'${text}' is not a valid ${type} literal`, position);
}

/** A zone as DuckDB (ICU) knows it; fixed offsets have other names there, so they are refused. */
function zoneName(zone: string, position: Position): string {
  if (/^(?:UTC|Z|GMT|[+-]00:00)$/iu.test(zone)) return "UTC";
  if (/^[+-]/u.test(zone)) throw notSupported(`A time zone given as an offset (${zone})`, position);
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone && zone;
  } catch {
    throw new TrinoError("INVALID_LITERAL", `Time zone not supported: ${zone}`, position);
  }
}

function intervalLiteral(expression: Extract<Expression, { kind: "interval" }>): Typed {
  const { text, sign, unit, to, position } = expression;
  if (to !== undefined) throw notSupported(`INTERVAL … ${unit} TO ${to}`, position);
  if (!/^\s*-?\d+(?:\.\d+)?\s*$/u.test(text)) throw invalidLiteral(text, "interval", position);
  const value = sign === -1 ? `-(${Number(text)})` : String(Number(text));
  switch (unit) {
    case "second":
      return { sql: `to_microseconds(CAST(${value} * 1000000 AS BIGINT))`, type: { kind: "interval day to second" } };
    case "minute":
    case "hour":
    case "day":
    case "week":
      return { sql: `to_${unit}s(${value})`, type: { kind: "interval day to second" } };
    case "month":
    case "year":
      return { sql: `to_${unit}s(${value})`, type: { kind: "interval year to month" } };
    default:
      throw new TrinoError(
        "SYNTAX_ERROR",
        `mismatched input '${unit}'. Expecting: 'DAY', 'HOUR', 'MINUTE', 'MONTH', 'SECOND', 'YEAR'`,
        position,
      );
  }
}

function rowField(operand: Typed, name: string, position: Position): Typed {
  if (operand.type.kind !== "row") {
    throw new TrinoError(
      "TYPE_MISMATCH",
      `Expression of type ${t.typeText(operand.type)} is not of type ROW`,
      position,
    );
  }
  const at = operand.type.fields.findIndex((field) => field.name?.toLowerCase() === name.toLowerCase());
  const field = operand.type.fields[at];
  if (!field) throw new TrinoError("COLUMN_NOT_FOUND", `Column '${name}' cannot be resolved`, position);
  return { sql: `(${operand.sql})."${t.fieldKey(field, at)}"`, type: field.type };
}

function row(items: readonly Typed[]): Typed {
  const fields = items.map((item) => ({ name: undefined, type: item.type }));
  const members = items.map((item, at) => {
    const sql = item.type.kind === "unknown" ? "CAST(NULL AS INTEGER)" : item.sql;
    return `"${t.fieldKey({ name: undefined, type: item.type }, at)}" := ${sql}`;
  });
  return { sql: `struct_pack(${members.join(", ")})`, type: { kind: "row", fields } };
}

function subscript(operand: Typed, index: Typed, position: Position): Typed {
  if (operand.type.kind === "array" && t.isInteger(index.type)) {
    return { sql: `trino_array_at(${operand.sql}, ${index.sql})`, type: operand.type.element };
  }
  if (operand.type.kind === "map" && t.coercible(index.type, operand.type.key)) {
    const key = coerce(index, operand.type.key);
    return { sql: `trino_map_at(${operand.sql}, ${key.sql})`, type: operand.type.value };
  }
  if (operand.type.kind === "row" && typeof index.literal === "string" && index.type.kind === "integer") {
    const at = Number(index.literal) - 1;
    const field = operand.type.fields[at];
    if (field) return { sql: `(${operand.sql})."${t.fieldKey(field, at)}"`, type: field.type };
  }
  throw new TrinoError(
    "TYPE_MISMATCH",
    `Cannot use ${t.typeText(index.type)} for subscript of ${t.typeText(operand.type)}`,
    position,
  );
}

function atTimeZone(operand: Typed, zone: Typed, position: Position): Typed {
  if (typeof zone.literal !== "string") throw notSupported("AT TIME ZONE with a zone that is not a literal", position);
  const name = zoneName(zone.literal, position);
  const instant = operand.type.kind === "timestamp" ? cast(operand, t.timestampWithZone(), position) : operand;
  if (instant.type.kind !== "timestamp with time zone") {
    throw new TrinoError(
      "TYPE_MISMATCH",
      `Type of value must be a time or timestamp with or without time zone (actual ${t.typeText(operand.type)})`,
      position,
    );
  }
  return { sql: instant.sql, type: { ...instant.type, zone: name } };
}

function unary(operator: "-" | "+" | "NOT", operand: Typed, position: Position): Typed {
  if (operator === "NOT") return { sql: `(NOT ${condition(operand, position).sql})`, type: t.BOOLEAN };
  if (!t.isNumeric(operand.type) && !operand.type.kind.startsWith("interval")) {
    throw new TrinoError("TYPE_MISMATCH", `Cannot negate ${t.typeText(operand.type)}`, position);
  }
  if (operator === "+") return operand;
  const literal = typeof operand.literal === "string" ? { literal: `-${operand.literal}` } : {};
  return { sql: `(-${operand.sql})`, type: operand.type, ...literal };
}

function operation(operator: string, left: Typed, right: Typed, position: Position): Typed {
  switch (operator) {
    case "AND":
    case "OR":
      return {
        sql: `(${condition(left, position).sql} ${operator} ${condition(right, position).sql})`,
        type: t.BOOLEAN,
      };
    case "=":
    case "<>":
    case "<":
    case "<=":
    case ">":
    case ">=": {
      const { values } = unify([left, right], position, (a, b) => mismatch(operator, a, b));
      const [a, b] = values.map((value) => value.sql);
      return { sql: `(${a} ${operator} ${b})`, type: t.BOOLEAN };
    }
    case "||":
      return concatenate(left, right, position);
    default:
      return arithmetic.translate(operator as arithmetic.Operator, left, right, position);
  }
}

function translateCase(expression: Extract<Expression, { kind: "case" }>, context: ExpressionContext): Typed {
  const { position } = expression;
  const results = [
    ...expression.branches.map((branch) => branch.then),
    ...(expression.otherwise ? [expression.otherwise] : []),
  ];
  const { values, type } = unify(
    results.map((result) => translateExpression(result, context)),
    position,
    (a, b) =>
      `All CASE results must be the same type or coercible to a common type. Cannot find common type between ${t.typeText(a)} and ${t.typeText(b)}`,
  );
  const operand = expression.operand && translateExpression(expression.operand, context);
  const whens = expression.branches.map(({ when }) => {
    const value = translateExpression(when, context);
    return operand ? operation("=", operand, value, when.position).sql : condition(value, when.position).sql;
  });
  const branches = whens.map((when, at) => `WHEN ${when} THEN ${values[at]?.sql}`);
  const otherwise = expression.otherwise ? ` ELSE ${values.at(-1)?.sql}` : "";
  return { sql: `CASE ${branches.join(" ")}${otherwise} END`, type: oneZone(type, position) };
}

function like(expression: Extract<Expression, { kind: "like" }>, context: ExpressionContext): Typed {
  const operands = [expression.operand, expression.pattern].map((operand) => translateExpression(operand, context));
  for (const { type } of operands) {
    if (t.isText(type) || type.kind === "unknown") continue;
    throw new TrinoError(
      "TYPE_MISMATCH",
      `Left side of LIKE expression must evaluate to a varchar (actual: ${t.typeText(type)})`,
      expression.position,
    );
  }
  const [operand, pattern] = operands.map((value) => coerce(value, t.VARCHAR).sql);
  const escape = expression.escape ? ` ESCAPE ${translateExpression(expression.escape, context).sql}` : "";
  return { sql: `(${operand} ${not(expression)}LIKE ${pattern}${escape})`, type: t.BOOLEAN };
}

function oneColumn(query: Query, context: ExpressionContext, position: Position): { sql: string; column: Typed } {
  const { sql, columns } = context.subquery(query, context.scope);
  const [column] = columns;
  if (!column || columns.length !== 1) {
    throw new TrinoError(
      "NOT_SUPPORTED",
      `Multiple columns returned by subquery are not yet supported. Found ${columns.length}`,
      position,
    );
  }
  return { sql, column: { sql: "q.c0", type: column.type } };
}
