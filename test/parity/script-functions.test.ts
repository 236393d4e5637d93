import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  badQuoting,
  badJson,
  badValue,
  brokenRule,
  fieldCount,
  list,
  missingValue,
  tooManyRejects,
} from "../../src/etl/duckdb/messages.ts";
import { csvRecords } from "../../src/etl/text/csv-records.ts";
import { type JsonFormat, UnreadableJsonError, jsonRecords } from "../../src/etl/text/json-records.ts";
import { decisionDocument } from "../../src/ledger/documents.ts";
import { keyHash, ledgerKeys } from "../../src/ledger/keys.ts";
import { partitionPath } from "../../src/plan/partition-path.ts";
import pathVectors from "../../src/plan/partition-path.vectors.json" with { type: "json" };
import { csvPlan } from "../support/small-plans.ts";
import { jobFunctions } from "../support/spark/job-functions.ts";

const call = jobFunctions();

interface CsvVector {
  name: string;
  text: string;
  delimiter?: string;
  quote?: string;
  records: ({ fields: string[]; trailingEmpty?: number } | { bad: string; raw: string })[];
}

type JsonVector = JsonFormat & { name: string; text: string; records?: string[] };

function vectors<T>(name: string): T[] {
  const url = new URL(`../../src/etl/text/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as T[];
}

interface FoundRecord {
  fields: string[];
  fieldCount: number;
  bad: boolean;
  trailingEmpty: number;
  raw: string;
  index: number;
}

async function ownCsv(text: string, delimiter = ",", quote = '"'): Promise<FoundRecord[]> {
  const found: FoundRecord[] = [];
  for await (const batch of csvRecords([Buffer.from(text)], { delimiter, quote })) {
    for (const record of batch) {
      const { badQuoting: bad, trailingEmpty, index, fieldCount } = record;
      found.push({ fields: record.fields(), fieldCount, bad, trailingEmpty, raw: record.text(), index });
    }
  }
  return found;
}

async function ownJson(text: string, format: JsonFormat): Promise<{ records: string[] } | { unreadable: string }> {
  const records: string[] = [];
  try {
    for await (const batch of jsonRecords([Buffer.from(text)], format)) records.push(...batch.map(String));
  } catch (error) {
    if (!(error instanceof UnreadableJsonError)) throw error;
    return { unreadable: error.message };
  }
  return { records };
}

const CUTS = [0, 1, 3];

describe.runIf(call).each(CUTS)("the Glue script's tokenizers, bytes cut by %i", (size) => {
  const csv = vectors<CsvVector>("csv");
  const json = vectors<JsonVector>("json");
  const answers = call?.([
    ...csv.map(
      ({ text, delimiter = ",", quote = '"' }) => ["csv", [text, size, delimiter, quote]] as [string, unknown[]],
    ),
    ...json.map(({ text, layout, recordsPath }) => ["json", [text, size, layout, recordsPath]] as [string, unknown[]]),
  ]);

  test.each(csv.map((vector, index) => [vector.name, vector, index] as const))("CSV: %s", async (_, vector, index) => {
    const found = answers?.[index] as FoundRecord[];
    expect(found).toEqual(await ownCsv(vector.text, vector.delimiter, vector.quote));
    expect(found.map(({ bad, raw, fields }) => (bad ? { bad: "bad-quoting", raw } : { fields }))).toEqual(
      vector.records.map((record) => ("bad" in record ? record : { fields: record.fields })),
    );
  });

  test.each(json.map((vector, index) => [vector.layout, vector.name, vector, index] as const))(
    "JSON %s: %s",
    async (_layout, _name, vector, index) => {
      const found = answers?.[csv.length + index];
      expect(found).toEqual(await ownJson(vector.text, vector));
      if (vector.records) expect(found).toEqual({ records: vector.records });
      else expect(found).toHaveProperty("unreadable");
    },
  );
});

describe.runIf(call)("the Glue script's functions", () => {
  const ask = (calls: readonly [string, readonly unknown[]][]) => call?.(calls) ?? [];

  test("read any CSV as the local engine's tokenizer does", async () => {
    const soup = fc.string({ unit: fc.constantFrom("a", "é", '"', ",", "\n", "\r", " ", "😀"), maxLength: 40 });
    const texts = fc.sample(fc.tuple(soup, fc.integer({ min: 0, max: 5 })), 1500);
    const answers = ask(texts.map(([text, size]) => ["csv", [text, size, ",", '"']]));
    for (const [index, [text]] of texts.entries()) expect([text, answers[index]]).toEqual([text, await ownCsv(text)]);
  });

  test("read any JSON document as the local engine's splitter does", async () => {
    const soup = fc.string({
      unit: fc.constantFrom("[", "]", "{", "}", ",", ":", '"a"', "1", " ", '"', "\\", "\n"),
      maxLength: 30,
    });
    const formats: JsonFormat[] = [
      { layout: "lines", recordsPath: [] },
      { layout: "array", recordsPath: [] },
      { layout: "document", recordsPath: ["a"] },
      { layout: "document", recordsPath: ["a", "a"] },
    ];
    const likely = fc.tuple(fc.jsonValue(), soup).map(([value, text]) => `{"a":[${JSON.stringify(value)}${text}]}`);
    const cases = fc.sample(
      fc.tuple(fc.oneof(soup, likely), fc.constantFrom(...formats), fc.integer({ min: 0, max: 5 })),
      1500,
    );
    const answers = ask(
      cases.map(([text, { layout, recordsPath }, size]) => ["json", [text, size, layout, recordsPath]]),
    );
    for (const [index, [text, format]] of cases.entries()) {
      expect([text, format, answers[index]]).toEqual([text, format, await ownJson(text, format)]);
    }
  });

  test("find a file regular only when its records are plain, and then count them", async () => {
    const unit = fc.constantFrom("a", '"', '"b"', '"c\nd"', ",", ",", "\n", "\r\n", "\r", " ", "\0");
    const line = fc.constantFrom("a,b\n", 'x,"y"\n', '"1\n2",3\n', "\n", ",\n");
    const texts = fc.sample(
      fc.oneof(
        fc.string({ unit, maxLength: 20 }),
        fc.array(line).map((lines) => lines.join("")),
      ),
      3000,
    );
    const source = { ...csvPlan().source, header: false };
    const answers = ask(texts.map((text) => ["regular", [text, 2, source]])) as {
      regular: boolean;
      records: number;
      multiline: boolean;
    }[];
    let found = 0;
    for (const [index, text] of texts.entries()) {
      const answer = answers[index];
      if (!answer?.regular) continue;
      found++;
      const records = await ownCsv(text);
      expect([text, answer.records]).toEqual([text, records.length]);
      expect(records.filter(({ bad, fields }) => bad || fields.length !== 2)).toEqual([]);
      expect([text, answer.multiline]).toEqual([text, records.some(({ fields }) => /[\r\n]/.test(fields.join("")))]);
    }
    expect(found).toBeGreaterThan(300);
  });

  test("take records of more than the limit for bad ones", () => {
    const limit = 8 * 1024 * 1024;
    expect(ask([["long_csv", []]])).toEqual([
      [
        [false, 3],
        [true, limit],
        [false, 3],
        [false, limit - 100],
      ],
    ]);
  });

  test("decompress to the end, and say what is wrong as zlib does", () => {
    const packed = gzipSync("some text, twice");
    const hex = (...parts: Buffer[]) => ["gunzip", [Buffer.concat(parts).toString("hex")]] as [string, unknown[]];
    const wrongSum = Buffer.from(packed);
    wrongSum.writeUInt8(wrongSum.readUInt8(packed.length - 8) ^ 1, packed.length - 8);
    expect(
      ask([
        hex(packed),
        hex(packed, packed),
        hex(packed, Buffer.alloc(3)),
        hex(packed.subarray(0, -3)),
        hex(packed, Buffer.from("xyz")),
        hex(wrongSum),
        hex(gzipSync(Buffer.alloc(5_000_000, "z"))),
      ]).map((answer) => JSON.stringify(answer).slice(0, 60)),
    ).toEqual([
      '{"text":"some text, twice","padded":false}',
      '{"text":"some text, twicesome text, twice","padded":false}',
      '{"text":"some text, twice","padded":true}',
      '{"error":"unexpected end of file"}',
      '{"error":"incorrect header check"}',
      '{"error":"incorrect data check"}',
      `{"text":"${"z".repeat(51)}`,
    ]);
  });

  test("judge JSON objects strictly", () => {
    const good = ['{"a":1}', " {} ", '{"a":1e999,"b":' + "9".repeat(6000) + "}", '{"a":"\\ud83d\\ude00"}'];
    const bad = [
      "[1]",
      "1",
      "{'a':1}",
      '{"a":1,}',
      '{"a":NaN}',
      '{"a":-Infinity}',
      '{"a":"\n"}',
      '{"a":1} x',
      "",
      "{".repeat(3000),
    ];
    expect(ask([...good, ...bad].map((text) => ["is_json_object", [text]]))).toEqual([
      ...good.map(() => true),
      ...bad.map(() => false),
    ]);
  });

  test("make the same partition paths", () => {
    expect(ask(pathVectors.escape.map(([text]) => ["escape", [text]]))).toEqual(
      pathVectors.escape.map(([, escaped]) => escaped),
    );
    expect(ask(pathVectors.path.map(({ columns, values }) => ["partition_path", [columns, values]]))).toEqual(
      pathVectors.path.map(({ path }) => path),
    );
    const texts = fc.sample(fc.string({ unit: "binary" }), 1000);
    expect(ask(texts.map((text) => ["partition_path", [["a:b"], [text]]]))).toEqual(
      texts.map((text) => partitionPath(["a:b"], [text])),
    );
  });

  test("make the same keys", () => {
    const key = "orders/é 1.csv";
    expect(
      ask([
        ["key_hash", [key]],
        ["ledger_key", ["manifest", "orders", "000001.2"]],
        ["ledger_key", ["decision", "orders", "000001"]],
        ["ledger_key", ["marker", "orders", "2026-01-02", "000001"]],
        ["ledger_key", ["plan", "abc"]],
        ["ledger_key", ["staging", "orders", "000001", "jr_1"]],
        ["ledger_key", ["data_file", "orders", "a=1/", "000001", 7]],
        ["ledger_key", ["rejects_file", "orders", "2026-01-02", "000001"]],
      ]),
    ).toEqual([
      keyHash(key),
      ledgerKeys.manifest("orders", "000001.2"),
      ledgerKeys.decision("orders", "000001"),
      ledgerKeys.marker("orders", "2026-01-02", "000001"),
      ledgerKeys.plan("abc"),
      ledgerKeys.staging("orders", "000001", "jr_1"),
      ledgerKeys.dataFile("orders", "a=1/", "000001", 7),
      ledgerKeys.rejectsFile("orders", "2026-01-02", "000001"),
    ]);
  });

  test("write decisions whose bytes are the ledger's", () => {
    const line = {
      outputs: ["data/orders/000001-00000.parquet"],
      key: 'a/"é"\u0001.csv',
      dataset: "orders",
      version: "v\n1",
      try: 1,
      outcome: "committed",
      run: "000001",
      attempt: 1,
      job_run_id: "jr_1",
      plan: "abc",
      bytes: 12,
      rows_in: 3,
      rows_out: 2,
      rows_rejected: 1,
      received_at: "2026-01-02T03:04:05.678Z",
      claimed_at: "2026-01-02T03:04:05.678Z",
      error_reason: "bad-value",
      error_message: "x 😀",
    };
    const replacements = [{ key: "data/a", ifMatch: '"e"', staged: "staging/a" }];
    const additions = [{ key: "data/b", staged: "staging/b" }];
    const decidedAt = "2026-01-02T03:04:06.000Z";
    const [printed] = ask([["decision", [2, "jr_1", replacements, additions, [line], decidedAt]]]) as [string];
    expect(printed).toBe(JSON.stringify(decisionDocument.parse(JSON.parse(printed))));
    expect(JSON.parse(printed)).toEqual({
      kind: "publish",
      attempt: 2,
      jobRunId: "jr_1",
      decidedAt,
      day: "2026-01-02",
      replacements,
      additions,
      lines: [{ ...line, decided_at: decidedAt }],
    });
  });

  test("say what is wrong in the same words", () => {
    const column = (type: string) => ({ ...csvPlan().columns[0], name: "amount", type }) as never;
    const asRow = ({ column: name, reason, message }: { column: string | null; reason: string; message: string }) => [
      name,
      reason,
      message,
    ];
    const types = ["int", "array<int>", "decimal(10,2)", "timestamp", "struct<a:int>", "map<string,int>"];
    const names = ["a", 'b"', "c", "d", "é", "f", "g"];
    expect(
      ask([
        ...types.map((type) => ["bad_value", ["k", 3, column(type), 'x"\n😀']] as [string, unknown[]]),
        ["missing_value", ["k", 3, column("int")]],
        ["broken_rule", ["k", 3, "amount > 0"]],
        ["bad_structure", ["k", 3, "bad-quoting", null, 2]],
        ["bad_structure", ["k", 3, "field-count", 1, 2]],
        ["bad_structure", ["k", 3, "field-count", 5, 2]],
        ["bad_structure", ["k", 3, "bad-json", null, 0]],
        ...[0.1, 0, 0.123456, 1, 0.005].map(
          (limit) => ["too_many_rejects", ["k", limit, 3, 10, null]] as [string, unknown[]],
        ),
        ["too_many_rejects", ["k", 0.5, 3, 10, "first"]],
        ["list_names", [names.slice(0, 1)]],
        ["list_names", [names.slice(0, 5)]],
        ["list_names", [names]],
      ]),
    ).toEqual([
      ...types.map((type) => asRow(badValue("k", 3, column(type), 'x"\n😀'))),
      asRow(missingValue("k", 3, column("int"))),
      asRow(brokenRule("k", 3, "amount > 0")),
      asRow(badQuoting("k", 3)),
      asRow(fieldCount("k", 3, 1, 2)),
      asRow(fieldCount("k", 3, 5, 2)),
      asRow(badJson("k", 3)),
      ...[0.1, 0, 0.123456, 1, 0.005].map((rejectLimit) =>
        tooManyRejects("k", csvPlan({ rejectLimit }), { bad: 3, records: 10 }, undefined),
      ),
      tooManyRejects("k", csvPlan({ rejectLimit: 0.5 }), { bad: 3, records: 10 }, "first"),
      list(names.slice(0, 1)),
      list(names.slice(0, 5)),
      list(names),
    ]);
  });

  test("take their arguments out of all that Glue gives", () => {
    const given =
      "--JOB_NAME x --enable-metrics --dataset orders --run 000001 --attempt=2 --JOB_RUN_ID jr_1 --source-bucket s --target-bucket t";
    expect(ask([["arguments", [given.split(" ")]]])).toEqual([
      {
        dataset: "orders",
        run: "000001",
        attempt: "2",
        JOB_RUN_ID: "jr_1",
        "source-bucket": "s",
        "target-bucket": "t",
      },
    ]);
  });
});
