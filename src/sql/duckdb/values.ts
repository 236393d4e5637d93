import {
  DuckDBArrayValue,
  DuckDBBitValue,
  DuckDBBlobValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBUnionValue,
} from "@duckdb/node-api";
import type { DuckDBValue } from "@duckdb/node-api";

/**
 * A DuckDB value in the plain, exact form that leaves the child process:
 *
 * | DuckDB                                     | here                                                            |
 * |--------------------------------------------|-----------------------------------------------------------------|
 * | NULL                                       | `null`                                                          |
 * | BOOLEAN                                    | `boolean`                                                       |
 * | integers up to 32 bits, FLOAT, DOUBLE      | `number`                                                        |
 * | BIGINT, UBIGINT, HUGEINT, UHUGEINT         | `bigint`                                                        |
 * | DECIMAL                                    | `string`, every digit of the scale: `"12.30"`                   |
 * | VARCHAR, ENUM, UUID, JSON                  | `string`                                                        |
 * | BLOB                                       | `Uint8Array`                                                    |
 * | DATE, TIME, TIMESTAMP…, INTERVAL, BIT      | `string` as DuckDB prints it: `"2026-11-24 08:00:00.123"`; a    |
 * |                                            | TIMESTAMP WITH TIME ZONE is in UTC and ends in `+00`            |
 * | LIST, ARRAY                                | array                                                           |
 * | STRUCT                                     | object, members in order (an unnamed struct has one empty name) |
 * | MAP                                        | `Map`                                                           |
 * | UNION                                      | the member's value                                              |
 */
export function plainValue(value: DuckDBValue): unknown {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) return value.items.map(plainValue);
  if (value instanceof DuckDBStructValue) {
    return Object.fromEntries(Object.entries(value.entries).map(([name, member]) => [name, plainValue(member)]));
  }
  if (value instanceof DuckDBMapValue) {
    return new Map(value.entries.map((entry) => [plainValue(entry.key), plainValue(entry.value)]));
  }
  if (value instanceof DuckDBBlobValue) return Uint8Array.from(value.bytes);
  if (value instanceof DuckDBUnionValue) return plainValue(value.value);
  if (value instanceof DuckDBBitValue) return value.toString();
  return String(value);
}

/** Instants print in UTC, whatever the machine's time zone is. */
export function printInstantsInUtc(): void {
  DuckDBTimestampTZValue.timezoneOffsetInMinutes = 0;
}
