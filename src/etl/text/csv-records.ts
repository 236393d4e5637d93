/**
 * The specified CSV tokenizer: RFC 4180, with every case that the RFC leaves open decided here. The Glue script has
 * the same in Python; both are held against `vectors/csv.json`.
 *
 * - A record ends at LF, CRLF or CR outside quotes. A line of no bytes is no record.
 * - A field that begins with the quote, or with one space and the quote, is a quoted field: it ends at the next quote
 *   that is not doubled. That space, and spaces after its closing quote, are not part of it.
 * - After the closing quote and spaces, another quote opens the field again; both quotes are dropped.
 * - In every other field a quote is a character like any other, and so are spaces.
 * - A quoted field that is not closed by the end of the file, other text after a closing quote, or a record of more
 *   than `MAX_RECORD_BYTES`, is bad quoting: the record is then its first line, and the next record begins after it.
 *   So one stray quote costs one record, not the rest of the file.
 * - Empty unquoted fields at the end of a record, beyond the number of columns, are dropped (`trailingEmpty`).
 */

/** A longer record is taken for a quote that somebody forgot to close. */
export const MAX_RECORD_BYTES = 8 * 1024 * 1024;

export interface CsvFormat {
  /** One character of ASCII. */
  readonly delimiter: string;
  /** One character of ASCII, or empty when fields cannot be quoted. */
  readonly quote: string;
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const NONE = -1;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/** One record. It refers to the bytes it was found in: read what is needed of it before the next batch. */
export class CsvRecord {
  /** From 0 for the first record of the file, its header if it has one. */
  readonly index: number;
  readonly badQuoting: boolean;
  /** 0 when the quoting is bad. */
  readonly fieldCount: number;
  /** How many fields at the end are empty and not quoted. */
  readonly trailingEmpty: number;
  /** The record's bytes, without its line end. */
  readonly bytes: Buffer;
  readonly #format: ByteFormat;

  constructor(index: number, bytes: Buffer, shape: Shape | undefined, format: ByteFormat) {
    this.index = index;
    this.bytes = bytes;
    this.badQuoting = shape === undefined;
    this.fieldCount = shape?.fields ?? 0;
    this.trailingEmpty = shape?.trailingEmpty ?? 0;
    this.#format = format;
  }

  /** The record has these many columns, not counting empty fields beyond them. */
  hasColumns(columns: number): boolean {
    return !this.badQuoting && this.fieldCount >= columns && this.fieldCount - this.trailingEmpty <= columns;
  }

  /** The record's own text. Bytes that are not UTF-8 become U+FFFD. */
  text(): string {
    return this.bytes.toString("utf8");
  }

  /** The fields' texts, quotes and doubling removed. None when the quoting is bad. */
  fields(): string[] {
    return this.badQuoting ? [] : splitFields(this.bytes, this.#format);
  }
}

interface ByteFormat {
  readonly delimiter: number;
  readonly quote: number;
}

interface Shape {
  fields: number;
  trailingEmpty: number;
}

/**
 * The records of a file, in batches (one per chunk, roughly). A byte order mark at the beginning is skipped.
 * `chunks` are UTF-8, or any encoding in which ASCII bytes are themselves.
 */
export async function* csvRecords(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  format: CsvFormat,
): AsyncGenerator<CsvRecord[]> {
  const scanner = new CsvScanner(format);
  for await (const chunk of chunks) {
    const records = scanner.push(chunk);
    if (records.length > 0) yield records;
  }
  const records = scanner.end();
  if (records.length > 0) yield records;
}

class CsvScanner {
  readonly #format: ByteFormat;
  #rest: Buffer = Buffer.alloc(0);
  #index = 0;
  #atStart = true;
  /** Inside a first line that is longer than a record may be: skip to its end. */
  #skipping = false;
  // Results of the last #scan.
  #end = 0;
  #next = 0;
  readonly #shape: Shape = { fields: 0, trailingEmpty: 0 };

  constructor(format: CsvFormat) {
    this.#format = { delimiter: asciiByte("delimiter", format.delimiter), quote: quoteByte(format.quote) };
  }

  push(chunk: Buffer): CsvRecord[] {
    return this.#take(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]), false);
  }

  end(): CsvRecord[] {
    return this.#take(this.#rest, true);
  }

  #take(buffer: Buffer, final: boolean): CsvRecord[] {
    const records: CsvRecord[] = [];
    let at = 0;
    if (this.#atStart) {
      if (buffer.length < BOM.length && !final) {
        this.#rest = buffer;
        return records;
      }
      if (buffer.subarray(0, BOM.length).equals(BOM)) at = BOM.length;
      this.#atStart = false;
    }
    while (at < buffer.length) {
      const byte = buffer[at];
      if (!this.#skipping && (byte === LF || byte === CR)) {
        at++;
        continue;
      }
      const verdict = this.#skipping ? "bad" : this.#scan(buffer, at, final);
      if (verdict === "more" && buffer.length - at <= MAX_RECORD_BYTES) break;
      if (verdict === "good" && this.#end - at <= MAX_RECORD_BYTES) {
        records.push(new CsvRecord(this.#index++, buffer.subarray(at, this.#end), this.#shape, this.#format));
        at = this.#next;
        continue;
      }
      const end = lineEnd(buffer, at);
      if (end === buffer.length && !final) {
        if (end - at <= MAX_RECORD_BYTES) break;
        // A line of more than the limit: report what there is of it, once, and drop the rest as it comes.
        if (!this.#skipping) records.push(this.#bad(buffer, at, at + MAX_RECORD_BYTES));
        this.#skipping = true;
        at = end;
        break;
      }
      if (!this.#skipping) records.push(this.#bad(buffer, at, Math.min(end, at + MAX_RECORD_BYTES)));
      this.#skipping = false;
      at = end;
    }
    this.#rest = buffer.subarray(at);
    return records;
  }

  #bad(buffer: Buffer, start: number, end: number): CsvRecord {
    return new CsvRecord(this.#index++, buffer.subarray(start, end), undefined, this.#format);
  }

  /** Finds the end of the record at `start`. `more`: it depends on bytes that are not there yet. */
  #scan(buffer: Buffer, start: number, final: boolean): "good" | "bad" | "more" {
    const { delimiter, quote } = this.#format;
    const length = buffer.length;
    let fields = 0;
    let trailingEmpty = 0;
    let at = start;
    for (;;) {
      let p = buffer[at] === SPACE && buffer[at + 1] === quote ? at + 1 : at;
      if (p < length && buffer[p] === quote) {
        trailingEmpty = 0;
        p++;
        // Each turn takes one stretch between quotes.
        for (;;) {
          while (p < length && buffer[p] !== quote) p++;
          if (p >= length) return final ? "bad" : "more";
          p++;
          while (p < length && buffer[p] === SPACE) p++;
          if (p >= length && !final) return "more";
          if (p >= length || buffer[p] !== quote) break;
          p++;
        }
        const byte = buffer[p];
        if (p < length && byte !== delimiter && byte !== LF && byte !== CR) return "bad";
      } else {
        while (p < length) {
          const byte = buffer[p];
          if (byte === delimiter || byte === LF || byte === CR) break;
          p++;
        }
        trailingEmpty = p === at ? trailingEmpty + 1 : 0;
      }
      fields++;
      if (p >= length && !final) return "more";
      if (p < length && buffer[p] === delimiter) {
        at = p + 1;
        continue;
      }
      this.#end = p;
      this.#next = Math.min(p + 1, length);
      this.#shape.fields = fields;
      this.#shape.trailingEmpty = trailingEmpty;
      return "good";
    }
  }
}

/** The end of the line that `start` is in: its line break, or the end of the buffer. */
function lineEnd(buffer: Buffer, start: number): number {
  let at = start;
  while (at < buffer.length && buffer[at] !== LF && buffer[at] !== CR) at++;
  return at;
}

function splitFields(bytes: Buffer, { delimiter, quote }: ByteFormat): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let p = bytes[at] === SPACE && bytes[at + 1] === quote ? at + 1 : at;
    if (p < bytes.length && bytes[p] === quote) {
      const start = p + 1;
      let end = start;
      p = start;
      for (;;) {
        while (bytes[p] !== quote) p++;
        end = p++;
        while (bytes[p] === SPACE) p++;
        if (bytes[p] !== quote) break;
        p++;
      }
      fields.push(unquote(bytes.subarray(start, end), quote));
    } else {
      while (p < bytes.length && bytes[p] !== delimiter) p++;
      fields.push(bytes.toString("utf8", at, p));
    }
    if (p >= bytes.length) return fields;
    at = p + 1;
  }
}

/** Drops each quote and keeps what follows it, a second quote included. */
function unquote(inner: Buffer, quote: number): string {
  if (!inner.includes(quote)) return inner.toString("utf8");
  const kept = Buffer.alloc(inner.length);
  let length = 0;
  for (let i = 0; i < inner.length; i++) {
    // The quote that opens an empty stretch at the end has nothing behind it.
    if (inner[i] === quote && ++i === inner.length) break;
    kept[length++] = inner[i] ?? 0;
  }
  return kept.toString("utf8", 0, length);
}

function asciiByte(name: string, text: string): number {
  const code = text.charCodeAt(0);
  if (text.length !== 1 || code > 0x7f) {
    throw new RangeError(`the ${name} of a CSV file is one character of ASCII, not ${JSON.stringify(text)}`);
  }
  return code;
}

function quoteByte(text: string): number {
  return text === "" ? NONE : asciiByte("quote", text);
}
