/** What went wrong while a translated query ran, as Trino would name it. */
export interface RuntimeError {
  readonly code: string;
  readonly message: string;
}

/** Trino's codes that macros raise with. */
const RAISED =
  /(?<code>DIVISION_BY_ZERO|INVALID_CAST_ARGUMENT|INVALID_FUNCTION_ARGUMENT|NOT_SUPPORTED|HIVE_BAD_DATA|HIVE_CURSOR_ERROR): (?<message>[\s\S]*)$/u;

/** What DuckDB puts behind a text that it could not convert. */
const WRAPPING =
  /(?:['"] to [A-Z0-9_ ]+(?:\([\d,]+\))?|", expected format is [\s\S]*|['"] when casting [\s\S]*|["'])$/u;

/** Reads DuckDB's error text. What it says in its own words keeps them, under the code that fits. */
export function runtimeError(text: string): RuntimeError {
  const first = text.split("\n\n")[0] ?? text;
  const raised = RAISED.exec(first)?.groups;
  if (raised) {
    return { code: raised["code"] ?? "", message: (raised["message"] ?? "").replace(WRAPPING, "") };
  }
  const [, kind = "", rest = first] = /^(\w+(?: \w+)*) Error: ([\s\S]*)$/u.exec(first) ?? [];
  switch (kind) {
    case "Conversion":
      return { code: "INVALID_CAST_ARGUMENT", message: rest };
    case "Out of Range":
      return { code: "NUMERIC_VALUE_OUT_OF_RANGE", message: rest };
    case "Invalid Input":
      return { code: "INVALID_FUNCTION_ARGUMENT", message: rest };
    case "Out of Memory":
      return { code: "EXCEEDED_LOCAL_MEMORY_LIMIT", message: rest };
    case "Binder":
      return /must appear in the GROUP BY|aggregate/iu.test(rest)
        ? { code: "EXPRESSION_NOT_AGGREGATE", message: rest }
        : { code: "SYNTAX_ERROR", message: rest };
    default:
      return { code: "GENERIC_INTERNAL_ERROR", message: first };
  }
}
