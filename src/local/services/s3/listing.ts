import { invalidArgument } from "./errors.ts";
import type { Bound } from "./version-table.ts";

/** What a listing asks for, in the terms all listings share. */
export interface ListingRequest {
  readonly prefix: string;
  readonly delimiter: string | undefined;
  readonly maxItems: number;
}

/** A page: entries and common prefixes together count as its items. */
export interface Page<Entry> {
  readonly entries: Entry[];
  readonly commonPrefixes: string[];
  readonly truncated: boolean;
  /** The last item of the page. */
  readonly last: { key: string; isPrefix: boolean; entry?: Entry } | undefined;
}

/**
 * Collects a page from entries in key order. `entriesFrom` gives those with a key at or after a place and below the
 * prefix's end; after a common prefix it is asked again from behind it, so a folder of a million costs one step.
 */
export function collectPage<Entry extends { readonly key: string }>(
  request: ListingRequest,
  start: Bound,
  entriesFrom: (from: Bound, to: Bound) => Iterable<Entry>,
  options: {
    /** A common prefix that the page before ended with, or that the marker lies in: not shown again. */
    passedPrefix?: (commonPrefix: string) => boolean;
    /** Entries that the page before showed. */
    passed?: (entry: Entry) => boolean;
  } = {},
): Page<Entry> {
  const entries: Entry[] = [];
  const commonPrefixes: string[] = [];
  let last: Page<Entry>["last"];
  const to = behindPrefix(request.prefix);
  const full = () => entries.length + commonPrefixes.length >= request.maxItems;
  let from: Bound | undefined = start;
  while (from) {
    const here: Bound = from;
    from = undefined;
    for (const entry of entriesFrom(here, to)) {
      if (options.passed?.(entry)) continue;
      const common = commonPrefix(entry.key, request);
      if (common !== undefined && options.passedPrefix?.(common)) {
        from = behindPrefix(common);
        break;
      }
      if (full()) return { entries, commonPrefixes, truncated: request.maxItems > 0, last };
      if (common !== undefined) {
        commonPrefixes.push(common);
        last = { key: common, isPrefix: true };
        from = behindPrefix(common);
        break;
      }
      entries.push(entry);
      last = { key: entry.key, isPrefix: false, entry };
    }
  }
  return { entries, commonPrefixes, truncated: false, last };
}

function commonPrefix(key: string, { prefix, delimiter }: ListingRequest): string | undefined {
  if (!delimiter) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

/** The first place of a key. */
export function atKey(key: string): Bound {
  return Buffer.from(key);
}

/** The first place behind a key. */
export function behindKey(key: string): Bound {
  return Buffer.concat([Buffer.from(key), Buffer.of(0)]);
}

/** Behind every key with a prefix: no UTF-8 text has the byte 0xFF. */
export function behindPrefix(prefix: string): Bound {
  return Buffer.concat([Buffer.from(prefix), Buffer.of(0xff)]);
}

/** The later of two places. */
export function later(a: Bound, b: Bound): Bound {
  return Buffer.compare(a, b) >= 0 ? a : b;
}

/** At most 1,000 items a page, whatever is asked for. */
export function pageSize(wish: number | undefined, name: string): number {
  if (wish === undefined) return 1000;
  if (!Number.isInteger(wish) || wish < 0) {
    throw invalidArgument(`Argument ${name} must be an integer between 0 and 2147483647`, name, String(wish));
  }
  return Math.min(wish, 1000);
}

/** Keys of an answer, encoded when the request asks for it: XML cannot carry every character. */
export function keyEncoder(encodingType: string | undefined): (key: string) => string {
  if (encodingType === undefined) return (key) => key;
  if (encodingType !== "url") {
    throw invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", encodingType);
  }
  return (key) =>
    encodeURIComponent(key.toWellFormed())
      .replaceAll(/[!'()]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
      .replaceAll("%20", "+")
      .replaceAll("%2F", "/");
}
