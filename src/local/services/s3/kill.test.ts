import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ListObjectsV2CommandOutput } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { ACCOUNT, ADMIN, DirectBus, REGION } from "../../../../test/support/direct-bus.ts";
import { settle } from "../../../../test/support/manual-clock.ts";
import { openState } from "../../state.ts";
import { createS3 } from "./service.ts";

const url = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);

/** Writes objects of 2,000 equal numbers over 20 keys, for ever, and says each number once its write is answered. */
const WRITER = `
const { ADMIN, DirectBus } = await import(${url("../../../../test/support/direct-bus.ts")});
const { openState } = await import(${url("../../state.ts")});
const { createS3 } = await import(${url("./service.ts")});
const bus = new DirectBus();
// The destination never answers, so every event is still on its way when the process dies.
bus.stub("sqs:SendMessage", () => new Promise(() => undefined));
const s3 = createS3({ ...bus.deps, state: openState(process.argv[1]) });
const call = async (operation, input) =>
  s3.operations[operation]({ Bucket: "bucket", ...input }, { requestId: "r", principal: ADMIN });
await call("CreateBucket", { CreateBucketConfiguration: { LocationConstraint: "${REGION}" } });
await call("PutBucketNotificationConfiguration", {
  SkipDestinationValidation: true,
  NotificationConfiguration: {
    QueueConfigurations: [{ QueueArn: "arn:aws:sqs:${REGION}:${ACCOUNT}:q", Events: ["s3:ObjectCreated:*"] }],
  },
});
for (let number = 1; ; number++) {
  await call("PutObject", { Key: "k" + (number % 20), Body: (number + " ").repeat(2000) });
  process.stdout.write(number + "\\n");
}`;

test("kill -9 in the middle of writes: every answered write and its event is there, whole, and nothing else", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "millrace-kill-"));
  const writer = spawn(process.execPath, ["--input-type=module", "-e", WRITER, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let answered = 0;
  for await (const chunk of writer.stdout as AsyncIterable<Buffer>) {
    answered = Number(chunk.toString().trim().split("\n").at(-1));
    if (answered > 100) writer.kill("SIGKILL");
  }

  const bus = new DirectBus();
  let events = 0;
  bus.stub("sqs:SendMessage", () => ({ MessageId: String(++events) }));
  const state = openState(directory);
  const s3 = createS3({ ...bus.deps, state });
  try {
    const list = s3.operations["ListObjectsV2"];
    const listed = await list?.({ Bucket: "bucket" } as never, { requestId: "r", principal: ADMIN });
    const Contents = (listed as ListObjectsV2CommandOutput | undefined)?.Contents ?? [];
    expect(Contents).toHaveLength(20);
    const numbers: number[] = [];
    for (const { Key = "" } of Contents) {
      const written = readFileSync((await s3.objectFile("bucket", Key)).path, "utf8")
        .trim()
        .split(" ");
      expect(written).toHaveLength(2000);
      expect(new Set(written).size).toBe(1);
      numbers.push(Number(written[0]));
    }
    // The last write may have been committed without being answered.
    const last = Math.max(...numbers);
    expect(last).toBeGreaterThanOrEqual(answered);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => last - 19 + index));
    const files = readdirSync(path.join(directory, "s3"), { recursive: true, withFileTypes: true });
    expect(files.filter((entry) => entry.isFile())).toHaveLength(20);
    await s3.start?.();
    await bus.trace.waitFor(() => events >= last, { includePast: true });
    await settle();
    expect(events).toBe(last);
  } finally {
    await s3.stop?.();
    state.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
