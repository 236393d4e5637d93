import type { DatasetPlan, SourceColumn } from "../../plan/plan.ts";
import type { RecordReason } from "../../plan/reject-reasons.ts";

/** What is wrong with a record, in the words of the `rejects` table. */
export interface RecordProblem {
  readonly column: string | null;
  readonly reason: RecordReason;
  readonly message: string;
}

/** Sentences about records begin with the file and the record, so that they can stand alone in a mail. */
const at = (key: string, record: number) => `${key}, record ${record}`;

const A_TYPE: Readonly<Record<string, string>> = { int: "an int", array: "an array" };

export function badValue(key: string, record: number, column: SourceColumn, text: string): RecordProblem {
  const word = /^[a-z]+/.exec(column.type)?.[0] ?? column.type;
  const type = A_TYPE[word] ?? `a ${column.type}`;
  const message = `${at(key, record)}: ${column.name} ${JSON.stringify(text)} is not ${type}`;
  return { column: column.name, reason: "bad-value", message };
}

export function missingValue(key: string, record: number, column: SourceColumn): RecordProblem {
  const message = `${at(key, record)}: ${column.name} has no value, and it may not be null`;
  return { column: column.name, reason: "missing-value", message };
}

export function brokenRule(key: string, record: number, rule: string): RecordProblem {
  return { column: null, reason: "rule", message: `${at(key, record)}: the rule "${rule}" is not true` };
}

export function badQuoting(key: string, record: number): RecordProblem {
  const message = `${at(key, record)}: a quoted field is not closed, or text follows its closing quote`;
  return { column: null, reason: "bad-quoting", message };
}

export function fieldCount(key: string, record: number, found: number, expected: number): RecordProblem {
  const fields = `${found} ${found === 1 ? "field" : "fields"}`;
  return { column: null, reason: "field-count", message: `${at(key, record)}: it has ${fields}, not ${expected}` };
}

export function badJson(key: string, record: number): RecordProblem {
  return { column: null, reason: "bad-json", message: `${at(key, record)}: it is not a valid JSON object` };
}

export function tooManyRejects(
  key: string,
  plan: DatasetPlan,
  counts: { bad: number; records: number },
  first: string | undefined,
): string {
  const limit = `${Number((plan.rejectLimit * 100).toFixed(2))} %`;
  const share = `${counts.bad} of its ${counts.records} records are bad, more than the ${limit} that the dataset allows`;
  return `${key}: ${share}${first === undefined ? "" : `; the first: ${first}`}`;
}

/** `the column "a"`, `the columns "a", "b"`: at most five of them. */
export function list(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => JSON.stringify(name));
  if (names.length > shown.length) shown.push(`${names.length - shown.length} more`);
  return `${names.length === 1 ? "the column" : "the columns"} ${shown.join(", ")}`;
}
