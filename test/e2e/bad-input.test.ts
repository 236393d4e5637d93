import { gzipSync, zstdCompressSync } from "node:zlib";
import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import { DuckDBInstance } from "@duckdb/node-api";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FileOutcome } from "../../src/cli/outcome.ts";
import { type TestPipeline, startPipeline } from "../support/pipeline.ts";

/** What is dropped under a key, and what must become of it. */
interface Case {
  readonly body: string | Uint8Array;
  readonly state: FileOutcome["state"];
  /** Rows out and rows rejected. */
  readonly rows?: readonly [number, number];
  /** Reason and sentence of the first error. */
  readonly reason?: string;
  readonly says?: RegExp;
}

const HEADER = "id,customer,amount,placed";
const csv = (...rows: string[]) => [HEADER, ...rows, ""].join("\n");
const row = (id: number) => `${id},ann,1.50,2026-01-02 03:04:05`;
const good = (rows: number, from = 1) => Array.from({ length: rows }, (_, index) => row(from + index));
const loads = (body: string | Uint8Array, rows: number): Case => ({ body, state: "committed", rows: [rows, 0] });
const rejects = (reason: string, says: RegExp, body: string | Uint8Array, records = 0): Case => ({
  body,
  state: "rejected",
  reason,
  says,
  rows: [0, records],
});
/** A bad record among enough good ones: the file loads without it. */
const dirty = (reason: string, says: RegExp, record: string): Case => ({
  body: csv(...good(10), record, ...good(10, 11)),
  state: "committed",
  rows: [20, 1],
  reason,
  says,
});

const random = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7919 + (index >> 3) * 31) % 256);
const latin1 = (text: string) => Buffer.from(text, "latin1");

const WHOLE_FILES: Record<string, Case> = {
  "orders/empty.csv": rejects("empty", /it has no bytes/, ""),
  "orders/header-only.csv": rejects("no-records", /it has no records/, `${HEADER}\n`),
  "orders/blank-lines.csv": rejects("no-records", /nothing in it but empty lines/, "\n\n\n"),
  "orders/misses.csv": rejects("header", /lacks the columns "amount", "placed"/, "id,customer\n1,ann\n"),
  "orders/adds.csv": rejects(
    "header",
    /has the column "discount", which the dataset does not declare/,
    `${HEADER},discount\n${row(1)},5\n`,
  ),
  "orders/twice.csv": rejects("header", /has the column "id" twice/, `id,${HEADER}\n1,${row(1)}\n`),
  "orders/other-kind.csv": rejects(
    "too-many-rejects",
    /12 of its 12 records are bad, more than the 10 % that the dataset allows; the first: .*record 1: id "a" is not an int/,
    csv(...Array.from({ length: 12 }, () => "a,b,c,d")),
    12,
  ),
  "orders/truncated.csv.gz": rejects(
    "compression",
    /does not decompress as gzip/,
    gzipSync(csv(...good(2000))).subarray(0, 500),
  ),
  "orders/truncated.csv.zst": rejects(
    "compression",
    /does not decompress as zstd/,
    zstdCompressSync(csv(...good(2000))).subarray(0, 200),
  ),
  "orders/plain.csv.gz": rejects("compression", /does not decompress as gzip/, csv(row(1))),
  "orders/zipped.csv": rejects("unreadable", /it is compressed as gzip; .* named \.gz/, gzipSync(csv(row(1)))),
  "orders/latin.csv": rejects(
    "encoding",
    /is not UTF-8; if the file is latin-1, say `encoding: "latin-1"`/,
    latin1(csv("1,Zoë,1.50,2026-01-02 03:04:05")),
  ),
  "orders/utf16.csv": rejects("encoding", /UTF-16/, Buffer.from(`\uFEFF${csv(row(1))}`, "utf16le")),
  "orders/binary.csv": rejects("encoding", /its header is not UTF-8/, random(20_000)),
};

const RECORDS: Record<string, Case> = {
  "orders/short.csv": dirty("field-count", /record 11: it has 2 fields, not 4/, "1,ann"),
  "orders/long.csv": dirty("field-count", /record 11: it has 6 fields, not 4/, `${row(1)},x,y`),
  "orders/number.csv": dirty("bad-value", /record 11: id "1x" is not an int/, "1x,ann,1.50,2026-01-02 03:04:05"),
  "orders/big.csv": dirty("bad-value", /id "3000000000" is not an int/, "3000000000,ann,1,2026-01-02 03:04:05"),
  "orders/decimal.csv": dirty("bad-value", /amount "1,5" is not a decimal\(10,2\)/, '1,ann,"1,5",2026-01-02 03:04:05'),
  "orders/date.csv": dirty("bad-value", /placed "2026-02-30" is not a timestamp/, "1,ann,1.50,2026-02-30"),
  "orders/rule.csv": dirty("rule", /the rule "amount is positive" is not true/, "1,ann,-1,2026-01-02 03:04:05"),
  "orders/null.csv": dirty("missing-value", /id has no value, and it may not be null/, ",ann,1.50,2026-01-02 03:04:05"),
  "orders/quotes.csv": dirty("bad-quoting", /text follows its closing quote/, '1,"ann"x,1.50,2026-01-02 03:04:05'),
};

const WELL_FORMED: Record<string, Case> = {
  "orders/good.csv": loads(csv(...good(3)), 3),
  "orders/good.csv.gz": loads(gzipSync(csv(...good(4))), 4),
  "orders/good.csv.zst": loads(zstdCompressSync(csv(...good(5))), 5),
  "orders/bom.csv": loads(`\uFEFF${csv(...good(2))}`, 2),
  "orders/crlf.csv": loads(csv(...good(2)).replaceAll("\n", "\r\n"), 2),
  "orders/quoted-newline.csv": loads(csv('1,"ann\nof ""here"", there",1.50,2026-01-02 03:04:05'), 1),
  "orders/no-last-newline.csv": loads(csv(...good(2)).trimEnd(), 2),
  "orders/other-case.csv": loads(`PLACED,Amount,customer,ID\n2026-01-02,1,ann,7\n`, 1),
};

const long = `orders/${"k".repeat(993)}`;
const KEYS: Record<string, Case> = Object.fromEntries(
  [
    "orders/a blank.csv",
    "orders/a+plus.csv",
    "orders/a%20percent%.csv",
    "orders/[x]{y}*?.csv",
    "orders/_hidden.csv",
    "orders/.hidden.csv",
    "orders/_hidden/.too/file.csv",
    "orders/日本/ünï—🚚.csv",
    "orders/'quoted'\"twice\"&<tag>.csv",
    "orders/a=b/c=d.csv",
    "orders//double//slash.csv",
    "orders/back\\slash\ttab\nline.csv",
    "orders/no-extension",
    long,
  ].map((key) => [key, loads(csv(row(1)), 1)]),
);

const json = (...records: unknown[]) => `${records.map((record) => JSON.stringify(record)).join("\n")}\n`;
const event = (id: number) => ({ id, place: { name: "here" } });
const events = (count: number) => Array.from({ length: count }, (_, index) => event(index));
const JSONS: Record<string, Case> = {
  "events/good.json": loads(json(...events(3)), 3),
  "events/good.json.gz": loads(gzipSync(json(...events(3))), 3),
  "events/no-json.json": rejects(
    "too-many-rejects",
    /2 of its 2 records are bad.* record 1: it is not a valid JSON object/,
    "this is no JSON\nnor is this\n",
    2,
  ),
  "events/one-bad.json": {
    body: `${json(...events(10))}{"id": 1,\n${json(...events(10))}`,
    state: "committed",
    rows: [20, 1],
    reason: "bad-json",
    says: /record 11: it is not a valid JSON object/,
  },
  "events/bad-value.json": {
    body: json(...events(10), { id: "x" }, ...events(10)),
    state: "committed",
    rows: [20, 1],
    reason: "bad-value",
    says: /record 11: id "x" is not an int/,
  },
  "events/empty.json": rejects("empty", /it has no bytes/, ""),
};

async function parquet(sql: string): Promise<Buffer> {
  const directory = mkdtempSync(path.join(tmpdir(), "millrace-parquet-"));
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  try {
    const file = path.join(directory, "file.parquet");
    await connection.run(`COPY (${sql}) TO '${file}' (FORMAT parquet)`);
    return readFileSync(file);
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(directory, { recursive: true });
  }
}

async function parquets(): Promise<Record<string, Case>> {
  const whole = await parquet("SELECT 1::INT AS id, 'ann' AS name UNION ALL SELECT 2, NULL");
  return {
    "people/good.parquet": loads(whole, 2),
    "people/truncated.parquet": rejects("unreadable", /not readable as Parquet/, whole.subarray(0, -20)),
    "people/really.csv": rejects("unreadable", /not readable as Parquet/, "id,name\n1,ann\n"),
    "people/adds.parquet": rejects(
      "header",
      /has the column "age", which the dataset does not declare/,
      await parquet("SELECT 1::INT AS id, 'ann' AS name, 30 AS age"),
    ),
    "people/misses.parquet": rejects("header", /lacks the column "id"/, await parquet("SELECT 'ann' AS name")),
  };
}

let pipeline: TestPipeline;
let cases: Record<string, Case>;
let outcomes: ReadonlyMap<string, FileOutcome>;

beforeAll(async () => {
  pipeline = await startPipeline({
    name: "bad",
    datasets: {
      orders: {
        columns: {
          id: { type: "int", nullable: false },
          customer: "string",
          amount: "decimal(10,2)",
          placed: "timestamp",
        },
        rules: { "amount is positive": "amount > 0" },
      },
      events: {
        source: { format: "json" },
        columns: { id: "int", place: { type: "string", from: "place.name" } },
      },
      people: {
        source: { format: "parquet" },
        columns: { id: { type: "int", nullable: false }, name: "string" },
      },
    },
  });
  cases = { ...WHOLE_FILES, ...RECORDS, ...WELL_FORMED, ...KEYS, ...JSONS, ...(await parquets()) };
  const bodies = Object.fromEntries(Object.entries(cases).map(([key, one]) => [key, one.body]));
  const [dropped] = await Promise.all([
    pipeline.dropAll(bodies),
    pipeline.dropAll({ "orders/folder/": "", "elsewhere/": "", "elsewhere/readme.txt": "hello" }),
  ]);
  outcomes = new Map((await pipeline.settled(...dropped)).map((outcome) => [outcome.key, outcome]));
});
afterAll(() => pipeline[Symbol.asyncDispose]());

/** Key → what was asked of it, for one comparison that shows every difference at once. */
function expectOutcomes(of: Readonly<Record<string, Case>>): void {
  const wanted = Object.entries(of).map(([key, { state, rows, says }]) => ({
    key,
    state,
    rows: rows ?? null,
    error: says ? expect.stringMatching(says) : null,
  }));
  const found = Object.keys(of).map((key) => {
    const outcome = outcomes.get(key);
    return {
      key,
      state: outcome?.state,
      rows: [outcome?.rowsOut, outcome?.rowsRejected],
      error: outcome?.error ?? null,
    };
  });
  expect(found).toEqual(wanted);
}

describe("a file that cannot be loaded is rejected by name, and the sentence says what is wrong:", () => {
  test("CSV", () => expectOutcomes(WHOLE_FILES));
  test("Parquet", async () => expectOutcomes(await parquets()));
});

describe("of a file that can be loaded", () => {
  test("everything is, however it is written", () => expectOutcomes(WELL_FORMED));
  test("everything is, whatever its key", () => expectOutcomes(KEYS));
  test("all but the bad records is loaded, and the first of them is told", () => expectOutcomes(RECORDS));
  test("JSON likewise", () => expectOutcomes(JSONS));

  test("the rows say from which key they are", async () => {
    const found = await pipeline.rows(
      "select _source, count(*) from orders group by 1 union all select _source, count(*) from events group by 1 " +
        "union all select _source, count(*) from people group by 1",
    );
    const wanted = Object.entries(cases)
      .map(([key, { rows }]) => [key, String(rows?.[0] ?? 0)])
      .filter(([, rows]) => rows !== "0");
    expect(found.toSorted()).toEqual(wanted.toSorted());
  });
});

describe("nothing is lost:", () => {
  test("every bad record is in rejects, with its place and its text", async () => {
    const found = await pipeline.rows(
      "select source_key, record, reason, raw from rejects where source_key in " +
        "('orders/short.csv', 'orders/decimal.csv', 'orders/quotes.csv', 'events/one-bad.json') order by 1, 2",
    );
    expect(found).toEqual([
      ["events/one-bad.json", "11", "bad-json", '{"id": 1,'],
      ["orders/decimal.csv", "11", "bad-value", '1,ann,"1,5",2026-01-02 03:04:05'],
      ["orders/quotes.csv", "11", "bad-quoting", '1,"ann"x,1.50,2026-01-02 03:04:05'],
      ["orders/short.csv", "11", "field-count", "1,ann"],
    ]);
    const [[count] = []] = await pipeline.rows(
      "select count(distinct source_key) from rejects where record is not null",
    );
    const withBadRecords = Object.values(cases).filter(({ rows }) => rows?.[1] !== 0);
    expect(Number(count)).toBe(withBadRecords.length);
  });

  test("loads has one line for every file, with the reason", async () => {
    const found = await pipeline.rows("select key, outcome, error_reason from loads");
    const reasons = new Map(found.map(([key, outcome, reason]) => [key, { outcome, reason }]));
    expect(found).toHaveLength(Object.keys(cases).length);
    for (const [key, { state, reason }] of Object.entries(cases)) {
      expect({ key, ...reasons.get(key) }).toEqual({ key, outcome: state, reason: reason ?? null });
    }
  });

  test("each object has exactly one state, and the sums are those of the files", async () => {
    const account = await pipeline.account();
    const sum = { objects: 0, committed: 0, rejected: 0, failed: 0, pending: 0, rows: 0 };
    for (const dataset of Object.values(account.datasets)) {
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += dataset[name];
      expect(dataset.committed + dataset.rejected + dataset.failed + dataset.pending).toBe(dataset.objects);
      expect(dataset.active).toBeNull();
    }
    const all = Object.values(cases);
    const committed = all.filter(({ state }) => state === "committed").length;
    const rows = all.reduce((total, { rows: [out] = [0] }) => total + out, 0);
    const rejected = all.length - committed;
    expect(sum).toEqual({ objects: all.length, committed, rejected, failed: 0, pending: 0, rows });
    // Folder markers are no objects to account for; what no dataset takes is named.
    expect(account.ignored).toBe(1);
    expect(account.exceptions).toHaveLength(rejected + 1);
    expect(account.exceptions.filter(({ reason }) => reason === null)).toEqual([]);
  });

  test("many files cost few runs", () => {
    const runs = new Set([...outcomes.values()].map(({ dataset, run }) => `${dataset}/${run}`));
    expect(runs.size).toBeLessThan(12);
  });

  test("no box failed on the way", () => {
    const failures = pipeline.events.filter(
      (event) =>
        event.type === "internal-error" ||
        (event.type === "invocation" && (event.status === "failed" || event.status === "timed-out")) ||
        (event.type === "state" && event.to === "FAILED"),
    );
    expect(failures).toEqual([]);
  });
});

describe("a version that is deleted after it was claimed and before it is read", () => {
  test("is rejected as gone", async () => {
    const { s3, stack } = pipeline.target;
    // The job's process is not even started when the manifest is written.
    const claimed = pipeline.local.runtime.trace.waitFor(
      (event) =>
        event.type === "call" && event.operation === "PutObject" && event.resource?.endsWith("/manifest.json") === true,
    );
    const file = await pipeline.drop("people/gone.parquet", "PAR1");
    await claimed;
    await s3.send(new DeleteObjectCommand({ Bucket: stack.sourceBucket, Key: file.key, VersionId: file.version }));
    const [outcome] = await pipeline.settled(file);
    expect(outcome).toMatchObject({ state: "rejected", error: expect.stringContaining("deleted") });
    expect(await pipeline.rows("select error_reason from loads where key = 'people/gone.parquet'")).toEqual([["gone"]]);
  });
});
