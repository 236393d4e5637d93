import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startRuntime, type Runtime } from "./runtime.ts";
import type { TraceEvent } from "./trace.ts";

let stateDirectory: string;
let events: TraceEvent[];
beforeEach(() => {
  stateDirectory = mkdtempSync(path.join(tmpdir(), "runtime-"));
  events = [];
});
afterEach(() => rmSync(stateDirectory, { recursive: true, force: true }));

function start(): Promise<Runtime> {
  const engine = { run: () => Promise.reject(new Error("no job runs here")) };
  return startRuntime({ stateDirectory, port: 0, engine, onTrace: (event) => void events.push(event) });
}

test("a call that is being handled when the runtime stops ends before its state is closed", async () => {
  const runtime = await start();
  const sqs = new SQSClient({ ...runtime, maxAttempts: 1 });
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "q" }));
  const receive = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 })).catch(() => "cut off");
  // The second call is answered, so the first one has arrived.
  await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
  await runtime.stop();
  expect(await receive).toBe("cut off");
  const calls = events.filter((event) => event.type === "call" && event.operation === "ReceiveMessage");
  expect(calls).toHaveLength(2);
  expect(events.filter((event) => event.type === "internal-error")).toEqual([]);
  sqs.destroy();
});

test("stopping twice is stopping once, and leaves the state to the next runtime", async () => {
  const runtime = await start();
  await Promise.all([runtime.stop(), runtime.stop()]);
  await runtime[Symbol.asyncDispose]();
  await (await start()).stop();
});
