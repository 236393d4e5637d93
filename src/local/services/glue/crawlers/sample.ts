import { open } from "node:fs/promises";
import { constants, gunzipSync, zstdDecompressSync } from "node:zlib";
import type { Sample } from "./classification.ts";

/** Classifiers of text read about this much of a file. https://repost.aws/knowledge-center/glue-crawler-detect-schema */
const SAMPLE_BYTES = 1024 * 1024;

/** Formats that are known by their first bytes. */
const MAGIC: readonly [name: string, bytes: readonly number[]][] = [
  ["parquet", [0x50, 0x41, 0x52, 0x31]],
  ["orc", [0x4f, 0x52, 0x43]],
  ["avro", [0x4f, 0x62, 0x6a, 0x01]],
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["zip", [0x50, 0x4b, 0x03, 0x04]],
];

export type Start = { kind: "text"; sample: Sample } | { kind: "parquet" } | { kind: "unread"; format: string };

/** Reads the start of a file and says what it is. */
export async function readStart(path: string, size: number): Promise<Start> {
  const handle = await open(path);
  try {
    const buffer = Buffer.alloc(Math.min(size, SAMPLE_BYTES));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    const bytes = buffer.subarray(0, bytesRead);
    const [format] = MAGIC.find(([, magic]) => magic.every((byte, at) => bytes[at] === byte)) ?? ["none"];
    if (format === "parquet") return { kind: "parquet" };
    const text = decompress(bytes, format);
    if (!text) return { kind: "unread", format };
    const sample = { text: text.toString("utf8"), complete: bytesRead === size, compression: format, size };
    return { kind: "text", sample };
  } finally {
    await handle.close();
  }
}

function decompress(bytes: Buffer, format: string): Buffer | undefined {
  if (format === "none") return bytes;
  // A cut stream gives what can be had of it.
  const maxOutputLength = SAMPLE_BYTES * 256;
  if (format === "gzip") return gunzipSync(bytes, { maxOutputLength, finishFlush: constants.Z_SYNC_FLUSH });
  if (format === "zstd") return zstdDecompressSync(bytes, { maxOutputLength, finishFlush: constants.ZSTD_e_flush });
  return undefined;
}
