import { isNested } from "../../plan/data-type.ts";
import type { DataType } from "../../plan/data-type.ts";
import type { SqlPair } from "../../sql/spark/literals.ts";
import { typeNested } from "./nested.ts";
import { typeScalar } from "./scalar-typing.ts";

/**
 * The value of `text` (an expression over strings that is cheap to repeat, such as a column) as `type`, by the rule
 * table of scalar-typing.ts; NULL when the text is NULL or not a value of the type. Never raises.
 */
export function typeText(type: DataType, text: SqlPair, format?: string): SqlPair {
  return isNested(type) ? typeNested(type, text) : typeScalar(type, text, format);
}
