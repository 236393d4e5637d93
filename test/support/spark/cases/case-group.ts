/**
 * What the function table promises, as cases: expressions over columns of values, NULLs and edges. `golden/` holds
 * what Spark answers (record_answers.py), and src/sql/spark/answers.test.ts sees that DuckDB answers the same.
 */
export interface CaseGroup {
  readonly name: string;
  readonly columns: Readonly<Record<string, CaseColumn>>;
  readonly expressions: readonly string[];
}

export interface CaseColumn {
  readonly type: string;
  /** One per row: a text that casts to the type; for arrays, maps and structs an expression of Spark SQL. */
  readonly values: readonly (string | null)[];
}

export const texts = (values: readonly (string | null)[]): CaseColumn => ({ type: "string", values });

export const column = (type: string, ...values: (string | null)[]): CaseColumn => ({ type, values });
