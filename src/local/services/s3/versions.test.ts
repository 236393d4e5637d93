import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { ListObjectVersionsCommandOutput } from "@aws-sdk/client-s3";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ADMIN, DirectBus } from "../../../../test/support/direct-bus.ts";
import type { Service } from "../../service.ts";
import { openState, type OpenState } from "../../state.ts";
import { createS3 } from "./service.ts";

/** A version as S3's documentation has it: newest first in its key's list; a marker has no text. */
interface Version {
  id: string;
  text: string | undefined;
}

/** What S3 must show after any history, kept as plainly as possible. */
class Model {
  versioning: "Enabled" | "Suspended" | undefined;
  readonly keys = new Map<string, Version[]>();

  of(key: string): Version[] {
    return this.keys.get(key) ?? [];
  }

  add(key: string, version: Version): void {
    const others = this.of(key).filter((other) => version.id !== "null" || other.id !== "null");
    this.keys.set(key, [version, ...others]);
  }

  remove(key: string, id: string): void {
    this.keys.set(
      key,
      this.of(key).filter((version) => version.id !== id),
    );
  }
}

class System {
  readonly bus = new DirectBus();
  readonly directory = mkdtempSync(path.join(tmpdir(), "millrace-versions-"));
  state: OpenState = openState(this.directory);
  s3: Service = createS3({ ...this.bus.deps, state: this.state });

  async call<Output = Record<string, string>>(operation: string, input: object): Promise<Output> {
    const handler = this.s3.operations[operation];
    if (!handler) throw new Error(`no ${operation}`);
    const request = { requestId: "r", principal: ADMIN };
    return (await handler({ Bucket: "bucket", ...input } as never, request)) as Output;
  }

  restart(): void {
    this.state.close();
    this.state = openState(this.directory);
    this.s3 = createS3({ ...this.bus.deps, state: this.state });
  }

  close(): void {
    this.state.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  async read(key: string, id?: string): Promise<string> {
    try {
      const { Body } = await this.call<{ Body: Readable }>("GetObject", { Key: key, VersionId: id });
      return await text(Body);
    } catch (error) {
      return (error as { code: string }).code;
    }
  }
}

const key = fc.constantFrom("a", "a/b", "é");
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("put" as const), key }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("delete version" as const), key, which: fc.nat({ max: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("copy" as const), key, from: key, which: fc.nat({ max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("enable" as const, "suspend" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("restart" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function apply(step: Step, system: System, model: Model, number: number): Promise<void> {
  const newId = (id: string | undefined) => id ?? "null";
  switch (step.do) {
    case "put": {
      const { VersionId } = await system.call("PutObject", { Key: step.key, Body: `text ${number}` });
      model.add(step.key, { id: newId(VersionId), text: `text ${number}` });
      return;
    }
    case "delete": {
      const answer = await system.call("DeleteObject", { Key: step.key });
      if (model.versioning === undefined) model.remove(step.key, "null");
      else model.add(step.key, { id: newId(answer["VersionId"]), text: undefined });
      return;
    }
    case "delete version": {
      const version = model.of(step.key)[step.which];
      if (!version) return;
      await system.call("DeleteObject", { Key: step.key, VersionId: version.id });
      model.remove(step.key, version.id);
      return;
    }
    case "copy": {
      const source = model.of(step.from)[step.which];
      if (source?.text === undefined) return;
      const CopySource = `bucket/${encodeURIComponent(step.from)}?versionId=${source.id}`;
      const { VersionId } = await system.call("CopyObject", { Key: step.key, CopySource });
      model.add(step.key, { id: newId(VersionId), text: source.text });
      return;
    }
    case "enable":
    case "suspend": {
      model.versioning = step.do === "enable" ? "Enabled" : "Suspended";
      await system.call("PutBucketVersioning", { VersioningConfiguration: { Status: model.versioning } });
      return;
    }
    case "restart":
      system.restart();
  }
}

/** Everything that can be seen of the bucket, and how many files there are. */
async function shown(system: System, model: Model): Promise<object> {
  const listed = await system.call<ListObjectVersionsCommandOutput>("ListObjectVersions", {});
  const entries = [...(listed.Versions ?? []), ...(listed.DeleteMarkers ?? [])];
  const texts: Record<string, string> = {};
  for (const [key, versions] of model.keys) {
    texts[key] = await system.read(key);
    for (const { id } of versions) texts[`${key} ${id}`] = await system.read(key, id);
  }
  const files = readdirSync(path.join(system.directory, "s3"), { recursive: true, withFileTypes: true });
  return {
    versions: entries.map((entry) => `${entry.Key} ${entry.VersionId} ${entry.IsLatest}`).toSorted(),
    texts,
    files: files.filter((entry) => entry.isFile()).length,
  };
}

/** The same by the model. */
function expected(model: Model): object {
  const all = [...model.keys];
  return {
    versions: all.flatMap(([key, list]) => list.map(({ id }, index) => `${key} ${id} ${index === 0}`)).toSorted(),
    texts: Object.fromEntries(
      all.flatMap(([key, list]) => [
        [key, list[0]?.text ?? "NoSuchKey"],
        ...list.map(({ id, text }) => [`${key} ${id}`, text ?? "MethodNotAllowed"]),
      ]),
    ),
    files: all.flatMap(([, list]) => list).filter((version) => version.text !== undefined).length,
  };
}

test("any history of writes, copies, deletes, switches and restarts shows what the model shows, and no file is left over", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const system = new System();
      const model = new Model();
      try {
        await system.call("CreateBucket", { CreateBucketConfiguration: { LocationConstraint: "eu-west-1" } });
        for (const [number, one] of steps.entries()) await apply(one, system, model, number);
        expect(await shown(system, model)).toEqual(expected(model));
      } finally {
        system.close();
      }
    }),
    { numRuns: 40 },
  );
});
