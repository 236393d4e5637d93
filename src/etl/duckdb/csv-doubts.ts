import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { CsvFormat } from "../text/csv-records.ts";

/**
 * Two cases in which DuckDB 1.5 reads something else than is specified and does not say so; found by comparing it with
 * the tokenizer on every short text. A file that may be such a case is read by the tokenizer.
 */

const WINDOW = 1024 * 1024;
const SPACE = 0x20;
const LINE_ENDS = [0x0a, 0x0d];

/**
 * A scan of many files (more than twice its threads) drops an unclosed quoted field at the end of a file, with all
 * that is in it. The last quote of such a file stands where a field begins, or behind another quote; where it does
 * not, the file cannot end inside a field.
 */
export async function mayEndInQuotes(path: string, { delimiter, quote }: CsvFormat): Promise<boolean> {
  if (quote === "") return false;
  const opens = [...LINE_ENDS, delimiter.charCodeAt(0), quote.charCodeAt(0)];
  const file = await open(path);
  try {
    let end = (await file.stat()).size;
    let found = false;
    const buffer = Buffer.allocUnsafe(Math.min(WINDOW, end));
    while (end > 0) {
      const start = Math.max(0, end - buffer.length);
      const { bytesRead } = await file.read(buffer, 0, end - start, start);
      const bytes = buffer.subarray(0, bytesRead);
      let at = bytesRead;
      if (!found) {
        at = bytes.lastIndexOf(quote);
        found = at >= 0;
      }
      if (found) {
        at--;
        while (at >= 0 && bytes[at] === SPACE) at--;
        if (at >= 0) return opens.includes(bytes[at] as number);
      }
      end = start;
    }
    // No quote at all; or nothing but spaces before it, so that it opens the first field.
    return found;
  } finally {
    await file.close();
  }
}

/** In a file whose lines end in CRLF, a CR that ends a line alone takes a space behind it along. */
export async function mayLoseSpace(path: string): Promise<boolean> {
  let last = "";
  for await (const chunk of createReadStream(path, { highWaterMark: WINDOW }) as AsyncIterable<Buffer>) {
    if (chunk.includes("\r ") || (last === "\r" && chunk[0] === SPACE)) return true;
    last = chunk.at(-1) === LINE_ENDS[1] ? "\r" : "";
  }
  return false;
}
