import {
  CloudFormationClient,
  DescribeStackEventsCommand,
  DescribeStackResourceCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  GetTemplateCommand,
  GetTemplateSummaryCommand,
  ListStackResourcesCommand,
  ListStacksCommand,
} from "@aws-sdk/client-cloudformation";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ACCOUNT, REGION, startLocalServices, type LocalServices } from "../../../../test/support/local-services.ts";
import { providersOf } from "../../template/stack-plan.ts";
import { createSqs } from "../sqs/service.ts";
import { createCloudFormation, type CloudFormationService } from "./service.ts";

const template = {
  Description: "two queues and who may use them",
  Parameters: { Stage: { Type: "String", Default: "dev" } },
  Resources: {
    Work: {
      Type: "AWS::SQS::Queue",
      Properties: {
        QueueName: { "Fn::Sub": "work-${Stage}" },
        RedrivePolicy: { deadLetterTargetArn: { "Fn::GetAtt": ["Dead", "Arn"] }, maxReceiveCount: 5 },
      },
      Metadata: { "aws:cdk:path": "Flow/Work" },
    },
    Dead: { Type: "AWS::SQS::Queue" },
    Role: {
      Type: "AWS::IAM::Role",
      Properties: {
        AssumeRolePolicyDocument: {
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
        },
      },
    },
  },
  Outputs: { WorkUrl: { Value: { Ref: "Work" }, Description: "where to send", Export: { Name: "work-url" } } },
};

let local: LocalServices;
let client: CloudFormationClient;
let cloudformation: CloudFormationService;
const provision = (changes: object = {}) =>
  cloudformation.provision(
    { name: "flow", template: { ...template, ...changes }, parameters: { Stage: "test" } },
    providersOf(local.dispatcher.services.values()),
  );

beforeAll(async () => {
  local = await startLocalServices({
    services: [(deps) => (cloudformation = createCloudFormation(deps)), createSqs],
  });
  client = local.client(CloudFormationClient);
  await provision();
});
afterAll(() => local.close());

test("a stack says what it was made of and what came out", async () => {
  const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: "flow" }));
  expect(Stacks?.[0]).toMatchObject({
    StackName: "flow",
    StackId: expect.stringMatching(`^arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/flow/[0-9a-f-]{36}$`) as string,
    StackStatus: "CREATE_COMPLETE",
    Description: "two queues and who may use them",
    Parameters: [{ ParameterKey: "Stage", ParameterValue: "test" }],
    Outputs: [
      {
        OutputKey: "WorkUrl",
        OutputValue: `${local.endpoint}/${ACCOUNT}/work-test`,
        Description: "where to send",
        ExportName: "work-url",
      },
    ],
  });
  const byId = await client.send(new DescribeStacksCommand({ StackName: Stacks?.[0]?.StackId }));
  expect(byId.Stacks?.[0]?.StackName).toBe("flow");
  const summaries = await client.send(new ListStacksCommand({ StackStatusFilter: ["CREATE_COMPLETE"] }));
  expect(summaries.StackSummaries?.map(({ StackName }) => StackName)).toEqual(["flow"]);
  expect((await client.send(new ListStacksCommand({ StackStatusFilter: ["DELETE_COMPLETE"] }))).StackSummaries).toEqual(
    [],
  );
});

test("resources by stack, by logical id and by physical id", async () => {
  const { StackResourceSummaries } = await client.send(new ListStackResourcesCommand({ StackName: "flow" }));
  expect(StackResourceSummaries?.map((one) => [one.LogicalResourceId, one.ResourceType, one.ResourceStatus])).toEqual([
    ["Dead", "AWS::SQS::Queue", "CREATE_COMPLETE"],
    ["Work", "AWS::SQS::Queue", "CREATE_COMPLETE"],
    ["Role", "AWS::IAM::Role", "CREATE_COMPLETE"],
  ]);
  const one = await client.send(new DescribeStackResourceCommand({ StackName: "flow", LogicalResourceId: "Work" }));
  expect(one.StackResourceDetail).toMatchObject({
    PhysicalResourceId: `${local.endpoint}/${ACCOUNT}/work-test`,
    Metadata: '{"aws:cdk:path":"Flow/Work"}',
  });
  const role = StackResourceSummaries?.find(({ LogicalResourceId }) => LogicalResourceId === "Role");
  const whose = await client.send(
    new DescribeStackResourcesCommand({ PhysicalResourceId: role?.PhysicalResourceId, LogicalResourceId: "Role" }),
  );
  expect(whose.StackResources).toMatchObject([{ StackName: "flow", LogicalResourceId: "Role" }]);
});

test("the template comes back as it was given", async () => {
  const { TemplateBody } = await client.send(new GetTemplateCommand({ StackName: "flow" }));
  expect(JSON.parse(TemplateBody ?? "")).toEqual(template);
  const summary = await client.send(new GetTemplateSummaryCommand({ StackName: "flow" }));
  expect(summary.ResourceTypes).toEqual(["AWS::SQS::Queue", "AWS::IAM::Role"]);
});

test("events tell the story, newest first", async () => {
  const { StackEvents } = await client.send(new DescribeStackEventsCommand({ StackName: "flow" }));
  const story = StackEvents?.toReversed().map((event) => `${event.LogicalResourceId} ${event.ResourceStatus}`);
  expect(story?.slice(0, 3)).toEqual(["flow CREATE_IN_PROGRESS", "Dead CREATE_IN_PROGRESS", "Dead CREATE_COMPLETE"]);
  expect(story?.at(-1)).toBe("flow CREATE_COMPLETE");
});

test("what does not exist is a ValidationError in CloudFormation's words", async () => {
  await expect(client.send(new DescribeStacksCommand({ StackName: "none" }))).rejects.toMatchObject({
    name: "ValidationError",
    message: "Stack with id none does not exist",
    $metadata: { httpStatusCode: 400 },
  });
  await expect(
    client.send(new DescribeStackResourceCommand({ StackName: "flow", LogicalResourceId: "X" })),
  ).rejects.toMatchObject({ message: "Resource X does not exist for stack flow" });
});

test("a resource that the service refuses fails the stack with the service's own error", async () => {
  const Resources = { ...template.Resources, Bad: { Type: "AWS::SQS::Queue", Properties: { DelaySeconds: 901 } } };
  await expect(provision({ Resources })).rejects.toThrow(/^Bad \(AWS::SQS::Queue\): InvalidAttributeValue/);
  const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: "flow" }));
  expect(Stacks?.[0]).toMatchObject({
    StackStatus: "UPDATE_FAILED",
    StackStatusReason: expect.stringContaining("Bad (AWS::SQS::Queue)") as string,
  });
  await provision();
  expect((await client.send(new DescribeStacksCommand({ StackName: "flow" }))).Stacks?.[0]?.StackStatus).toBe(
    "UPDATE_COMPLETE",
  );
});
