import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { JsonSource } from "../../plan/plan.ts";
import { duckdbText } from "../../sql/spark/literals.ts";
import { readChunks } from "../text/bytes.ts";
import { MAX_JSON_RECORD_BYTES, UnreadableJsonError, jsonRecords } from "../text/json-records.ts";
import type { FileProblem } from "./input.ts";
import { LINEAGE, type Sources, withLineage } from "./sources.ts";
import { BROKEN, RAW_TEXT, RECORD, type RawSql } from "./statements.ts";

/** No JSON text can hold this byte, so it separates nothing. */
const NO_DELIMITER = 0x01;
const INSTEAD_OF_IT = 0x02;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

export interface JsonScan {
  readonly paths: readonly string[];
  readonly sources: Sources;
  readonly rejectsTable: string;
}

/**
 * The `raw` relation of JSON files with one record a line: DuckDB's CSV reader gives the lines as they are, its JSON
 * reader would give NULL for what it cannot read and not say so. `json_valid` takes trailing commas and NaN, which are
 * no JSON: `strict_json` is one of the macros of src/sql/spark.
 */
export function jsonRaw(scan: JsonScan, records: boolean): RawSql {
  const valid = `coalesce(strict_json("f0") AND json_type(CASE WHEN json_valid("f0") THEN "f0" END) = 'OBJECT', FALSE)`;
  const extra = records ? `, row_number() OVER () AS "${RECORD}", "f0" AS "${RAW_TEXT}"` : "";
  const lines =
    `SELECT * FROM (${withLineage(reader(scan), scan.sources)}) AS scanned ` +
    `WHERE "f0" IS NOT NULL AND trim("f0", ' \t') <> ''`;
  const judged = `SELECT *, ${valid} AS "millrace:valid"${extra} FROM (${lines}) AS lines`;
  const along = records ? `, "${RECORD}", "${RAW_TEXT}"` : "";
  return (
    `SELECT CASE WHEN "millrace:valid" THEN "f0" END AS record, NOT "millrace:valid" AS "${BROKEN}", ` +
    `${LINEAGE}${along} FROM (${judged}) AS judged`
  );
}

function reader({ paths, rejectsTable }: JsonScan): string {
  const options = {
    auto_detect: "false",
    header: "false",
    delim: duckdbText(String.fromCharCode(NO_DELIMITER)),
    quote: "''",
    escape: "''",
    comment: "''",
    encoding: "'utf-8'",
    compression: "'none'",
    strict_mode: "true",
    nullstr: "''",
    columns: "{'f0': 'VARCHAR'}",
    max_line_size: String(MAX_JSON_RECORD_BYTES - 64),
    buffer_size: String(2 * MAX_JSON_RECORD_BYTES),
    filename: "'millrace:path'",
    hive_partitioning: "false",
    store_rejects: "true",
    rejects_table: duckdbText(rejectsTable),
    rejects_scan: duckdbText(`${rejectsTable}_scans`),
    rejects_limit: "0",
  };
  const named = Object.entries(options).map(([option, value]) => `${option} = ${value}`);
  return `read_csv([${paths.map(duckdbText).join(", ")}], ${named.join(", ")})`;
}

/** Writes a copy of a file with one record a line. Returns the number of records, or the problem of the whole file. */
export async function cleanJson(
  source: JsonSource,
  file: { readonly key: string; readonly path: string },
  target: string,
): Promise<{ readonly records: number } | FileProblem> {
  const output = createWriteStream(target, { highWaterMark: 1024 * 1024 });
  const written = finished(output);
  let records = 0;
  try {
    for await (const batch of jsonRecords(readChunks(file.path), source)) {
      const wrong = batch.findIndex((record) => !isUtf8(record));
      if (wrong >= 0) {
        return {
          reason: "encoding",
          message: `${file.key}: record ${records + wrong + 1} is not UTF-8, as JSON must be`,
        };
      }
      records += batch.length;
      const lines = batch.flatMap((record) => [onOneLine(record), LINE_END]);
      if (!output.write(Buffer.concat(lines))) await once(output, "drain");
    }
  } catch (error) {
    if (!(error instanceof UnreadableJsonError)) throw error;
    return { reason: "unreadable", message: `${file.key}: ${error.message}` };
  } finally {
    output.end();
    await written;
  }
  return { records };
}

const LINE_END = Buffer.from("\n");

/** Line breaks in a record are white space between its tokens, or an error wherever they are: a space is the same. */
function onOneLine(record: Buffer): Buffer {
  if (!record.includes(LF) && !record.includes(CR) && !record.includes(NO_DELIMITER)) return record;
  const line = Buffer.from(record);
  for (let i = 0; i < line.length; i++) {
    if (line[i] === LF || line[i] === CR) line[i] = SPACE;
    else if (line[i] === NO_DELIMITER) line[i] = INSTEAD_OF_IT;
  }
  return line;
}
