import { describe, expect, test } from "vitest";
import type { EventEnvelope } from "./event.ts";
import { checkTargetInput, targetInput, TransformError } from "./transform.ts";

const event: EventEnvelope = {
  version: "0",
  id: "id-1",
  "detail-type": "order placed",
  source: "shop",
  account: "111122223333",
  time: "2026-11-24T08:00:00Z",
  region: "eu-west-1",
  resources: [],
  detail: {
    command: "update",
    valid: true,
    count: 3,
    user: { id: "u-1", team: "t" },
    "odd name": 'say "hi"',
    levels: ["HIGH"],
    states: ["ON", "OFF"],
  },
};
const names = {
  ruleArn: "arn:aws:events:eu-west-1:111122223333:rule/r",
  ruleName: "r",
  ingestionTime: "2026-11-24T08:00:01Z",
};
const paths = {
  type: "$.detail-type",
  command: "$.detail.command",
  valid: "$.detail.valid",
  count: "$.detail.count",
  user: "$.detail.user",
  userId: "$.detail.user.id",
  odd: "$.detail['odd name']",
  level: "$.detail.levels",
  first: "$.detail.states[0]",
  states: "$.detail.states",
  missing: "$.detail.nothing",
};

const transform = (InputTemplate: string) =>
  targetInput({ Id: "t", Arn: "a", InputTransformer: { InputPathsMap: paths, InputTemplate } }, event, names);

test("without anything a target gets the event, member by member in AWS's order", () => {
  expect(targetInput({ Id: "t", Arn: "a" }, event, names)).toBe(JSON.stringify(event));
});

test("Input is constant text, InputPath a part of the event as JSON", () => {
  expect(targetInput({ Id: "t", Arn: "a", Input: '{"k":1}' }, event, names)).toBe('{"k":1}');
  expect(targetInput({ Id: "t", Arn: "a", InputPath: "$.detail.user" }, event, names)).toBe('{"id":"u-1","team":"t"}');
  expect(targetInput({ Id: "t", Arn: "a", InputPath: "$.detail.user.id" }, event, names)).toBe('"u-1"');
  expect(() => targetInput({ Id: "t", Arn: "a", InputPath: "$.nope" }, event, names)).toThrow(TransformError);
});

describe("a template of text", () => {
  test.each([
    ['"<type>: <command>, <missing>."', '"order placed: update, ."'],
    ['"{[/starts oddly with <command>"', '"{[/starts oddly with update"'],
    ['"<user> and <userId>"', '"{id:u-1,team:t} and u-1"'],
    ['"<level> <states> <valid> <count> <first>"', '"[HIGH] [ON,OFF] true 3 ON"'],
    ['"<level> one"\n"<userId> two"', '"[HIGH] one"\n"u-1 two"'],
    ['"<odd>"', String.raw`"say \"hi\""`],
    [
      '"<aws.events.rule-arn> <aws.events.rule-name> <aws.events.event.ingestion-time>"',
      `"${names.ruleArn} r ${names.ingestionTime}"`,
    ],
  ])("%s", (template, text) => {
    expect(transform(template)).toBe(text);
  });
});

describe("a template of JSON", () => {
  test.each<[string, unknown]>([
    ['{"t": <type>, "c": <command>, "m": <missing>}', { t: "order placed", c: "update", m: "" }],
    [
      '{"path": "users/<userId>/second/<userId>", "body": <user>}',
      { path: "users/u-1/second/u-1", body: { id: "u-1", team: "t" } },
    ],
    ['{"list": [<userId>, "fixed", <count>, <valid>]}', { list: ["u-1", "fixed", 3, true] }],
    ['{"text": "<count> <valid> <odd> <missing>"}', { text: '3 true say "hi" ' }],
    ['{"a": {"b": {"c": "<userId>"}}, "level": <level>}', { a: { b: { c: "u-1" } }, level: ["HIGH"] }],
    [
      '{"short": <aws.events.event>, "whole": <aws.events.event.json>}',
      {
        short: {
          version: "0",
          id: "id-1",
          source: "shop",
          account: "111122223333",
          time: "2026-11-24T08:00:00Z",
          region: "eu-west-1",
          resources: [],
          detailType: "order placed",
        },
        whole: event,
      },
    ],
  ])("%s", (template, value) => {
    expect(JSON.parse(transform(template))).toEqual(value);
  });

  test.each(["<level> without quotes", '{"list": "<level>"}'])("%s becomes no JSON", (template) => {
    expect(() => transform(template)).toThrow(TransformError);
  });
});

test.each<[object, string]>([
  [{ Input: "{}", InputPath: "$" }, "Only one of Input, InputPath, or InputTransformer must be provided for target t."],
  [{ Input: "{nope" }, "JSON syntax error in input for target t."],
  [{ InputPath: "detail.x" }, "Invalid InputPath: detail.x"],
  [{ InputPath: "$.a[*]" }, "Invalid InputPath: $.a[*]"],
  [
    { InputTransformer: { InputPathsMap: { a: "$.a" }, InputTemplate: '"<b>"' } },
    "InputTemplate for target t contains invalid placeholder b.",
  ],
])("%j is refused", (given, message) => {
  expect(() => checkTargetInput({ Id: "t", Arn: "a", ...given })).toThrow(message);
});
