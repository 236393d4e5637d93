import { SPARK_FUNCTIONS } from "./functions/all.ts";
import { REFUSED_FUNCTIONS } from "./functions/refused.ts";
import type { SparkFunction } from "./function-table.ts";
import { GENERATOR_NAMES } from "./generators.ts";

/** docs/reference/functions.md, written from the table so that it cannot say otherwise. A test compares. */
export function functionReference(): string {
  const rows = [...SPARK_FUNCTIONS]
    .sort((a, b) => (first(a) < first(b) ? -1 : 1))
    .map((entry) => `| ${entry.names.map((name) => `\`${name}\``).join(", ")} | \`${signature(entry)}\` |`);
  const reasons = new Map<string, string[]>();
  for (const [name, { reason }] of REFUSED_FUNCTIONS)
    reasons.set(reason, [...(reasons.get(reason) ?? []), `\`${name}\``]);
  const refused = [...reasons].map(([reason, names]) => `- ${names.sort().join(", ")}: ${reason}.`);
  return `# Functions in transforms and rules

What a transform or rule may call, in Spark's names and with Spark's meaning (ANSI mode, UTC). Anything else is a definition error that says so.
Beside them: \`CASE\`, \`CAST\` and \`TRY_CAST\`, \`AND\`, \`OR\`, \`NOT\`, comparisons, \`BETWEEN\`, \`IN\`, \`LIKE\`, \`ILIKE\`, \`RLIKE\`, \`IS [NOT] NULL|TRUE|FALSE|DISTINCT FROM\`, \`+ - * / % DIV ||\`,
\`INTERVAL\` after \`+\` and \`-\` of dates and timestamps, \`EXTRACT\`, \`TRIM(BOTH … FROM …)\`, \`struct.field\`, \`map[key]\`, and lambdas \`x -> …\`.
The rows of a record multiply by ${GENERATOR_NAMES.map((name) => `\`${name}\``).join(", ")}, in the select list or after \`LATERAL VIEW [OUTER]\`.

| function | arguments |
| --- | --- |
${rows.join("\n")}

"literal" means that the argument is written in the SQL, so that it can be checked and translated once.

## Refused, and why

${refused.join("\n")}
`;
}

function first(entry: SparkFunction): string {
  return entry.names[0] ?? "";
}

function signature(entry: SparkFunction): string {
  const least = entry.parameters.length - (entry.optional ?? 0);
  const parameters = entry.parameters.map((kind, index) => {
    const name = kind
      .replace("text-literal", "literal text")
      .replace("int-literal", "literal int")
      .replace("moment", "date or timestamp");
    return index < least ? name : `[${name}]`;
  });
  return `${parameters.join(", ")}${entry.variadic === true ? ", …" : ""}`;
}

if (import.meta.main) process.stdout.write(functionReference());
