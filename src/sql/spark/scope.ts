import type { DataType } from "../../plan/data-type.ts";
import { SparkSqlError } from "./errors.ts";
import type { Span } from "./errors.ts";
import { quoteName } from "./literals.ts";
import type { Operand } from "./operand.ts";
import { nearest } from "../../plan/suggest.ts";

export interface Column {
  readonly name: string;
  readonly type: DataType;
}

/** What a name can stand for. Names compare without regard to case, as in Spark. */
export interface Binding {
  readonly name: string;
  /** The relation it can be qualified with: `source`, its alias, the name of a LATERAL VIEW. */
  readonly relation: string | undefined;
  readonly operand: Omit<Operand, "start" | "end">;
}

/** The names that an expression can see: columns first, then what `aliases` adds (earlier columns of the same SELECT). */
export class Scope {
  readonly #bindings: readonly Binding[];
  readonly #aliases: ReadonlyMap<string, Operand>;

  constructor(bindings: readonly Binding[], aliases: ReadonlyMap<string, Operand> = new Map()) {
    this.#bindings = bindings;
    this.#aliases = aliases;
  }

  static ofColumns(columns: readonly Column[], relation: string): Scope {
    return new Scope(columns.map((column) => columnBinding(column, relation)));
  }

  get bindings(): readonly Binding[] {
    return this.#bindings;
  }

  with(bindings: readonly Binding[]): Scope {
    return new Scope([...bindings, ...this.#bindings], this.#aliases);
  }

  withAliases(aliases: ReadonlyMap<string, Operand>): Scope {
    return new Scope(this.#bindings, aliases);
  }

  /** Variables of a lambda hide columns of their name. */
  withVariables(variables: readonly Binding[]): Scope {
    const names = new Set(variables.map((variable) => variable.name.toLowerCase()));
    const rest = this.#bindings.filter((binding) => !names.has(binding.name.toLowerCase()));
    return new Scope([...variables, ...rest], this.#aliases);
  }

  /** The operand that the first of `parts` stand for, and the parts left over: fields of a struct. */
  resolve(parts: readonly string[], span: Span): { operand: Operand; fields: readonly string[] } {
    const [first = "", second] = parts;
    const named = this.#find(first, undefined, span);
    if (named !== undefined) return { operand: { ...named, ...span }, fields: parts.slice(1) };
    if (second !== undefined) {
      const qualified = this.#find(second, first, span);
      if (qualified !== undefined) return { operand: { ...qualified, ...span }, fields: parts.slice(2) };
    }
    const alias = this.#aliases.get(first.toLowerCase());
    if (alias !== undefined) return { operand: { ...alias, ...span }, fields: parts.slice(1) };
    const relation = this.#bindings.some((binding) => same(binding.relation ?? "", first));
    const name = relation && second !== undefined ? second : first;
    const known = this.#bindings.map((binding) => binding.name);
    const near = nearest(name, known);
    throw new SparkSqlError(
      `there is no column "${name}"`,
      span,
      near === undefined ? `there are ${known.join(", ")}` : `did you mean ${near}?`,
    );
  }

  #find(name: string, relation: string | undefined, span: Span): Omit<Operand, "start" | "end"> | undefined {
    const found = this.#bindings.filter(
      (binding) => same(binding.name, name) && (relation === undefined || same(binding.relation ?? "", relation)),
    );
    if (found.length > 1) {
      const choices = found.map((binding) => `${binding.relation ?? "…"}.${binding.name}`).join(" or ");
      throw new SparkSqlError(`"${name}" is the name of ${found.length} columns`, span, `write ${choices}`);
    }
    return found[0]?.operand;
  }
}

export function columnBinding(column: Column, relation: string): Binding {
  return { name: column.name, relation, operand: { type: column.type, ...quoteName(column.name) } };
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
