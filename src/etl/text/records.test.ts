import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_RECORD_BYTES, csvRecords } from "./csv-records.ts";
import { type JsonFormat, UnreadableJsonError, jsonRecords } from "./json-records.ts";

interface CsvVector {
  name: string;
  text: string;
  delimiter?: string;
  quote?: string;
  records: ({ fields: string[]; trailingEmpty?: number } | { bad: string; raw: string })[];
}

/** Without `records`, the file is unreadable. */
type JsonVector = JsonFormat & { name: string; text: string; records?: string[] };

function vectors<T>(name: string): T[] {
  return JSON.parse(readFileSync(new URL(`./vectors/${name}.json`, import.meta.url), "utf8")) as T[];
}

/** Cuts the bytes everywhere, so that each state of a tokenizer has to outlive a chunk. */
const CUTS: readonly [string, (bytes: Buffer) => Buffer[]][] = [
  ["whole", (bytes) => [bytes]],
  ["byte by byte", (bytes) => Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))],
  [
    "three bytes each",
    (bytes) => Array.from({ length: Math.ceil(bytes.length / 3) }, (_, i) => bytes.subarray(i * 3, i * 3 + 3)),
  ],
];

async function readCsv(chunks: Buffer[], format = { delimiter: ",", quote: '"' }) {
  const found: {
    fields: string[];
    fieldCount: number;
    bad: boolean;
    trailingEmpty: number;
    raw: string;
    index: number;
  }[] = [];
  for await (const batch of csvRecords(chunks, format)) {
    for (const record of batch) {
      const { badQuoting: bad, trailingEmpty, index, fieldCount } = record;
      found.push({ fields: record.fields(), fieldCount, bad, trailingEmpty, raw: record.text(), index });
    }
  }
  return found;
}

async function readJson(chunks: Buffer[], format: JsonFormat): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of jsonRecords(chunks, format)) found.push(...batch.map(String));
  return found;
}

describe.each(CUTS)("CSV records, %s", (_, cut) => {
  test.each(vectors<CsvVector>("csv"))("$name", async ({ text, delimiter = ",", quote = '"', records }) => {
    const found = await readCsv(cut(Buffer.from(text)), { delimiter, quote });

    expect(found.map(({ bad, raw, fields }) => (bad ? { bad: "bad-quoting", raw } : { fields }))).toEqual(
      records.map((record) => ("bad" in record ? record : { fields: record.fields })),
    );
    expect(found.map(({ fieldCount }) => fieldCount)).toEqual(found.map(({ fields }) => fields.length));
    expect(found.map(({ index }) => index)).toEqual(records.map((_, index) => index));
    expect(found).toMatchObject(
      records.map((record) => ("trailingEmpty" in record ? { trailingEmpty: record.trailingEmpty } : {})),
    );
  });
});

describe("CSV records", () => {
  test("of more than the limit are bad, the next line is not, and memory stays bounded", async () => {
    const long = Buffer.alloc(MAX_RECORD_BYTES - 100, "x");
    const chunks = [Buffer.from('a,b\n"'), long, long, long, Buffer.from("\nc,d\n"), long, Buffer.from("\n")];

    const found = await readCsv(chunks);

    expect(found.map(({ bad, raw }) => [bad, raw.length])).toEqual([
      [false, 3],
      [true, MAX_RECORD_BYTES],
      [false, 3],
      [false, long.length],
    ]);
  });

  test("come out as they were written, however the bytes arrive", async () => {
    const field = fc.string({ unit: fc.constantFrom("a", "é", '"', ",", "\n", "\r", " ", "\t", "😀") });
    const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom("\n", "\r\n", "\r"),
        fc.integer({ min: 1, max: 7 }),
        async (rows, end, size) => {
          const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
          const bytes = Buffer.from(rows.map((row) => row.map(quoted).join(",") + end).join(""));
          const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
            bytes.subarray(i * size, (i + 1) * size),
          );
          const found = await readCsv(chunks);
          expect(found.map(({ fields }) => fields)).toEqual(rows);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("are the same for any bytes, however they arrive", async () => {
    const soup = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", " "), maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(soup, fc.integer({ min: 1, max: 5 }), async (text, size) => {
        const bytes = Buffer.from(text);
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        expect(await readCsv(chunks)).toEqual(await readCsv([bytes]));
      }),
      { numRuns: 2000 },
    );
  });
});

describe.each(CUTS)("JSON records, %s", (_, cut) => {
  const all = vectors<JsonVector>("json");

  test.each(all.filter((vector) => vector.records !== undefined))("$layout: $name", async (vector) => {
    expect(await readJson(cut(Buffer.from(vector.text)), vector)).toEqual(vector.records);
  });

  test.each(all.filter((vector) => vector.records === undefined))("$layout, unreadable: $name", async (vector) => {
    await expect(readJson(cut(Buffer.from(vector.text)), vector)).rejects.toThrow(UnreadableJsonError);
  });
});

test("the elements of any JSON array are its records", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue()),
      fc.integer({ min: 1, max: 9 }),
      fc.nat({ max: 2 }),
      async (values, size, indent) => {
        const bytes = Buffer.from(
          JSON.stringify({ before: values, rows: values, after: { rows: values } }, undefined, indent),
        );
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        const records = await readJson(chunks, { layout: "document", recordsPath: ["rows"] });
        expect(records.map((record) => JSON.parse(record) as unknown)).toEqual(JSON.parse(JSON.stringify(values)));
      },
    ),
    { numRuns: 300 },
  );
});
