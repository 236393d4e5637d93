import type { DataType } from "../../plan/data-type.ts";
import { commonTypeOf, convert, describe } from "./coerce.ts";
import { compileArithmetic, compileNegation } from "./arithmetic.ts";
import { compileCall } from "./call.ts";
import { compileCast } from "./cast.ts";
import { compareOperands } from "./compare.ts";
import { SparkSqlError } from "./errors.ts";
import { compileLike } from "./like.ts";
import { literalMoment, literalNumber } from "./literal-values.ts";
import { quoteName, duckdbText } from "./literals.ts";
import type { Operand } from "./operand.ts";
import { textOperand } from "./operand.ts";
import type { Scope } from "./scope.ts";
import type { Expression } from "./syntax.ts";

const BOOLEAN: DataType = { kind: "boolean" };

/** Types an expression and writes it for both engines. Throws a `SparkSqlError` for whatever is not known to agree. */
export function compileExpression(expression: Expression, scope: Scope): Operand {
  const span = { start: expression.start, end: expression.end };
  switch (expression.kind) {
    case "text":
      return textOperand(expression.value, span);
    case "number":
      return literalNumber(expression.value, span);
    case "boolean": {
      const sql = expression.value ? "TRUE" : "FALSE";
      return { ...span, type: BOOLEAN, spark: sql, duckdb: sql, constant: expression.value };
    }
    case "null":
      return { ...span, type: { kind: "void" }, spark: "NULL", duckdb: "NULL", constant: null };
    case "moment":
      return literalMoment(expression.type, expression.value, span);
    case "interval":
      throw new SparkSqlError("an interval stands only after + or - of a date or timestamp", span);
    case "lambda":
      throw new SparkSqlError("a lambda stands only as an argument of a function such as transform or filter", span);
    case "name": {
      const { operand, fields } = scope.resolve(expression.parts, span);
      return fields.reduce((value, field) => structField(value, field), operand);
    }
    case "field":
      return structField({ ...compileExpression(expression.of, scope), ...span }, expression.name);
    case "index":
      return compileIndex(expression, scope);
    case "unary":
      return compileUnary(expression, scope);
    case "binary":
      return { ...compileBinary(expression, scope), ...span };
    case "between": {
      const operand = compileExpression(expression.operand, scope);
      const low = compareOperands(">=", operand, compileExpression(expression.low, scope));
      const high = compareOperands("<=", operand, compileExpression(expression.high, scope));
      return negateIf(
        expression.not,
        bothEngines(span, BOOLEAN, [low, high], ([a, b]) => `(${a} AND ${b})`),
      );
    }
    case "in":
      return compileIn(expression, scope);
    case "like":
      return negateIf(expression.not, {
        ...compileLike(expression, (inner) => compileExpression(inner, scope)),
        ...span,
      });
    case "is": {
      const operand = compileExpression(expression.operand, scope);
      if (expression.what !== "NULL") requireBoolean(operand, `IS ${expression.what}`);
      const what = `${expression.not ? "NOT " : ""}${expression.what}`;
      return bothEngines(span, BOOLEAN, [operand], ([sql]) => `(${sql} IS ${what})`);
    }
    case "case":
      return compileCase(expression, scope);
    case "cast":
      return { ...compileCast(expression, compileExpression(expression.operand, scope)), ...span };
    case "call":
      return { ...compileCall(expression, scope, compileExpression), ...span };
  }
}

/** Compiles what must be true or false: WHERE, rules, conditions. */
export function compileCondition(expression: Expression, scope: Scope, what: string): Operand {
  const operand = compileExpression(expression, scope);
  requireBoolean(operand, what);
  return operand;
}

function requireBoolean(operand: Operand, what: string): void {
  if (operand.type.kind !== "boolean" && operand.type.kind !== "void") {
    throw new SparkSqlError(`${what} takes a boolean, not ${describe(operand.type)}`, operand);
  }
}

function compileUnary(expression: Expression & { kind: "unary" }, scope: Scope): Operand {
  const operand = compileExpression(expression.operand, scope);
  const span = { start: expression.start, end: expression.end };
  switch (expression.operator) {
    case "NOT":
      requireBoolean(operand, "NOT");
      return bothEngines(span, BOOLEAN, [operand], ([sql]) => `(NOT ${sql})`);
    case "-":
      return { ...compileNegation(operand), ...span };
    case "+":
      if (!["int", "bigint", "decimal", "double"].includes(operand.type.kind)) {
        throw new SparkSqlError(`+ takes a number, not ${describe(operand.type)}`, operand);
      }
      return { ...operand, ...span };
    case "~":
      throw new SparkSqlError("~ is not supported", span);
  }
}

function compileBinary(expression: Expression & { kind: "binary" }, scope: Scope): Operand {
  const { operator } = expression;
  if ((operator === "+" || operator === "-") && expression.right.kind === "interval") {
    const left = compileExpression(expression.left, scope);
    return compileArithmetic(operator, left, expression.right.parts, expression);
  }
  const left = compileExpression(expression.left, scope);
  const right = compileExpression(expression.right, scope);
  switch (operator) {
    case "AND":
    case "OR":
      requireBoolean(left, operator);
      requireBoolean(right, operator);
      return bothEngines(expression, BOOLEAN, [left, right], ([a, b]) => `(${a} ${operator} ${b})`);
    case "=":
    case "<=>":
    case "<>":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return compareOperands(operator, left, right);
    case "||":
      return compileCall(
        {
          ...expression,
          kind: "call",
          name: "concat",
          nameSpan: expression,
          arguments: [expression.left, expression.right],
        },
        scope,
        compileExpression,
      );
    case "|":
    case "^":
    case "&":
      throw new SparkSqlError(`the operator ${operator} is not supported`, expression);
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
    case "DIV":
      return compileArithmetic(operator, left, right, expression);
  }
}

function compileIn(expression: Expression & { kind: "in" }, scope: Scope): Operand {
  const span = { start: expression.start, end: expression.end };
  const operand = compileExpression(expression.operand, scope);
  // Each comparison converts as `=` does; IN over the converted values has the same three-valued answer.
  const tests = expression.list.map((item) => compareOperands("=", operand, compileExpression(item, scope)));
  return negateIf(
    expression.not,
    bothEngines(span, BOOLEAN, tests, (sql) => `(${sql.join(" OR ")})`),
  );
}

function compileCase(expression: Expression & { kind: "case" }, scope: Scope): Operand {
  const span = { start: expression.start, end: expression.end };
  const subject = expression.operand === undefined ? undefined : compileExpression(expression.operand, scope);
  const conditions = expression.branches.map(({ when }) =>
    subject === undefined
      ? compileCondition(when, scope, "WHEN")
      : compareOperands("=", subject, compileExpression(when, scope)),
  );
  const results = expression.branches.map(({ then }) => compileExpression(then, scope));
  const otherwise = expression.otherwise === undefined ? [] : [compileExpression(expression.otherwise, scope)];
  const type = commonTypeOf([...results, ...otherwise], "CASE");
  const values = [...results, ...otherwise].map((value) => convert(value, type, "a branch of CASE"));
  const write = (engine: "spark" | "duckdb") => {
    const branches = conditions.map((condition, index) => `WHEN ${condition[engine]} THEN ${values[index]?.[engine]}`);
    const last = otherwise.length === 0 ? "" : ` ELSE ${values.at(-1)?.[engine]}`;
    return `(CASE ${branches.join(" ")}${last} END)`;
  };
  return { ...span, type, spark: write("spark"), duckdb: write("duckdb") };
}

function compileIndex(expression: Expression & { kind: "index" }, scope: Scope): Operand {
  const of = compileExpression(expression.of, scope);
  if (of.type.kind === "array") {
    throw new SparkSqlError(
      "an index beyond the end of an array stops the run",
      expression,
      "write get(array, index), which gives NULL there",
    );
  }
  if (of.type.kind !== "map") throw new SparkSqlError(`[…] takes a map, not ${describe(of.type)}`, expression);
  return compileCall(
    {
      ...expression,
      kind: "call",
      name: "element_at",
      nameSpan: expression,
      arguments: [expression.of, expression.index],
    },
    scope,
    compileExpression,
  );
}

function structField(of: Operand, name: string): Operand {
  if (of.type.kind !== "struct") {
    throw new SparkSqlError(`".${name}" asks for a field of a struct, and this is ${describe(of.type)}`, of);
  }
  const field = of.type.fields.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
  if (field === undefined) {
    throw new SparkSqlError(
      `the struct has no field "${name}"`,
      of,
      `it has ${of.type.fields.map((each) => each.name).join(", ")}`,
    );
  }
  return {
    start: of.start,
    end: of.end,
    type: field.type,
    spark: `${of.spark}.${quoteName(field.name).spark}`,
    duckdb: `struct_extract(${of.duckdb}, ${duckdbText(field.name)})`,
  };
}

function negateIf(not: boolean, operand: Operand): Operand {
  return not ? bothEngines(operand, BOOLEAN, [operand], ([sql]) => `(NOT ${sql})`) : operand;
}

/** The same SQL around operands in both engines. */
export function bothEngines(
  span: { start: number; end: number },
  type: DataType,
  operands: readonly Operand[],
  print: (sql: string[]) => string,
): Operand {
  return {
    start: span.start,
    end: span.end,
    type,
    spark: print(operands.map((operand) => operand.spark)),
    duckdb: print(operands.map((operand) => operand.duckdb)),
  };
}
