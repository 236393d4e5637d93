import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import * as fc from "fast-check";
import { test } from "vitest";
import { createIds } from "../../ids.ts";
import { AwsError } from "../../service.ts";
import { DEFAULT_ATTRIBUTES } from "./attributes.ts";
import { MessageStore } from "./messages.ts";
import type { ReceivedMessage } from "./messages.ts";
import { QueueStore } from "./store.ts";

/** What a queue promises, said as simply as possible: a list of messages with times. */
interface ModelMessage {
  id: string;
  queue: "main" | "dead";
  visibleAt: number;
  receives: number;
  receivesHere: number;
  handle: string | undefined;
}

const command = fc.oneof(
  fc.record({ kind: fc.constant("send" as const), delay: fc.integer({ min: 0, max: 3 }) }),
  fc.record({
    kind: fc.constant("receive" as const),
    queue: fc.constantFrom("main" as const, "dead" as const),
    max: fc.integer({ min: 1, max: 3 }),
    visibility: fc.integer({ min: 0, max: 4 }),
  }),
  fc.record({ kind: fc.constant("delete" as const), which: fc.nat() }),
  fc.record({ kind: fc.constant("visibility" as const), which: fc.nat(), seconds: fc.integer({ min: 0, max: 4 }) }),
  fc.record({ kind: fc.constant("wait" as const), seconds: fc.integer({ min: 0, max: 3 }) }),
);

test("a queue behaves as its model: one receiver per visible message, exact counts, redrive exactly after maxReceiveCount", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (commands, maxReceiveCount) => {
      const prefix = "arn:aws:sqs:eu-west-1:111122223333:";
      const queues = new QueueStore(new DatabaseSync(":memory:"), prefix);
      const store = new MessageStore(queues.database, createIds("model"));
      const dead = queues.create("dead", DEFAULT_ATTRIBUTES, {}, 0);
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount });
      const main = queues.create("main", { ...DEFAULT_ATTRIBUTES, RedrivePolicy }, {}, 0);
      const byName = { main, dead };

      let now = 0;
      const model: ModelMessage[] = [];
      const handles: { handle: string; queue: "main" | "dead"; id: string }[] = [];

      for (const step of commands) {
        if (step.kind === "wait") now += step.seconds * 1_000;
        if (step.kind === "send") {
          const message = { body: "x", attributes: {}, senderId: "s", traceHeader: undefined };
          const id = store.send(main, message, step.delay, now);
          const visibleAt = now + step.delay * 1_000;
          model.push({ id, queue: "main", visibleAt, receives: 0, receivesHere: 0, handle: undefined });
        }
        if (step.kind === "receive") {
          const deadLetterQueue = step.queue === "main" ? dead : undefined;
          const options = { max: step.max, visibility: step.visibility, deadLetterQueue };
          const { messages, redriven } = store.receive(byName[step.queue], options, now);
          assert.ok(messages.length <= step.max);
          assert.equal(new Set(messages.map((message) => message.messageId)).size, messages.length);
          for (const { messageId } of redriven) {
            const known = find(model, messageId);
            assert.deepEqual(
              [known.queue, known.visibleAt <= now, known.receivesHere],
              ["main", true, maxReceiveCount],
            );
            Object.assign(known, { queue: "dead", visibleAt: now, receivesHere: 0, handle: undefined });
          }
          for (const message of messages) hand(model, message, step, now);
          for (const { messageId, receiptHandle } of messages) {
            handles.push({ handle: receiptHandle, queue: step.queue, id: messageId });
          }
          if (messages.length < step.max) {
            const left = model.filter((known) => known.queue === step.queue && known.visibleAt <= now);
            const here = new Set(messages.map((message) => message.messageId));
            assert.deepEqual(
              left.filter((known) => !here.has(known.id)),
              [],
            );
          }
        }
        const chosen = "which" in step ? handles[step.which % Math.max(1, handles.length)] : undefined;
        if (step.kind === "delete" && chosen) {
          const index = model.findIndex((known) => known.id === chosen.id && known.handle === chosen.handle);
          assert.equal(store.delete(byName[chosen.queue], chosen.handle), index >= 0);
          if (index >= 0) model.splice(index, 1);
        }
        if (step.kind === "visibility" && chosen) {
          const known = model.find((one) => one.id === chosen.id && one.handle === chosen.handle);
          const inFlight = known !== undefined && known.visibleAt > now;
          const change = () => store.changeVisibility(byName[chosen.queue], chosen.handle, step.seconds, now);
          if (inFlight) {
            change();
            known.visibleAt = now + step.seconds * 1_000;
          } else assert.throws(change, AwsError);
        }
        for (const name of ["main", "dead"] as const) {
          const counts = store.counts(byName[name], now);
          const here = model.filter((known) => known.queue === name);
          assert.equal(counts.visible, here.filter((known) => known.visibleAt <= now).length);
          assert.equal(counts.notVisible + counts.delayed, here.filter((known) => known.visibleAt > now).length);
        }
      }
      queues.database.close();
    }),
    { numRuns: 200 },
  );
});

function find(model: ModelMessage[], id: string): ModelMessage {
  const known = model.find((message) => message.id === id);
  if (!known) throw new Error(`a message that nobody sent or that was deleted: ${id}`);
  return known;
}

function hand(
  model: ModelMessage[],
  message: ReceivedMessage,
  step: { queue: "main" | "dead"; visibility: number },
  now: number,
): void {
  const known = find(model, message.messageId);
  assert.equal(known.queue, step.queue);
  assert.ok(known.visibleAt <= now);
  known.receives++;
  known.receivesHere++;
  assert.equal(message.receiveCount, known.receives);
  known.visibleAt = now + step.visibility * 1_000;
  known.handle = message.receiptHandle;
}
