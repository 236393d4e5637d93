import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inputRows, typingGroups } from "../../../test/support/spark/print-cases.ts";
import { answerSelect, sameAnswer } from "../../../test/support/spark/same-answer.ts";
import type { SparkAnswers } from "../../../test/support/spark/same-answer.ts";
import { lowerCaseNames, parseType } from "../../plan/data-type.ts";
import { DuckDbProcess } from "../../sql/duckdb/process.ts";
import { duckdbText, quoteName } from "../../sql/spark/literals.ts";
import { SPARK_MACROS } from "../../sql/spark/macros.ts";
import { typeText } from "./typing.ts";

let duckdb: DuckDbProcess;
let answers: SparkAnswers;

beforeAll(async () => {
  duckdb = await DuckDbProcess.start({ setup: [SPARK_MACROS] });
  answers = JSON.parse(
    await readFile(new URL("../../../test/support/spark/golden/typing.json", import.meta.url), "utf8"),
  ) as SparkAnswers;
});
afterAll(() => duckdb.close());

describe("the rule table gives the same value, or none, in DuckDB and in Spark", () => {
  test.each(typingGroups().map((group) => [group.name, group] as const))("%s", async (name, { group, sql }) => {
    const type = lowerCaseNames(parseType(group.name));
    const recorded = answers.groups[name]?.[name]?.values;

    const { rows } = await duckdb.query(answerSelect(sql.duckdb, type, inputRows(group).duckdb));

    expect(recorded).toHaveLength(rows.length);
    const different = rows.flatMap(([value, typed], row) => {
      const agrees = typed === true && sameAnswer(value, recorded?.[row], type);
      return agrees ? [] : [{ text: group.columns["s"]?.values[row], duckdb: value, spark: recorded?.[row] }];
    });
    expect(different).toEqual([]);
  });
});

/** The value of every text, asked in one query. */
async function typed(
  type: string,
  texts: readonly string[],
  shown: (sql: string) => string = (sql) => sql,
): Promise<unknown[]> {
  const { duckdb: sql } = typeText(parseType(type), quoteName("s"));
  const rows = texts.map((text, row) => `(${row}, ${duckdbText(text)})`).join(", ");
  const result = await duckdb.query(`SELECT ${shown(sql)} FROM (VALUES ${rows}) AS input(row, s) ORDER BY row`);
  return result.rows.map(([value]) => value);
}

/** Texts that are nearly values: the letters of numbers and times, by and by with something else. */
const nearly = (letters: string, other = ' _,x\n"٣') =>
  fc.array(
    fc.string({
      unit: fc.oneof(
        { weight: 20, arbitrary: fc.constantFrom(...letters) },
        { weight: 1, arbitrary: fc.constantFrom(...other) },
      ),
      maxLength: 24,
    }),
    { minLength: 300, maxLength: 300 },
  );

async function checkAgainst(
  letters: string,
  type: string,
  wanted: (text: string) => unknown,
  shown?: (sql: string) => string,
  extra: fc.Arbitrary<string> = fc.constant("0"),
): Promise<void> {
  const batches = fc.tuple(nearly(letters), fc.array(extra, { minLength: 200, maxLength: 200 }));
  await fc.assert(
    fc.asyncProperty(batches, async ([some, others]) => {
      const texts = [...some, ...others];
      const found = await typed(type, texts, shown);
      const different = texts.flatMap((text, index) => {
        const value = wanted(text) ?? null;
        return Object.is(found[index] ?? null, value) ? [] : [{ text, found: found[index], wanted: value }];
      });
      expect(different).toEqual([]);
    }),
    { numRuns: 8 },
  );
}

function whole(text: string, bits: number): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text) || text.endsWith("\n")) return undefined;
  const value = BigInt(text.replace("+", ""));
  return BigInt.asIntN(bits, value) === value ? value : undefined;
}

const DECIMAL = /^[+-]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:[eE][+-]?[0-9]{1,4})?$/;

function double(text: string): number | undefined {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

/** `YYYY-MM-DD[[ T]HH:MM[:SS[.f…]][zone]]` in microseconds since 1970, by JavaScript's calendar. */
function moment(text: string): bigint | undefined {
  const match =
    /^(\d{4})-(\d{2})-(\d{2})(?:[ T]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,9}))?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?)?)?$/.exec(
      text,
    );
  if (match === null || match[1] === "0000") return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone = "Z"] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  const offset =
    zone === "Z" ? 0 : (zone.startsWith("-") ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  const seconds =
    BigInt(date.getTime() / 1000) + BigInt((Number(hour) * 60 + Number(minute) - offset) * 60 + Number(second));
  return seconds * 1_000_000n + BigInt(fraction.padEnd(6, "0").slice(0, 6));
}

const digits = (length: number) =>
  fc.string({ unit: fc.constantFrom(...Array.from("0123456789")), minLength: length, maxLength: length });
const clocks = fc
  .tuple(
    digits(4),
    digits(1),
    digits(1),
    fc.constantFrom("0", "1", "2", "3"),
    digits(1),
    fc.constantFrom(" ", "T", ""),
    fc.integer({ min: 0, max: 25 }),
    digits(1),
    fc.constantFrom("", ":05", ":59.123456789", ":60", ":07.5"),
    fc.constantFrom("", "Z", "+05:30", "-14:00", "+15:00", "+0530"),
  )
  .map(([year, m, month, d, day, separator, hour, minute, second, zone]) => {
    const date = `${year}-${m === "0" ? "0" : "1"}${month}-${d}${day}`;
    return separator === "" ? date : `${date}${separator}${String(hour).padStart(2, "0")}:3${minute}${second}${zone}`;
  });

describe("the accepted texts are those of the grammar, and no others", () => {
  test("int and bigint", async () => {
    const numbers = fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String);
    const small = fc
      .integer({ min: -(2 ** 31) - 3, max: 2 ** 31 - 1 })
      .map((value) => String(value + (value > 2 ** 31 - 9 ? 5 : 0)));
    await checkAgainst(
      "0123456789+-",
      "int",
      (text) => {
        const value = whole(text, 32);
        return value === undefined ? undefined : Number(value);
      },
      undefined,
      small,
    );
    await checkAgainst("0123456789+-", "bigint", (text) => whole(text, 64), undefined, numbers);
  });

  test("double", async () => {
    const numbers = fc.double({ noNaN: true, noDefaultInfinity: true }).map(String);
    await checkAgainst("0123456789+-.eE", "double", double, undefined, numbers);
    await checkAgainst("infatyINFnand+-0.", "double", double);
  });

  test("boolean", async () => {
    const words = fc.constantFrom("true", "True", "FALSE", "yes", "nO", "t", "0", "1", "on", "tru", " true", "2");
    await checkAgainst(
      "truefalsyno01",
      "boolean",
      (text) => {
        if (/^(true|t|yes|y|1)$/i.test(text)) return true;
        return /^(false|f|no|n|0)$/i.test(text) ? false : undefined;
      },
      undefined,
      words,
    );
  });

  test("date and timestamp", async () => {
    const micros = (sql: string) => `epoch_us(${sql})`;
    await checkAgainst("0123456789- T:.Z+", "timestamp", moment, micros, clocks);
    await checkAgainst(
      "0123456789-",
      "date",
      (text) => (/^.{10}$/.test(text) ? moment(text) : undefined),
      (sql) => `epoch_us(CAST(${sql} AS TIMESTAMP))`,
      clocks,
    );
  });
});
