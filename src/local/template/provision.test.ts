import { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { RuntimeClock } from "../clock.ts";
import { createIds } from "../ids.ts";
import { AwsError, defineResource } from "../service.ts";
import { createTrace } from "../trace.ts";
import { provisionStack, type ProvisionerDeps } from "./provision.ts";
import { StackStore } from "./stack-store.ts";

/** A service of things: what it was asked for, in order. */
class Things {
  readonly log: string[] = [];
  readonly live = new Map<string, string>();
  fail = "";

  readonly provider = defineResource({
    schema: z.strictObject({ Name: z.string().optional(), Value: z.string().optional() }),
    attributes: ["Arn"],
    provision: ({ logicalId, properties, physicalId, generatedName }) => {
      const id = properties.Name ?? physicalId ?? generatedName(30);
      this.log.push(`${physicalId === undefined ? "make" : "change"} ${logicalId}`);
      if (this.fail === logicalId) throw new AwsError("LimitExceeded", "no more things");
      this.live.set(id, properties.Value ?? "");
      return { physicalId: id, attributes: { Arn: `arn:${id}` } };
    },
    delete: (id) => {
      this.log.push(`delete ${id}`);
      this.live.delete(id);
    },
  });

  /** The log since the last look. */
  taken(): string[] {
    return this.log.splice(0);
  }
}

let things: Things;
let deps: ProvisionerDeps;
let endpoint: string;
beforeEach(() => {
  things = new Things();
  endpoint = "http://127.0.0.1:4000";
  const clock = new RuntimeClock();
  deps = {
    clock,
    ids: createIds("test"),
    trace: createTrace(() => clock.now()),
    store: new StackStore(new DatabaseSync(":memory:")),
    providers: new Map([["AWS::Test::Thing", things.provider]]),
    environment: { account: "1", region: "eu-west-1", partition: "aws", endpoint: () => endpoint },
  };
});

const thing = (Properties: object = {}, rest: object = {}) => ({ Type: "AWS::Test::Thing", Properties, ...rest });
const deploy = (Resources: object, Outputs = {}) =>
  provisionStack({ name: "flow", template: { Resources, Outputs }, parameters: {} }, deps);
const status = () => deps.store.stack("flow")?.status;

describe("provisioning a stack", () => {
  test("makes resources in dependency order, with references and outputs filled in", async () => {
    await deploy(
      { B: thing({ Name: "b", Value: { "Fn::GetAtt": ["A", "Arn"] } }), A: thing({ Name: "a" }) },
      { Both: { Value: { "Fn::Sub": "${A}+${B.Arn}" } } },
    );
    expect(things.taken()).toEqual(["make A", "make B"]);
    expect(things.live.get("b")).toBe("arn:a");
    expect(JSON.parse(deps.store.stack("flow")?.outputs ?? "")).toMatchObject([{ key: "Both", value: "a+arn:b" }]);
    expect(status()).toBe("CREATE_COMPLETE");
  });

  test("asks nothing of a stack that has not changed", async () => {
    const resources = { A: thing({ Name: "a" }), B: thing({ Value: { Ref: "A" } }) };
    await deploy(resources);
    const events = deps.store.events("flow", 100, 0).length;
    things.taken();
    await deploy(resources);
    expect(things.taken()).toEqual([]);
    expect(deps.store.events("flow", 100, 0)).toHaveLength(events);
  });

  test("changes what changed and what refers to it, and keeps generated names", async () => {
    await deploy({ A: thing({ Name: "a" }), B: thing({ Value: { Ref: "A" } }), C: thing() });
    const name = deps.store.resources("flow").find(({ logicalId }) => logicalId === "B")?.physicalId ?? "";
    expect(name).toMatch(/^flow-B-[A-Z0-9]{12}$/);
    things.taken();
    await deploy({ A: thing({ Name: "a2" }), B: thing({ Value: { Ref: "A" } }), C: thing() });
    expect(things.taken()).toEqual(["change A", "change B", "delete a"]);
    expect(things.live.get(name)).toBe("a2");
    expect(status()).toBe("UPDATE_COMPLETE");
  });

  test("removes what the template no longer has, last made first, but keeps what is to be retained", async () => {
    const kept = thing({ Name: "kept" }, { DeletionPolicy: "Retain" });
    await deploy({
      A: thing({ Name: "a" }),
      B: thing({ Name: "b", Value: { Ref: "A" } }),
      Kept: kept,
      C: thing({ Name: "c" }),
    });
    things.taken();
    await deploy({ C: thing({ Name: "c" }) });
    expect(things.taken()).toEqual(["delete b", "delete a"]);
    expect([...things.live.keys()].toSorted()).toEqual(["c", "kept"]);
    expect(deps.store.resources("flow").map(({ logicalId }) => logicalId)).toEqual(["C"]);
  });

  test("a failure names the resource, its type and AWS's error; the next try goes on from there", async () => {
    things.fail = "B";
    const resources = { A: thing({ Name: "a" }), B: thing({ Name: "b", Value: { Ref: "A" } }) };
    await expect(deploy(resources)).rejects.toThrow("B (AWS::Test::Thing): LimitExceeded: no more things");
    expect(status()).toBe("CREATE_FAILED");
    expect(things.taken()).toEqual(["make A", "make B"]);
    things.fail = "";
    await deploy(resources);
    expect(things.taken()).toEqual(["make B"]);
    expect(status()).toBe("CREATE_COMPLETE");
  });

  test("what an update replaced is deleted even when the update failed halfway the first time", async () => {
    await deploy({ A: thing({ Name: "a" }), B: thing({ Name: "b" }) });
    things.fail = "B";
    const next = { A: thing({ Name: "a2" }), B: thing({ Name: "b", Value: "new" }) };
    await expect(deploy(next)).rejects.toThrow("LimitExceeded");
    things.fail = "";
    things.taken();
    await deploy(next);
    expect(things.taken()).toEqual(["change B", "delete a"]);
  });

  test("nothing is touched when anything is refused", async () => {
    await expect(deploy({ A: thing(), B: { Type: "AWS::EC2::Vpc" } })).rejects.toThrow(
      "Resources.B: the resource type AWS::EC2::Vpc is not supported by the local runtime.",
    );
    expect(things.taken()).toEqual([]);
    expect(deps.store.stack("flow")).toBeUndefined();
  });

  test("ids that carry the endpoint follow it to another port, and who refers to them hears of it", async () => {
    const url = { "Fn::Sub": "${Q}" };
    const resources = () => ({ Q: thing({ Name: "static" }), R: thing({ Name: "r", Value: url }) });
    await deploy(resources());
    // As if Q's id were a queue URL.
    const row = deps.store.resources("flow").find(({ logicalId }) => logicalId === "Q");
    if (row) deps.store.putResource({ ...row, physicalId: `${endpoint}/1/q` });
    things.taken();
    endpoint = "http://127.0.0.1:5000";
    await deploy(resources());
    expect(things.taken()).toEqual(["change R"]);
    expect(things.live.get("r")).toBe("http://127.0.0.1:5000/1/q");
  });
});
