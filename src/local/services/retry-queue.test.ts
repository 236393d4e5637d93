import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { RuntimeClock } from "../clock.ts";
import { openState } from "../state.ts";
import { createTrace } from "../trace.ts";
import { RetryQueue } from "./retry-queue.ts";

let directory: string;
let state: ReturnType<typeof openState>;
let clock: RuntimeClock;
/** What was attempted, in order; each attempt ends as the next of `outcomes` says. */
let attempts: string[];
let outcomes: Promise<void>[];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "retry-queue-"));
  state = openState(directory);
  clock = new RuntimeClock();
  attempts = [];
  outcomes = [];
});

afterEach(() => {
  clock.close();
  state.close();
  rmSync(directory, { recursive: true, force: true });
});

function open(): RetryQueue<string> {
  return new RetryQueue<string>(
    { clock, trace: createTrace(() => clock.now()) },
    {
      database: state.database("queue"),
      table: "queue",
      attempt: (item) => {
        attempts.push(item);
        return outcomes.shift() ?? Promise.resolve();
      },
      retryDelay: () => 1_000,
      giveUp: () => undefined,
    },
  );
}

test("what was left when the runtime stopped is taken up by the next one", async () => {
  open().add("left");
  open().resume();
  await clock.advance(0);
  expect(attempts).toEqual(["left"]);
});

test("an item that is under way when the service starts is not attempted a second time", async () => {
  const { promise, reject } = Promise.withResolvers<void>();
  outcomes = [promise];
  const queue = open();
  queue.add("during provisioning")();
  queue.resume();
  await clock.advance(0);
  expect(attempts).toHaveLength(1);
  reject(new Error("not yet"));
  await new Promise((resolve) => setImmediate(resolve));
  queue.resume();
  await clock.advance(5_000);
  expect(attempts).toHaveLength(2);
});
