import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { csvBody, readCsvPage, readTextPage } from "./results.ts";

const directory = mkdtempSync(join(tmpdir(), "results-"));
const file = join(directory, "result");
afterAll(() => rmSync(directory, { recursive: true }));

const cell = fc.oneof(
  fc.constant(null),
  fc.string({
    unit: fc.oneof(fc.constantFrom('"', ",", "\n", "\r"), fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 })),
  }),
);

test("whatever is written comes back page by page, NULL and the empty text apart", async () => {
  const tables = fc
    .integer({ min: 1, max: 4 })
    .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { maxLength: 20 }));
  await fc.assert(
    fc.asyncProperty(tables, fc.integer({ min: 1, max: 7 }), async (table, count) => {
      const [header = ["only"], ...rows] = table.map((row, at) => (at === 0 ? row.map((value) => value ?? "") : row));
      async function* chunks() {
        yield rows.slice(0, 5);
        yield rows.slice(5);
      }
      writeFileSync(file, await text(csvBody(header.map(String), chunks())));
      const read: (string | null)[][] = [];
      for (let start: number | undefined = 0; start !== undefined;) {
        const page = await readCsvPage(file, start, count);
        if (page.next !== undefined) expect(page.rows).toHaveLength(count);
        read.push(...page.rows);
        start = page.next;
      }
      expect(read).toEqual([header, ...rows]);
    }),
  );
});

test("lines of text come in pages too", async () => {
  writeFileSync(file, "a\n\nb\tc\n");
  expect(await readTextPage(file, 0, 2)).toEqual({ rows: [["a"], [""]], next: 2 });
  expect(await readTextPage(file, 2, 2)).toEqual({ rows: [["b\tc"]], next: undefined });
});
