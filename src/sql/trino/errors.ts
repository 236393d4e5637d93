/** Where in a statement: both from 1, as Trino counts. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Trino's names of what can be wrong with a statement, as far as this translator finds it. */
export type TrinoErrorCode =
  | "SYNTAX_ERROR"
  | "TYPE_MISMATCH"
  | "COLUMN_NOT_FOUND"
  | "AMBIGUOUS_NAME"
  | "TABLE_NOT_FOUND"
  | "SCHEMA_NOT_FOUND"
  | "CATALOG_NOT_FOUND"
  | "FUNCTION_NOT_FOUND"
  | "MISMATCHED_COLUMN_ALIASES"
  | "INVALID_CAST_ARGUMENT"
  | "INVALID_FUNCTION_ARGUMENT"
  | "INVALID_LITERAL"
  | "NOT_SUPPORTED"
  | "DUPLICATE_NAMED_QUERY"
  | "EXPRESSION_NOT_SCALAR"
  | "COLUMN_ALIASES_NOT_ALLOWED"
  | "INVALID_ARGUMENTS"
  | "INVALID_PARAMETER_USAGE"
  | "EXPRESSION_NOT_AGGREGATE";

/** A statement that Trino would refuse, or that this translator cannot run (`NOT_SUPPORTED`): never a guess. */
export class TrinoError extends Error {
  readonly code: TrinoErrorCode;
  readonly position: Position | undefined;

  constructor(code: TrinoErrorCode, message: string, position?: Position) {
    super(position ? `line ${position.line}:${position.column}: ${message}` : message);
    this.name = code;
    this.code = code;
    this.position = position;
  }
}

/** For what exists in Trino and not here: says so, so that nobody looks for the mistake in the statement. */
export function notSupported(what: string, position?: Position): TrinoError {
  return new TrinoError("NOT_SUPPORTED", `${what} is not supported by the local runtime`, position);
}
