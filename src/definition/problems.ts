/** One mistake in a definition, in the user's terms. */
export interface Problem {
  /** Member names from the definition's root: `["datasets", "orders", "columns", "amount"]`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
  /** The file, and in it the line and column from 1, where they are known. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** For SQL: the line and column within its text, from 1. */
  readonly sql?: { readonly line: number; readonly column: number };
}

/** The definition cannot be used. `problems` are all that were found, never none. */
export class DefinitionError extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(printProblem).join("\n"));
    this.name = "DefinitionError";
    this.problems = problems;
  }
}

/** `datasets.orders.columns["Order ID"]`. */
export function printPath(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(part)) return index === 0 ? part : `.${part}`;
      return `[${JSON.stringify(part)}]`;
    })
    .join("");
}

/** One problem as people read it: place, path, message, and the hint on a line of its own. */
export function printProblem(problem: Problem): string {
  const place =
    problem.file === undefined
      ? ""
      : `${[problem.file, problem.line, problem.column].filter((part) => part !== undefined).join(":")}: `;
  const path = problem.path.length === 0 ? "" : `${printPath(problem.path)}: `;
  const sql = problem.sql === undefined ? "" : ` (line ${problem.sql.line}, column ${problem.sql.column} of the SQL)`;
  const hint = problem.hint === undefined ? "" : `\n  hint: ${problem.hint}`;
  return `${place}${path}${problem.message}${sql}${hint}`;
}
