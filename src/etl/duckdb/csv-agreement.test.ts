import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csvPlan } from "../../../test/support/small-plans.ts";
import type { CsvSource } from "../../plan/plan.ts";
import { csvRecords } from "../text/csv-records.ts";
import { mayEndInQuotes, mayLoseSpace } from "./csv-doubts.ts";
import { csvRecordRows } from "./csv-input.ts";
import { type Database, openDatabase } from "./database.ts";
import { createSources } from "./sources.ts";

let directory: string;
let database: Database;
beforeAll(async () => {
  directory = mkdtempSync(path.join(os.tmpdir(), "millrace-agreement-"));
  database = await openDatabase({ memoryBytes: 1e9, temporaryDirectory: directory, threads: 1 });
});
afterAll(() => {
  database.close();
  rmSync(directory, { recursive: true });
});

const source = csvPlan().source as CsvSource;
const header = (fields: number) => ["id", "name", "at"].slice(0, fields).join(",");

type Records = readonly (readonly string[])[];

/** What DuckDB reads from files in one scan, by file; a file with anything that DuckDB says it cannot read is absent. */
async function byDuckDb(files: readonly string[], fields: number): Promise<ReadonlyMap<string, Records>> {
  const plan = csvPlan({ columns: csvPlan().columns.slice(0, fields) });
  const layout = plan.columns.map((_, index) => index);
  const rejectsTable = database.unique("misread");
  const sources = await createSources(
    database,
    files.map((file, index) => ({ path: file, file: index, key: file, version: "" })),
  );
  const { raw } = csvRecordRows({ plan, source, layout, cleaned: false, paths: files, sources, rejectsTable });
  const found = new Map<string, string[][]>(files.map((file) => [file, []]));
  try {
    const sql = `SELECT "millrace:file", "millrace:raw" FROM (${raw}) ORDER BY "millrace:record"`;
    const rows = await database.inOrder(() => database.rows(sql));
    for (const [file, record] of rows) found.get(files[Number(file)] ?? "")?.push(record as string[]);
  } catch {
    if (files.length === 1) return new Map();
    const middle = files.length >> 1;
    const halves = [await byDuckDb(files.slice(0, middle), fields), await byDuckDb(files.slice(middle), fields)];
    return new Map(halves.flatMap((half) => [...half]));
  }
  for (const [misread] of await database.rows(`SELECT DISTINCT file_path FROM ${rejectsTable}_scans`)) {
    found.delete(String(misread));
  }
  return found;
}

/** The same by the tokenizer; a broken record is no fields at all, which DuckDB never gives. */
async function byTokenizer(text: string, fields: number): Promise<Records> {
  const found: string[][] = [];
  for await (const batch of csvRecords([Buffer.from(text)], source)) {
    for (const record of batch) found.push(record.hasColumns(fields) ? record.fields().slice(0, fields) : []);
  }
  return found.slice(1);
}

/** Compares the readers on texts that DuckDB is trusted with. Returns how many of them it read without complaint. */
async function compare(texts: readonly string[], fields: number): Promise<number> {
  const files = texts.map((text, index) => {
    const file = path.join(directory, `${index}.csv`);
    writeFileSync(file, text);
    return file;
  });
  const read = await byDuckDb(files, fields);
  let compared = 0;
  for (const [index, file] of files.entries()) {
    const text = texts[index] ?? "";
    const records = read.get(file);
    if (!records || /^[\r\n]/.test(text)) continue;
    if (mayLoseSpace(file) || mayEndInQuotes(file, source)) continue;
    expect({ text, records }).toEqual({ text, records: await byTokenizer(text, fields) });
    compared++;
  }
  return compared;
}

function* texts(alphabet: readonly string[], length: number, begin = ""): Generator<string> {
  yield begin;
  if (length > 0) for (const symbol of alphabet) yield* texts(alphabet, length - 1, begin + symbol);
}

test.each([
  ["LF", "\n", ["a", '"', ",", "\n", " "]],
  ["CRLF", "\r\n", ["a", '"', ",", "\r\n", " "]],
  ["LF and CR", "\n", ['"', ",", "\n", "\r", " "]],
  ["CRLF, LF and CR", "\r\n", ["a", ",", "\r\n", "\n", "\r"]],
])(
  "what DuckDB reads without complaint is what the tokenizer reads: every text of four, %s",
  async (_, end, alphabet) => {
    const all = [...texts(alphabet, 4)].map((text) => header(2) + end + text);

    expect(await compare(all, 2)).toBeGreaterThan(100);
  },
);

test("what DuckDB reads without complaint is what the tokenizer reads: longer texts", async () => {
  const soup = fc.string({ unit: fc.constantFrom("a", "é", '"', ",", ",", "\n", " "), maxLength: 20 });
  const cell = fc.constantFrom("", "a", " ", '"b"', '"c,d"', '"e\nf"', '"g""h"', ' "i"', '"j" ', 'k"l', '"m" "n"');
  const row = fc.array(cell, { minLength: 3, maxLength: 3 }).map((cells) => cells.join(","));
  const table = fc.array(row, { maxLength: 6 }).map((rows) => rows.join("\n"));
  const all = fc.sample(fc.oneof({ weight: 1, arbitrary: soup }, { weight: 3, arbitrary: table }), 500);

  expect(
    await compare(
      all.map((text) => `${header(3)}\n${text}`),
      3,
    ),
  ).toBeGreaterThan(100);
});

test("well-formed files are read by DuckDB alone", async () => {
  const field = fc.string({ unit: fc.constantFrom("a", "é", '"', ",", "\n", " ", "😀") });
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const tables = fc.sample(fc.array(fc.tuple(field, field), { minLength: 1 }), 200);
  const files = tables.map((rows, index) => {
    const file = path.join(directory, `well-formed-${index}.csv`);
    const end = index % 2 === 0 ? "\n" : "\r\n";
    writeFileSync(file, [header(2), ...rows.map((row) => row.map(quoted).join(","))].join(end));
    return file;
  });

  const read = await byDuckDb(files, 2);

  expect(files.map((file) => read.get(file))).toEqual(tables);
});
