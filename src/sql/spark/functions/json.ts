import { SparkSqlError } from "../errors.ts";
import { argument, INT, STRING } from "../function-table.ts";
import type { SparkFunction } from "../function-table.ts";
import { duckdbText } from "../literals.ts";
import type { Operand } from "../operand.ts";

/** JSON in texts. A text that is no JSON gives NULL. */
export const JSON_FUNCTIONS: readonly SparkFunction[] = [
  {
    names: ["get_json_object"],
    parameters: ["string", "text-literal"],
    translate: (call) => ({
      type: STRING,
      duckdb: `json_text(${argument(call, 0).duckdb}, ${duckdbText(jsonPath(argument(call, 1)))})`,
    }),
  },
  {
    names: ["json_array_length"],
    parameters: ["string"],
    translate: (call) => ({ type: INT, duckdb: `spark_json_array_length(${argument(call, 0).duckdb})` }),
  },
];

/** `$.a.b[0]['c d']` of Spark in DuckDB's spelling. Wildcards, which give arrays, are refused. */
function jsonPath(operand: Operand): string {
  const path = String(operand.constant);
  let rest = path;
  if (!rest.startsWith("$"))
    throw new SparkSqlError(`'${path}' is no JSON path`, operand, "write '$.name' or '$.list[0].name'");
  rest = rest.slice(1);
  if (path === "$") throw new SparkSqlError("the path '$' is the whole text", operand, "name a member: '$.name'");
  let result = "$";
  while (rest !== "") {
    const step = /^\.([A-Za-z_][A-Za-z0-9_]*)|^\[(\d+)\]|^\['([^'"\\]+)'\]/.exec(rest);
    if (step === null)
      throw new SparkSqlError(
        `"${rest}" in the JSON path '${path}' is not supported`,
        operand,
        "use .name, ['name'] and [0]",
      );
    const [text, plain, index, quoted] = step;
    result += index === undefined ? `."${plain ?? quoted ?? ""}"` : `[${index}]`;
    rest = rest.slice(text.length);
  }
  return result;
}
