import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dechunk } from "./chunked.ts";

/** Frames `chunks` as aws-chunked. */
function frame(
  chunks: readonly Buffer[],
  options: { trailers?: Record<string, string>; signed?: boolean } = {},
): Buffer {
  const extension = options.signed ? `;chunk-signature=${"0".repeat(64)}` : "";
  const framed = [...chunks.filter((chunk) => chunk.length > 0), Buffer.alloc(0)].flatMap((chunk) =>
    chunk.length > 0
      ? [Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`), chunk, Buffer.from("\r\n")]
      : [Buffer.from(`0${extension}\r\n`)],
  );
  const trailers = Object.entries(options.trailers ?? {}).map(([name, value]) => Buffer.from(`${name}:${value}\r\n`));
  return Buffer.concat([...framed, ...trailers, Buffer.from("\r\n")]);
}

/** The bytes in pieces cut at the given places, as a socket might give them. */
async function* pieces(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (const [index, start] of places.entries()) yield bytes.subarray(start, places[index + 1] ?? start);
}

async function read(bytes: Buffer, cuts: readonly number[] = []) {
  let trailers: ReadonlyMap<string, string> = new Map();
  const payload: Buffer[] = [];
  for await (const piece of dechunk(pieces(bytes, cuts), { trailers: (sent) => (trailers = sent) }))
    payload.push(piece);
  return { payload: Buffer.concat(payload), trailers: Object.fromEntries(trailers) };
}

describe("aws-chunked", () => {
  test("gives the payload and the trailers wherever the bytes are cut", async () => {
    const chunk = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(
        fc.array(chunk, { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        fc.boolean(),
        async (chunks, cuts, signed) => {
          const trailers = { "x-amz-checksum-crc32": "AAAAAA==", "x-other": "with: colon" };
          const result = await read(frame(chunks, { trailers, signed }), cuts);
          expect(result.payload.equals(Buffer.concat(chunks))).toBe(true);
          expect(result.trailers).toEqual(trailers);
        },
      ),
    );
  });

  test("every single place to cut a body in two", async () => {
    const chunks = [Buffer.from("hello\r\n0\r\n\r\n"), Buffer.from("world")];
    const bytes = frame(chunks, { trailers: { "x-amz-checksum-crc32": "x" } });
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { payload, trailers } = await read(bytes, [cut]);
      expect([cut, payload.toString(), trailers]).toEqual([
        cut,
        "hello\r\n0\r\n\r\nworld",
        { "x-amz-checksum-crc32": "x" },
      ]);
    }
  });

  test("a body that ends early is refused wherever it ends, unless only the last empty line is missing", async () => {
    const bytes = frame([Buffer.from("hello")]);
    for (let end = 0; end < bytes.length - 2; end++) {
      await expect(read(bytes.subarray(0, end)), `cut at ${end}`).rejects.toMatchObject({ code: "IncompleteBody" });
    }
    expect((await read(bytes.subarray(0, -2))).payload.toString()).toBe("hello");
  });

  test.each([
    ["a size that is no number", "zz\r\nhello\r\n0\r\n\r\n", "IncompleteBody"],
    ["a chunk longer than its size", "3\r\nhello\r\n0\r\n\r\n", "IncompleteBody"],
    ["an endless size line", "1".repeat(20_000), "IncompleteBody"],
    ["a trailer without a colon", "0\r\nnothing\r\n\r\n", "MalformedTrailerError"],
  ])("%s is refused", async (_name, body, code) => {
    await expect(read(Buffer.from(body))).rejects.toMatchObject({ code });
  });
});
