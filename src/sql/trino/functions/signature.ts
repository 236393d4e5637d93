import { coerce } from "../coerce.ts";
import type { Typed } from "../scope.ts";
import * as t from "../types.ts";
import type { Type } from "../types.ts";

/**
 * A row of the function table: Trino's signature and what DuckDB computes for it.
 *
 * Signatures are written as Trino's documentation writes them. A single capital letter stands for any type, the same
 * one wherever it occurs; `(T, U) => V` is a lambda; a last parameter with `...` may be repeated or left out.
 * In the template, `$1`, `$2` are the arguments and `$*` all of them with commas. In an aggregate's or window
 * function's template `@name(…)` is the call that DISTINCT, ORDER BY, FILTER and OVER belong to.
 */
export interface FunctionRow {
  readonly name: string;
  /** As written, for messages. */
  readonly signature: string;
  readonly kind: "scalar" | "aggregate" | "window";
  readonly parameters: readonly Pattern[];
  readonly variadic: boolean;
  readonly result: Pattern;
  readonly template: string;
}

export type Pattern =
  | { kind: "variable"; name: string }
  | { kind: "simple"; name: string }
  | { kind: "array"; element: Pattern }
  | { kind: "map"; key: Pattern; value: Pattern }
  | { kind: "lambda"; parameters: Pattern[]; result: Pattern };

/** Parses `name(parameter, …) -> result`. */
export function functionRow(kind: FunctionRow["kind"], signature: string, template: string): FunctionRow {
  const reader = new SignatureReader(signature);
  return { kind, template, signature, ...reader.read() };
}

class SignatureReader {
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(signature: string) {
    this.#tokens =
      signature.match(/[a-z_0-9]+(?: with time zone| day to second| year to month)?|[A-Z]|\.\.\.|=>|->|[(),]/gu) ?? [];
  }

  read(): Omit<FunctionRow, "kind" | "template" | "signature"> {
    const name = this.#take();
    this.#expect("(");
    const parameters: Pattern[] = [];
    let variadic = false;
    while (!this.#accept(")")) {
      parameters.push(this.#pattern());
      variadic = this.#accept("...");
      this.#accept(",");
    }
    this.#expect("->");
    return { name, parameters, variadic, result: this.#pattern() };
  }

  #pattern(): Pattern {
    if (this.#accept("(")) {
      const parameters: Pattern[] = [];
      while (!this.#accept(")")) {
        parameters.push(this.#pattern());
        this.#accept(",");
      }
      this.#expect("=>");
      return { kind: "lambda", parameters, result: this.#pattern() };
    }
    const name = this.#take();
    if (/^[A-Z]$/u.test(name)) return { kind: "variable", name };
    if (name === "array" || name === "map") {
      this.#expect("(");
      const first = this.#pattern();
      const second = this.#accept(",") ? this.#pattern() : first;
      this.#expect(")");
      return name === "array" ? { kind: "array", element: first } : { kind: "map", key: first, value: second };
    }
    return { kind: "simple", name };
  }

  #take(): string {
    return this.#tokens[this.#next++] ?? "";
  }

  #accept(token: string): boolean {
    const found = this.#tokens[this.#next] === token;
    if (found) this.#next++;
    return found;
  }

  #expect(token: string): void {
    if (!this.#accept(token)) throw new Error(`"${token}" expected at ${this.#next} in ${this.#tokens.join(" ")}`);
  }
}

/** A lambda argument, which can be typed only when the types of its parameters are known. */
export interface LambdaArgument {
  readonly arity: number;
  translate(parameters: readonly Type[]): Typed;
}

export type Argument = Typed | LambdaArgument;

export function isLambda(argument: Argument): argument is LambdaArgument {
  return "arity" in argument;
}

export interface Match {
  readonly row: FunctionRow;
  readonly arguments: readonly Typed[];
  readonly type: Type;
  /** How many arguments had to be coerced: the fewest wins. */
  readonly coercions: number;
}

/** Fits the arguments to a row of the table; undefined when they do not. */
export function match(row: FunctionRow, args: readonly Argument[]): Match | undefined {
  const { parameters } = row;
  const last = parameters.at(-1);
  if (row.variadic ? args.length < parameters.length - 1 : args.length !== parameters.length) return undefined;
  const patternOf = (at: number) => (at < parameters.length ? parameters[at] : last) as Pattern;
  const variables = new Map<string, Type>();

  // Two rounds over the plain arguments, so that `NULL` or an empty array takes its type from the others.
  for (let round = 0; round < 2; round++) {
    for (const [at, argument] of args.entries()) {
      if (!isLambda(argument) && !bind(patternOf(at), argument.type, variables)) return undefined;
    }
  }
  const typed: Typed[] = [];
  let coercions = 0;
  for (const [at, argument] of args.entries()) {
    const pattern = patternOf(at);
    if (isLambda(argument)) {
      if (pattern.kind !== "lambda" || pattern.parameters.length !== argument.arity) return undefined;
      const body = argument.translate(pattern.parameters.map((parameter) => substitute(parameter, variables)));
      if (!bind(pattern.result, body.type, variables)) return undefined;
      typed.push({ ...body, type: body.type });
      continue;
    }
    const wanted = substitute(pattern, variables, argument.type);
    if (!t.sameType(argument.type, wanted)) {
      if (!t.coercible(argument.type, wanted)) return undefined;
      if (t.duckdbType(argument.type) !== t.duckdbType(wanted)) coercions++;
    }
    typed.push(coerce(argument, wanted));
  }
  return { row, arguments: typed, type: substitute(row.result, variables), coercions };
}

function bind(pattern: Pattern, type: Type, variables: Map<string, Type>): boolean {
  switch (pattern.kind) {
    case "variable": {
      const common = t.commonType(variables.get(pattern.name) ?? t.UNKNOWN, type);
      if (common) variables.set(pattern.name, common);
      return common !== undefined;
    }
    case "array":
      if (type.kind === "unknown") return true;
      return type.kind === "array" && bind(pattern.element, type.element, variables);
    case "map":
      if (type.kind === "unknown") return true;
      return (
        type.kind === "map" && bind(pattern.key, type.key, variables) && bind(pattern.value, type.value, variables)
      );
    case "simple":
      return t.coercible(type, simpleType(pattern.name, type));
    case "lambda":
      return false;
  }
}

function substitute(pattern: Pattern, variables: ReadonlyMap<string, Type>, actual: Type = t.UNKNOWN): Type {
  switch (pattern.kind) {
    case "variable":
      return variables.get(pattern.name) ?? t.UNKNOWN;
    case "array":
      return t.array(substitute(pattern.element, variables));
    case "map":
      return t.map(substitute(pattern.key, variables), substitute(pattern.value, variables));
    case "simple":
      return simpleType(pattern.name, actual);
    case "lambda":
      throw new Error("A lambda has no type of its own.");
  }
}

/** `decimal`, `timestamp` and so on in a signature mean any of that kind: the argument's own, when it is one. */
function simpleType(name: string, actual: Type): Type {
  if (name === actual.kind && !t.isText(actual)) return actual;
  switch (name) {
    case "varchar":
      return t.VARCHAR;
    case "timestamp":
      return t.TIMESTAMP;
    case "timestamp with time zone":
      return t.timestampWithZone();
    case "decimal":
      return t.decimal(38, 0);
    default:
      return { kind: name as t.SimpleKind };
  }
}
