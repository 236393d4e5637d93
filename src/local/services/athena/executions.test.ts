import {
  AthenaClient,
  BatchGetQueryExecutionCommand,
  CreateNamedQueryCommand,
  CreatePreparedStatementCommand,
  CreateWorkGroupCommand,
  DeleteWorkGroupCommand,
  GetNamedQueryCommand,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  GetTableMetadataCommand,
  GetWorkGroupCommand,
  ListDatabasesCommand,
  ListNamedQueriesCommand,
  ListQueryExecutionsCommand,
  ListTableMetadataCommand,
  StartQueryExecutionCommand,
  StopQueryExecutionCommand,
  UpdateWorkGroupCommand,
} from "@aws-sdk/client-athena";
import { GetObjectCommand, HeadObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LAKE, RESULTS, startLake, type Lake } from "../../../../test/support/athena-lake.ts";
import { createEvents } from "../events/service.ts";
import { createAthena } from "./service.ts";

let lake: Lake;
beforeAll(async () => {
  lake = await startLake([createEvents]);
});
afterAll(() => lake.close());

const ResultConfiguration = { OutputLocation: RESULTS };
const ENDLESS =
  "SELECT max(x * y * z) FROM UNNEST(sequence(1, 30000)) a(x), UNNEST(sequence(1, 30000)) b(y), UNNEST(sequence(1, 30000)) c(z)";

describe("a query", () => {
  test("goes QUEUED, RUNNING, SUCCEEDED, tells EventBridge, and its result is one CSV in S3", async () => {
    const states: string[] = [];
    const off = lake.local.trace.on(
      (event) => event.type === "state" && event.kind === "query" && states.push(event.to),
    );
    const execution = await lake.run(`SELECT 1 AS "A", 'it''s "x", y' AS b, CAST(NULL AS varchar) AS c, '' AS d`);
    off();
    expect(states).toEqual(["QUEUED", "RUNNING", "SUCCEEDED"]);
    expect(execution).toMatchObject({
      StatementType: "DML",
      SubstatementType: "SELECT",
      WorkGroup: "primary",
      QueryExecutionContext: { Database: "db", Catalog: "awsdatacatalog" },
      ResultConfiguration: { OutputLocation: `${RESULTS}${execution.QueryExecutionId}.csv` },
      Statistics: { DataScannedInBytes: 0, ResultReuseInformation: { ReusedPreviousResult: false } },
      EngineVersion: { EffectiveEngineVersion: "Athena engine version 3" },
    });
    const Key = `athena/${execution.QueryExecutionId}.csv`;
    const { Body } = await lake.s3.send(new GetObjectCommand({ Bucket: "results", Key }));
    expect(await Body?.transformToString()).toBe('"a","b","c","d"\n"1","it\'s ""x"", y",,""\n');
    expect(
      (await lake.s3.send(new HeadObjectCommand({ Bucket: "results", Key: `${Key}.metadata` }))).ContentLength,
    ).toBeGreaterThan(0);
    const put = await lake.local.trace.waitFor(
      (event) => event.type === "call" && event.service === "events" && event.principal === "athena.amazonaws.com",
      { includePast: true },
    );
    expect(put).toMatchObject({ operation: "PutEvents" });
  });

  test("columns are described by Trino's types", async () => {
    const { QueryExecutionId } = await lake.run(
      "SELECT 1 AS i, CAST('x' AS varchar) AS v, 1.50 AS d, CAST(1 AS real) AS f, now() AS t, ARRAY[1] AS l, ROW(1) AS r",
    );
    const { ResultSet } = await lake.athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
    expect(
      ResultSet?.ResultSetMetadata?.ColumnInfo?.map((column) => [
        column.Name,
        column.Type,
        column.Precision,
        column.Scale,
        column.CaseSensitive,
      ]),
    ).toEqual([
      ["i", "integer", 10, 0, false],
      ["v", "varchar", 2147483647, 0, true],
      ["d", "decimal", 3, 2, false],
      ["f", "float", 17, 0, false],
      ["t", "timestamp with time zone", 3, 0, false],
      ["l", "array", 0, 0, false],
      ["r", "row", 0, 0, false],
    ]);
  });

  test("pages hold the row of names once, and it counts", async () => {
    const { QueryExecutionId } = await lake.run(
      "SELECT x, CASE WHEN x = 3 THEN NULL ELSE 'a\nb' END FROM UNNEST(sequence(1, 2500)) t(x) ORDER BY x",
    );
    const pages: string[][] = [];
    let NextToken: string | undefined;
    do {
      const page = await lake.athena.send(new GetQueryResultsCommand({ QueryExecutionId, NextToken }));
      pages.push((page.ResultSet?.Rows ?? []).map((row) => row.Data?.[0]?.VarCharValue ?? ""));
      if (!NextToken) expect(page.ResultSet?.Rows?.[3]).toEqual({ Data: [{ VarCharValue: "3" }, {}] });
      NextToken = page.NextToken;
    } while (NextToken);
    expect(pages.map((page) => page.length)).toEqual([1000, 1000, 501]);
    expect(pages.flat()).toEqual(["x", ...Array.from({ length: 2500 }, (_, n) => String(n + 1))]);
  });

  test("what has failed says why, with Athena's numbers", async () => {
    const { Status, Statistics } = await lake.run("SELECT nope FROM (SELECT 1 AS a)");
    expect(Status).toMatchObject({
      State: "FAILED",
      StateChangeReason:
        "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved or requester is not authorized to access requested resources",
      AthenaError: { ErrorCategory: 2, ErrorType: 1006, Retryable: false },
    });
    expect(Statistics?.TotalExecutionTimeInMillis).toBeGreaterThanOrEqual(0);
    expect((await lake.run("SELECT * FROM nowhere")).Status).toMatchObject({
      StateChangeReason: "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.nowhere' does not exist",
      AthenaError: { ErrorType: 1110 },
    });
    expect((await lake.run("SELECT 1 / x FROM (VALUES 0) t(x)")).Status).toMatchObject({
      StateChangeReason: "DIVISION_BY_ZERO: Division by zero",
    });
  });

  test("a query that is no aggregate where it should be is refused", async () => {
    expect(await lake.failure("SELECT a, count(*) FROM (VALUES (1, 2)) t(a, b)")).toMatch(/^EXPRESSION_NOT_AGGREGATE/);
  });

  test("results of a query that has not succeeded are refused", async () => {
    const { QueryExecutionId } = await lake.run("SELECT nope");
    await expect(lake.athena.send(new GetQueryResultsCommand({ QueryExecutionId }))).rejects.toMatchObject({
      name: "InvalidRequestException",
      message: "Query did not finish successfully. Final query state: FAILED",
    });
  });

  test("StopQueryExecution cancels what runs, and leaves alone what has ended", async () => {
    const running = lake.local.trace.waitFor(
      (event) => event.type === "state" && event.kind === "query" && event.to === "RUNNING",
    );
    const { QueryExecutionId } = await lake.athena.send(
      new StartQueryExecutionCommand({ QueryString: ENDLESS, ResultConfiguration }),
    );
    await running;
    await expect(lake.athena.send(new GetQueryResultsCommand({ QueryExecutionId }))).rejects.toThrow(
      /Query has not yet finished. Current state: (QUEUED|RUNNING)/,
    );
    await lake.athena.send(new StopQueryExecutionCommand({ QueryExecutionId }));
    await lake.ended(QueryExecutionId);
    const { QueryExecution } = await lake.athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    expect(QueryExecution?.Status).toMatchObject({ State: "CANCELLED", StateChangeReason: "Query cancelled by user" });
    await lake.athena.send(new StopQueryExecutionCommand({ QueryExecutionId }));
    expect(await lake.rows("SELECT 1")).toEqual([["1"]]);
  });

  test("the same token is the same query; with other words it is refused", async () => {
    const ClientRequestToken = "token-".padEnd(40, "x");
    const start = (QueryString: string) =>
      lake.athena.send(new StartQueryExecutionCommand({ QueryString, ClientRequestToken, ResultConfiguration }));
    const [first, second] = [await start("SELECT 1"), await start("SELECT 1")];
    expect(second.QueryExecutionId).toBe(first.QueryExecutionId);
    await expect(start("SELECT 2")).rejects.toMatchObject({
      name: "InvalidRequestException",
      message: "Idempotent parameters do not match",
    });
  });

  test("without an output location nothing starts", async () => {
    await expect(lake.athena.send(new StartQueryExecutionCommand({ QueryString: "SELECT 1" }))).rejects.toMatchObject({
      name: "InvalidRequestException",
      message: expect.stringMatching(/^No output location provided/),
    });
  });

  test("a results bucket that the caller cannot see starts nothing", async () => {
    const ResultConfiguration = { OutputLocation: "s3://no-such-bucket/" };
    await expect(
      lake.athena.send(new StartQueryExecutionCommand({ QueryString: "SELECT 1", ResultConfiguration })),
    ).rejects.toMatchObject({ message: "Unable to verify/create output bucket no-such-bucket" });
  });

  test("parameters take the places of the question marks, typed as they are written", async () => {
    const more = { ExecutionParameters: ["'it''s'", "DATE '2026-11-24'", "2"] };
    expect(await lake.rows("SELECT ? || '!', ? + INTERVAL '1' DAY, 7 / ?", more)).toEqual([
      ["it's!", "2026-11-25", "3"],
    ]);
    expect(await lake.failure("SELECT ?")).toMatch(/INVALID_PARAMETER_USAGE/);
  });

  test("a prepared statement runs with parameters", async () => {
    await lake.athena.send(
      new CreatePreparedStatementCommand({
        WorkGroup: "primary",
        StatementName: "plus",
        QueryStatement: "SELECT ? + 1",
      }),
    );
    expect(await lake.rows("EXECUTE plus", { ExecutionParameters: ["41"] })).toEqual([["42"]]);
  });

  test("executions are listed newest first and fetched in batches", async () => {
    const [a, b] = [await lake.run("SELECT 1"), await lake.run("SELECT 2")];
    const { QueryExecutionIds } = await lake.athena.send(new ListQueryExecutionsCommand({ MaxResults: 2 }));
    expect(QueryExecutionIds).toEqual([b.QueryExecutionId, a.QueryExecutionId]);
    const batch = await lake.athena.send(
      new BatchGetQueryExecutionCommand({ QueryExecutionIds: [a.QueryExecutionId ?? "", "nobody"] }),
    );
    expect(batch.QueryExecutions?.map((execution) => execution.Query)).toEqual(["SELECT 1"]);
    expect(batch.UnprocessedQueryExecutionIds?.map((one) => one.QueryExecutionId)).toEqual(["nobody"]);
  });
});

test("everything a query does, it does as its caller", async () => {
  await lake.parquet("mine/a.parquet", "SELECT 1 AS id");
  await lake.rows(`CREATE EXTERNAL TABLE mine (id int) STORED AS PARQUET LOCATION 's3://${LAKE}/mine/'`);
  const session = await lake.local.session(await lake.local.role("analyst", "athena.amazonaws.com"));
  const seen = new Map<string, Set<string>>();
  const off = lake.local.trace.on((event) => {
    if (event.type !== "call") return;
    const name = `${event.service}:${event.operation}`;
    seen.set(name, (seen.get(name) ?? new Set()).add(event.principal));
  });
  const athena = lake.local.client(AthenaClient, { as: session });
  const { QueryExecutionId } = await athena.send(
    new StartQueryExecutionCommand({ QueryString: "SELECT * FROM db.mine", ResultConfiguration }),
  );
  await lake.ended(QueryExecutionId);
  const { ResultSet } = await athena.send(new GetQueryResultsCommand({ QueryExecutionId }));
  off();
  expect(ResultSet?.Rows).toHaveLength(2);
  const arn = session.principal.kind === "assumed-role" ? session.principal.arn : "";
  for (const name of ["s3:GetBucketLocation", "glue:GetTable", "s3:ListObjectsV2", "s3:PutObject"]) {
    expect([name, [...(seen.get(name) ?? [])]]).toEqual([name, [arn]]);
  }
});

describe("workgroups", () => {
  test("one that enforces its settings has the last word on the location", async () => {
    await lake.athena.send(
      new CreateWorkGroupCommand({
        Name: "enforcing",
        Configuration: { ResultConfiguration: { OutputLocation: "s3://results/enforced/" } },
      }),
    );
    const { ResultConfiguration: used } = await lake.run("SELECT 1", { WorkGroup: "enforcing" });
    expect(used?.OutputLocation).toMatch(/^s3:\/\/results\/enforced\/[0-9a-f-]+\.csv$/);
    await lake.athena.send(
      new UpdateWorkGroupCommand({
        WorkGroup: "enforcing",
        ConfigurationUpdates: { EnforceWorkGroupConfiguration: false },
      }),
    );
    expect((await lake.run("SELECT 1", { WorkGroup: "enforcing" })).ResultConfiguration?.OutputLocation).toContain(
      RESULTS,
    );
    const { WorkGroup } = await lake.athena.send(new GetWorkGroupCommand({ WorkGroup: "enforcing" }));
    expect(WorkGroup?.Configuration?.ResultConfiguration?.OutputLocation).toBe("s3://results/enforced/");
  });

  test("a disabled or unknown one runs nothing; a full one is not deleted without saying so", async () => {
    await lake.athena.send(new CreateWorkGroupCommand({ Name: "off", Configuration: { ResultConfiguration } }));
    await lake.run("SELECT 1", { WorkGroup: "off" });
    await lake.athena.send(new UpdateWorkGroupCommand({ WorkGroup: "off", State: "DISABLED" }));
    await expect(lake.run("SELECT 1", { WorkGroup: "off" })).rejects.toThrow("WorkGroup off is disabled");
    await expect(lake.run("SELECT 1", { WorkGroup: "unknown" })).rejects.toThrow("WorkGroup is not found.");
    await expect(lake.athena.send(new DeleteWorkGroupCommand({ WorkGroup: "off" }))).rejects.toThrow(
      "WorkGroup off is not empty",
    );
    await lake.athena.send(new DeleteWorkGroupCommand({ WorkGroup: "off", RecursiveDeleteOption: true }));
  });

  test("a query over the limit of bytes scanned is cancelled", async () => {
    await lake.parquet(
      "big/a.parquet",
      "SELECT (hash(i) >> 1)::BIGINT AS h, (hash(i + 1) >> 1)::BIGINT AS g FROM range(1000000) t(i)",
    );
    await lake.rows(`CREATE EXTERNAL TABLE big (h bigint, g bigint) STORED AS PARQUET LOCATION 's3://${LAKE}/big/'`);
    const Configuration = { ResultConfiguration, BytesScannedCutoffPerQuery: 10_000_000 };
    await lake.athena.send(new CreateWorkGroupCommand({ Name: "thrifty", Configuration }));
    expect((await lake.run("SELECT max(h), max(g) FROM big", { WorkGroup: "thrifty" })).Status).toMatchObject({
      State: "CANCELLED",
      StateChangeReason: expect.stringMatching(/Bytes scanned limit was exceeded/),
    });
    expect((await lake.run("SELECT max(h) FROM big", { WorkGroup: "thrifty" })).Status?.State).toBe("SUCCEEDED");
  });
});

describe("the catalog through Athena", () => {
  test("named queries, databases and tables are told as Athena tells them", async () => {
    const { NamedQueryId } = await lake.athena.send(
      new CreateNamedQueryCommand({ Name: "q", Database: "db", QueryString: "SELECT 1" }),
    );
    expect((await lake.athena.send(new ListNamedQueriesCommand({}))).NamedQueryIds).toContain(NamedQueryId);
    expect((await lake.athena.send(new GetNamedQueryCommand({ NamedQueryId }))).NamedQuery).toMatchObject({
      Name: "q",
      WorkGroup: "primary",
    });
    await lake.rows(
      `CREATE EXTERNAL TABLE told (a int) PARTITIONED BY (d string) STORED AS PARQUET LOCATION 's3://${LAKE}/told/'`,
    );
    const CatalogName = "AwsDataCatalog";
    expect((await lake.athena.send(new ListDatabasesCommand({ CatalogName }))).DatabaseList).toContainEqual({
      Name: "db",
    });
    const { TableMetadata } = await lake.athena.send(
      new GetTableMetadataCommand({ CatalogName, DatabaseName: "db", TableName: "told" }),
    );
    expect(TableMetadata).toMatchObject({
      TableType: "EXTERNAL_TABLE",
      Columns: [{ Name: "a", Type: "int" }],
      PartitionKeys: [{ Name: "d", Type: "string" }],
      Parameters: {
        location: `s3://${LAKE}/told/`,
        "serde.serialization.lib": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
      },
    });
    const { TableMetadataList } = await lake.athena.send(
      new ListTableMetadataCommand({ CatalogName, DatabaseName: "db", Expression: "tol.*" }),
    );
    expect(TableMetadataList?.map((table) => table.Name)).toEqual(["told"]);
    await expect(
      lake.athena.send(new GetTableMetadataCommand({ CatalogName, DatabaseName: "db", TableName: "nope" })),
    ).rejects.toMatchObject({ name: "MetadataException" });
  });
});

describe("a stop of the runtime", () => {
  test("a query that was interrupted runs again after the next start", async () => {
    // A second service on the same state stands for the runtime after the restart.
    const first = createAthena(lake.local.deps);
    const start = first.operations["StartQueryExecution"] as unknown as (
      input: object,
      context: object,
    ) => Promise<{ QueryExecutionId: string }>;
    const principal = { kind: "user", arn: "arn:aws:iam::111122223333:user/admin", userId: "AIDA" };
    const running = lake.local.trace.waitFor(
      (event) => event.type === "state" && event.kind === "query" && event.to === "RUNNING",
    );
    const { QueryExecutionId } = await start(
      { QueryString: ENDLESS, ResultConfiguration },
      { requestId: "r", principal },
    );
    await running;
    await first.stop?.();
    const { QueryExecution } = await lake.athena.send(new GetQueryExecutionCommand({ QueryExecutionId }));
    expect(QueryExecution?.Status?.State).toBe("RUNNING");

    const second = createAthena(lake.local.deps);
    await second.start?.();
    const stop = second.operations["StopQueryExecution"] as unknown as (input: object) => object;
    stop({ QueryExecutionId });
    await lake.ended(QueryExecutionId);
    await second.stop?.();
  });
});
