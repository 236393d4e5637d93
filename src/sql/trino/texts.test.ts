import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DuckDbProcess } from "../duckdb/process.ts";
import { tokenize } from "./lexer.ts";
import { MACROS, SETTINGS } from "./macros.ts";
import { translateQuery } from "./translate.ts";

let duckdb: DuckDbProcess;
beforeAll(async () => {
  duckdb = await DuckDbProcess.start({ setup: [...SETTINGS, ...MACROS] });
});
afterAll(() => duckdb.close());

const options = { lookup: () => null, now: new Date(0) };
/** Text of any kind, with more than its share of what SQL is written with. */
const text = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom("'", '"', "`", "\\", "-", "/", "*", "$", "@", "(", ")", "%", "\n"),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
    ),
  })
  .filter((value) => !value.includes("\0"));

test("any text in quotes is that text and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(text, async (value) => {
      const sql = `SELECT '${value.replaceAll("'", "''")}' /* ' */ -- "`;
      expect((await duckdb.query(translateQuery(sql, options).sql(String))).rows).toEqual([[value]]);
    }),
  );
});

test("any text in double quotes is a name, found again in any case", async () => {
  await fc.assert(
    fc.asyncProperty(
      text.filter((value) => value !== ""),
      async (name) => {
        const quoted = `"${name.replaceAll('"', '""')}"`;
        const translation = translateQuery(
          `SELECT t.${quoted} FROM (SELECT 1 AS ${quoted}) t ORDER BY ${quoted}`,
          options,
        );
        expect(translation.columns[0]?.name).toBe(name.toLowerCase());
        expect((await duckdb.query(translation.sql(String))).rows).toEqual([[1]]);
      },
    ),
  );
});

test("tokens tell where they stand, over lines and comments", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "'x\ny'", "--c\n", "/* \n */", "1.5", "<>", "\n", " "), { maxLength: 30 }),
      (pieces) => {
        const sql = pieces.join(" ");
        for (const token of tokenize(sql)) {
          const lines = sql.slice(0, token.start).split("\n");
          expect(token.position).toEqual({ line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 });
        }
      },
    ),
  );
});
