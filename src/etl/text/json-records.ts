/**
 * The specified splitter of JSON files into the texts of their records. It finds where records begin and end; whether
 * a record is valid JSON, and an object, is judged later, record by record. The Glue script has the same in Python;
 * both are held against `vectors/json.json`.
 *
 * - `lines`: a record is a line (LF, CRLF or CR). A line of nothing but white space is no record.
 * - `array`: the file is one array; a record is an element.
 * - `document`: the file is one object; member names lead from it to the array whose elements are the records.
 *
 * A file whose brackets do not match, that has something else where the array should be, or that ends too early, is
 * not readable as a whole: nobody can say where its next record would begin.
 */

/** A longer record makes its file unreadable (`lines`: it is cut, and will not be valid JSON). */
export const MAX_JSON_RECORD_BYTES = 16 * 1024 * 1024;

export interface JsonFormat {
  readonly layout: "lines" | "array" | "document";
  /** Member names from the root to the array; for `document` only. */
  readonly recordsPath: readonly string[];
}

/** The file does not have the shape that its dataset declares. The message is for a person. */
export class UnreadableJsonError extends Error {
  override readonly name = "UnreadableJsonError";
}

const LF = 0x0a;
const CR = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The records of a file, in order, as the bytes of their texts, in batches of roughly a chunk. A byte order mark at
 * the beginning is skipped. Throws `UnreadableJsonError` for `array` and `document`.
 */
export async function* jsonRecords(
  chunks: AsyncIterable<Buffer> | Iterable<Buffer>,
  format: JsonFormat,
): AsyncGenerator<Buffer[]> {
  const splitter = format.layout === "lines" ? new LineSplitter() : new ElementSplitter(format.recordsPath);
  let first = true;
  for await (const chunk of withoutMark(chunks)) {
    if (first && chunk.length === 0) continue;
    first = false;
    const records = splitter.push(chunk);
    if (records.length > 0) yield records;
  }
  const records = splitter.end();
  if (records.length > 0) yield records;
}

async function* withoutMark(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    if (head.length < BOM.length) continue;
    yield head.subarray(0, BOM.length).equals(BOM) ? head.subarray(BOM.length) : head;
    head = undefined;
  }
  if (head !== undefined && head.length > 0) yield head;
}

class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);
  #cut = false;

  push(chunk: Buffer): Buffer[] {
    return this.#take(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]), false);
  }

  end(): Buffer[] {
    return this.#take(this.#rest, true);
  }

  #take(buffer: Buffer, final: boolean): Buffer[] {
    const records: Buffer[] = [];
    let start = 0;
    for (;;) {
      let end = start;
      while (end < buffer.length && buffer[end] !== LF && buffer[end] !== CR) end++;
      const whole = end < buffer.length || final;
      if (!whole && end - start <= MAX_JSON_RECORD_BYTES) break;
      const line = buffer.subarray(start, Math.min(end, start + MAX_JSON_RECORD_BYTES));
      if (!this.#cut && !isBlank(line)) records.push(line);
      // The rest of a line that was too long is dropped as it comes.
      this.#cut = end >= buffer.length && !final;
      start = Math.min(end + 1, buffer.length);
      if (end >= buffer.length) break;
    }
    this.#rest = buffer.subarray(start);
    return records;
  }
}

/** Elements of one array: the root, or the one that a path of members leads to. */
class ElementSplitter {
  readonly #path: readonly string[];
  /** The brackets that are open, as their opening bytes. */
  readonly #open: number[] = [];
  #inString = false;
  #escaped = false;
  /** The text of a member's name, while one of the path's levels is being searched. */
  #name: number[] | undefined;
  /** Names found so far; equal to the path's length once its last name has been found. */
  #matched = 0;
  #lastName: string | undefined;
  /** What may come next in the container that is open: for commas, colons and the search of names. */
  #expect: "value" | "first-value" | "name" | "first-name" | "colon" | "comma" = "value";
  #target: "ahead" | "inside" | "behind" = "ahead";
  /** Bytes of the element that began in an earlier chunk. */
  #pieces: Buffer[] = [];
  #pieceBytes = 0;

  constructor(path: readonly string[]) {
    this.#path = path;
  }

  push(chunk: Buffer): Buffer[] {
    const records: Buffer[] = [];
    let start = this.#inElement() ? 0 : -1;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (this.#inString) {
        this.#stringByte(byte);
        continue;
      }
      if (isSpace(byte)) continue;
      const depthOfElements = this.#target === "inside" && this.#open.length === this.#targetDepth();
      if (depthOfElements && (byte === COMMA || byte === CLOSE_ARRAY)) {
        const element = start < 0 ? undefined : this.#element(chunk.subarray(start, i));
        if (element) records.push(element);
        start = -1;
      } else if (depthOfElements && start < 0) {
        start = i;
      }
      this.#structure(byte);
    }
    if (start >= 0) {
      this.#pieces.push(chunk.subarray(start));
      this.#pieceBytes += chunk.length - start;
      if (this.#pieceBytes > MAX_JSON_RECORD_BYTES) {
        throw new UnreadableJsonError(`a record is longer than ${MAX_JSON_RECORD_BYTES / 1024 / 1024} MiB`);
      }
    }
    return records;
  }

  end(): Buffer[] {
    if (this.#inString || this.#open.length > 0)
      throw new UnreadableJsonError("the file ends in the middle of its JSON");
    if (this.#target === "ahead") {
      throw new UnreadableJsonError(
        this.#path.length === 0
          ? "the file is empty where an array of records should be"
          : `the document has no array at ${JSON.stringify(this.#path.join("."))}`,
      );
    }
    return [];
  }

  #inElement(): boolean {
    return this.#pieces.length > 0;
  }

  #element(last: Buffer): Buffer {
    const bytes = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]);
    this.#pieces = [];
    this.#pieceBytes = 0;
    return trimmed(bytes);
  }

  #targetDepth(): number {
    return this.#path.length + 1;
  }

  #stringByte(byte: number): void {
    this.#name?.push(byte);
    if (this.#escaped) this.#escaped = false;
    else if (byte === BACKSLASH) this.#escaped = true;
    else if (byte === QUOTE) {
      this.#inString = false;
      if (this.#name) {
        this.#lastName = parseName(Buffer.from(this.#name));
        this.#name = undefined;
      }
    }
  }

  /** One byte of structure, outside strings and white space. */
  #structure(byte: number): void {
    switch (byte) {
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        this.#openContainer(byte);
        return;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        this.#closeContainer(byte);
        return;
      case COMMA:
        this.#require("comma", ",");
        this.#expect = this.#open.at(-1) === OPEN_OBJECT ? "name" : "value";
        return;
      case COLON:
        this.#require("colon", ":");
        this.#expect = "value";
        return;
      case QUOTE:
        this.#inString = true;
        if (this.#expect === "name" || this.#expect === "first-name") {
          if (this.#searching()) this.#name = [QUOTE];
          this.#expect = "colon";
        } else {
          this.#value("a string");
        }
        return;
      default:
        // A number or a word, one byte of several: its validity is not our business, its place is.
        if (this.#open.length === 0) this.#value("a single value");
        if (this.#expect === "value" || this.#expect === "first-value") this.#value("a single value");
        else if (this.#expect !== "comma")
          throw new UnreadableJsonError(`"${String.fromCharCode(byte)}" where a name should be`);
    }
  }

  /** The members of this object are the ones among which the path's next name is. */
  #searching(): boolean {
    return this.#target === "ahead" && this.#open.length === this.#matched + 1 && this.#matched < this.#path.length;
  }

  #openContainer(byte: number): void {
    const depth = this.#open.length;
    if (depth === 0 && (this.#target === "behind" || this.#expect === "comma")) {
      throw new UnreadableJsonError("there is more than one JSON value in the file");
    }
    if (this.#expect !== "value" && this.#expect !== "first-value") {
      throw new UnreadableJsonError(`"${String.fromCharCode(byte)}" where a comma or a name should be`);
    }
    const found = this.#onPath();
    if (this.#target === "ahead" && found) {
      if (this.#matched === this.#path.length) {
        if (byte !== OPEN_ARRAY) throw this.#noArray("an object");
        this.#target = "inside";
      } else if (byte !== OPEN_OBJECT) {
        throw this.#noArray("an array");
      }
    }
    this.#open.push(byte);
    this.#expect = byte === OPEN_OBJECT ? "first-name" : "first-value";
  }

  /** The value that begins here is the root, or the next one on the path. Counts the name that led to it. */
  #onPath(): boolean {
    if (this.#target !== "ahead") return false;
    if (this.#open.length === 0) return true;
    if (this.#open.length !== this.#matched + 1 || this.#lastName === undefined) return false;
    const found = this.#lastName === this.#path[this.#matched];
    this.#lastName = undefined;
    if (found) this.#matched++;
    return found;
  }

  #closeContainer(byte: number): void {
    const opening = byte === CLOSE_ARRAY ? OPEN_ARRAY : OPEN_OBJECT;
    const mayClose = this.#expect === "comma" || this.#expect === "first-value" || this.#expect === "first-name";
    if (this.#open.at(-1) !== opening || !mayClose) {
      throw new UnreadableJsonError(`"${String.fromCharCode(byte)}" where it closes nothing`);
    }
    if (this.#target === "inside" && this.#open.length === this.#targetDepth()) this.#target = "behind";
    else if (this.#target === "ahead" && this.#open.length <= this.#matched + 1 && this.#matched > 0) {
      // The object that the path led to ends, and the rest of the path was not in it.
      throw this.#noArray("nothing");
    }
    this.#open.pop();
    this.#expect = "comma";
  }

  #value(what: string): void {
    if (this.#expect !== "value" && this.#expect !== "first-value") {
      throw new UnreadableJsonError(`${what} where a comma should be`);
    }
    if (this.#target === "ahead" && this.#onPath()) throw this.#noArray(what);
    this.#expect = "comma";
  }

  #noArray(found: string): UnreadableJsonError {
    const where = this.#path.length === 0 ? "the file" : JSON.stringify(this.#path.join("."));
    return new UnreadableJsonError(`${where} should be an array of records, and there is ${found}`);
  }

  #require(expected: "comma" | "colon", symbol: string): void {
    if (this.#expect !== expected || this.#open.length === 0) {
      throw new UnreadableJsonError(`"${symbol}" where it does not belong`);
    }
  }
}

/** The name as JSON means it, escapes read. */
function parseName(literal: Buffer): string {
  try {
    return String(JSON.parse(literal.toString("utf8")));
  } catch {
    return literal.toString("utf8");
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === LF || byte === CR || byte === 0x09;
}

function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (!isSpace(byte)) return false;
  return true;
}

function trimmed(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && isSpace(bytes[end - 1] as number)) end--;
  return bytes.subarray(0, end);
}
