import { concatenate, condition, quoted } from "../clauses.ts";
import { oneZone, unify } from "../coerce.ts";
import { notSupported, TrinoError } from "../errors.ts";
import * as t from "../types.ts";
import { DATE_SPECIALS } from "./dates-special.ts";
import { DECIMAL_SPECIALS } from "./decimal-special.ts";
import { LAMBDA_SPECIALS } from "./lambda-special.ts";
import { refuseModifiers } from "./modifiers.ts";
import { operands, wrongArguments } from "./special-function.ts";
import type { Special } from "./special-function.ts";
import { TEXT_SPECIALS } from "./text-special.ts";

/** Functions of conditions and comparison. */
const CONDITIONALS: Readonly<Record<string, Special>> = {
  coalesce(call, position, context) {
    const { values, type } = unify(operands(call, context), position, sameType("COALESCE operands"));
    return { sql: `coalesce(${values.map((value) => value.sql).join(", ")})`, type: oneZone(type, position) };
  },

  nullif(call, position, context) {
    const [first, second] = operands(call, context);
    if (!first || !second) throw wrongArguments(call, [], "nullif(T, T)", position);
    const { values } = unify([first, second], position, sameType("NULLIF operands"));
    const [a, b] = values.map((value) => value.sql);
    return { sql: `CASE WHEN ${a} = ${b} THEN NULL ELSE ${first.sql} END`, type: first.type };
  },

  if(call, position, context) {
    const [test, ...results] = operands(call, context);
    if (!test || results.length < 1 || results.length > 2)
      throw wrongArguments(call, [], "if(boolean, T, T)", position);
    const { values, type } = unify(results, position, sameType("IF operands"));
    const [yes, no] = values.map((value) => value.sql);
    return {
      sql: `CASE WHEN ${condition(test, position).sql} THEN ${yes}${no ? ` ELSE ${no}` : ""} END`,
      type: oneZone(type, position),
    };
  },

  try(call, position, context) {
    const [value] = operands(call, context);
    if (!value) throw wrongArguments(call, [], "try(T)", position);
    return { sql: `TRY(${value.sql})`, type: value.type };
  },

  concat(call, position, context) {
    const [first, ...rest] = operands(call, context);
    if (!first || rest.length === 0) {
      throw new TrinoError(
        "FUNCTION_NOT_FOUND",
        "There must be two or more concatenation arguments to function concat",
        position,
      );
    }
    return rest.reduce((left, right) => concatenate(left, right, position), first);
  },

  greatest: extreme("greatest"),
  least: extreme("least"),

  typeof(call, position, context) {
    const [value] = operands(call, context);
    if (!value) throw wrongArguments(call, [], "typeof(T)", position);
    return { sql: quoted(t.typeText(value.type)), type: t.VARCHAR };
  },

  strpos(call, position) {
    if (call.arguments.length > 2) throw notSupported("strpos with an instance", position);
    return undefined;
  },

  grouping(call, position, context) {
    const values = operands(call, context);
    if (values.length === 0) throw wrongArguments(call, values, "grouping(column, ...)", position);
    return { sql: `CAST(GROUPING(${values.map((value) => value.sql).join(", ")}) AS BIGINT)`, type: t.BIGINT };
  },
};

/** Scalars: nothing that belongs to aggregates may stand at their calls. */
const SCALARS = scalars({ ...CONDITIONALS, ...DATE_SPECIALS, ...TEXT_SPECIALS, ...LAMBDA_SPECIALS });

/** By name, what is more than a row of the function table. */
export const SPECIAL: Readonly<Record<string, Special>> = { ...SCALARS, ...DECIMAL_SPECIALS };

function scalars(specials: Readonly<Record<string, Special>>): Record<string, Special> {
  const entries = Object.entries(specials).map(([name, special]): [string, Special] => [
    name,
    (call, position, context) => {
      const result = special(call, position, context);
      if (result) refuseModifiers(call, position);
      return result;
    },
  ]);
  return Object.fromEntries(entries);
}

function sameType(what: string) {
  return (a: t.Type, b: t.Type) => `All ${what} must be the same type: ${t.typeText(a)} and ${t.typeText(b)}`;
}

/** NULL when any argument is, unlike DuckDB's, which pass over NULLs. */
function extreme(name: "greatest" | "least"): Special {
  return (call, position, context) => {
    const { values, type } = unify(operands(call, context), position, sameType(`${name} arguments`));
    const list = values.map((value) => value.sql);
    const noNulls = list.map((sql) => `${sql} IS NOT NULL`).join(" AND ");
    return { sql: `CASE WHEN ${noNulls} THEN ${name}(${list.join(", ")}) END`, type };
  };
}
