import { estimateRecords, TEXT_FORMATS } from "./classification.ts";
import type { Classification, Sample } from "./classification.ts";
import { scalar } from "./hive-schema.ts";
import type { HiveColumn } from "./hive-schema.ts";

/** Tried in this order. https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html#classifier-builtin */
const DELIMITERS = [",", "|", "\t", ";", "\u0001"];
const MAX_HEADER_CELL = 150;

/** A custom CsvClassifier's settings; the built-in classifier has none. */
export interface CsvOptions {
  readonly delimiter?: string | undefined;
  readonly quote?: string | undefined;
  readonly header?: "UNKNOWN" | "PRESENT" | "ABSENT" | undefined;
  readonly names?: readonly string[] | undefined;
  readonly allowSingleColumn?: boolean | undefined;
  readonly keepSpaces?: boolean | undefined;
  readonly serde?: "OpenCSVSerDe" | "LazySimpleSerDe" | "None" | undefined;
  readonly custom?: boolean;
}

/** Delimited text, by the rules of AWS's classifier. Undefined when the text is not that. */
export function classifyCsv(sample: Sample, options: CsvOptions = {}): Classification | undefined {
  for (const delimiter of options.delimiter === undefined ? DELIMITERS : [options.delimiter]) {
    const rows = rowsOf(sample, delimiter, options.quote ?? '"');
    const found = rows && describe(rows, delimiter, sample, options);
    if (found) return found;
  }
  return undefined;
}

function describe(
  rows: string[][],
  delimiter: string,
  sample: Sample,
  options: CsvOptions,
): Classification | undefined {
  const [first] = rows;
  const width = first?.length ?? 0;
  if (!first || rows.some((row) => row.length !== width)) return undefined;
  if (width < 2 && !options.allowSingleColumn) return undefined;
  const trimmed = options.keepSpaces ? rows : rows.map((row) => row.map((cell) => cell.trim()));
  const hasHeader = options.names ? options.header === "PRESENT" : isHeader(trimmed, options);
  const data = hasHeader ? trimmed.slice(1) : trimmed;
  // One row tells too little: https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html
  if (!options.custom && rows.length < 2) return undefined;

  const header = trimmed[0] ?? [];
  const names = options.names ?? (hasHeader ? header : undefined);
  if (names && names.length !== width) return undefined;
  const columns = Array.from({ length: width }, (_, at): HiveColumn => {
    const name = names?.[at]?.toLowerCase() || `col${at}`;
    return { name, type: scalar(typeOfColumn(data.map((row) => row[at] ?? ""))) };
  });
  const open = options.serde === "OpenCSVSerDe";
  return {
    classification: "csv",
    columns,
    compression: sample.compression,
    ...TEXT_FORMATS,
    serde: open ? "org.apache.hadoop.hive.serde2.OpenCSVSerde" : "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
    serdeParameters: open
      ? { separatorChar: delimiter, quoteChar: options.quote ?? '"' }
      : { "field.delim": delimiter },
    parameters: {
      delimiter,
      columnsOrdered: "true",
      areColumnsQuoted: "false",
      ...(hasHeader && { "skip.header.line.count": "1" }),
    },
    records: estimateRecords(sample, data.length),
  };
}

/**
 * Is the first row a header? Every cell is a text that may be a column's name (the last one may be empty), and some
 * column below holds something other than text.
 */
function isHeader(rows: readonly string[][], options: CsvOptions): boolean {
  if (options.header === "PRESENT") return true;
  if (options.header === "ABSENT") return false;
  const [header = [], ...data] = rows;
  const named = header.every((cell, at) => {
    if (at === header.length - 1) return cell === "" || isText(cell);
    return cell !== "" && cell.length < MAX_HEADER_CELL && isText(cell);
  });
  if (!named || data.length === 0) return false;
  return header.some((_cell, at) => typeOfColumn(data.map((row) => row[at] ?? "")) !== "string");
}

const INTEGER = /^[+-]?\d{1,18}$/u;
const DOUBLE = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/u;

function isText(cell: string): boolean {
  return !DOUBLE.test(cell);
}

function typeOfColumn(cells: readonly string[]): string {
  const filled = cells.filter((cell) => cell !== "");
  if (filled.length === 0) return "string";
  if (filled.every((cell) => INTEGER.test(cell))) return "bigint";
  return filled.every((cell) => DOUBLE.test(cell)) ? "double" : "string";
}

/** Rows of the sample, quotes respected; a last line that the sample cuts is left out. */
function rowsOf(sample: Sample, delimiter: string, quote: string): string[][] | undefined {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let inQuotes = false;
  const { text } = sample;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (inQuotes) {
      if (character !== quote) cell += character;
      else if (text[at + 1] === quote) cell += text[++at] as string;
      else inQuotes = false;
    } else if (character === quote && cell === "") {
      inQuotes = true;
    } else if (character === delimiter) {
      row.push(cell);
      cell = "";
    } else if (character === "\n") {
      row.push(cell.endsWith("\r") ? cell.slice(0, -1) : cell);
      if (row.length > 1 || row[0] !== "") rows.push(row);
      row = [];
      cell = "";
    } else if (character === "\0") {
      return undefined;
    } else {
      cell += character;
    }
  }
  if (sample.complete && (cell !== "" || row.length > 0)) rows.push([...row, cell]);
  return rows.length > 0 ? rows : undefined;
}
