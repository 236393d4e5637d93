import type { CaseGroup } from "./case-group.ts";
import { COLLECTION_CASES } from "./collections.ts";
import { NUMBER_CASES } from "./numbers.ts";
import { TEXT_CASES } from "./texts.ts";
import { TIME_CASES } from "./times.ts";

/** Every function of the table is in here: a test counts. */
export const SPARK_CASES: readonly CaseGroup[] = [...TEXT_CASES, ...TIME_CASES, ...NUMBER_CASES, ...COLLECTION_CASES];
