import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ColumnInfo } from "@aws-sdk/client-athena";
import type { Type } from "../../../sql/trino/types.ts";

/**
 * A result as CSV: the column names, then the rows; every value in quotes, NULL as nothing at all.
 * `columns` as Trino named them.
 */
export function csvBody(columns: readonly string[], rows: AsyncIterable<(string | null)[][]>): Readable {
  async function* pieces() {
    yield Buffer.from(csvLine(columns));
    for await (const chunk of rows) yield Buffer.from(chunk.map(csvLine).join(""));
  }
  return Readable.from(pieces());
}

function csvLine(values: readonly (string | null)[]): string {
  return `${values.map((value) => (value === null ? "" : `"${value.replaceAll('"', '""')}"`)).join(",")}\n`;
}

export interface ResultPage {
  readonly rows: (string | null)[][];
  /** Where the next page begins, in bytes. */
  readonly next: number | undefined;
}

/** Up to `count` rows of a result's CSV from a byte offset on. */
export async function readCsvPage(path: string, start: number, count: number): Promise<ResultPage> {
  const rows: (string | null)[][] = [];
  let row: (string | null)[] = [];
  let field: number[] = [];
  let quoted = false;
  let inQuotes = false;
  let offset = start;
  const endField = () => {
    row.push(quoted ? Buffer.from(field).toString() : null);
    field = [];
    quoted = false;
  };
  const stream = createReadStream(path, { start });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    for (const byte of chunk) {
      // There is something behind the last row of the page.
      if (rows.length === count) {
        stream.destroy();
        return { rows, next: offset };
      }
      offset++;
      if (byte === QUOTE) {
        // A quote inside quotes is written twice: the second one opens again, and stands for itself.
        if (!inQuotes && quoted) field.push(QUOTE);
        inQuotes = !inQuotes;
        quoted = true;
      } else if (inQuotes) {
        field.push(byte);
      } else if (byte === COMMA) {
        endField();
      } else if (byte === NEWLINE) {
        endField();
        rows.push(row);
        row = [];
      }
    }
  }
  return { rows, next: undefined };
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const NEWLINE = 0x0a;

/** Up to `count` lines of a text result, from the line `start` on. */
export async function readTextPage(path: string, start: number, count: number): Promise<ResultPage> {
  const rows: (string | null)[][] = [];
  let at = 0;
  const stream = createReadStream(path);
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (rows.length === count) {
      stream.destroy();
      return { rows, next: start + count };
    }
    if (at++ >= start) rows.push([line]);
  }
  return { rows, next: undefined };
}

/** Digits that JDBC drivers are told for each type. */
const PRECISIONS: Readonly<Record<string, number>> = {
  tinyint: 3,
  smallint: 5,
  integer: 10,
  bigint: 19,
  float: 17,
  double: 17,
  timestamp: 3,
  "timestamp with time zone": 3,
};

/** A column of a result as GetQueryResults describes it, with Trino's name of the type. */
export function columnInfo(name: string, type: Type): ColumnInfo {
  const shown = { real: "float", unknown: "unknown" }[type.kind as "real"] ?? type.kind;
  const unbounded = 2 ** 31 - 1;
  const length = type.kind === "varchar" ? (type.length ?? unbounded) : type.kind === "char" ? type.length : undefined;
  return {
    CatalogName: "hive",
    SchemaName: "",
    TableName: "",
    Name: name,
    Label: name,
    Type: shown,
    Precision:
      type.kind === "decimal"
        ? type.precision
        : (length ?? (shown === "varbinary" ? 2 ** 30 : (PRECISIONS[shown] ?? 0))),
    Scale: type.kind === "decimal" ? type.scale : 0,
    Nullable: "UNKNOWN",
    CaseSensitive: ["varchar", "char"].includes(shown),
  };
}

/** A column of DDL output: Hive's `string`. */
export function textColumn(name: string): ColumnInfo {
  return {
    CatalogName: "hive",
    SchemaName: "",
    TableName: "",
    Name: name,
    Label: name,
    Type: "string",
    Precision: 0,
    Scale: 0,
    Nullable: "UNKNOWN",
    CaseSensitive: false,
  };
}

/**
 * The `.metadata` object beside a result: the columns in Protocol Buffers. AWS does not document what is in it and
 * reads it for GetQueryResults only; this one holds the same members, in the order of the API.
 */
export function metadataBody(columns: readonly ColumnInfo[]): Buffer {
  const messages = columns.map((column) => {
    const fields = [
      column.CatalogName,
      column.SchemaName,
      column.TableName,
      column.Name,
      column.Label,
      column.Type,
    ].map((value, at) => lengthDelimited(at + 1, Buffer.from(value ?? "")));
    const numbers = [
      varintField(7, column.Precision ?? 0),
      varintField(8, column.Scale ?? 0),
      varintField(9, 3),
      varintField(10, column.CaseSensitive ? 1 : 0),
    ];
    return lengthDelimited(4, Buffer.concat([...fields, ...numbers]));
  });
  return Buffer.concat(messages);
}

function lengthDelimited(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
}

function varintField(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}
