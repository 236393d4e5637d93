import { readChunks } from "../text/bytes.ts";
import { type CsvFormat, type CsvRecord, csvRecords } from "../text/csv-records.ts";

/** DuckDB and the tokenizer do not see the same records in a file. */
export class Disagreement extends Error {
  override readonly name = "Disagreement";
}

/**
 * Walks through a CSV file in the order of its records, handing out those that are asked for. DuckDB gives neither
 * a record's place in the file nor its text.
 */
export class CsvWalk {
  readonly #batches: AsyncGenerator<CsvRecord[]>;
  readonly #key: string;
  readonly #headers: number;
  #batch: readonly CsvRecord[] = [];
  #last = 0;

  constructor(file: { readonly key: string; readonly path: string }, format: CsvFormat & { readonly header: boolean }) {
    this.#key = file.key;
    this.#headers = format.header ? 1 : 0;
    this.#batches = csvRecords(readChunks(file.path), format);
  }

  /** The text of the record with this number, from 1 and only growing; its fields must be the ones DuckDB read. */
  async find(number: number, fields: readonly string[]): Promise<string> {
    for (;;) {
      const index = number - 1 + this.#headers;
      const first = this.#batch[0]?.index ?? Number.POSITIVE_INFINITY;
      const record = index >= first ? this.#batch[index - first] : undefined;
      if (record) {
        const own = record.fields().slice(0, fields.length);
        if (own.length !== fields.length || own.some((field, place) => field !== fields[place])) {
          throw new Disagreement(`${this.#key}, record ${number}: DuckDB reads other fields than the tokenizer`);
        }
        return record.text();
      }
      if (!(await this.#advance())) {
        throw new Disagreement(`${this.#key}: DuckDB reads a record ${number}, and the tokenizer only ${this.#last}`);
      }
    }
  }

  /** Reads to the end of the file and compares the number of records. */
  async finish(expected: number): Promise<void> {
    while (await this.#advance());
    if (this.#last !== expected) {
      throw new Disagreement(`${this.#key}: DuckDB reads ${expected} records, and the tokenizer ${this.#last}`);
    }
  }

  async close(): Promise<void> {
    await this.#batches.return(undefined);
  }

  async #advance(): Promise<boolean> {
    const next = await this.#batches.next();
    if (next.done) return false;
    this.#batch = next.value;
    this.#last = (next.value.at(-1)?.index ?? -1) + 1 - this.#headers;
    return true;
  }
}
