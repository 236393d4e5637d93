import { readFile } from "node:fs/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
  type QueryExecution,
} from "@aws-sdk/client-athena";
import { CreateDatabaseCommand, CreatePartitionCommand, CreateTableCommand, GlueClient } from "@aws-sdk/client-glue";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocalServices, REGION, type LocalServices } from "../../../../test/support/local-services.ts";
import { DuckDbProcess } from "../../../sql/duckdb/process.ts";
import { createCatalog } from "../glue/catalog/service.ts";
import { createS3 } from "../s3/service.ts";
import { createAthena } from "./service.ts";

const BUCKET = "lake";
const PARQUET = {
  InputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
  SerdeInfo: { SerializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" },
};

let local: LocalServices;
let athena: AthenaClient;
let glue: GlueClient;
let s3: S3Client;
let duckdb: DuckDbProcess;
const scratch = mkdtempSync(join(tmpdir(), "athena-"));

beforeAll(async () => {
  local = await startLocalServices({
    services: [
      createS3,
      (deps) => ({ name: "glue", sdk: () => import("@aws-sdk/client-glue"), ...createCatalog(deps) }),
      createAthena,
    ],
  });
  athena = local.client(AthenaClient);
  glue = local.client(GlueClient);
  s3 = local.client(S3Client);
  duckdb = await DuckDbProcess.start();
  for (const Bucket of [BUCKET, "results"]) {
    await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
  }
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: "db" } }));
});

afterAll(async () => {
  await duckdb.close();
  await local.close();
  rmSync(scratch, { recursive: true });
});

let files = 0;

/** A Parquet file as DuckDB (not Millrace) writes it. */
async function putParquet(Key: string, select: string): Promise<void> {
  const file = join(scratch, `${++files}.parquet`);
  await duckdb.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: await readFile(file) }));
}

async function run(QueryString: string): Promise<QueryExecution> {
  const ended = (id?: string) =>
    local.trace.waitFor(
      (event) =>
        event.type === "state" &&
        event.kind === "query" &&
        event.id === id &&
        ["SUCCEEDED", "FAILED", "CANCELLED"].includes(event.to),
      { includePast: true },
    );
  const { QueryExecutionId } = await athena.send(
    new StartQueryExecutionCommand({
      QueryString,
      QueryExecutionContext: { Database: "db" },
      ResultConfiguration: { OutputLocation: "s3://results/" },
    }),
  );
  await ended(QueryExecutionId);
  const { QueryExecution: execution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
  return execution ?? {};
}

async function rows(QueryString: string): Promise<(string | undefined)[][]> {
  const execution = await run(QueryString);
  expect(execution.Status?.StateChangeReason).toBeUndefined();
  const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId: execution.QueryExecutionId }));
  return (ResultSet?.Rows ?? []).map((row) => (row.Data ?? []).map((datum) => datum.VarCharValue));
}

describe("a partitioned Parquet table", () => {
  beforeAll(async () => {
    await putParquet("sales/year=2025/a.parquet", "SELECT 1 AS id, 10.5::DOUBLE AS amount UNION ALL SELECT 2, 20");
    await putParquet("sales/year=2026/b.parquet", "SELECT 3 AS id, 30::DOUBLE AS amount");
    await putParquet("sales/year=2027/unregistered.parquet", "SELECT 4 AS id, 40::DOUBLE AS amount");
    await glue.send(
      new CreateTableCommand({
        DatabaseName: "db",
        TableInput: {
          Name: "sales",
          TableType: "EXTERNAL_TABLE",
          PartitionKeys: [{ Name: "year", Type: "string" }],
          StorageDescriptor: {
            ...PARQUET,
            Location: `s3://${BUCKET}/sales/`,
            Columns: [
              { Name: "id", Type: "int" },
              { Name: "amount", Type: "double" },
            ],
          },
        },
      }),
    );
    for (const year of ["2025", "2026"]) {
      await glue.send(
        new CreatePartitionCommand({
          DatabaseName: "db",
          TableName: "sales",
          PartitionInput: {
            Values: [year],
            StorageDescriptor: { ...PARQUET, Location: `s3://${BUCKET}/sales/year=${year}/` },
          },
        }),
      );
    }
  });

  test("registered partitions are read, others are not", async () => {
    expect(await rows("SELECT year, count(*) AS n, sum(amount) FROM sales GROUP BY year ORDER BY year")).toEqual([
      ["year", "n", "_col2"],
      ["2025", "2", "30.5"],
      ["2026", "1", "30.0"],
    ]);
  });
});
