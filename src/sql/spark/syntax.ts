import type { Span } from "./errors.ts";

/** The syntax tree of what we read of Spark SQL. Whatever has no node here is refused by the parser. */

export type Expression = Span &
  (
    | { readonly kind: "text"; readonly value: string }
    | { readonly kind: "number"; readonly value: string }
    | { readonly kind: "boolean"; readonly value: boolean }
    | { readonly kind: "null" }
    /** `DATE '…'` and `TIMESTAMP '…'`. */
    | { readonly kind: "moment"; readonly type: "date" | "timestamp"; readonly value: string }
    /** `INTERVAL '1' DAY`, `INTERVAL 1 DAY 2 HOURS`. */
    | { readonly kind: "interval"; readonly parts: readonly IntervalPart[] }
    /** `a`, `source.a`, `a.b`: what the first names mean is decided when names are resolved. */
    | { readonly kind: "name"; readonly parts: readonly string[] }
    | { readonly kind: "field"; readonly of: Expression; readonly name: string }
    | { readonly kind: "index"; readonly of: Expression; readonly index: Expression }
    | { readonly kind: "unary"; readonly operator: UnaryOperator; readonly operand: Expression }
    | {
        readonly kind: "binary";
        readonly operator: BinaryOperator;
        readonly left: Expression;
        readonly right: Expression;
      }
    | {
        readonly kind: "between";
        readonly not: boolean;
        readonly operand: Expression;
        readonly low: Expression;
        readonly high: Expression;
      }
    | { readonly kind: "in"; readonly not: boolean; readonly operand: Expression; readonly list: readonly Expression[] }
    | {
        readonly kind: "like";
        readonly not: boolean;
        readonly operator: "LIKE" | "ILIKE" | "RLIKE";
        readonly operand: Expression;
        readonly pattern: Expression;
        readonly escape: string;
      }
    | {
        readonly kind: "is";
        readonly not: boolean;
        readonly what: "NULL" | "TRUE" | "FALSE";
        readonly operand: Expression;
      }
    | {
        readonly kind: "case";
        readonly operand: Expression | undefined;
        readonly branches: readonly { readonly when: Expression; readonly then: Expression }[];
        readonly otherwise: Expression | undefined;
      }
    | {
        readonly kind: "cast";
        readonly try: boolean;
        readonly operand: Expression;
        readonly type: string;
        readonly typeSpan: Span;
      }
    | {
        readonly kind: "call";
        readonly name: string;
        readonly nameSpan: Span;
        readonly arguments: readonly Expression[];
      }
    | { readonly kind: "lambda"; readonly parameters: readonly string[]; readonly body: Expression }
  );

export interface IntervalPart {
  readonly amount: number;
  readonly unit: IntervalUnit;
}

export type IntervalUnit = "year" | "month" | "week" | "day" | "hour" | "minute" | "second";

export type UnaryOperator = "-" | "+" | "~" | "NOT";

export type BinaryOperator =
  | "OR"
  | "AND"
  | "="
  | "<=>"
  | "<>"
  | "<"
  | "<="
  | ">"
  | ">="
  | "|"
  | "^"
  | "&"
  | "+"
  | "-"
  | "||"
  | "*"
  | "/"
  | "%"
  | "DIV";

export type SelectItem = Span &
  (
    | { readonly kind: "expression"; readonly expression: Expression; readonly aliases: readonly string[] }
    | {
        readonly kind: "star";
        readonly of: string | undefined;
        readonly except: readonly { name: string; span: Span }[];
      }
  );

export interface LateralView extends Span {
  readonly outer: boolean;
  readonly generator: Expression & { readonly kind: "call" };
  readonly table: string;
  readonly columns: readonly string[];
}

export interface Select {
  readonly items: readonly SelectItem[];
  readonly from: string;
  readonly fromAlias: string | undefined;
  readonly views: readonly LateralView[];
  readonly where: Expression | undefined;
}
