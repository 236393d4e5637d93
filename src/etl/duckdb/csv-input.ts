import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { CsvSource, DatasetPlan } from "../../plan/plan.ts";
import { duckdbText, quoteName } from "../../sql/spark/literals.ts";
import { readChunks } from "../text/bytes.ts";
import { type CsvRecord, MAX_RECORD_BYTES, csvRecords } from "../text/csv-records.ts";
import type { FileProblem } from "./input.ts";
import { list } from "./messages.ts";
import { LINEAGE, type Sources, withLineage } from "./sources.ts";
import { BROKEN, RAW_TEXT, RECORD, type RawSql, type Relation } from "./statements.ts";

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
  for await (const [header] of csvRecords(readChunks(path), source)) {
    if (header) return layoutOf(plan, source, key, header);
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
  readonly paths: readonly string[];
  readonly sources: Sources;
  /** Name of the temporary table for records that DuckDB cannot read. */
  readonly rejectsTable: string;
}

const field = (index: number) => `"f${index}"`;

/**
 * CSV files that have one layout, to be loaded. DuckDB's reader itself turns the texts that mean NULL into NULL, so the
 * plan's `text` expressions, which do that, are not needed: that is a tenth of a load.
 */
export function csvRows(scan: CsvScan): Relation {
  const { nullText } = scan.source;
  if (!nullText.every((text) => /^[\w.\-/]*$/.test(text))) return { raw: csvRaw(scan, false, []), plan: scan.plan };
  const columns = scan.plan.columns.map((column) => ({
    ...column,
    text: { ...column.text, duckdb: quoteName(column.name).duckdb },
  }));
  return { raw: csvRaw(scan, false, nullText), plan: { ...scan.plan, columns } };
}

/**
 * The same files with each record's number and fields. Records are numbered over all the paths, unless the files are
 * cleaned: those carry their own numbers.
 */
export function csvRecordRows(scan: CsvScan): Relation {
  return { raw: csvRaw(scan, true, []), plan: scan.plan };
}

function csvRaw(scan: CsvScan, records: boolean, nullText: readonly string[]): RawSql {
  const fields = scan.layout.map((_, index) => field(index));
  const columns = scan.plan.columns.map((column, place) => {
    const index = scan.layout.indexOf(place);
    const text = index < 0 ? "CAST(NULL AS VARCHAR)" : field(index);
    return `${text} AS ${quoteName(column.name).duckdb}`;
  });
  const number = scan.cleaned ? `CAST("n" AS BIGINT)` : "row_number() OVER ()";
  const extra = records ? `, ${number} AS "${RECORD}", [${fields.join(", ")}] AS "${RAW_TEXT}"` : "";
  return (
    `SELECT ${columns.join(", ")}, FALSE AS "${BROKEN}", ${LINEAGE}${extra} ` +
    `FROM (${withLineage(reader(scan, nullText), scan.sources)}) AS scanned`
  );
}

/** No field has this text: it stands where DuckDB wants to be told a text for NULL, and there is none. */
const NO_TEXT = "\u0001\u0002\u0003millrace: no text\u0003\u0002\u0001";

/** Every option that changes what DuckDB reads is given: nothing is left to its sniffer. */
function reader({ source, layout, cleaned, paths, rejectsTable }: CsvScan, nullText: readonly string[]): string {
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
    nullstr: `[${(nullText.length > 0 ? nullText : [NO_TEXT]).map(duckdbText).join(", ")}]`,
    allow_quoted_nulls: "true",
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
    for await (const batch of csvRecords(readChunks(file.path), source)) {
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
