/** Columns of the declared tables, and the view over them. The ledger's `commitLine` is what `load_commits` reads. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly comment?: string;
}

export const COMMIT_COLUMNS: readonly Column[] = [
  { name: "key", type: "string", comment: "Key in SourceBucket" },
  { name: "version", type: "string", comment: "Version id of the object" },
  { name: "try", type: "int" },
  { name: "outcome", type: "string", comment: "committed, rejected or failed" },
  { name: "run", type: "string" },
  { name: "attempt", type: "int" },
  { name: "job_run_id", type: "string" },
  { name: "plan", type: "string" },
  { name: "bytes", type: "bigint" },
  { name: "rows_in", type: "bigint" },
  { name: "rows_out", type: "bigint" },
  { name: "rows_rejected", type: "bigint" },
  { name: "received_at", type: "string" },
  { name: "claimed_at", type: "string" },
  { name: "decided_at", type: "string" },
  { name: "error_reason", type: "string" },
  { name: "error_message", type: "string" },
];

export const PUBLISHED_COLUMNS: readonly Column[] = [
  { name: "run", type: "string" },
  { name: "queryable_at", type: "string" },
];

export const REJECT_COLUMNS: readonly Column[] = [
  { name: "source_key", type: "string", comment: "Key in SourceBucket" },
  { name: "version", type: "string" },
  { name: "run", type: "string" },
  { name: "record", type: "bigint", comment: "Ordinal in the file, from 1, the header not counted" },
  { name: "column_name", type: "string" },
  { name: "reason", type: "string" },
  { name: "message", type: "string" },
  { name: "raw", type: "string", comment: "The record as it stood in the file" },
  { name: "rejected_at", type: "timestamp" },
];

const TIMES = ["received_at", "claimed_at", "committed_at", "queryable_at"] as const;

/** The view's columns, with the type as Hive and as Trino write it. */
export const LOADS_COLUMNS: readonly (Column & { readonly trino: string })[] = [
  { name: "dataset", type: "string", trino: "varchar" },
  { name: "day", type: "string", trino: "varchar" },
  { name: "key", type: "string", trino: "varchar" },
  { name: "version", type: "string", trino: "varchar" },
  { name: "outcome", type: "string", trino: "varchar" },
  ...TIMES.map((name) => ({ name, type: "timestamp", trino: "timestamp(3)" })),
  { name: "rows_in", type: "bigint", trino: "bigint" },
  { name: "rows_out", type: "bigint", trino: "bigint" },
  { name: "rows_rejected", type: "bigint", trino: "bigint" },
  { name: "bytes", type: "bigint", trino: "bigint" },
  { name: "run", type: "string", trino: "varchar" },
  { name: "attempt", type: "int", trino: "integer" },
  { name: "job_run_id", type: "string", trino: "varchar" },
  { name: "error_reason", type: "string", trino: "varchar" },
  { name: "error_message", type: "string", trino: "varchar" },
];

function time(column: string): string {
  return `cast(from_iso8601_timestamp(${column}) as timestamp(3))`;
}

/** One row per object version with an outcome. A run that could not be queried yet has no `queryable_at`. */
export function loadsSql(database: string): string {
  return [
    "SELECT c.dataset, c.day, c.key, c.version, c.outcome,",
    `  ${time("c.received_at")} AS received_at, ${time("c.claimed_at")} AS claimed_at,`,
    `  ${time("c.decided_at")} AS committed_at, ${time("p.queryable_at")} AS queryable_at,`,
    "  c.rows_in, c.rows_out, c.rows_rejected, c.bytes, c.run, c.attempt, c.job_run_id,",
    "  c.error_reason, c.error_message",
    `FROM "${database}"."load_commits" c`,
    `LEFT JOIN "${database}"."load_published" p ON p.dataset = c.dataset AND p.day = c.day AND p.run = c.run`,
  ].join("\n");
}
