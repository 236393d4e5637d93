import type { SparkFunction } from "../function-table.ts";
import { COLLECTION_FUNCTIONS } from "./collections.ts";
import { CONDITIONAL_FUNCTIONS } from "./conditional.ts";
import { JSON_FUNCTIONS } from "./json.ts";
import { NUMBER_FUNCTIONS } from "./numbers.ts";
import { REGEXP_FUNCTIONS } from "./regexp.ts";
import { TEXT_FUNCTIONS } from "./text.ts";
import { TIME_FUNCTIONS } from "./time.ts";

/** The function table: what is not in it cannot be used. */
export const SPARK_FUNCTIONS: readonly SparkFunction[] = [
  ...TEXT_FUNCTIONS,
  ...REGEXP_FUNCTIONS,
  ...TIME_FUNCTIONS,
  ...NUMBER_FUNCTIONS,
  ...CONDITIONAL_FUNCTIONS,
  ...COLLECTION_FUNCTIONS,
  ...JSON_FUNCTIONS,
];
