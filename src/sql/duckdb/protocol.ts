/** Messages between `process.ts` and its child. Sent with Node's "advanced" serialization: bigint, Map and bytes survive. */

export interface Column {
  readonly name: string;
  /** As DuckDB writes it: `INTEGER`, `DECIMAL(10,2)`, `STRUCT(a INTEGER, b VARCHAR[])`. */
  readonly type: string;
}

/** A value that can be bound to `?`. Text also serves dates, timestamps and decimals, with a cast in the SQL. */
export type Parameter = null | boolean | number | bigint | string | Uint8Array;

export type Request =
  | { id: number; kind: "connect"; connection: number }
  | { id: number; kind: "disconnect"; connection: number }
  | { id: number; kind: "execute"; connection: number; sql: string; parameters: readonly Parameter[] }
  /** The reader wants this many chunks more of the running statement `id`. */
  | { id: number; kind: "more"; chunks: number }
  /** The reader has left: interrupt the statement and forget it. */
  | { id: number; kind: "cancel" }
  | { id: number; kind: "interrupt"; connection: number }
  | { id: number; kind: "invoke"; name: string; input: unknown };

export type Response =
  | { kind: "ready" }
  | { kind: "failed"; error: WireError }
  | { id: number; kind: "columns"; columns: Column[] }
  | { id: number; kind: "rows"; rows: unknown[][] }
  | { id: number; kind: "done"; value?: unknown }
  | { id: number; kind: "error"; error: WireError };

export interface WireError {
  readonly message: string;
  /** Further own properties of the error, when the other side may want them (`line`, `code`…). */
  readonly details: Readonly<Record<string, unknown>>;
}

/** What the child is started with, as JSON in its last argument. */
export interface ChildOptions {
  readonly configuration: Readonly<Record<string, string>>;
  /** Run once, before the first query. */
  readonly setup: readonly string[];
}
