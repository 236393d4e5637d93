import { expect, test } from "vitest";
import { ACCOUNT, DirectBus } from "../../../../test/support/direct-bus.ts";
import type { ResourceProvider } from "../../service.ts";
import { createSqs } from "./service.ts";

async function provision(provider: ResourceProvider | undefined, properties: object, physicalId?: string) {
  if (!provider) throw new Error("no such resource type");
  const request = {
    logicalId: "Q",
    stackName: "Stack",
    physicalId,
    properties: provider.schema.parse(properties) as never,
    generatedName: () => "Stack-Q-ABC",
  };
  return await provider.provision(request);
}

test("a queue of a template: text and numbers alike, Ref is its URL, GetAtt its ARN", async () => {
  const bus = new DirectBus();
  const sqs = createSqs(bus.deps);
  const type = sqs.resources["AWS::SQS::Queue"];
  const dead = await provision(type, { QueueName: "dead", MessageRetentionPeriod: "1209600" });
  const made = await provision(type, {
    VisibilityTimeout: 360,
    RedrivePolicy: { deadLetterTargetArn: dead.attributes["Arn"], maxReceiveCount: 5 },
    Tags: [{ Key: "k", Value: "v" }],
  });
  expect(made).toEqual({
    physicalId: `http://127.0.0.1:4566/${ACCOUNT}/Stack-Q-ABC`,
    attributes: {
      Arn: `arn:aws:sqs:eu-west-1:${ACCOUNT}:Stack-Q-ABC`,
      QueueName: "Stack-Q-ABC",
      QueueUrl: `http://127.0.0.1:4566/${ACCOUNT}/Stack-Q-ABC`,
    },
  });
  expect(() => type?.schema.parse({ FifoQueue: true })).toThrow(/FifoQueue/);
});

test("provisioning again changes the queue, takes back what the template no longer says, and keeps its policy", async () => {
  const bus = new DirectBus();
  const sqs = createSqs(bus.deps);
  const queueType = sqs.resources["AWS::SQS::Queue"];
  const policyType = sqs.resources["AWS::SQS::QueuePolicy"];
  const made = await provision(queueType, { QueueName: "q", VisibilityTimeout: 360, DelaySeconds: 3 });
  const document = { Version: "2012-10-17", Statement: [] };
  const policy = await provision(policyType, { Queues: [made.physicalId], PolicyDocument: document });
  await provision(queueType, { QueueName: "q", VisibilityTimeout: 30 }, made.physicalId);
  const answer = await sqs.operations["GetQueueAttributes"]?.(
    { QueueUrl: made.physicalId, AttributeNames: ["All"] } as never,
    { requestId: "r", principal: { kind: "user", arn: "a", userId: "u" } },
  );
  expect(answer).toMatchObject({
    Attributes: { VisibilityTimeout: "30", DelaySeconds: "0", Policy: JSON.stringify(document) },
  });
  await policyType?.delete(policy.physicalId);
  expect(sqs.resourcePolicy(made.attributes["Arn"] ?? "")).toBeUndefined();
  await queueType?.delete(made.physicalId);
  await queueType?.delete(made.physicalId);
});
