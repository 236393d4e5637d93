import { Template } from "aws-cdk-lib/assertions";
import { beforeAll, describe, expect, test } from "vitest";
import { checkDatasetName } from "../../src/definition/names.ts";
import { planOf, settingsOf, stackApp } from "../support/stack-app.ts";

let template: Template;
beforeAll(() => {
  template = Template.fromStack(stackApp(settingsOf(planOf("orders", "customers"))).stack);
});

/** Logical ids and properties of the resources of a type. */
const all = (type: string) =>
  Object.entries(template.findResources(type)) as [
    string,
    { Properties: Record<string, unknown>; DependsOn?: string[] },
  ][];
const only = (type: string, id = "") => {
  const found = all(type).filter(([logicalId]) => logicalId.startsWith(id));
  expect(found).toHaveLength(1);
  const [one] = found;
  if (!one) throw new Error(`no ${type}`);
  return { id: one[0], ...one[1] };
};

describe("the template", () => {
  test("holds resources and outputs only, so that Node and the CDK CLI write the same", () => {
    expect(Object.keys(template.toJSON() as object).toSorted()).toEqual(["Description", "Outputs", "Resources"]);
  });

  test("has no helper function and no custom resource", () => {
    const types = Object.values((template.toJSON() as { Resources: Record<string, { Type: string }> }).Resources);
    expect(types.filter(({ Type }) => Type.startsWith("Custom::") || Type.includes("CustomResource"))).toEqual([]);
    expect(all("AWS::Lambda::Function").map(([id]) => id.replace(/[0-9A-F]{8}$/, ""))).toEqual([
      "EtlFunction",
      "CrawlerFunction",
    ]);
  });

  test("makes a notification's destination before the bucket that names it", () => {
    const source = only("AWS::S3::Bucket", "SourceBucket");
    expect(source.DependsOn).toContain(only("AWS::SNS::TopicPolicy").id);
    const target = only("AWS::S3::Bucket", "TargetBucket");
    expect(target.DependsOn).toContain(only("AWS::Lambda::Permission", "TargetBucket").id);
  });

  test("keeps every version of a source file apart", () => {
    expect(only("AWS::S3::Bucket", "SourceBucket").Properties).toMatchObject({
      VersioningConfiguration: { Status: "Enabled" },
    });
  });

  test("encrypts, blocks public access and refuses plain HTTP on every bucket", () => {
    for (const [, { Properties }] of all("AWS::S3::Bucket")) {
      expect(Properties).toMatchObject({
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
        },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      });
    }
    for (const type of ["AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"]) {
      for (const [, { Properties }] of all(type)) {
        const { Statement } = Properties["PolicyDocument"] as { Statement: object[] };
        expect(Statement).toContainEqual(
          expect.objectContaining({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
        );
      }
    }
  });

  test("sends to DeadLetterQueue after five receives, and waits six function timeouts for an answer", () => {
    const queue = only("AWS::SQS::Queue", "IngestQueue8");
    const timeout = Number(only("AWS::Lambda::Function", "EtlFunction").Properties["Timeout"]);
    expect(queue.Properties).toMatchObject({ RedrivePolicy: { maxReceiveCount: 5 }, SqsManagedSseEnabled: true });
    expect(Number(queue.Properties["VisibilityTimeout"])).toBeGreaterThanOrEqual(6 * timeout);
  });

  test("limits EtlFunction by MaximumConcurrency, not by reserved concurrency", () => {
    expect(only("AWS::Lambda::EventSourceMapping").Properties).toMatchObject({
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      ScalingConfig: { MaximumConcurrency: 2 },
    });
    for (const [, { Properties }] of all("AWS::Lambda::Function")) {
      expect(Properties).not.toHaveProperty("ReservedConcurrentExecutions");
    }
  });

  test("runs Glue 6.0 on two G.1X workers, with queuing and without retries of Glue's own", () => {
    expect(only("AWS::Glue::Job").Properties).toMatchObject({
      GlueVersion: "6.0",
      WorkerType: "G.1X",
      NumberOfWorkers: 2,
      MaxRetries: 0,
      JobRunQueuingEnabled: true,
      Timeout: 60,
      ExecutionProperty: { MaxConcurrentRuns: 3 },
    });
  });

  test("gives no role an action with a wildcard", () => {
    const actions = all("AWS::IAM::Policy").flatMap(([, { Properties }]) => {
      const { Statement } = Properties["PolicyDocument"] as { Statement: { Action: string | string[] }[] };
      return Statement.flatMap(({ Action }) => Action);
    });
    expect(actions.length).toBeGreaterThan(20);
    expect(actions.filter((action) => action.includes("*"))).toEqual([]);
  });

  test("lets nothing under staging/ expire", () => {
    const { LifecycleConfiguration } = only("AWS::S3::Bucket", "TargetBucket").Properties as {
      LifecycleConfiguration: { Rules: { Prefix?: string; ExpirationInDays?: number }[] };
    };
    const expiring = LifecycleConfiguration.Rules.filter((rule) => rule.ExpirationInDays !== undefined);
    expect(expiring.map((rule) => rule.Prefix)).toEqual(["athena-results/"]);
  });

  test("crawls one path per dataset, and never the ledger or results", () => {
    const { Targets } = only("AWS::Glue::Crawler").Properties as { Targets: { S3Targets: { Path: unknown }[] } };
    expect(Targets.S3Targets.map(({ Path }) => JSON.stringify(Path).match(/data\/\w+\//)?.[0])).toEqual([
      "data/customers/",
      "data/orders/",
    ]);
  });

  test("no dataset may take the name of a table that the stack declares", () => {
    const names = all("AWS::Glue::Table").map(
      ([, { Properties }]) => (Properties["TableInput"] as { Name: string }).Name,
    );
    expect(names).toHaveLength(4);
    for (const name of names) expect(checkDatasetName(name)).toMatchObject([{ path: ["datasets", name] }]);
  });

  test("keeps logs for a time, not for ever", () => {
    for (const [, { Properties }] of all("AWS::Logs::LogGroup")) expect(Properties["RetentionInDays"]).toBe(30);
  });
});

test("a name that leaves no room for the bucket's suffix is refused with the lengths", () => {
  const plan = { ...planOf("orders"), pipeline: "a-pipeline-with-quite-a-long-name" };
  expect(() => stackApp(settingsOf(plan))).toThrow(/"a-pipeline-with-quite-a-long-name-dev".*37 characters.*28/);
});
