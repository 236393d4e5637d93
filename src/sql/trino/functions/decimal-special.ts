import { notSupported } from "../errors.ts";
import * as arithmetic from "../arithmetic.ts";
import { coerce } from "../coerce.ts";
import type { Typed } from "../scope.ts";
import * as t from "../types.ts";
import { refuseModifiers, withModifiers } from "./modifiers.ts";
import { operands } from "./special-function.ts";
import type { Special } from "./special-function.ts";

type Decimal = Extract<t.Type, { kind: "decimal" }>;

/** A function of one decimal (other types are in the function table), with the digits of its result. */
function ofDecimal(
  compute: (sql: string, type: Decimal, rest: readonly Typed[]) => { sql: string; type: Decimal } | undefined,
): Special {
  return (call, position, context) => {
    const [value, ...rest] = operands(call, context);
    if (value?.type.kind !== "decimal") return undefined;
    refuseModifiers(call, position);
    const result = compute(value.sql, value.type, rest);
    return result && { sql: `CAST(${result.sql} AS ${t.duckdbType(result.type)})`, type: result.type };
  };
}

const decimal = (precision: number, scale: number): Decimal => ({
  kind: "decimal",
  precision: Math.min(38, Math.max(1, precision)),
  scale,
});

/** Rounded to a whole number: one digit more may be needed in front. */
const whole = ({ precision, scale }: Decimal) => decimal(precision - scale + Math.min(scale, 1), 0);

/** An aggregate of a decimal; `template` as in the function table. */
function aggregate(compute: (sql: string, type: Decimal) => { template: string; type: Decimal }): Special {
  return (call, position, context) => {
    const [argument] = call.arguments;
    const value = argument && context.translate(argument, context);
    if (value?.type.kind !== "decimal") return undefined;
    context.onAggregate?.(position);
    const { template, type } = compute(value.sql, value.type);
    return { sql: `CAST(${withModifiers(template, call, context)} AS ${t.duckdbType(type)})`, type };
  };
}

/** https://trino.io/docs/current/functions/decimal.html, and the signatures of MathFunctions and DecimalOperators. */
export const DECIMAL_SPECIALS: Readonly<Record<string, Special>> = {
  abs: ofDecimal((sql, type) => ({ sql: `abs(${sql})`, type })),
  sign: ofDecimal((sql) => ({ sql: `sign(${sql})`, type: decimal(1, 0) })),
  ceil: ofDecimal((sql, type) => ({ sql: `ceil(${sql})`, type: whole(type) })),
  ceiling: ofDecimal((sql, type) => ({ sql: `ceil(${sql})`, type: whole(type) })),
  floor: ofDecimal((sql, type) => ({ sql: `floor(${sql})`, type: whole(type) })),
  truncate: ofDecimal((sql, type, [digits]) => {
    if (digits) return undefined;
    return { sql: `trunc(${sql})`, type: decimal(type.precision - type.scale, 0) };
  }),
  round: ofDecimal((sql, type, [digits]) => {
    if (!digits) return { sql: `round(${sql})`, type: whole(type) };
    if (typeof digits.literal !== "string")
      throw notSupported("round of a decimal to a number of digits that is not a literal");
    return { sql: `round(${sql}, ${digits.literal})`, type: decimal(type.precision + 1, type.scale) };
  }),
  mod(call, position, context) {
    const [a, b] = operands(call, context);
    if (!a || !b || (a.type.kind !== "decimal" && b.type.kind !== "decimal")) return undefined;
    return arithmetic.translate("%", a, b, position);
  },
  sum: aggregate((sql, { scale }) => ({ template: `@sum(${sql})`, type: decimal(38, scale) })),
  avg: aggregate((sql, type) => ({
    template: `CAST(trino_decimal_divide(CAST(@sum(${sql}) AS DECIMAL(38,${type.scale})), @count(${sql}), ${type.scale}, 0, ${type.scale}) AS DECIMAL(38,${type.scale}))`,
    type,
  })),
  approx_percentile(call, position, context) {
    // Trino has it for integers and doubles only; a decimal coerces.
    const [first, ...rest] = call.arguments;
    const value = first && context.translate(first, context);
    if (value?.type.kind !== "decimal" || rest.length !== 1 || !rest[0]) return undefined;
    const at = context.translate(rest[0], context);
    const list = at.type.kind === "array";
    const wanted = coerce(at, list ? t.array(t.DOUBLE) : t.DOUBLE);
    context.onAggregate?.(position);
    const sql = withModifiers(`@quantile_disc(${coerce(value, t.DOUBLE).sql}, ${wanted.sql})`, call, context);
    return { sql, type: list ? t.array(t.DOUBLE) : t.DOUBLE };
  },
};
