import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluate, evaluateCondition, NO_VALUE, type Scope } from "./intrinsics.ts";
import { errorAt } from "./findings.ts";

const values: Record<string, unknown> = { Name: "orders", Ids: ["a", "b", "c"], "AWS::Region": "eu-west-1" };
const scope: Scope = {
  ref: (name) => (name === "AWS::NoValue" ? NO_VALUE : values[name]),
  attribute: (id, name, path) => {
    if (id !== "Queue") throw errorAt(path, `no resource ${id}`);
    return `arn:aws:sqs:eu-west-1:1:${name}`;
  },
  condition: (name) => ({ Yes: true, No: false })[name],
  mappings: { Sizes: { "eu-west-1": { big: 10 } } },
};
const run = (value: unknown) => evaluate(value, scope, "Here");

describe("intrinsic functions", () => {
  test.each<[string, unknown, unknown]>([
    ["Ref", { Ref: "Name" }, "orders"],
    ["Fn::GetAtt as a list", { "Fn::GetAtt": ["Queue", "Arn"] }, "arn:aws:sqs:eu-west-1:1:Arn"],
    ["Fn::GetAtt with dots", { "Fn::GetAtt": "Queue.Endpoint.Address" }, "arn:aws:sqs:eu-west-1:1:Endpoint.Address"],
    ["Fn::Join over a list parameter", { "Fn::Join": ["-", { Ref: "Ids" }] }, "a-b-c"],
    ["Fn::Join of numbers", { "Fn::Join": ["", ["n", 1]] }, "n1"],
    ["Fn::Join drops AWS::NoValue", { "Fn::Join": [",", ["a", { Ref: "AWS::NoValue" }, "b"]] }, "a,b"],
    ["Fn::Sub with pseudo parameters", { "Fn::Sub": "${AWS::Region}/${Name}" }, "eu-west-1/orders"],
    ["Fn::Sub with attributes", { "Fn::Sub": "<${Queue.Arn}>" }, "<arn:aws:sqs:eu-west-1:1:Arn>"],
    [
      "Fn::Sub with values of its own",
      { "Fn::Sub": ["${Name}-${X}", { X: { Ref: "Name" }, Name: "own" }] },
      "own-orders",
    ],
    ["Fn::Sub with a literal", { "Fn::Sub": "${!Name} $Name ${Name}" }, "${Name} $Name orders"],
    ["Fn::Select", { "Fn::Select": ["1", { Ref: "Ids" }] }, "b"],
    ["Fn::Select from Fn::Split", { "Fn::Select": [2, { "Fn::Split": [":", "x:y:z"] }] }, "z"],
    ["Fn::If, true", { "Fn::If": ["Yes", "a", { Ref: "Nothing" }] }, "a"],
    ["Fn::If to no value", { p: { "Fn::If": ["No", "a", { Ref: "AWS::NoValue" }] }, q: 1 }, { q: 1 }],
    ["Fn::Base64", { "Fn::Base64": "héllo" }, "aMOpbGxv"],
    ["Fn::FindInMap", { "Fn::FindInMap": ["Sizes", { Ref: "AWS::Region" }, "big"] }, 10],
    ["objects without functions", { A: [{ B: true }] }, { A: [{ B: true }] }],
  ])("%s", (_name, expression, expected) => {
    expect(run(expression)).toEqual(expected);
  });

  test.each<[string, unknown, string]>([
    [
      "an unknown name",
      { a: [{ Ref: "Nope" }] },
      "Here.a[0].Ref: there is no parameter, pseudo parameter or resource Nope.",
    ],
    [
      "an unsupported function",
      { "Fn::ImportValue": "x" },
      "Here.Fn::ImportValue: the function Fn::ImportValue is not supported",
    ],
    ["a function that is not alone", { Ref: "Name", Other: 1 }, "Here: Ref must stand alone in its object."],
    ["an index that is not there", { "Fn::Select": [9, ["a"]] }, "Here.Fn::Select: there is no item 9 in a list of 1."],
    ["a condition that is not there", { "Fn::If": ["Maybe", 1, 2] }, "there is no condition Maybe"],
    ["null", { a: null }, "Here.a: null values are not allowed"],
    ["a list where text must be", { "Fn::Base64": ["x"] }, "Here.Fn::Base64: must be text."],
  ])("%s is refused where it stands", (_name, expression, message) => {
    expect(() => run(expression)).toThrow(message);
  });

  test("conditions nest, and compare numbers as text", () => {
    const condition = {
      "Fn::And": [
        { "Fn::Equals": [{ Ref: "Name" }, "orders"] },
        { "Fn::Or": [{ Condition: "No" }, { "Fn::Not": [{ "Fn::Equals": [1, "2"] }] }] },
        { "Fn::Equals": [1, "1"] },
      ],
    };
    expect(evaluateCondition(condition, scope, "Conditions.C")).toBe(true);
    expect(() => evaluateCondition({ Ref: "Name" }, scope, "Conditions.C")).toThrow("Ref is not supported");
  });
});

describe("properties of the evaluator", () => {
  // Keys that look like functions are functions; everything else must come out as it went in.
  const plain = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(
        fc.string().filter((key) => key !== "Ref" && !key.startsWith("Fn::") && key !== "__proto__"),
        tie("value"),
        { maxKeys: 4, noNullPrototype: true },
      ),
    ),
  })).value;

  test("a template part without functions is its own value", () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(run(value)).toEqual(value);
      }),
    );
  });

  test("Fn::Split undoes Fn::Join", () => {
    const part = fc.string().filter((text) => !text.includes("|"));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1 }), (parts) => {
        expect(run({ "Fn::Split": ["|", { "Fn::Join": ["|", parts] }] })).toEqual(parts);
      }),
    );
  });

  test("Fn::Sub leaves text without ${} alone, and puts values in untouched", () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes("${")),
        fc.string(),
        (text, value) => {
          expect(run({ "Fn::Sub": [`${text}\${X}${text}`, { X: value }] })).toBe(`${text}${value}${text}`);
        },
      ),
    );
  });

  test("double negation is the condition itself", () => {
    const condition = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom({ Condition: "Yes" }, { Condition: "No" }),
        fc.tuple(fc.string(), fc.string()).map((pair) => ({ "Fn::Equals": pair })),
        fc.array(tie("node"), { minLength: 2, maxLength: 3 }).map((items) => ({ "Fn::And": items })),
        fc.array(tie("node"), { minLength: 2, maxLength: 3 }).map((items) => ({ "Fn::Or": items })),
      ),
    })).node;
    fc.assert(
      fc.property(condition, (inner) => {
        const twice = { "Fn::Not": [{ "Fn::Not": [inner] }] };
        expect(evaluateCondition(twice, scope, "C")).toBe(evaluateCondition(inner, scope, "C"));
      }),
    );
  });
});
