import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AthenaClient,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  StartQueryExecutionCommand,
  type QueryExecution,
  type StartQueryExecutionCommandInput,
} from "@aws-sdk/client-athena";
import { CreateDatabaseCommand, GlueClient } from "@aws-sdk/client-glue";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import type { Service, ServiceDeps } from "../../src/local/service.ts";
import { createAthena } from "../../src/local/services/athena/service.ts";
import { createCatalog } from "../../src/local/services/glue/catalog/service.ts";
import { createS3 } from "../../src/local/services/s3/service.ts";
import { DuckDbProcess } from "../../src/sql/duckdb/process.ts";
import { REGION, startLocalServices, type LocalServices } from "./local-services.ts";

export const LAKE = "lake";
export const RESULTS = "s3://results/athena/";

/** S3, the catalog and Athena with a bucket of data that Millrace did not write. */
export interface Lake {
  readonly local: LocalServices;
  readonly athena: AthenaClient;
  readonly glue: GlueClient;
  readonly s3: S3Client;
  put(key: string, body: string | Buffer): Promise<void>;
  /** A Parquet file, as DuckDB writes it, with the rows of `select`. */
  parquet(key: string, select: string): Promise<void>;
  /** Runs a statement in database `db` to its end, however it ends. */
  run(sql: string, more?: Partial<StartQueryExecutionCommandInput>): Promise<QueryExecution>;
  /** The rows of a statement that succeeds, a query's without the row of column names. NULL is null. */
  rows(sql: string, more?: Partial<StartQueryExecutionCommandInput>): Promise<(string | null)[][]>;
  /** Why a statement fails. */
  failure(sql: string): Promise<string>;
  ended(id: string | undefined): Promise<unknown>;
  close(): Promise<void>;
}

export function glueCatalogOnly(deps: ServiceDeps): Service {
  return { name: "glue", sdk: () => import("@aws-sdk/client-glue"), ...createCatalog(deps) };
}

export async function startLake(more: readonly ((deps: ServiceDeps) => Service)[] = []): Promise<Lake> {
  const local = await startLocalServices({ services: [createS3, glueCatalogOnly, createAthena, ...more] });
  const [athena, glue, s3] = [local.client(AthenaClient), local.client(GlueClient), local.client(S3Client)];
  const duckdb = await DuckDbProcess.start();
  const scratch = mkdtempSync(join(tmpdir(), "lake-"));
  let files = 0;
  for (const Bucket of [LAKE, "results"]) {
    await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: REGION } }));
  }
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: "db" } }));

  const lake: Lake = {
    local,
    athena,
    glue,
    s3,
    async put(Key, Body) {
      await s3.send(new PutObjectCommand({ Bucket: LAKE, Key, Body }));
    },
    async parquet(key, select) {
      const file = join(scratch, `${++files}.parquet`);
      await duckdb.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
      await lake.put(key, await readFile(file));
    },
    ended: (id) =>
      local.trace.waitFor(
        (event) =>
          event.type === "state" &&
          event.kind === "query" &&
          event.id === id &&
          ["SUCCEEDED", "FAILED", "CANCELLED"].includes(event.to),
        { includePast: true },
      ),
    async run(QueryString, more) {
      const { QueryExecutionId } = await athena.send(
        new StartQueryExecutionCommand({
          QueryString,
          QueryExecutionContext: { Database: "db" },
          ResultConfiguration: { OutputLocation: RESULTS },
          ...more,
        }),
      );
      await lake.ended(QueryExecutionId);
      const { QueryExecution: execution } = await athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
      return execution ?? {};
    },
    async rows(sql, more) {
      const execution = await lake.run(sql, more);
      if (execution.Status?.State !== "SUCCEEDED") throw new Error(execution.Status?.StateChangeReason);
      const { QueryExecutionId } = execution;
      const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
      const rows = (ResultSet?.Rows ?? []).map((row) => (row.Data ?? []).map((datum) => datum.VarCharValue ?? null));
      return execution.StatementType === "DML" ? rows.slice(1) : rows;
    },
    async failure(sql) {
      const { Status } = await lake.run(sql);
      if (Status?.State !== "FAILED") throw new Error(`${Status?.State} instead of FAILED: ${sql}`);
      return Status.StateChangeReason ?? "";
    },
    async close() {
      await duckdb.close();
      await local.close();
      rmSync(scratch, { recursive: true });
    },
  };
  return lake;
}
