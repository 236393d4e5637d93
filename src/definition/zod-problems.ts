import type { z } from "zod";
import { nearest } from "../plan/suggest.ts";
import type { Problem } from "./problems.ts";

type Issue = z.core.$ZodIssue;

/** zod's issues as problems: in plain words, with the nearest name for one that is not known. */
export function problemsOfZod(error: z.ZodError, written: unknown): Problem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(issue, written));
}

function problemsOfIssue(issue: Issue, written: unknown): Problem[] {
  const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownName([...path, key], key, known(path)));
    case "invalid_union":
      return [bestOfUnion(issue, path, written)];
    case "invalid_type": {
      const value = valueAt(written, path);
      if (value === undefined) return [missing(path)];
      return [{ path, message: `it must be ${article(issue.expected)}, and is ${describe(value)}` }];
    }
    case "invalid_value": {
      const value = valueAt(written, path);
      const near = typeof value === "string" ? nearest(value, issue.values.map(String)) : undefined;
      const choices = issue.values.map((choice) => JSON.stringify(choice)).join(", ");
      return [
        {
          path,
          message: `${describe(value)} is none of ${choices}`,
          ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
        },
      ];
    }
    default: {
      const [message = "", hint] = issue.message.split("\nhint: ");
      return [{ path, message, ...(hint === undefined ? {} : { hint }) }];
    }
  }
}

/** Of the alternatives of a union, the complaint about the one that the value looks like. */
function bestOfUnion(issue: Issue & { code: "invalid_union" }, path: (string | number)[], written: unknown): Problem {
  const value = valueAt(written, path);
  if (value === undefined) return missing(path);
  const alternatives = issue.errors.map((issues) =>
    issues.filter((each) => !(each.code === "invalid_type" && each.path.length === 0)),
  );
  const close = alternatives.find(
    (issues, index) => issues.length > 0 && issues.length === issue.errors[index]?.length,
  );
  const [inner] = close ?? [];
  if (inner !== undefined) {
    const [problem] = problemsOfIssue({ ...inner, path: [...path, ...inner.path] }, written);
    if (problem !== undefined) return problem;
  }
  const expected = issue.errors.flatMap((issues) =>
    issues.flatMap((each) => (each.code === "invalid_type" ? [article(each.expected)] : [])),
  );
  return { path, message: `it must be ${[...new Set(expected)].join(" or ")}, and is ${describe(value)}` };
}

function missing(path: readonly (string | number)[]): Problem {
  const example = EXAMPLES[String(path.at(-1))];
  return { path, message: "it is missing", ...(example === undefined ? {} : { hint: `write ${example}` }) };
}

const EXAMPLES: Readonly<Record<string, string>> = {
  name: 'name: "orders"',
  datasets: 'datasets: { orders: { columns: { id: "int" } } }',
  columns: 'columns: { id: "int", at: "timestamp" }',
  type: 'type: "string"',
  from: 'from: "pipeline@example.com"',
  to: 'to: ["team@example.com"]',
};

/** Names that may stand at a path, by its shape. */
function known(path: readonly (string | number)[]): readonly string[] {
  const [first, , third] = path;
  if (path.length === 0) return ["name", "alerts", "batching", "job", "retention", "datasets"];
  if (first === "alerts") return ["from", "to"];
  if (first === "batching") return ["window"];
  if (first === "job") return ["workers"];
  if (first === "retention") return ["logs", "oldVersions"];
  if (path.length === 2) {
    return ["source", "columns", "rules", "transform", "partitionBy", "rejectLimit", "quietRejects", "limits"];
  }
  if (third === "source") {
    return [
      "prefix",
      "format",
      "header",
      "delimiter",
      "quote",
      "encoding",
      "nullText",
      "unknownColumns",
      "missingColumns",
      "layout",
      "records",
    ];
  }
  if (third === "limits") return ["maxFiles", "maxBytes"];
  return ["type", "from", "nullable", "format"];
}

function unknownName(path: readonly (string | number)[], name: string, names: readonly string[]): Problem {
  const near = nearest(name, names);
  return {
    path,
    message: `there is no field "${name}"`,
    hint: near === undefined ? `fields are ${names.join(", ")}` : `did you mean "${near}"?`,
  };
}

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[String(part)];
  }
  return value;
}

function describe(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  if (typeof value === "function") return "a function";
  return JSON.stringify(value) ?? typeof value;
}

function article(expected: string): string {
  switch (expected) {
    case "string":
      return "a text";
    case "array":
      return "a list";
    case "object":
    case "record":
      return "an object";
    case "int":
      return "a whole number";
    case "boolean":
      return "true or false";
    default:
      return `a ${expected}`;
  }
}
