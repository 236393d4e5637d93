import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { GetRoleCommand, GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ACCOUNT, startLocalServices, type LocalServices } from "../../../../test/support/local-services.ts";

let local: LocalServices;
beforeAll(async () => {
  local = await startLocalServices({ services: [] });
});
afterAll(() => local.close());

async function role(name: string, principal: object): Promise<string> {
  const provider = local.dispatcher.services.get("iam")?.resources["AWS::IAM::Role"];
  const properties = provider?.schema.parse({
    RoleName: name,
    AssumeRolePolicyDocument: {
      Version: "2012-10-17",
      Statement: { Effect: "Allow", Principal: principal, Action: "sts:AssumeRole" },
    },
  });
  const made = await provider?.provision({
    logicalId: name,
    stackName: "s",
    properties: properties as never,
    generatedName: () => name,
  });
  return made?.attributes["Arn"] ?? "";
}

test("the administrator is a user of the account", async () => {
  const sts = local.client(STSClient);
  expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: ACCOUNT,
    Arn: `arn:aws:iam::${ACCOUNT}:user/administrator`,
  });
});

test("a role that trusts the account can be assumed, and its session signs calls as the role", async () => {
  const arn = await role("analyst", { AWS: `arn:aws:iam::${ACCOUNT}:root` });
  const sts = local.client(STSClient);
  const { Credentials, AssumedRoleUser } = await sts.send(
    new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: "me" }),
  );
  const session = local.client(STSClient, {
    credentials: {
      accessKeyId: Credentials?.AccessKeyId ?? "",
      secretAccessKey: Credentials?.SecretAccessKey ?? "",
      sessionToken: Credentials?.SessionToken ?? "",
    },
  });
  expect(await session.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Arn: `arn:aws:sts::${ACCOUNT}:assumed-role/analyst/me`,
    UserId: AssumedRoleUser?.AssumedRoleId,
  });
});

test("a role that trusts only a service cannot be assumed by a person, nor can one that does not exist", async () => {
  const arn = await role("function-role", { Service: "lambda.amazonaws.com" });
  const sts = local.client(STSClient);
  for (const RoleArn of [arn, `arn:aws:iam::${ACCOUNT}:role/nobody`]) {
    await expect(sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "me" }))).rejects.toMatchObject({
      name: "AccessDenied",
      message: expect.stringContaining("is not authorized to perform: sts:AssumeRole"),
    });
  }
  const lambda = { kind: "service", service: "lambda.amazonaws.com", sourceArn: "" } as const;
  const asked = { principal: lambda, action: "sts:AssumeRole", resourceArn: arn };
  expect(await local.deps.bus.allowed(asked)).toBe(true);
});

test("a session ends when its duration is over", async () => {
  const arn = await role("short", { AWS: "*" });
  const { Credentials } = await local
    .client(STSClient)
    .send(new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: "me", DurationSeconds: 900 }));
  await local.clock.advance(901_000);
  const session = local.client(STSClient, {
    systemClockOffset: 901_000,
    credentials: {
      accessKeyId: Credentials?.AccessKeyId ?? "",
      secretAccessKey: Credentials?.SecretAccessKey ?? "",
      sessionToken: Credentials?.SessionToken ?? "",
    },
  });
  await expect(session.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({ name: "ExpiredTokenException" });
});

test("a role's documents come back URL-encoded, and what is not there is NoSuchEntity", async () => {
  await local.role("worker", "glue.amazonaws.com");
  const iam = local.client(IAMClient);
  const { Role } = await iam.send(new GetRoleCommand({ RoleName: "worker" }));
  expect(JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? ""))).toMatchObject({
    Statement: [{ Principal: { Service: "glue.amazonaws.com" } }],
  });
  expect((await iam.send(new ListRolePoliciesCommand({ RoleName: "worker" }))).PolicyNames).toEqual(["everything"]);
  await expect(iam.send(new GetRolePolicyCommand({ RoleName: "worker", PolicyName: "none" }))).rejects.toMatchObject({
    name: "NoSuchEntityException",
    message: expect.stringContaining("none"),
  });
});
