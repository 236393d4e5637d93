import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csvPlan, pair } from "../../../test/support/small-plans.ts";
import type { CsvSource } from "../../plan/plan.ts";
import { csvRecords } from "../text/csv-records.ts";
import { type Database, openDatabase } from "./database.ts";
import { executePlan } from "./execute.ts";

let root: string;
let database: Database;
beforeAll(async () => {
  root = mkdtempSync(path.join(os.tmpdir(), "millrace-property-"));
  database = await openDatabase({ memoryBytes: 1e9, temporaryDirectory: path.join(root, "spill"), threads: 2 });
});
afterAll(() => {
  database.close();
  rmSync(root, { recursive: true });
});

/** Every record is a row or a reject: nothing is rejected whole but files without records. */
const plan = csvPlan({
  columns: csvPlan().columns.slice(0, 2),
  rejectLimit: 1,
  transform: pair(`SELECT id, name, "_source", "_version" FROM source`),
  output: [
    { name: "id", type: "int" },
    { name: "name", type: "string" },
  ],
});

interface Expected {
  readonly rows: unknown[][];
  readonly rejects: unknown[][];
  readonly records: number;
}

/** What should become of a file, by the tokenizer and by hand. */
async function expected(text: string): Promise<Expected> {
  const [rows, rejects]: [unknown[][], unknown[][]] = [[], []];
  let records = -1;
  for await (const batch of csvRecords([Buffer.from(text)], plan.source as CsvSource)) {
    for (const record of batch) {
      records++;
      if (record.index === 0) continue;
      const [id = "", name = ""] = record.fields();
      const reject = (reason: string) => rejects.push([record.index, reason, record.text()]);
      if (record.badQuoting) reject("bad-quoting");
      else if (!record.hasColumns(2)) reject("field-count");
      else if (id === "") reject("missing-value");
      else if (id === "x") reject("bad-value");
      else rows.push([Number(id), name === "" ? null : name]);
    }
  }
  return { rows, rejects, records };
}

const cell = fc.constantFrom(
  "",
  "a",
  " b ",
  '"c"',
  '"d,e"',
  '"f\ng"',
  '"h""i"',
  ' "j"',
  '"k" ',
  'l"m',
  '"n"o',
  '"p',
  "q,r",
  "é",
);
const line = fc
  .tuple(fc.constantFrom("1", "2", "30", "x", "", '"4"'), cell, fc.constantFrom("", "", "", ",", ",,", ",y"))
  .map(([id, name, rest]) => `${id},${name}${rest}`);
const end = fc.constantFrom("\n", "\n", "\r\n", "\r\n", "\r", "\n\n");
const file = fc
  .tuple(fc.array(line, { maxLength: 8 }), end, fc.boolean(), fc.constantFrom("", "", "\uFEFF", "\n"))
  .map(([lines, end, last, begin]) => `${begin}id,name${end}${lines.join(end)}${last ? end : ""}`);
const mixed = fc.array(fc.tuple(line, end), { maxLength: 6 }).map((lines) => `id,name\n${lines.flat().join("")}`);

const byText = (a: unknown, b: unknown) => JSON.stringify(a).localeCompare(JSON.stringify(b));

test("each record of any files is once a row or once a reject, with its number and its text", async () => {
  let runs = 0;
  const files = fc.array(fc.oneof({ weight: 4, arbitrary: file }, { weight: 1, arbitrary: mixed }), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(files, async (texts) => {
      const directory = path.join(root, String(runs++));
      const sources = texts.map((text, index) => {
        const name = path.join(root, `${runs}-${index}.csv`);
        writeFileSync(name, text);
        return { key: `orders/${index}`, version: "v", content: { path: name, size: Buffer.byteLength(text) } };
      });
      const now = () => new Date(0);
      const done = await executePlan(database, { plan, run: "000001", files: sources, directory, now });

      const rows = await Promise.all(
        done.outputs.map((output) => database.rows(`SELECT _source, id, name FROM '${output.path}'`)),
      );
      const rejects = done.rejects
        ? await database.rows(
            `SELECT source_key, record::INTEGER, reason, raw FROM '${done.rejects.path}' WHERE record IS NOT NULL`,
          )
        : [];
      const wanted = await Promise.all(texts.map(expected));
      expect(rows.flat().toSorted(byText)).toEqual(
        wanted.flatMap((each, index) => each.rows.map((row) => [`orders/${index}`, ...row])).toSorted(byText),
      );
      expect([...rejects].toSorted(byText)).toEqual(
        wanted.flatMap((each, index) => each.rejects.map((row) => [`orders/${index}`, ...row])).toSorted(byText),
      );
      expect(done.files.map((each) => [each.rowsIn, each.rowsOut, each.rowsRejected])).toEqual(
        wanted.map((each) => [each.records, each.rows.length, each.rejects.length]),
      );
      expect(done.files.map((each) => each.error?.reason === "no-records")).toEqual(
        wanted.map((each) => each.records < 1),
      );
    }),
    { numRuns: Number(process.env.MILLRACE_RUNS ?? 25) },
  );
});
