import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { CsvSource, DatasetPlan } from "../../plan/plan.ts";
import { duckdbText, quoteName } from "../../sql/spark/literals.ts";
import { openText } from "../text/bytes.ts";
import { type CsvRecord, MAX_RECORD_BYTES, csvRecords } from "../text/csv-records.ts";
import type { FileProblem } from "./input.ts";
import { list } from "./messages.ts";
import { BROKEN, FILE, RAW_TEXT, RECORD, type RawSql } from "./statements.ts";

/** Which declared column each field of a record is; null for a field that is not read. */
export type Layout = readonly (number | null)[];

/** Reads the header of a CSV file that is UTF-8 by now, or takes the declared order when it has none. */
export async function readLayout(
  plan: DatasetPlan,
  source: CsvSource,
  key: string,
  path: string,
): Promise<Layout | FileProblem> {
  if (!source.header) return plan.columns.map((_, index) => index);
  const stream = openText(path, "none", "utf-8");
  try {
    for await (const [header] of csvRecords(stream as AsyncIterable<Buffer>, source)) {
      if (header) return layoutOf(plan, source, key, header);
    }
  } finally {
    stream.destroy();
  }
  return { reason: "no-records", message: `${key}: there is nothing in it but empty lines` };
}

function layoutOf(plan: DatasetPlan, source: CsvSource, key: string, header: CsvRecord): Layout | FileProblem {
  const problem = (message: string): FileProblem => ({ reason: "header", message: `${key}: ${message}` });
  if (header.badQuoting) return problem(`the quotes of its header do not match: ${header.text().slice(0, 200)}`);
  if (!isUtf8(header.bytes)) return notUtf8(key, "its header");
  const names = header.fields().map((name) => name.trim());
  while (names.length > 1 && names.at(-1) === "") names.pop();

  const columns = new Map(plan.columns.map((column, index) => [(column.from[0] ?? "").toLowerCase(), index]));
  const seen = new Set<string>();
  const unknown: string[] = [];
  const layout = names.map((name) => {
    const folded = name.toLowerCase();
    const column = columns.get(folded) ?? null;
    if (column === null) unknown.push(name);
    else if (seen.has(folded)) return undefined;
    seen.add(folded);
    return column;
  });
  const twice = layout.indexOf(undefined);
  if (twice >= 0) return problem(`its header has the column ${JSON.stringify(names[twice])} twice`);
  if (unknown.length > 0 && source.unknownColumns === "reject") {
    return problem(`its header has ${list(unknown)}, which the dataset does not declare`);
  }
  const missing = plan.columns
    .filter((column) => !seen.has((column.from[0] ?? "").toLowerCase()))
    .filter((column) => !column.nullable || source.missingColumns === "reject")
    .map((column) => column.from[0] ?? "");
  if (missing.length > 0) return problem(`its header lacks ${list(missing)}`);
  return layout.map((column) => column ?? null);
}

export function notUtf8(key: string, where: string): FileProblem {
  const hint = 'if the file is latin-1, say `encoding: "latin-1"` in the source of its dataset';
  return { reason: "encoding", message: `${key}: ${where} is not UTF-8; ${hint}` };
}

export interface CsvScan {
  readonly plan: DatasetPlan;
  readonly source: CsvSource;
  readonly layout: Layout;
  /** Copies that the tokenizer wrote: no header, the record's number first. */
  readonly cleaned: boolean;
  /** What DuckDB reads, one relation with the columns `millrace:path`, `FILE`, `_source` and `_version` beside it. */
  readonly paths: readonly string[];
  readonly files: string;
  /** Name of the temporary table for records that DuckDB cannot read. */
  readonly rejectsTable: string;
}

const field = (index: number) => `"f${index}"`;

/**
 * The `raw` relation of CSV files that have one layout. With `records`, also each record's number and its fields;
 * records are then numbered over all the paths, unless the files are cleaned: those carry their own.
 */
export function csvRaw(scan: CsvScan, records: boolean): RawSql {
  const fields = scan.layout.map((_, index) => field(index));
  const columns = scan.plan.columns.map((column, place) => {
    const index = scan.layout.indexOf(place);
    const text = index < 0 ? "CAST(NULL AS VARCHAR)" : `coalesce(${field(index)}, '')`;
    return `${text} AS ${quoteName(column.name).duckdb}`;
  });
  // A field that is empty is NULL here, and one that is quoted and empty is not: so in a file of one column an empty
  // line, which is no record, is NULL. (With more columns DuckDB skips it by itself.)
  const where = fields.length === 1 ? ` WHERE ${field(0)} IS NOT NULL` : "";
  const number = scan.cleaned ? `CAST("n" AS BIGINT)` : "row_number() OVER ()";
  const extra = records
    ? `, ${number} AS "${RECORD}", [${fields.map((one) => `coalesce(${one}, '')`).join(", ")}] AS "${RAW_TEXT}"`
    : "";
  const scanned = `SELECT * FROM ${reader(scan)} JOIN ${scan.files} USING ("millrace:path")${where}`;
  return `SELECT ${columns.join(", ")}, "${FILE}", FALSE AS "${BROKEN}", "_source", "_version"${extra} FROM (${scanned}) AS scanned`;
}

/** Every option that changes what DuckDB reads is given: nothing is left to its sniffer. */
function reader({ source, layout, cleaned, paths, rejectsTable }: CsvScan): string {
  const columns = layout.map((_, index) => `'f${index}': 'VARCHAR'`);
  if (cleaned) columns.unshift(`'n': 'VARCHAR'`);
  const options = {
    auto_detect: "false",
    header: String(source.header && !cleaned),
    delim: duckdbText(source.delimiter),
    quote: duckdbText(source.quote),
    escape: duckdbText(source.quote),
    comment: "''",
    encoding: "'utf-8'",
    compression: "'none'",
    strict_mode: "true",
    null_padding: "false",
    nullstr: "''",
    allow_quoted_nulls: "false",
    // A little less than the tokenizer's limit, so that it is the tokenizer that judges records of about that length.
    max_line_size: String(MAX_RECORD_BYTES - 64),
    buffer_size: String(4 * MAX_RECORD_BYTES),
    columns: `{${columns.join(", ")}}`,
    filename: "'millrace:path'",
    hive_partitioning: "false",
    union_by_name: "false",
    store_rejects: "true",
    rejects_table: duckdbText(rejectsTable),
    rejects_scan: duckdbText(`${rejectsTable}_scans`),
    rejects_limit: "0",
  };
  const named = Object.entries(options).map(([option, value]) => `${option} = ${value}`);
  return `read_csv([${paths.map(duckdbText).join(", ")}], ${named.join(", ")})`;
}

/** A record that the tokenizer takes out of a file because its structure is bad. */
export interface BrokenRecord {
  readonly record: number;
  readonly reason: "bad-quoting" | "field-count";
  readonly fieldCount: number;
  readonly raw: string;
}

/**
 * Writes a copy of a file with its well-formed records only, each with its number in front, and tells of the others.
 * Returns the number of records of either kind, or the problem of the whole file.
 */
export async function cleanCsv(
  source: CsvSource,
  fields: number,
  file: { readonly key: string; readonly path: string },
  target: string,
  broken: (record: BrokenRecord) => void | Promise<void>,
): Promise<{ readonly records: number } | FileProblem> {
  const output = createWriteStream(target, { highWaterMark: 1024 * 1024 });
  const written = finished(output);
  const skipped = source.header ? 1 : 0;
  let records = 0;
  try {
    const stream = openText(file.path, "none", "utf-8") as AsyncIterable<Buffer>;
    for await (const batch of csvRecords(stream, source)) {
      const lines: Buffer[] = [];
      for (const record of batch) {
        const number = record.index + 1 - skipped;
        if (number < 1) continue;
        records = number;
        if (!isUtf8(record.bytes)) return notUtf8(file.key, `record ${number}`);
        if (record.hasColumns(fields)) {
          lines.push(Buffer.from(`${number}${source.delimiter}`), record.bytes, LINE_END);
          continue;
        }
        const reason = record.badQuoting ? "bad-quoting" : "field-count";
        await broken({ record: number, reason, fieldCount: record.fieldCount, raw: record.text() });
      }
      if (!output.write(Buffer.concat(lines))) await once(output, "drain");
    }
  } finally {
    output.end();
    await written;
  }
  return { records };
}

const LINE_END = Buffer.from("\n");
