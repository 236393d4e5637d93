import { closeSync, createReadStream, fstatSync, openSync, readSync } from "node:fs";
import { Transform, type Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";

export type Compression = "none" | "gzip" | "zstd";
export type Encoding = "utf-8" | "latin-1";

const CHUNK = 1024 * 1024;

/** How a file is compressed, by the ending of its key. */
export function compressionOf(key: string): Compression {
  if (/\.(gz|gzip)$/i.test(key)) return "gzip";
  return /\.(zst|zstd)$/i.test(key) ? "zstd" : "none";
}

/**
 * A file's bytes, decompressed and in UTF-8. Decompression is verified to the end: a truncated file, a wrong checksum
 * or bytes behind the last member are an error of the stream.
 */
export function openText(path: string, compression: Compression, encoding: Encoding): Readable {
  let stream: Readable = createReadStream(path, { highWaterMark: CHUNK });
  for (const next of transforms(compression, encoding)) {
    const source = stream;
    source.once("error", (error) => next.destroy(error));
    stream = source.pipe(next);
  }
  return stream;
}

function transforms(compression: Compression, encoding: Encoding): Transform[] {
  const chain: Transform[] = [];
  if (compression === "gzip") chain.push(createGunzip({ chunkSize: CHUNK }));
  if (compression === "zstd") chain.push(createZstdDecompress({ chunkSize: CHUNK }));
  if (encoding === "latin-1") chain.push(latin1ToUtf8());
  return chain;
}

function latin1ToUtf8(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, Buffer.from(chunk.toString("latin1"), "utf8"));
    },
  });
}

/**
 * A file's bytes in chunks. Read synchronously: local files, mostly small ones, of which there may be ten thousand; a
 * stream of each would cost ten times as much.
 */
export function* readChunks(path: string): Generator<Buffer> {
  const file = openSync(path, "r");
  try {
    // One more, so that the end of a small file is seen with the first read.
    const size = Math.min(CHUNK, fstatSync(file).size + 1);
    for (;;) {
      const chunk = Buffer.allocUnsafe(size);
      const length = readSync(file, chunk);
      if (length > 0) yield chunk.subarray(0, length);
      if (length < size) return;
    }
  } finally {
    closeSync(file);
  }
}

/** The encoding that a file announces by its first bytes and that no dataset can declare; undefined when none. */
export function foreignMark(head: Buffer): "UTF-16" | "UTF-32" | undefined {
  const [a, b, c, d] = head;
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? "UTF-32" : "UTF-16";
  if (a === 0xfe && b === 0xff) return "UTF-16";
  return a === 0 && b === 0 && c === 0xfe && d === 0xff ? "UTF-32" : undefined;
}

/** The first `bytes` bytes of a file, or all of a shorter one. */
export function readHead(path: string, bytes: number): Buffer {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(bytes);
    return head.subarray(0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}
