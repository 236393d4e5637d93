import { commonTypeOf, convert, describe } from "../coerce.ts";
import { compareOperands } from "../compare.ts";
import { SparkSqlError } from "../errors.ts";
import { argument, BOOLEAN, row } from "../function-table.ts";
import type { Call, SparkFunction, Translation } from "../function-table.ts";

/** Conditions and NULLs. */
export const CONDITIONAL_FUNCTIONS: readonly SparkFunction[] = [
  row("isnull", ["any"], BOOLEAN, (x) => `(${x} IS NULL)`),
  row("isnotnull", ["any"], BOOLEAN, (x) => `(${x} IS NOT NULL)`),
  row("isnan", ["double"], BOOLEAN, (x) => `coalesce(isnan(${x}), FALSE)`),
  { names: ["coalesce"], parameters: ["any"], variadic: true, translate: coalesce },
  { names: ["nvl", "ifnull"], parameters: ["any", "any"], translate: coalesce },
  {
    names: ["nvl2"],
    parameters: ["any", "any", "any"],
    translate: (call) => choose(call, (engine) => `${argument(call, 0)[engine]} IS NOT NULL`),
  },
  {
    names: ["if"],
    parameters: ["boolean", "any", "any"],
    translate: (call) => choose(call, (engine) => argument(call, 0)[engine]),
  },
  { names: ["nullif"], parameters: ["any", "any"], translate: nullIf },
  {
    names: ["nanvl"],
    parameters: ["double", "double"],
    translate: (call) => {
      const [a, b] = [argument(call, 0), argument(call, 1)];
      return {
        type: { kind: "double" },
        duckdb: `(CASE WHEN isnan(${a.duckdb}) THEN ${b.duckdb} ELSE ${a.duckdb} END)`,
      };
    },
  },
  {
    names: ["equal_null"],
    parameters: ["any", "any"],
    translate: (call) => {
      const equal = compareOperands("<=>", argument(call, 0), argument(call, 1));
      return { type: BOOLEAN, spark: equal.spark, duckdb: equal.duckdb };
    },
  },
];

function coalesce(call: Call): Translation {
  const type = commonTypeOf(call.operands, call.name);
  const values = call.operands.map((operand) => convert(operand, type, `an argument of ${call.name}`));
  return {
    type,
    spark: `coalesce(${values.map((value) => value.spark).join(", ")})`,
    duckdb: `coalesce(${values.map((value) => value.duckdb).join(", ")})`,
  };
}

function choose(call: Call, condition: (engine: "spark" | "duckdb") => string): Translation {
  const branches = [argument(call, 1), argument(call, 2)];
  const type = commonTypeOf(branches, call.name);
  const [yes, no] = branches.map((branch) => convert(branch, type, `a branch of ${call.name}`));
  const write = (engine: "spark" | "duckdb") =>
    `(CASE WHEN ${condition(engine)} THEN ${yes?.[engine]} ELSE ${no?.[engine]} END)`;
  return { type, spark: write("spark"), duckdb: write("duckdb") };
}

/** The first argument, or NULL where both are equal; of the first argument's type. */
function nullIf(call: Call): Translation {
  const value = argument(call, 0);
  if (value.type.kind === "void") throw new SparkSqlError(`the type of ${describe(value.type)} is unknown here`, value);
  const equal = compareOperands("=", value, argument(call, 1));
  const write = (engine: "spark" | "duckdb") => `(CASE WHEN ${equal[engine]} THEN NULL ELSE ${value[engine]} END)`;
  return {
    type: value.type,
    spark: write("spark"),
    duckdb: write("duckdb"),
    ...(value.range === undefined ? {} : { range: value.range }),
  };
}
