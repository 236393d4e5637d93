import type { Position } from "./errors.ts";

/** The syntax tree of a Trino query, as written: nothing is resolved or typed yet. */

export interface Name {
  /** In lower case, unless it was quoted: then as written (Trino compares without regard to case anyway). */
  readonly text: string;
  readonly position: Position;
}

/** A type as written: `varchar(10)`, `array(row(a integer))`. */
export interface TypeName {
  readonly name: string;
  readonly parameters: readonly (number | TypeName)[];
  /** Of `row`: the fields' names, where given. */
  readonly fields?: readonly (string | undefined)[];
  readonly position: Position;
}

export type Expression = { readonly position: Position } & (
  | { kind: "null" }
  | { kind: "boolean"; value: boolean }
  | { kind: "integer" | "decimal" | "double" | "string" | "binary"; text: string }
  | { kind: "typedLiteral"; type: TypeName; text: string }
  | { kind: "interval"; text: string; sign: 1 | -1; unit: string; to: string | undefined }
  | { kind: "parameter"; index: number }
  | { kind: "name"; parts: Name[] }
  | { kind: "call"; call: Call }
  | { kind: "lambda"; parameters: Name[]; body: Expression }
  | { kind: "cast"; operand: Expression; type: TypeName; safe: boolean }
  | { kind: "extract"; field: string; operand: Expression }
  | {
      kind: "case";
      operand: Expression | undefined;
      branches: { when: Expression; then: Expression }[];
      otherwise: Expression | undefined;
    }
  | { kind: "unary"; operator: "-" | "+" | "NOT"; operand: Expression }
  | { kind: "operation"; operator: string; left: Expression; right: Expression }
  | { kind: "between"; operand: Expression; low: Expression; high: Expression; negated: boolean }
  | { kind: "inList"; operand: Expression; list: Expression[]; negated: boolean }
  | { kind: "inQuery"; operand: Expression; query: Query; negated: boolean }
  | { kind: "like"; operand: Expression; pattern: Expression; escape: Expression | undefined; negated: boolean }
  | { kind: "isNull"; operand: Expression; negated: boolean }
  | { kind: "isDistinct"; left: Expression; right: Expression; negated: boolean }
  | { kind: "quantified"; operator: string; quantifier: "ALL" | "ANY"; left: Expression; query: Query }
  | { kind: "exists"; query: Query }
  | { kind: "subquery"; query: Query }
  | { kind: "array"; items: Expression[] }
  | { kind: "row"; items: Expression[] }
  | { kind: "subscript"; operand: Expression; index: Expression }
  | { kind: "field"; operand: Expression; name: Name }
  | { kind: "atTimeZone"; operand: Expression; zone: Expression }
);

export interface Call {
  readonly name: string;
  readonly arguments: readonly Expression[];
  /** `count(*)`. */
  readonly star: boolean;
  readonly distinct: boolean;
  readonly orderBy: readonly SortItem[];
  readonly filter: Expression | undefined;
  readonly ignoreNulls: boolean;
  readonly over: Window | Name | undefined;
  /** Of `listagg`: ON OVERFLOW is refused; WITHIN GROUP fills `orderBy`. */
  readonly withinGroup: boolean;
}

export interface Window {
  readonly partitionBy: readonly Expression[];
  readonly orderBy: readonly SortItem[];
  readonly frame: Frame | undefined;
  readonly base: Name | undefined;
}

export interface Frame {
  readonly unit: "ROWS" | "RANGE" | "GROUPS";
  readonly start: FrameBound;
  readonly end: FrameBound | undefined;
}

export type FrameBound =
  | { kind: "UNBOUNDED PRECEDING" | "UNBOUNDED FOLLOWING" | "CURRENT ROW" }
  | { kind: "PRECEDING" | "FOLLOWING"; value: Expression };

export interface SortItem {
  readonly key: Expression;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

export interface Query {
  readonly position: Position;
  readonly with: readonly CommonTable[];
  readonly recursive: boolean;
  readonly body: QueryBody;
  readonly orderBy: readonly SortItem[];
  readonly offset: Expression | undefined;
  readonly limit: Expression | undefined;
}

export interface CommonTable {
  readonly name: Name;
  readonly columns: readonly Name[] | undefined;
  readonly query: Query;
}

export type QueryBody =
  | Select
  | {
      kind: "setOperation";
      operator: "UNION" | "INTERSECT" | "EXCEPT";
      all: boolean;
      left: QueryBody;
      right: QueryBody;
      position: Position;
    }
  | { kind: "values"; rows: readonly Expression[]; position: Position }
  | { kind: "table"; name: Name[]; position: Position }
  | { kind: "nested"; query: Query; position: Position };

export interface Select {
  readonly kind: "select";
  readonly position: Position;
  readonly distinct: boolean;
  readonly items: readonly SelectItem[];
  readonly from: Relation | undefined;
  readonly where: Expression | undefined;
  readonly groupBy: readonly Grouping[];
  readonly having: Expression | undefined;
  readonly windows: readonly { name: Name; window: Window }[];
}

export type SelectItem =
  | { kind: "expression"; expression: Expression; alias: Name | undefined; position: Position }
  /** `*`, `t.*` */
  | { kind: "all"; qualifier: Name[]; position: Position };

export type Grouping =
  | { kind: "expressions"; expressions: readonly Expression[] }
  | { kind: "ROLLUP" | "CUBE"; sets: readonly (readonly Expression[])[] }
  | { kind: "GROUPING SETS"; sets: readonly (readonly Expression[])[] };

export type Relation =
  | { kind: "named"; name: Name[]; alias: Alias | undefined; position: Position }
  | { kind: "derived"; query: Query; lateral: boolean; alias: Alias | undefined; position: Position }
  | { kind: "unnest"; arrays: readonly Expression[]; ordinality: boolean; alias: Alias | undefined; position: Position }
  | {
      kind: "join";
      type: "INNER" | "LEFT" | "RIGHT" | "FULL" | "CROSS";
      left: Relation;
      right: Relation;
      on: Expression | undefined;
      using: readonly Name[] | undefined;
      position: Position;
    }
  | { kind: "sample"; relation: Relation; method: "BERNOULLI" | "SYSTEM"; percentage: Expression; position: Position };

export interface Alias {
  readonly name: Name;
  readonly columns: readonly Name[] | undefined;
}
