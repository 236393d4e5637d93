import type { DataType } from "../../plan/data-type.ts";
import { isNested } from "../../plan/data-type.ts";
import { commonType, convert, describe } from "./coerce.ts";
import { SparkSqlError } from "./errors.ts";
import { literalMoment } from "./literal-values.ts";
import { isVoid } from "./operand.ts";
import type { Operand } from "./operand.ts";

export type Comparison = "=" | "<=>" | "<>" | "<" | "<=" | ">" | ">=";

/** A comparison. Numbers meet in their common type, texts compare by bytes, a literal text beside a date is read as one now. */
export function compareOperands(operator: Comparison, leftOperand: Operand, rightOperand: Operand): Operand {
  const left = readLiteralAs(leftOperand, rightOperand);
  const right = readLiteralAs(rightOperand, leftOperand);
  const span = { start: leftOperand.start, end: rightOperand.end };
  const type = comparableType(left, right, operator, span);
  const [a, b] = [convert(left, type, "the left side"), convert(right, type, "the right side")];
  return {
    ...span,
    type: { kind: "boolean" },
    spark: `(${a.spark} ${operator} ${b.spark})`,
    duckdb: `(${a.duckdb} ${operator === "<=>" ? "IS NOT DISTINCT FROM" : operator} ${b.duckdb})`,
  };
}

function comparableType(
  left: Operand,
  right: Operand,
  operator: string,
  span: { start: number; end: number },
): DataType {
  const type = commonType(left.type, right.type);
  if (type === undefined) {
    const text = left.type.kind === "string" ? right : left;
    throw new SparkSqlError(
      `${operator} cannot compare ${describe(left.type)} with ${describe(right.type)}`,
      span,
      left.type.kind === "string" || right.type.kind === "string"
        ? `convert the text first: try_cast(… AS ${describe(text.type)})`
        : "convert one side with a cast",
    );
  }
  if (isVoid(type)) throw new SparkSqlError("both sides are NULL", span, "write IS NULL");
  if (isNested(type)) {
    throw new SparkSqlError(
      `${operator} does not compare values of type ${describe(type)}`,
      span,
      "compare their fields or elements",
    );
  }
  return type;
}

function readLiteralAs(operand: Operand, other: Operand): Operand {
  const { kind } = other.type;
  if (typeof operand.constant !== "string" || operand.type.kind !== "string") return operand;
  return kind === "date" || kind === "timestamp" ? literalMoment(kind, operand.constant, operand) : operand;
}
