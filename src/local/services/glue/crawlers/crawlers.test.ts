import { readFile } from "node:fs/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  CreateClassifierCommand,
  CreateCrawlerCommand,
  CreateDatabaseCommand,
  GetCrawlerCommand,
  GetPartitionsCommand,
  GetTablesCommand,
  GlueClient,
  ListCrawlsCommand,
  StartCrawlerCommand,
  UpdateCrawlerCommand,
  type CreateCrawlerCommandInput,
  type S3Target,
  type Table,
} from "@aws-sdk/client-glue";
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocalServices, REGION, type LocalServices } from "../../../../../test/support/local-services.ts";
import { DuckDbProcess } from "../../../../sql/duckdb/process.ts";
import { createEvents } from "../../events/service.ts";
import { createLogs } from "../../logs/service.ts";
import { createS3 } from "../../s3/service.ts";
import { createCatalog } from "../catalog/service.ts";
import { createCrawlers } from "./service.ts";

let local: LocalServices;
let glue: GlueClient;
let s3: S3Client;
let duckdb: DuckDbProcess;
let role: string;
const scratch = mkdtempSync(join(tmpdir(), "crawl-"));

beforeAll(async () => {
  local = await startLocalServices({
    services: [
      createS3,
      createEvents,
      createLogs,
      (deps) => {
        const [catalog, crawlers] = [createCatalog(deps), createCrawlers(deps)];
        const operations = { ...catalog.operations, ...crawlers.operations };
        return { ...crawlers, name: "glue", sdk: () => import("@aws-sdk/client-glue"), operations, resources: {} };
      },
    ],
  });
  glue = local.client(GlueClient);
  s3 = local.client(S3Client);
  role = await local.role("crawler", "glue.amazonaws.com");
  duckdb = await DuckDbProcess.start();
});

afterAll(async () => {
  await duckdb.close();
  await local.close();
  rmSync(scratch, { recursive: true });
});

let made = 0;

/** A bucket, a database and a crawler over it, all of their own. */
async function world(settings: Partial<CreateCrawlerCommandInput> & { targets?: Partial<S3Target>[] } = {}) {
  const name = `world${++made}`;
  await s3.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration: { LocationConstraint: REGION } }));
  await glue.send(new CreateDatabaseCommand({ DatabaseInput: { Name: name } }));
  const { targets = [{}], ...rest } = settings;
  const S3Targets = targets.map(({ Path = "data/", ...target }) => ({ ...target, Path: `s3://${name}/${Path}` }));
  await glue.send(
    new CreateCrawlerCommand({ Name: name, Role: role, DatabaseName: name, Targets: { S3Targets }, ...rest }),
  );
  const put = (Key: string, Body: string | Buffer) => s3.send(new PutObjectCommand({ Bucket: name, Key, Body }));
  return {
    name,
    put,
    async parquet(Key: string, select: string) {
      const file = join(scratch, `${++made}.parquet`);
      await duckdb.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
      await put(Key, await readFile(file));
    },
    remove: (Key: string) => s3.send(new DeleteObjectCommand({ Bucket: name, Key })),
    async crawl() {
      const ready = local.trace.waitFor(
        (event) => event.type === "state" && event.kind === "crawler" && event.name === name && event.to === "READY",
      );
      await glue.send(new StartCrawlerCommand({ Name: name }));
      await ready;
      const { Crawler } = await glue.send(new GetCrawlerCommand({ Name: name }));
      return Crawler?.LastCrawl;
    },
    async tables(): Promise<Table[]> {
      return (await glue.send(new GetTablesCommand({ DatabaseName: name }))).TableList ?? [];
    },
    async partitions(TableName: string) {
      const { Partitions = [] } = await glue.send(new GetPartitionsCommand({ DatabaseName: name, TableName }));
      return Partitions;
    },
  };
}

/** `name(column type, … | key type, …)`, for a short look at a table. */
function shape(table: Table | undefined): string {
  const list = (columns: { Name?: string | undefined; Type?: string | undefined }[] = []) =>
    columns.map((column) => `${column.Name} ${column.Type}`).join(", ");
  return `${table?.Name}(${list(table?.StorageDescriptor?.Columns)} | ${list(table?.PartitionKeys)})`;
}

describe("what becomes a table", () => {
  test("Parquet in key=value folders is one table, its keys are strings", async () => {
    const { name, parquet, crawl, tables, partitions } = await world({ targets: [{ Path: "data/sales/" }] });
    await parquet("data/sales/year=2025/a.parquet", "SELECT 1::INT AS id, 1.5::DOUBLE AS amount");
    await parquet("data/sales/year=2026/b.parquet", "SELECT 2::INT AS id, 2.5::DOUBLE AS amount");
    expect(await crawl()).toMatchObject({ Status: "SUCCEEDED", LogGroup: "/aws-glue/crawlers" });
    const [table] = await tables();
    expect(shape(table)).toBe("sales(id int, amount double | year string)");
    expect(table).toMatchObject({
      TableType: "EXTERNAL_TABLE",
      Owner: "owner",
      StorageDescriptor: {
        Location: `s3://${name}/data/sales/`,
        NumberOfBuckets: -1,
        SerdeInfo: { SerializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" },
      },
      Parameters: {
        UPDATED_BY_CRAWLER: name,
        classification: "parquet",
        compressionType: "none",
        objectCount: "2",
        recordCount: "2",
        typeOfData: "file",
      },
    });
    const found = await partitions("sales");
    expect(found.map((partition) => [partition.Values, partition.StorageDescriptor?.Location])).toEqual([
      [["2025"], `s3://${name}/data/sales/year=2025/`],
      [["2026"], `s3://${name}/data/sales/year=2026/`],
    ]);
  });
});
