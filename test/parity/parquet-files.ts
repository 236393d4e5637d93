import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { openDatabase } from "../../src/etl/duckdb/database.ts";

const SELECTS: Readonly<Record<string, string>> = {
  // Every column of its declared type.
  native: `SELECT 1 AS id, 'a' AS name, 1.50::DECIMAL(10,2) AS price, TIMESTAMP '2026-01-02 03:04:05.678901' AS "at",
    [1, NULL]::INTEGER[] AS list UNION ALL SELECT 2, NULL, NULL, NULL, NULL UNION ALL SELECT -3, 'b', 2, NULL, []`,
  // Columns of other types, which go through their texts, and names in another case.
  other: `SELECT * FROM (VALUES ('1', 5, 1.25::DOUBLE, DATE '2026-01-02'), ('x', 6, 2.5, NULL), (NULL, 7, 3, NULL), ('4', 8, 1e20, NULL))
    AS rows("ID", name, price, "at")`,
  "zoned and wide": `SELECT 7::BIGINT AS id, true AS name, 3::BIGINT AS price, TIMESTAMPTZ '2026-01-02 03:04:05+02' AS "at"`,
  unknown: "SELECT 1 AS id, 2 AS what",
  lacking: "SELECT 'a' AS name",
  empty: "SELECT 1 AS id WHERE false",
};

/** Files of the dataset `records`, by key. */
export async function writeParquetFiles(directory: string): Promise<(readonly [string, Buffer])[]> {
  await mkdir(directory, { recursive: true });
  const database = await openDatabase({ memoryBytes: 5e8, temporaryDirectory: path.join(directory, "spill") });
  try {
    const files: (readonly [string, Buffer])[] = [];
    for (const [name, select] of Object.entries(SELECTS)) {
      const file = path.join(directory, `${files.length}.parquet`);
      await database.rows(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
      files.push([`records/${name}.parquet`, await readFile(file)]);
    }
    return [...files, ["records/nonsense.parquet", Buffer.from("PAR1 nothing PAR1")]];
  } finally {
    database.close();
  }
}
