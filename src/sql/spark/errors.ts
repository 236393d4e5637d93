/**
 * The SQL cannot be used, and why. `start` and `end` are offsets into the user's text; `line` and `column` count from 1.
 */
export class SparkSqlError extends Error {
  readonly start: number;
  readonly end: number;
  readonly hint: string | undefined;

  constructor(message: string, span: Span, hint?: string) {
    super(message);
    this.name = "SparkSqlError";
    this.start = span.start;
    this.end = span.end;
    this.hint = hint;
  }

  /** Where the error is in `sql`, the text that was compiled. */
  position(sql: string): { line: number; column: number } {
    const before = sql.slice(0, this.start).split("\n");
    return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  }
}

export interface Span {
  readonly start: number;
  readonly end: number;
}
