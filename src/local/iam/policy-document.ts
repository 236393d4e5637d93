import { z } from "zod";
import { AwsError } from "../service.ts";

/** A policy as evaluation wants it: every list a list, every element known. */
export interface PolicyDocument {
  readonly version: string;
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly sid: string | undefined;
  readonly effect: "Allow" | "Deny";
  /** Resource and trust policies only: kind (`AWS`, `Service`, `*`…) and value. */
  readonly principals: Matcher<PrincipalPattern> | undefined;
  readonly actions: Matcher<string>;
  readonly resources: Matcher<string> | undefined;
  readonly conditions: readonly Condition[];
}

/** `Action` or, with `not`, `NotAction`; the same for resources and principals. */
export interface Matcher<T> {
  readonly not: boolean;
  readonly values: readonly T[];
}

export interface PrincipalPattern {
  readonly kind: "AWS" | "Service" | "Federated" | "CanonicalUser" | "*";
  readonly value: string;
}

export interface Condition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

export type PolicyKind = "identity" | "resource" | "trust";

const oneOrMany = z.union([z.string().transform((value) => [value]), z.array(z.string())]);
const scalar = z.union([z.string(), z.boolean(), z.number()]).transform(String);
const principal = z.union([
  z.literal("*").transform((value) => [{ kind: value, value }]),
  z
    .partialRecord(z.enum(["AWS", "Service", "Federated", "CanonicalUser"]), oneOrMany)
    .transform((kinds) =>
      Object.entries(kinds).flatMap(([kind, values]) =>
        (values ?? []).map((value) => ({ kind: kind as PrincipalPattern["kind"], value })),
      ),
    ),
]);

const statement = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(["Allow", "Deny"]),
  Principal: principal.optional(),
  NotPrincipal: principal.optional(),
  Action: oneOrMany.optional(),
  NotAction: oneOrMany.optional(),
  Resource: oneOrMany.optional(),
  NotResource: oneOrMany.optional(),
  Condition: z
    .record(z.string(), z.record(z.string(), z.union([scalar.transform((value) => [value]), z.array(scalar)])))
    .optional(),
});

const document = z.strictObject({
  Version: z.enum(["2008-10-17", "2012-10-17"]).default("2008-10-17"),
  Id: z.string().optional(),
  Statement: z.preprocess((value) => (Array.isArray(value) ? value : [value]), z.array(statement).min(1)),
});

/**
 * Parses a policy of IAM's grammar
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html).
 * Throws MalformedPolicyDocument with what is wrong and where.
 */
export function parsePolicyDocument(policy: unknown, kind: PolicyKind): PolicyDocument {
  const json = typeof policy === "string" ? parseJson(policy) : policy;
  const parsed = document.safeParse(json);
  if (!parsed.success) throw malformed(z.prettifyError(parsed.error));
  const statements = parsed.data.Statement.map((item, index) => {
    const where = `Statement[${index}]`;
    const actions = either(item.Action, item.NotAction);
    if (!actions) throw malformed(`${where} must have exactly one of Action and NotAction.`);
    const principals = either(item.Principal, item.NotPrincipal);
    const resources = either(item.Resource, item.NotResource);
    if (kind === "identity" && (item.Principal ?? item.NotPrincipal)) {
      throw malformed(`${where}: policy document should not specify a principal.`);
    }
    if (kind !== "identity" && !principals) throw malformed(`${where}: missing required field Principal.`);
    if (kind === "trust" && (item.Resource ?? item.NotResource)) {
      throw malformed(`${where}: a trust policy must not have a Resource; it is the role it belongs to.`);
    }
    if (kind !== "trust" && !resources) throw malformed(`${where} must have exactly one of Resource and NotResource.`);
    const conditions = Object.entries(item.Condition ?? {}).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, values]) => ({ operator, key, values })),
    );
    return { sid: item.Sid, effect: item.Effect, principals, actions, resources, conditions };
  });
  return { version: parsed.data.Version, statements };
}

function either<T>(plain: T[] | undefined, negated: T[] | undefined): Matcher<T> | undefined {
  if (plain && negated) return undefined;
  if (plain) return { not: false, values: plain };
  return negated && { not: true, values: negated };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed(`Syntax error: ${(error as Error).message}`);
  }
}

function malformed(what: string): AwsError {
  return new AwsError("MalformedPolicyDocument", what, { status: 400 });
}
