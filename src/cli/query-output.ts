import type { QueryResult } from "./athena-query.ts";
import { renderTable } from "./output.ts";

const NUMERIC = /^(tinyint|smallint|integer|bigint|real|float|double|decimal.*)$/;

/** For people: a table, NULL as an empty cell. */
export function asTable({ columns, rows }: QueryResult): string {
  return renderTable(
    columns.map((column) => column.name),
    rows,
    columns.map((column) => NUMERIC.test(column.type)),
  );
}

/** RFC 4180; NULL is an empty field, an empty text is `""`. */
export function asCsv({ columns, rows }: QueryResult): string {
  const line = (cells: readonly (string | null)[]) => cells.map((cell) => (cell === null ? "" : field(cell))).join(",");
  return [line(columns.map((column) => column.name)), ...rows.map(line)].join("\n");
}

function field(text: string): string {
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Values in their JSON types; integers beyond 2^53 and decimals stay text, so that no digit is lost. */
export function asJson({ columns, rows }: QueryResult): { columns: QueryResult["columns"]; rows: unknown[][] } {
  return { columns, rows: rows.map((row) => row.map((cell, index) => jsonValue(cell, columns[index]?.type ?? ""))) };
}

function jsonValue(cell: string | null, type: string): unknown {
  if (cell === null) return null;
  if (type === "boolean") return cell === "true";
  if (/^(tinyint|smallint|integer|bigint)$/.test(type)) {
    const value = Number(cell);
    return Number.isSafeInteger(value) ? value : cell;
  }
  if (/^(real|float|double)$/.test(type)) {
    const value = Number(cell);
    return Number.isFinite(value) ? value : cell;
  }
  return cell;
}
