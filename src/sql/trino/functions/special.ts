import { concatenate, condition, quoted } from "../clauses.ts";
import { coerce, oneZone, unify } from "../coerce.ts";
import { notSupported, TrinoError } from "../errors.ts";
import * as t from "../types.ts";
import { DATE_SPECIALS } from "./dates-special.ts";
import { operands, wrongArguments } from "./special-function.ts";
import type { Special } from "./special-function.ts";

export const SPECIAL: Readonly<Record<string, Special>> = {
  ...DATE_SPECIALS,

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

  strpos(call, position, context) {
    const values = operands(call, context);
    const [text, part, instance] = values;
    if (!text || !part || !values.slice(0, 2).every((value) => t.isText(value.type) || value.type.kind === "unknown")) {
      throw wrongArguments(call, values, "strpos(varchar, varchar)", position);
    }
    if (instance) throw notSupported("strpos with an instance", position);
    return { sql: `strpos(${coerce(text, t.VARCHAR).sql}, ${coerce(part, t.VARCHAR).sql})`, type: t.BIGINT };
  },
};

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
