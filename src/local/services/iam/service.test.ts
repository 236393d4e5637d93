import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListAttachedRolePoliciesCommand,
  ListPoliciesCommand,
  ListRolePoliciesCommand,
  ListRolesCommand,
} from "@aws-sdk/client-iam";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ACCOUNT, startLocalServices, type LocalServices } from "../../../../test/support/local-services.ts";
import { providersOf } from "../../template/stack-plan.ts";
import { createCloudFormation, type CloudFormationService } from "../cloudformation/service.ts";

const BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
const trust = {
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
};
const allow = (Action: string) => ({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action, Resource: "*" }] });
const role = (Properties: object = {}) => ({
  Type: "AWS::IAM::Role",
  Properties: { AssumeRolePolicyDocument: trust, ...Properties },
});

let local: LocalServices;
let iam: IAMClient;
let cloudformation: CloudFormationService;
const deploy = (Resources: object, name = "flow") =>
  cloudformation.provision(
    { name, template: { Resources }, parameters: {} },
    providersOf(local.dispatcher.services.values()),
  );
beforeAll(async () => {
  local = await startLocalServices({ services: [(deps) => (cloudformation = createCloudFormation(deps))] });
  iam = local.client(IAMClient);
});
afterAll(() => local.close());

test("a template's roles and policies can be read back, and go when the template lets them go", async () => {
  const resources = {
    Role: role({
      RoleName: "etl",
      Path: "/service/",
      Description: "runs",
      Policies: [{ PolicyName: "own", PolicyDocument: allow("s3:GetObject") }],
      ManagedPolicyArns: [BASIC, { Ref: "Managed" }],
      Tags: [{ Key: "team", Value: "data" }],
    }),
    Added: {
      Type: "AWS::IAM::Policy",
      Properties: { PolicyName: "added", PolicyDocument: allow("sqs:*"), Roles: [{ Ref: "Role" }] },
    },
    Managed: {
      Type: "AWS::IAM::ManagedPolicy",
      Properties: { ManagedPolicyName: "shared", PolicyDocument: allow("sns:Publish") },
    },
  };
  await deploy(resources);
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: "etl" }));
  expect(Role).toMatchObject({
    Arn: `arn:aws:iam::${ACCOUNT}:role/service/etl`,
    RoleId: expect.stringMatching(/^AROA[A-Z0-9]{17}$/) as string,
    Description: "runs",
    MaxSessionDuration: 3600,
    Tags: [{ Key: "team", Value: "data" }],
  });
  expect((await iam.send(new ListRolePoliciesCommand({ RoleName: "etl" }))).PolicyNames).toEqual(["added", "own"]);
  const added = await iam.send(new GetRolePolicyCommand({ RoleName: "etl", PolicyName: "added" }));
  expect(JSON.parse(decodeURIComponent(added.PolicyDocument ?? ""))).toEqual(allow("sqs:*"));
  const managed = `arn:aws:iam::${ACCOUNT}:policy/shared`;
  const attached = await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: "etl" }));
  expect(attached.AttachedPolicies?.map(({ PolicyArn }) => PolicyArn)).toEqual([managed, BASIC]);
  const { Policy } = await iam.send(new GetPolicyCommand({ PolicyArn: managed }));
  expect(Policy).toMatchObject({ PolicyName: "shared", AttachmentCount: 1, DefaultVersionId: "v1" });
  for (const [PolicyArn, document] of [
    [managed, "sns:Publish"],
    [BASIC, "logs:PutLogEvents"],
  ] as const) {
    const { PolicyVersion } = await iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId: "v1" }));
    expect(decodeURIComponent(PolicyVersion?.Document ?? "")).toContain(document);
  }

  await deploy({ Role: resources.Role, Managed: resources.Managed });
  expect((await iam.send(new ListRolePoliciesCommand({ RoleName: "etl" }))).PolicyNames).toEqual(["own"]);
  await deploy({ Role: role({ RoleName: "etl" }) });
  expect((await iam.send(new ListAttachedRolePoliciesCommand({ RoleName: "etl" }))).AttachedPolicies).toEqual([]);
  expect((await iam.send(new ListPoliciesCommand({ Scope: "Local" }))).Policies).toEqual([]);
});

test.each([
  ["a malformed trust policy", role({ AssumeRolePolicyDocument: allow("sts:AssumeRole") }), "MalformedPolicyDocument"],
  [
    "an unknown AWS managed policy",
    role({ ManagedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"] }),
    "not known to the local runtime",
  ],
  ["a session that is too long", role({ MaxSessionDuration: 50_000 }), "between 3600 and 43200"],
  [
    "a policy for a role that does not exist",
    { Type: "AWS::IAM::Policy", Properties: { PolicyName: "p", PolicyDocument: allow("*"), Roles: ["nobody"] } },
    "NoSuchEntity",
  ],
])("%s fails the stack", async (_name, resource, message) => {
  await expect(deploy({ X: resource }, "broken")).rejects.toThrow(message);
});

test("a role's name belongs to one stack", async () => {
  await deploy({ R: role({ RoleName: "mine" }) }, "first");
  await expect(deploy({ R: role({ RoleName: "mine" }) }, "second")).rejects.toThrow("EntityAlreadyExists");
});

test("lists come in pages", async () => {
  const names = Array.from({ length: 5 }, (_, index) => `page-${index}`);
  await deploy(
    Object.fromEntries(names.map((name, index) => [`R${index}`, role({ RoleName: name, Path: "/pages/" })])),
    "pages",
  );
  const found: string[] = [];
  let Marker: string | undefined;
  do {
    const page = await iam.send(new ListRolesCommand({ PathPrefix: "/pages/", MaxItems: 2, Marker }));
    found.push(...(page.Roles ?? []).map(({ RoleName }) => RoleName ?? ""));
    Marker = page.IsTruncated ? page.Marker : undefined;
  } while (Marker !== undefined);
  expect(found).toEqual(names);
});
