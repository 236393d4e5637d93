import { z } from "zod";
import { FUNCTION_ENVIRONMENT } from "../../plan/job-arguments.ts";

const name = z.string().min(1);

/** What the stack says to a function; each function takes the members it needs. */
export const environment = {
  pipeline: name,
  sourceBucket: name,
  targetBucket: name,
  plan: name.regex(/^s3:\/\/[^/]+\/.+$/, "must be s3://bucket/key"),
  jobName: name,
  crawlerName: name,
  database: name,
  alertTopicArn: z.string().startsWith("arn:").optional(),
} as const satisfies Record<keyof typeof FUNCTION_ENVIRONMENT, z.ZodType>;

type Members = typeof environment;

/** Reads members of the function's environment; fails at the cold start with every variable that is wrong. */
export function readEnvironment<K extends keyof Members>(
  variables: Readonly<Record<string, string | undefined>>,
  members: readonly K[],
): { readonly [M in K]: z.output<Members[M]> } {
  const problems: string[] = [];
  const values: Partial<Record<K, unknown>> = {};
  for (const member of members) {
    const variable = FUNCTION_ENVIRONMENT[member];
    const result = environment[member].safeParse(variables[variable]);
    if (result.success) values[member] = result.data;
    else problems.push(`${variable}: ${result.error.issues[0]?.message ?? "wrong"}`);
  }
  if (problems.length > 0) {
    throw new Error(`The function's environment is wrong (the stack sets it). ${problems.join("; ")}`);
  }
  // Each member was just parsed by its own schema.
  return values as { readonly [M in K]: z.output<Members[M]> };
}
