import { createHash, type Hash } from "node:crypto";
import { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { REGION, startLocalServices } from "../../../../test/support/local-services.ts";
import { createS3 } from "./service.ts";

const MIB = 1024 * 1024;
const SIZE = 160 * MIB;
/** Client and server are both in this process, and buffers wait for the collector some tens of MiB long. */
const ALLOWED = 96 * MIB;

function* chunks(hash: Hash): Generator<Buffer> {
  for (let sent = 0; sent < SIZE; sent += MIB) {
    const chunk = Buffer.alloc(MIB, sent / MIB);
    hash.update(chunk);
    yield chunk;
  }
}

/** The most memory outside the heap that was in use while `work` ran. */
async function peakOf(work: (sample: () => void) => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0;
  await work(() => {
    peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
  });
  return peak;
}

test("an object far larger than what may be in memory passes both ways, whole", async () => {
  await using local = await startLocalServices({ services: [createS3] });
  const s3 = local.client(S3Client);
  const Bucket = "large";
  await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
  const sent = createHash("sha1");
  const up = await peakOf(async (sample) => {
    const body = Readable.from(
      (function* () {
        for (const chunk of chunks(sent)) {
          sample();
          yield chunk;
        }
      })(),
    );
    await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body: body, ContentLength: SIZE }));
  });
  const received = createHash("sha1");
  let size = 0;
  const down = await peakOf(async (sample) => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: "k" }));
    const sink = new Writable({
      write(chunk: Buffer, _, done) {
        size += chunk.length;
        received.update(chunk);
        sample();
        done();
      },
    });
    await pipeline(Body as Readable, sink);
  });
  expect(size).toBe(SIZE);
  expect(received.digest("hex")).toBe(sent.digest("hex"));
  expect(up).toBeLessThan(ALLOWED);
  expect(down).toBeLessThan(ALLOWED);
});
