import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { receiveBody } from "./receive-body.ts";

/** Larger than what is kept in memory, so that the file is opened while the rest is still to come. */
const LARGE = Buffer.alloc(512 * 1024, 1);

test("a disk that fails while the client is silent fails the request, and nothing else", async () => {
  const directory = mkdtempSync(path.join(tmpdir(), "receive-body-"));
  const body = Readable.from(
    (async function* () {
      yield LARGE;
      // The file cannot be opened, which shows while nobody writes to it.
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      yield LARGE;
    })(),
  );
  await expect(receiveBody(body, path.join(directory, "missing", "file"))).rejects.toMatchObject({ code: "ENOENT" });
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});
