import { AwsError } from "../service.ts";

/**
 * The `aws-chunked` framing of S3: `<hex size>[;chunk-signature=…]\r\n<bytes>\r\n`, a chunk of size 0, then trailers.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html
 */
export interface ChunkEvents {
  /** Called before a chunk's bytes, and for the last (empty) one. */
  chunkStart?(signature: string | undefined): void;
  data?(bytes: Buffer): void;
  chunkEnd?(): void;
  /** Trailers as sent; the last one may be `x-amz-trailer-signature`. */
  trailers?(trailers: ReadonlyMap<string, string>): void;
}

/** Longer lines are no size lines and no trailers. */
const MAX_LINE = 8192;

/** Takes the payload out of its chunks, whatever the pieces the bytes arrive in. */
export async function* dechunk(source: AsyncIterable<Buffer>, events: ChunkEvents = {}): AsyncGenerator<Buffer> {
  const reader = new LineReader(source);
  for (;;) {
    const [size = "", ...extensions] = (await reader.line()).split(";");
    if (!/^[0-9a-fA-F]{1,8}$/.test(size.trim())) throw incomplete(`"${size}" is no chunk size`);
    const signature = extensions.map((item) => item.trim()).find((item) => item.startsWith("chunk-signature="));
    events.chunkStart?.(signature?.slice("chunk-signature=".length));
    let left = Number.parseInt(size, 16);
    if (left === 0) {
      events.chunkEnd?.();
      break;
    }
    while (left > 0) {
      const bytes = await reader.take(left);
      left -= bytes.length;
      events.data?.(bytes);
      yield bytes;
    }
    if ((await reader.line()) !== "") throw incomplete("a chunk is longer than its size says");
    events.chunkEnd?.();
  }
  events.trailers?.(await readTrailers(reader));
}

async function readTrailers(reader: LineReader): Promise<Map<string, string>> {
  const trailers = new Map<string, string>();
  for (let line = await reader.line(true); line !== ""; line = await reader.line(true)) {
    const colon = line.indexOf(":");
    if (colon < 1) throw new AwsError("MalformedTrailerError", `The trailer "${line}" is malformed.`, { status: 400 });
    trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return trailers;
}

class LineReader {
  readonly #source: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next line without its CRLF. With `endIsEmpty`, the end of the body counts as an empty line. */
  async line(endIsEmpty = false): Promise<string> {
    let end = this.#buffer.indexOf("\n");
    while (end < 0) {
      if (this.#buffer.length > MAX_LINE) throw incomplete("a chunk header is too long");
      const next = await this.#source.next();
      if (next.done) {
        if (endIsEmpty && this.#buffer.length === 0) return "";
        throw incomplete("the body ends inside a chunk");
      }
      this.#buffer = this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value]);
      end = this.#buffer.indexOf("\n");
    }
    const line = this.#buffer.toString("latin1", 0, end).replace(/\r$/, "");
    this.#buffer = this.#buffer.subarray(end + 1);
    return line;
  }

  /** At least one and at most `length` bytes. */
  async take(length: number): Promise<Buffer> {
    while (this.#buffer.length === 0) {
      const next = await this.#source.next();
      if (next.done) throw incomplete("the body ends inside a chunk");
      this.#buffer = next.value;
    }
    const bytes = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(bytes.length);
    return bytes;
  }
}

function incomplete(what: string): AwsError {
  return new AwsError("IncompleteBody", `The request body terminated unexpectedly: ${what}.`, { status: 400 });
}
