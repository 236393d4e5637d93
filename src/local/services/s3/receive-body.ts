import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { AwsError } from "../../service.ts";
import { createRunningHash, type SupportedAlgorithm } from "./checksums.ts";
import { damaged } from "./errors.ts";
import type { ByteRange } from "./ranges.ts";
import { removeFile } from "./object-files.ts";

/** From the wire a stream; from calls inside the runtime, as with the SDK, also a buffer or text. */
export type Body = Readable | Uint8Array | string | undefined;

export interface Received {
  readonly size: number;
  /** Hexadecimal. */
  readonly md5: string;
  /** Base64, of the algorithm that was asked for. */
  readonly checksum: string | undefined;
}

/** Up to here a body is kept in memory and written at once: most objects are small, and four file operations cost more. */
const SMALL = 256 * 1024;
/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html: one PUT, one part. */
const MAX_BYTES = 5 * 1024 ** 3;

/**
 * Writes a body to a new file as it comes and hashes it on the way. Rejects with the stream's error (a failed checksum,
 * a lost client) or EntityTooLarge; then the file is gone.
 *
 * Nothing is flushed to the disk itself: like the store's (`synchronous=NORMAL`), this durability is against the death
 * of the process, not of the machine. What a power cut shortened is noticed when it is read.
 */
export async function receiveBody(body: Body, file: string, algorithm?: SupportedAlgorithm): Promise<Received> {
  const md5 = createHash("md5");
  const checksum = algorithm === undefined ? undefined : createRunningHash(algorithm);
  let size = 0;
  const count = (chunk: Uint8Array) => {
    size += chunk.length;
    if (size > MAX_BYTES) throw entityTooLarge();
    md5.update(chunk);
    checksum?.update(chunk);
  };

  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    const bytes = typeof body === "string" ? Buffer.from(body) : (body ?? Buffer.alloc(0));
    count(bytes);
    writeFileSync(file, bytes, { flag: "wx" });
  } else {
    await receiveStream(body, file, count);
  }
  return { size, md5: md5.digest("hex"), checksum: await checksum?.digest() };
}

async function receiveStream(body: Readable, file: string, count: (chunk: Uint8Array) => void): Promise<void> {
  const small: Uint8Array[] = [];
  let held = 0;
  let output: ReturnType<typeof createWriteStream> | undefined;
  try {
    for await (const piece of body) {
      const chunk = typeof piece === "string" ? Buffer.from(piece) : (piece as Uint8Array);
      count(chunk);
      if (!output && held + chunk.length <= SMALL) {
        small.push(chunk);
        held += chunk.length;
        continue;
      }
      if (!output) {
        output = createWriteStream(file, { flags: "wx", highWaterMark: 1024 * 1024 });
        // A full disk shows at any time, also while the next piece is waited for; `errored` keeps it until then.
        output.on("error", () => undefined);
        for (const early of small.splice(0)) output.write(early);
      }
      if (!output.errored && !output.write(chunk)) await once(output, "drain");
      if (output.errored) throw output.errored;
    }
    if (output) {
      output.end();
      await finished(output);
    } else {
      writeFileSync(file, small.length === 1 ? (small[0] ?? "") : Buffer.concat(small), { flag: "wx" });
    }
  } catch (error) {
    if (output) {
      output.destroy();
      await finished(output).catch(() => undefined);
    }
    removeFile(file);
    throw error;
  }
}

/** A stream over a part of a file that is open when this resolves, so that it outlives the file's deletion. */
export async function openRange(file: string, { start, end }: ByteRange, size?: number): Promise<Readable> {
  if (end < start) return Readable.from([]);
  const handle = await open(file);
  if (size !== undefined) {
    const { size: found } = await handle.stat();
    if (found !== size) {
      await handle.close();
      throw damaged(`${file} should hold ${size} bytes and holds ${found}`);
    }
  }
  return handle.createReadStream({ start, end, highWaterMark: 512 * 1024 });
}

function entityTooLarge(): AwsError {
  return new AwsError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", {
    status: 400,
    fields: { MaxSizeAllowed: MAX_BYTES },
  });
}
