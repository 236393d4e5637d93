import type { AuthorizationRequest } from "../bus.ts";
import { AwsError } from "../service.ts";
import type { Condition, Matcher, PrincipalPattern, Statement } from "./policy-document.ts";

/** Does one statement of a policy speak about this call? */
export function statementMatches(statement: Statement, request: AuthorizationRequest): boolean {
  return (
    matches(statement.actions, (pattern) => matchesGlob(pattern.toLowerCase(), request.action.toLowerCase())) &&
    (!statement.resources || matches(statement.resources, (pattern) => matchesGlob(pattern, request.resourceArn))) &&
    (!statement.principals || matches(statement.principals, (pattern) => matchesPrincipal(pattern, request))) &&
    statement.conditions.every((condition) => conditionHolds(condition, contextOf(request)))
  );
}

function matches<T>({ not, values }: Matcher<T>, test: (value: T) => boolean): boolean {
  return values.some((value) => test(value)) !== not;
}

/** `*` for any text, `?` for one character; everything else literally. */
export function matchesGlob(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(text);
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html */
function matchesPrincipal(pattern: PrincipalPattern, { principal }: AuthorizationRequest): boolean {
  if (pattern.kind === "*" || pattern.value === "*") return true;
  if (principal.kind === "service") return pattern.kind === "Service" && pattern.value === principal.service;
  if (pattern.kind !== "AWS") return false;
  const [, , , , account] = principal.arn.split(":");
  if (pattern.value === account || pattern.value.endsWith(`:${account}:root`)) return true;
  return pattern.value === principal.arn || (principal.kind === "assumed-role" && pattern.value === principal.roleArn);
}

/** Condition keys of a call: what it was asked with, and what its principal says. Names compare without case. */
function contextOf({ principal, context = {} }: AuthorizationRequest): ReadonlyMap<string, string> {
  const keys = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]));
  if (principal.kind === "service") {
    keys.set("aws:principalisawsservice", "true");
    keys.set("aws:principalservicename", principal.service);
    if (principal.sourceArn !== "") {
      keys.set("aws:sourcearn", principal.sourceArn);
      const account = principal.sourceArn.split(":")[4];
      if (account && !keys.has("aws:sourceaccount")) keys.set("aws:sourceaccount", account);
    }
  } else {
    keys.set("aws:principalisawsservice", "false");
    keys.set("aws:principalarn", principal.kind === "assumed-role" ? principal.roleArn : principal.arn);
    keys.set("aws:principalaccount", principal.arn.split(":")[4] ?? "");
    keys.set("aws:userid", principal.userId);
  }
  return keys;
}

type Comparison = (value: string, wanted: string) => boolean;

const sameText: Comparison = (value, wanted) => value === wanted;
const like: Comparison = (value, wanted) => matchesGlob(wanted, value);
const numeric =
  (test: (a: number, b: number) => boolean): Comparison =>
  (value, wanted) =>
    test(Number(value), Number(wanted));

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const COMPARISONS: Readonly<Record<string, Comparison>> = {
  StringEquals: sameText,
  StringEqualsIgnoreCase: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  StringLike: like,
  ArnEquals: like,
  ArnLike: like,
  Bool: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
  NumericEquals: numeric((a, b) => a === b),
  NumericLessThan: numeric((a, b) => a < b),
  NumericLessThanEquals: numeric((a, b) => a <= b),
  NumericGreaterThan: numeric((a, b) => a > b),
  NumericGreaterThanEquals: numeric((a, b) => a >= b),
};

/** Refuses operators that are not evaluated here: a condition that is skipped would allow what it should not. */
function conditionHolds({ operator, key, values }: Condition, context: ReadonlyMap<string, string>): boolean {
  const value = context.get(key.toLowerCase());
  if (operator === "Null") return values.includes(String(value === undefined));
  const ifExists = operator.endsWith("IfExists");
  const name = operator
    .replace(/IfExists$/, "")
    .replace("StringNot", "String")
    .replace("ArnNot", "Arn");
  const negated = name !== operator.replace(/IfExists$/, "");
  const comparison = COMPARISONS[name];
  if (!comparison) {
    throw new AwsError(
      "NotImplemented",
      `The local runtime does not evaluate the condition operator ${operator} (on ${key}) in policies.`,
      { status: 501 },
    );
  }
  // A missing key fails a positive condition and passes a negated one.
  if (value === undefined) return ifExists || negated;
  return values.some((wanted) => comparison(value, wanted)) !== negated;
}
