import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AuthorizationRequest } from "../bus.ts";
import type { Principal } from "../service.ts";
import { matchesGlob, statementMatches } from "./match.ts";
import { parsePolicyDocument, type PolicyKind } from "./policy-document.ts";

const ACCOUNT = "111122223333";
const role: Principal = {
  kind: "assumed-role",
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/etl/run-1`,
  roleArn: `arn:aws:iam::${ACCOUNT}:role/etl`,
  sessionName: "run-1",
  userId: "AROAEXAMPLE:run-1",
};
const s3: Principal = { kind: "service", service: "s3.amazonaws.com", sourceArn: "arn:aws:s3:::landing" };

function matches(statement: object, request: Partial<AuthorizationRequest>, kind: PolicyKind = "identity"): boolean {
  const Statement = { Effect: "Allow", ...(kind !== "trust" && { Resource: "*" }), Action: "*", ...statement };
  const [parsed] = parsePolicyDocument({ Version: "2012-10-17", Statement }, kind).statements;
  const asked = { principal: role, action: "s3:GetObject", resourceArn: "arn:aws:s3:::landing/a/b.csv", ...request };
  return parsed !== undefined && statementMatches(parsed, asked);
}

describe("a statement speaks about a call", () => {
  test.each<[string, object, boolean]>([
    ["an action without regard to case", { Action: "S3:getobject" }, true],
    ["an action glob", { Action: ["s3:Get*", "s3:List*"] }, true],
    ["a question mark is one character", { Action: "s3:GetObjec?" }, true],
    ["another action", { Action: "s3:PutObject" }, false],
    ["NotAction", { Action: undefined, NotAction: "s3:Put*" }, true],
    ["a resource glob over slashes", { Resource: "arn:aws:s3:::landing/*" }, true],
    ["resources keep their case", { Resource: "arn:aws:s3:::Landing/*" }, false],
    ["the bucket is not its objects", { Resource: "arn:aws:s3:::landing" }, false],
    ["NotResource", { Resource: undefined, NotResource: "arn:aws:s3:::landing/secret/*" }, true],
  ])("%s", (_name, statement, expected) => {
    expect(matches(statement, {})).toBe(expected);
  });

  test.each<[string, object | string, Principal, boolean]>([
    ["everyone", "*", role, true],
    ["everyone of AWS", { AWS: "*" }, role, true],
    ["the account", { AWS: ACCOUNT }, role, true],
    ["the account's root", { AWS: `arn:aws:iam::${ACCOUNT}:root` }, role, true],
    ["another account", { AWS: "arn:aws:iam::999999999999:root" }, role, false],
    ["the role of a session", { AWS: role.roleArn }, role, true],
    ["one session", { AWS: role.arn }, role, true],
    ["a service", { Service: ["sns.amazonaws.com", "s3.amazonaws.com"] }, s3, true],
    ["another service", { Service: "sns.amazonaws.com" }, s3, false],
    ["a service is not an account", { AWS: ACCOUNT }, s3, false],
  ])("principal: %s", (_name, Principal, principal, expected) => {
    expect(matches({ Principal }, { principal }, "resource")).toBe(expected);
  });

  test.each<[string, object, boolean]>([
    ["ArnLike on the source", { ArnLike: { "aws:SourceArn": "arn:aws:s3:::land*" } }, true],
    ["keys without regard to case", { StringEquals: { "AWS:sourceARN": "arn:aws:s3:::landing" } }, true],
    ["one of several values", { StringEquals: { "aws:SourceArn": ["x", "arn:aws:s3:::landing"] } }, true],
    ["all of several keys", { StringEquals: { "aws:SourceArn": "arn:aws:s3:::landing", "x:y": "1" } }, false],
    ["a missing key fails", { StringEquals: { "aws:PrincipalTag/x": "1" } }, false],
    ["a missing key passes when negated", { StringNotEquals: { "aws:PrincipalTag/x": "1" } }, true],
    ["negation of any of several", { StringNotLike: { "aws:SourceArn": ["arn:aws:s3:::land*", "x"] } }, false],
    ["IfExists lets a missing key pass", { StringEqualsIfExists: { "x:y": "1" } }, true],
    ["Null", { Null: { "x:y": "true" } }, true],
    ["Bool", { Bool: { "aws:PrincipalIsAWSService": true } }, true],
    ["numbers", { NumericLessThan: { "s3:max-keys": 11 } }, true],
  ])("condition: %s", (_name, Condition, expected) => {
    const context = { "s3:max-keys": "10" };
    expect(matches({ Condition, Principal: "*" }, { principal: s3, context }, "resource")).toBe(expected);
  });

  test("a condition that cannot be evaluated is refused, not skipped", () => {
    const Condition = { IpAddress: { "aws:SourceIp": "10.0.0.0/8" } };
    const asked = () =>
      matches({ Condition, Principal: "*" }, { principal: s3, context: { "aws:sourceip": "x" } }, "resource");
    expect(asked).toThrow("does not evaluate the condition operator IpAddress (on aws:SourceIp)");
  });
});

describe("policy documents", () => {
  test.each<[string, PolicyKind, object, string]>([
    ["an unknown element", "identity", { Effect: "Allow", Action: "*", Resource: "*", Colour: 1 }, "Colour"],
    [
      "Action and NotAction",
      "identity",
      { Effect: "Allow", Action: "*", NotAction: "*", Resource: "*" },
      "exactly one of Action",
    ],
    ["no resource", "identity", { Effect: "Allow", Action: "*" }, "exactly one of Resource"],
    [
      "a principal where there must be none",
      "identity",
      { Effect: "Allow", Action: "*", Resource: "*", Principal: "*" },
      "should not specify a principal",
    ],
    [
      "no principal where there must be one",
      "resource",
      { Effect: "Allow", Action: "*", Resource: "*" },
      "missing required field Principal",
    ],
    [
      "a resource in a trust policy",
      "trust",
      { Effect: "Allow", Action: "*", Resource: "*", Principal: "*" },
      "must not have a Resource",
    ],
    ["a wrong effect", "identity", { Effect: "allow", Action: "*", Resource: "*" }, "Effect"],
  ])("%s is malformed", (_name, kind, statement, message) => {
    const parse = () => parsePolicyDocument({ Version: "2012-10-17", Statement: [statement] }, kind);
    expect(parse).toThrow(message);
    expect(parse).toThrow(expect.objectContaining({ code: "MalformedPolicyDocument" }) as Error);
  });
});

describe("globs", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", ".", "(", "\\", "/", "\n") });

  test("text without wildcards matches itself only", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(matchesGlob(a, b)).toBe(a === b);
      }),
    );
  });

  test("a star stands for any text, a question mark for one character", () => {
    fc.assert(
      fc.property(text, text, text, (before, middle, after) => {
        expect(matchesGlob(`${before}*${after}`, before + middle + after)).toBe(true);
        expect(matchesGlob("?".repeat(middle.length), middle)).toBe(true);
        expect(matchesGlob(`${"?".repeat(middle.length)}?`, middle)).toBe(false);
      }),
    );
  });
});
