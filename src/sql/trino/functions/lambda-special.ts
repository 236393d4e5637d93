import type { Call, Expression } from "../ast.ts";
import { coerce } from "../coerce.ts";
import type { ExpressionContext } from "../context.ts";
import { notSupported, TrinoError } from "../errors.ts";
import type { Position } from "../errors.ts";
import type { Typed } from "../scope.ts";
import * as t from "../types.ts";
import { applied } from "./lambda.ts";
import { wrongArguments } from "./special-function.ts";
import type { Special } from "./special-function.ts";

type Lambda = Extract<Expression, { kind: "lambda" }>;
type MapType = Extract<t.Type, { kind: "map" }>;

let names = 0;

/** A name of DuckDB's lambda parameters that nothing else has. */
function fresh(): string {
  return `e${++names}`;
}

/** Lambda functions whose lambdas see something else in DuckDB, or more than one list. */
export const LAMBDA_SPECIALS: Readonly<Record<string, Special>> = {
  reduce(call, position, context) {
    const [list, start] = call.arguments.slice(0, 2).map((argument) => context.translate(argument, context));
    const [step, finish] = call.arguments.slice(2);
    if (list?.type.kind !== "array" || !start || step?.kind !== "lambda" || finish?.kind !== "lambda") {
      throw wrongArguments(
        call,
        [list, start].filter((value) => value !== undefined),
        "reduce(array(T), S, function(S,T,S), function(S,R))",
        position,
      );
    }
    const { element } = list.type;
    const state = stateType(step, start.type, element, context);
    if (!t.coercible(element, state))
      throw notSupported("reduce with a state of another type than the array's elements", position);
    const [s, x] = [fresh(), fresh()];
    const body = applied(
      step.parameters,
      step.body,
      [
        { sql: s, type: state },
        { sql: x, type: state },
      ],
      context,
    );
    const items = coerce(list, t.array(state)).sql;
    const reduced = `list_reduce(${items}, lambda ${s}, ${x}: ${coerce(body, state).sql}, ${coerce(start, state).sql})`;
    return applied(finish.parameters, finish.body, [{ sql: reduced, type: state }], context);
  },

  map_filter: ofEntries((entries, key, value, body) => ({
    sql: `map_from_entries(list_filter(${entries.sql}, lambda ${entries.name}: ${body.sql}))`,
    type: t.map(key.type, value.type),
  })),
  transform_values: ofEntries((entries, key, _value, body) => ({
    sql: `map_from_entries(list_transform(${entries.sql}, lambda ${entries.name}: {'k': ${key.sql}, 'v': ${body.sql}}))`,
    type: t.map(key.type, body.type),
  })),
  transform_keys: ofEntries((entries, _key, value, body) => ({
    sql: `map_from_entries(list_transform(${entries.sql}, lambda ${entries.name}: {'k': ${body.sql}, 'v': ${value.sql}}))`,
    type: t.map(body.type, value.type),
  })),

  map_entries(call, position, context) {
    const map = mapOf(call, position, context);
    const type: t.Type = {
      kind: "row",
      fields: [
        { name: undefined, type: map.type.key },
        { name: undefined, type: map.type.value },
      ],
    };
    const e = fresh();
    return {
      sql: `list_transform(map_entries(${map.sql}), lambda ${e}: {'field0': ${e}.key, 'field1': ${e}.value})`,
      type: t.array(type),
    };
  },

  map_from_entries(call, position, context) {
    const [list] = call.arguments.map((argument) => context.translate(argument, context));
    if (list?.type.kind !== "array" || list.type.element.kind !== "row" || list.type.element.fields.length !== 2) {
      throw wrongArguments(call, list ? [list] : [], "map_from_entries(array(row(K, V)))", position);
    }
    const [key, value] = list.type.element.fields as [t.Field, t.Field];
    const e = fresh();
    const entry = `{'k': ${e}."${t.fieldKey(key, 0)}", 'v': ${e}."${t.fieldKey(value, 1)}"}`;
    return {
      sql: `map_from_entries(list_transform(${list.sql}, lambda ${e}: ${entry}))`,
      type: t.map(key.type, value.type),
    };
  },

  zip(call, position, context) {
    const lists = call.arguments.map((argument) => context.translate(argument, context));
    if (lists.length < 2) throw wrongArguments(call, lists, "zip(array(T), array(U), ...)", position);
    const fields = lists.map((list): t.Field => {
      if (list.type.kind !== "array") throw wrongArguments(call, lists, "zip(array(T), array(U), ...)", position);
      return { name: undefined, type: list.type.element };
    });
    const i = fresh();
    const members = lists.map((list, at) => `'field${at}': (${list.sql})[${i}]`);
    return {
      sql: `list_transform(${indexes(lists)}, lambda ${i}: {${members.join(", ")}})`,
      type: t.array({ kind: "row", fields }),
    };
  },

  zip_with(call, position, context) {
    const lists = call.arguments.slice(0, 2).map((argument) => context.translate(argument, context));
    const [, , body] = call.arguments;
    const [a, b] = lists;
    if (a?.type.kind !== "array" || b?.type.kind !== "array" || body?.kind !== "lambda") {
      throw wrongArguments(call, lists, "zip_with(array(T), array(U), function(T,U,R))", position);
    }
    const i = fresh();
    const items = [a, b].map((list): Typed => ({
      sql: `(${list.sql})[${i}]`,
      type: (list.type as Extract<t.Type, { kind: "array" }>).element,
    }));
    const result = applied(body.parameters, body.body, items, context);
    return { sql: `list_transform(${indexes(lists)}, lambda ${i}: ${result.sql})`, type: t.array(result.type) };
  },

  array_sort(call, position) {
    if (call.arguments.length > 1) throw notSupported("array_sort with a comparator", position);
    return undefined;
  },

  sequence(call, position, context) {
    const values = call.arguments.map((argument) => context.translate(argument, context));
    const [from, to, step] = values;
    if (!from || !to || !["date", "timestamp"].includes(from.type.kind)) return undefined;
    const type = t.commonType(from.type, to.type);
    if (!type || (step && !step.type.kind.startsWith("interval")))
      throw wrongArguments(call, values, "sequence(date, date, interval)", position);
    const [a, b] = [coerce(from, type).sql, coerce(to, type).sql];
    const by = step?.sql ?? `CASE WHEN ${a} <= ${b} THEN to_days(1) ELSE to_days(-1) END`;
    return {
      sql: `CAST(generate_series(CAST(${a} AS TIMESTAMP), CAST(${b} AS TIMESTAMP), ${by}) AS ${t.duckdbType(type)}[])`,
      type: t.array(type),
    };
  },
};

/** Positions of the longest list. */
function indexes(lists: readonly Typed[]): string {
  const lengths = lists.map((list) => `len(${list.sql})`);
  return `CASE WHEN ${lengths.map((length) => `${length} IS NOT NULL`).join(" AND ")} THEN range(1, greatest(${lengths.join(", ")}) + 1) END`;
}

/** The state's type: the start's, or what the step makes of it. */
function stateType(step: Lambda, start: t.Type, element: t.Type, context: ExpressionContext): t.Type {
  const after = (type: t.Type) =>
    applied(
      step.parameters,
      step.body,
      [
        { sql: "s", type },
        { sql: "x", type: element },
      ],
      context,
    ).type;
  const first = t.commonType(start, after(start));
  const second = first && t.commonType(first, after(first));
  if (!second || !t.sameType(first, second))
    throw new TrinoError("TYPE_MISMATCH", "The function of reduce gives another type than its state", step.position);
  return t.commonType(second, element) ?? second;
}

function mapOf(call: Call, position: Position, context: ExpressionContext): Typed & { type: MapType } {
  const [argument] = call.arguments;
  const value = argument && context.translate(argument, context);
  if (value?.type.kind !== "map")
    throw wrongArguments(call, value ? [value] : [], `${call.name}(map(K, V), …)`, position);
  return { ...value, type: value.type };
}

function ofEntries(
  compute: (entries: { sql: string; name: string }, key: Typed, value: Typed, body: Typed) => Typed,
): Special {
  return (call, position, context) => {
    const map = mapOf(call, position, context);
    const [, body] = call.arguments;
    if (body?.kind !== "lambda")
      throw wrongArguments(call, [map], `${call.name}(map(K, V), function(K,V,…))`, position);
    const name = fresh();
    const key: Typed = { sql: `${name}.key`, type: map.type.key };
    const value: Typed = { sql: `${name}.value`, type: map.type.value };
    return compute(
      { sql: `map_entries(${map.sql})`, name },
      key,
      value,
      applied(body.parameters, body.body, [key, value], context),
    );
  };
}
