import { describe, expect, test } from "vitest";
import { z } from "zod";
import { boolean, integer } from "../properties.ts";
import { defineResource, type Environment } from "../service.ts";
import { planStack } from "./stack-plan.ts";

const environment: Environment = {
  account: "111122223333",
  region: "eu-west-1",
  partition: "aws",
  endpoint: () => "http://127.0.0.1:1",
};
const never = () => {
  throw new Error("a plan provisions nothing");
};
const thing = defineResource({
  schema: z.strictObject({
    Name: z
      .string()
      .regex(/^[a-z:/-]+$/)
      .optional(),
    Size: integer.optional(),
    Fast: boolean.optional(),
    Parts: z.array(z.strictObject({ Id: z.string(), Kept: z.string().optional() })).optional(),
    Kept: z.string().optional(),
  }),
  ignored: { Encryption: "nothing is encrypted here", "Parts.*.Color": "parts have no color", Kept: "shown only" },
  attributes: ["Arn"],
  provision: never,
  delete: never,
});
const plan = (template: object, parameters = {}) =>
  planStack({ name: "stack", template, parameters }, new Map([["AWS::Test::Thing", thing]]), environment);
const resource = (Properties: object = {}, rest: object = {}) => ({ Type: "AWS::Test::Thing", Properties, ...rest });

describe("the report of a stack", () => {
  test("names everything that is refused, all at once", () => {
    const { report, resources } = plan({
      Transform: "AWS::Serverless-2016-10-31",
      Resources: { A: resource() },
    });
    expect(report.refused).toEqual([
      { where: "Transform", message: "Transform is not supported by the local runtime." },
    ]);
    expect(resources).toEqual([]);

    const { report: second } = plan({
      Resources: {
        A: resource({ Color: "red", Size: "many", Name: { "Fn::Cidr": ["10.0.0.0/8", 1] } }),
        B: { Type: "AWS::EC2::Vpc" },
        C: { Type: "Custom::Magic" },
        D: resource({ Name: { "Fn::GetAtt": ["A", "Url"] } }, { DependsOn: "Z" }),
        E: resource({ Parts: [{ Id: "1", Shape: "round" }] }),
      },
    });
    expect(second.refused.map(({ where }) => where)).toEqual([
      "Resources.B",
      "Resources.C",
      "Resources.D.DependsOn",
      "Resources.A.Properties.Name.Fn::Cidr",
      "Resources.A.Properties.Size",
      "Resources.A.Properties.Color",
      "Resources.D.Properties.Name.Fn::GetAtt",
      "Resources.E.Properties.Parts.0.Shape",
    ]);
    expect(second.refused.find(({ where }) => where === "Resources.C")?.message).toContain(
      "custom resource Custom::Magic",
    );
    expect(second.refused.find(({ where }) => where.endsWith("GetAtt"))?.message).toContain("it has: Arn");
  });

  test("lists what is accepted without effect, with its reason", () => {
    const { report } = plan({
      Parameters: { BootstrapVersion: { Type: "AWS::SSM::Parameter::Value<String>", Default: "/cdk-bootstrap/x" } },
      Rules: { CheckBootstrapVersion: { Assertions: [] } },
      Resources: {
        CDKMetadata: { Type: "AWS::CDK::Metadata", Properties: { Analytics: "v2:deflate64:x" } },
        A: resource({ Encryption: { Key: "k" }, Parts: [{ Id: "1", Color: "red" }], Kept: "x" }),
      },
    });
    expect(report.refused).toEqual([]);
    expect(report.ignored.map(({ where }) => where)).toEqual([
      "Parameters.BootstrapVersion",
      "Rules.CheckBootstrapVersion",
      "Resources.CDKMetadata",
      "Resources.A.Properties.Encryption",
      "Resources.A.Properties.Parts.*.Color",
      "Resources.A.Properties.Kept",
    ]);
    expect(report.supported).toEqual([{ logicalId: "A", type: "AWS::Test::Thing" }]);
  });

  test("does not judge values that only provisioning can know", () => {
    const { report } = plan({
      Resources: {
        A: resource(),
        B: resource({ Name: { "Fn::Select": [5, { "Fn::Split": [":", { "Fn::GetAtt": ["A", "Arn"] }] }] } }),
        C: resource({ Size: { Ref: "B" }, Fast: { "Fn::Sub": "${A}" }, Parts: { Ref: "A" } }),
      },
    });
    expect(report.refused).toEqual([]);
  });

  test("orders resources by every kind of reference", () => {
    const { resources } = plan({
      Resources: {
        Last: resource({ Name: { "Fn::Sub": ["${X}", { X: { "Fn::GetAtt": "Third.Arn" } }] } }),
        Third: resource({ Name: { "Fn::Join": ["", ["x", { Ref: "Second" }]] } }),
        Second: resource({}, { DependsOn: ["First"] }),
        First: resource(),
      },
    });
    expect(resources.map(({ logicalId }) => logicalId)).toEqual(["First", "Second", "Third", "Last"]);
  });

  test("a circle is refused with every resource on it", () => {
    const { report } = plan({
      Resources: {
        Bucket: resource({}, { DependsOn: "Policy" }),
        Policy: resource({ Name: { "Fn::GetAtt": ["Bucket", "Arn"] } }),
      },
    });
    expect(report.refused).toEqual([
      { where: "Resources", message: "circular dependency between resources: Bucket -> Policy -> Bucket." },
    ]);
  });

  test("a false condition takes its resource away, and a reference to it is refused", () => {
    const template = (name: unknown) => ({
      Parameters: { Stage: { Type: "String", Default: "dev" } },
      Conditions: {
        IsProd: { "Fn::Equals": [{ Ref: "Stage" }, "prod"] },
        Always: { "Fn::Not": [{ Condition: "IsProd" }] },
      },
      Resources: {
        A: resource({}, { Condition: "IsProd" }),
        B: resource({ Name: name }, { Condition: "Always" }),
      },
    });
    const guarded = plan(template({ "Fn::If": ["IsProd", { Ref: "A" }, { Ref: "AWS::NoValue" }] }));
    expect(guarded.report.refused).toEqual([]);
    expect(guarded.resources.map(({ logicalId }) => logicalId)).toEqual(["B"]);
    expect(plan(template({ Ref: "A" })).report.refused[0]?.message).toContain("condition IsProd is false");
  });

  test("parameters are checked as their declarations say", () => {
    const template = {
      Parameters: {
        Stage: { Type: "String", AllowedValues: ["dev", "prod"] },
        Count: { Type: "Number", Default: 3, MaxValue: 10 },
      },
      Resources: { A: resource() },
    };
    expect(plan(template).report.refused[0]).toEqual({
      where: "Parameters.Stage",
      message: "has no default and was given no value.",
    });
    expect(plan(template, { Stage: "test" }).report.refused[0]?.message).toContain(
      '"test" is none of the allowed values',
    );
    expect(plan(template, { Stage: "dev", Count: "11" }).report.refused[0]?.message).toContain("MaxValue");
    expect(plan(template, { Stage: "dev", Cuont: "1" }).report.refused[0]).toEqual({
      where: "Parameters.Cuont",
      message: "is not in the template.",
    });
  });
});
