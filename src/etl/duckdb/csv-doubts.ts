import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readChunks } from "../text/bytes.ts";
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
export function mayEndInQuotes(path: string, { delimiter, quote }: CsvFormat): boolean {
  if (quote === "") return false;
  const opens = [...LINE_ENDS, delimiter.charCodeAt(0), quote.charCodeAt(0)];
  const file = openSync(path, "r");
  try {
    let end = fstatSync(file).size;
    let found = false;
    const buffer = Buffer.allocUnsafe(Math.min(WINDOW, end));
    while (end > 0) {
      const start = Math.max(0, end - buffer.length);
      const bytesRead = readSync(file, buffer, 0, end - start, start);
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
    closeSync(file);
  }
}

/** In a file whose lines end in CRLF, a CR that ends a line alone takes a space behind it along. */
export function mayLoseSpace(path: string): boolean {
  let cut = false;
  for (const chunk of readChunks(path)) {
    if (chunk.includes("\r ") || (cut && chunk[0] === SPACE)) return true;
    cut = chunk.at(-1) === LINE_ENDS[1];
  }
  return false;
}
