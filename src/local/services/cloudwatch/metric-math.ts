import { validationError } from "./errors.ts";
import type { MathNode } from "./metric-expression.ts";
import { callFunction } from "./metric-functions.ts";
import type { MathScope } from "./metric-functions.ts";
import { combine } from "./time-series.ts";
import type { MathValue } from "./time-series.ts";

/** What an expression is worth. Throws when it does not fit together, with CloudWatch's code. */
export function evaluateMath(node: MathNode, scope: MathScope): MathValue {
  switch (node.kind) {
    case "number":
      return node.value;
    case "text":
      throw validationError(`"${node.value}" is not a value`);
    case "name":
      return scope.lookUp(node.name);
    case "list":
      return node.items.flatMap((item) => {
        const value = evaluateMath(item, scope);
        if (typeof value === "number") throw validationError("A list holds metrics, not numbers");
        return value;
      });
    case "operation": {
      const [left, right] = node.items.map((item) => evaluateMath(item, scope));
      if (left === undefined || right === undefined) throw validationError(`${node.operator} needs two sides`);
      return combine(left, right, (a, b) => operate(node.operator, a, b));
    }
    default:
      return callFunction(node, scope, (item) => evaluateMath(item, scope));
  }
}

function operate(operator: string, a: number, b: number): number {
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
    case "^":
      return a ** b;
    case "<":
      return Number(a < b);
    case "<=":
      return Number(a <= b);
    case ">":
      return Number(a > b);
    case ">=":
      return Number(a >= b);
    case "==":
      return Number(a === b);
    case "!=":
      return Number(a !== b);
    case "&&":
    case "AND":
      return Number(a !== 0 && b !== 0);
    default:
      return Number(a !== 0 || b !== 0);
  }
}
