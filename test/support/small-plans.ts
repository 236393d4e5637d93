import type { DatasetPlan } from "../../src/plan/plan.ts";

/** The same SQL for both engines; these plans are executed by DuckDB only. */
export function pair(sql: string) {
  return { spark: sql, duckdb: sql };
}

/** A plan as the compiler would make it, small enough to be read: columns `id` (not null), `name` and `at`. */
export function csvPlan(change: Partial<DatasetPlan> = {}): DatasetPlan {
  const column = (name: string, type: string, cast: string | undefined, nullable = true) => ({
    name,
    from: [name],
    type,
    nullable,
    text: pair(`NULLIF("${name}", '')`),
    typed: pair(cast === undefined ? `"${name}"` : `TRY_CAST("${name}" AS ${cast})`),
  });
  return {
    name: "orders",
    prefix: "orders/",
    table: "orders",
    source: {
      format: "csv",
      header: true,
      delimiter: ",",
      quote: '"',
      encoding: "utf-8",
      nullText: [""],
      unknownColumns: "reject",
      missingColumns: "reject",
    },
    columns: [
      column("id", "int", "INTEGER", false),
      column("name", "string", undefined),
      column("at", "timestamp", "TIMESTAMP"),
    ],
    rejectLimit: 0.5,
    quietRejects: 0,
    rules: [],
    transform: pair(`SELECT id, name, "at", "_source", "_version" FROM source`),
    output: [
      { name: "id", type: "int" },
      { name: "name", type: "string" },
      { name: "at", type: "timestamp" },
    ],
    partitionBy: [],
    limits: { maxFiles: 1000, maxBytes: 1e9 },
    ...change,
  };
}
