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
import { invoke } from "../../../../../test/support/direct-bus.ts";
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
    parquet: async (Key: string, select: string) => {
      const file = join(scratch, `${++made}.parquet`);
      await duckdb.run(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
      await put(Key, await readFile(file));
    },
    remove: (Key: string) => s3.send(new DeleteObjectCommand({ Bucket: name, Key })),
    crawl: async () => {
      const ready = local.trace.waitFor(
        (event) => event.type === "state" && event.kind === "crawler" && event.name === name && event.to === "READY",
      );
      await glue.send(new StartCrawlerCommand({ Name: name }));
      await ready;
      const { Crawler } = await glue.send(new GetCrawlerCommand({ Name: name }));
      return Crawler?.LastCrawl;
    },
    tables: async (): Promise<Table[]> => {
      return (await glue.send(new GetTablesCommand({ DatabaseName: name }))).TableList ?? [];
    },
    partitions: async (TableName: string) => {
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

  test("a file that is Parquet and queried by a key=value path of several levels has a key for each", async () => {
    const { parquet, crawl, tables, partitions } = await world({ targets: [{ Path: "logs/" }] });
    await parquet("logs/year=2026/month=01/a.parquet", "SELECT 'x' AS line");
    await parquet("logs/year=2026/month=02/a.parquet", "SELECT 'x' AS line");
    await crawl();
    expect((await tables()).map(shape)).toEqual(["logs(line string | year string, month string)"]);
    expect((await partitions("logs")).map((partition) => partition.Values)).toEqual([
      ["2026", "01"],
      ["2026", "02"],
    ]);
  });

  test("folders without a key are partition_0, partition_1…, also above those that have one", async () => {
    const { parquet, crawl, tables, partitions } = await world({ targets: [{ Path: "data/" }] });
    await parquet("data/eu/day=1/a.parquet", "SELECT 1 AS id");
    await parquet("data/us/day=1/a.parquet", "SELECT 1 AS id");
    await crawl();
    expect((await tables()).map(shape)).toEqual(["data(id int | partition_0 string, day string)"]);
    expect((await partitions("data")).map((partition) => partition.Values)).toEqual([
      ["eu", "1"],
      ["us", "1"],
    ]);
  });

  test("siblings of different schemas are tables of their own", async () => {
    const { parquet, crawl, tables } = await world();
    await parquet("data/orders/a.parquet", "SELECT 1 AS id, 2 AS amount");
    await parquet("data/Customers-2/a.parquet", "SELECT 'x' AS name");
    await crawl();
    expect((await tables()).map(shape)).toEqual(["customers_2(name string | )", "orders(id int, amount int | )"]);
  });

  test("more than 70 % of the folders alike are one table with the union of the columns; 70 % are not", async () => {
    const { parquet, crawl, tables } = await world({ targets: [{ Path: "most/" }, { Path: "just/" }] });
    for (let n = 0; n < 4; n++)
      await parquet(`most/d=${n}/a.parquet`, n === 0 ? "SELECT 1 AS a, 2 AS b" : "SELECT 1 AS a");
    for (let n = 0; n < 10; n++)
      await parquet(`just/d=${n}/a.parquet`, n < 3 ? "SELECT 1 AS a, 2 AS b" : "SELECT 1 AS a");
    await crawl();
    const found = (await tables()).map(shape);
    expect(found).toContain("most(a int, b int | d string)");
    expect(found).not.toContain("just(a int, b int | d string)");
    expect(found.filter((text) => text.startsWith("d_"))).toHaveLength(10);
  });

  test("CombineCompatibleSchemas and TableLevelConfiguration make one table for each folder of that level", async () => {
    const Configuration = JSON.stringify({
      Version: 1,
      Grouping: { TableGroupingPolicy: "CombineCompatibleSchemas", TableLevelConfiguration: 3 },
    });
    const { parquet, crawl, tables } = await world({ Configuration });
    await parquet("data/orders/y=1/a.parquet", "SELECT 1 AS id");
    await parquet("data/orders/y=2/a.parquet", "SELECT 1::BIGINT AS id, 'x' AS note");
    await parquet("data/returns/y=1/a.parquet", "SELECT 1 AS id");
    await crawl();
    expect((await tables()).map(shape)).toEqual([
      "orders(id bigint, note string | y string)",
      "returns(id int | y string)",
    ]);
  });

  test("files of several kinds in one folder are a table each", async () => {
    const { put, crawl, tables } = await world();
    await put("data/mix/a.csv", "id,name\n1,x\n2,y\n");
    await put("data/mix/b.json", '{"id": 1}\n{"id": 2}\n');
    await crawl();
    expect((await tables()).map(shape)).toEqual(["a_csv(id bigint, name string | )", "b_json(id int | )"]);
  });

  test("exclusions are relative to the include path and are kept on the table", async () => {
    const { name, parquet, put, crawl, tables } = await world({ targets: [{ Exclusions: ["**/_*", "**.tmp"] }] });
    await parquet("data/orders/a.parquet", "SELECT 1 AS id");
    await put("data/orders/_SUCCESS", "not empty");
    await put("data/orders/b.tmp", "garbage");
    expect(await crawl()).toMatchObject({ Status: "SUCCEEDED" });
    const [table] = await tables();
    expect(table?.Parameters?.["objectCount"]).toBe("1");
    expect(table?.Parameters?.["exclusions"]).toBe(`["s3://${name}/data/**/_*","s3://${name}/data/**.tmp"]`);
  });
});

describe("what is in a file", () => {
  /** The table of one file. */
  async function tableOf(
    key: string,
    body: string | Buffer,
    settings: Parameters<typeof world>[0] = {},
  ): Promise<Table | undefined> {
    const { put, crawl, tables } = await world(settings);
    await put(key, body);
    await crawl();
    return (await tables())[0];
  }

  test("a CSV header is one when all its cells are text and some column below is not", async () => {
    const table = await tableOf("data/t/a.csv", "id,Order Name,amount\n1,x,1.5\n2,y,2\n");
    expect(shape(table)).toBe("t(id bigint, order name string, amount double | )");
    expect(table?.Parameters).toMatchObject({
      classification: "csv",
      delimiter: ",",
      "skip.header.line.count": "1",
      columnsOrdered: "true",
    });
    expect(table?.StorageDescriptor?.SerdeInfo).toEqual({
      SerializationLibrary: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
      Parameters: { "field.delim": "," },
    });
  });

  test("a CSV of nothing but text has no header that could be told: columns are col0, col1…", async () => {
    const table = await tableOf("data/t/a.csv", "name,city\nann,rome\nbob,oslo\n");
    expect(shape(table)).toBe("t(col0 string, col1 string | )");
    expect(table?.Parameters?.["skip.header.line.count"]).toBeUndefined();
  });

  test.each([["|"], ["\t"], [";"]])("the delimiter %j is found", async (delimiter) => {
    const table = await tableOf(
      "data/t/a.csv",
      [
        ["a", "b"],
        ["1", "2"],
        ["3", "4"],
      ]
        .map((row) => row.join(delimiter))
        .join("\n"),
    );
    expect(table?.Parameters).toMatchObject({ delimiter });
  });

  test.each([
    ["one column", "a\n1\n2\n"],
    ["one row", "1,2\n"],
    ["rows of different lengths", "a,b\n1\n1,2,3\n"],
  ])("text of %s is no CSV, and makes no table", async (_what, body) => {
    expect(await tableOf("data/t/a.csv", body)).toBeUndefined();
  });

  test("gzip is read, and named as the compression", async () => {
    const table = await tableOf("data/t/a.csv.gz", gzipSync("id,n\n1,2\n3,4\n"));
    expect(shape(table)).toBe("t(id bigint, n bigint | )");
    expect(table).toMatchObject({ Parameters: { compressionType: "gzip" }, StorageDescriptor: { Compressed: true } });
  });

  test("JSON lines: types by value, nested ones as struct and array, names in lower case", async () => {
    const lines = [
      '{"Id": 1, "big": 3000000000, "x": 1.5, "tags": ["a"], "who": {"Name": "n", "ok": true}, "none": null}',
      '{"id": 2, "extra": "e"}',
    ];
    const table = await tableOf("data/t/a.json", lines.join("\n"));
    expect(shape(table)).toBe(
      "t(id int, big bigint, x double, tags array<string>, who struct<name:string,ok:boolean>, none string, extra string | )",
    );
    expect(table?.StorageDescriptor?.SerdeInfo).toEqual({
      SerializationLibrary: "org.openx.data.jsonserde.JsonSerDe",
      Parameters: { paths: "id,big,x,tags,who,none,extra" },
    });
  });

  test("a JSON array is one column of structs, unless a classifier with $[*] splits it", async () => {
    const body = '[{"id": 1}, {"id": 2.5}]';
    expect(shape(await tableOf("data/t/a.json", body))).toBe("t(array array<struct<id:double>> | )");
    await glue.send(new CreateClassifierCommand({ JsonClassifier: { Name: "split", JsonPath: "$[*]" } }));
    expect(shape(await tableOf("data/t/a.json", body, { Classifiers: ["split"] }))).toBe("t(id double | )");
  });

  test("a CSV classifier says header, delimiter and serde", async () => {
    const CsvClassifier = {
      Name: "csv",
      Delimiter: "~",
      QuoteSymbol: "'",
      ContainsHeader: "PRESENT",
      Serde: "OpenCSVSerDe",
    } as const;
    await glue.send(new CreateClassifierCommand({ CsvClassifier }));
    const table = await tableOf("data/t/a.csv", "name~city\n'a~b'~rome\n", { Classifiers: ["csv"] });
    expect(shape(table)).toBe("t(name string, city string | )");
    expect(table?.StorageDescriptor?.SerdeInfo).toEqual({
      SerializationLibrary: "org.apache.hadoop.hive.serde2.OpenCSVSerde",
      Parameters: { separatorChar: "~", quoteChar: "'" },
    });
  });

  test("Parquet types come from the footer", async () => {
    const { parquet, crawl, tables } = await world();
    await parquet(
      "data/t/a.parquet",
      `SELECT 1::TINYINT AS a, 2::BIGINT AS b, 1.5::FLOAT AS c, 1.50::DECIMAL(10,2) AS d, DATE '2026-01-01' AS e, TIMESTAMP '2026-01-01' AS f,
       TRUE AS g, 'x'::BLOB AS h, [1] AS i, {'X': 1, 'y': 'z'} AS j, MAP {'k': 1.5::DOUBLE} AS k`,
    );
    await crawl();
    expect(shape((await tables())[0])).toBe(
      "t(a tinyint, b bigint, c float, d decimal(10,2), e date, f timestamp, g boolean, h binary, i array<int>, j struct<x:int,y:string>, k map<string,double> | )",
    );
  });

  test("a format that this crawler does not read fails the crawl by name", async () => {
    const { put, crawl } = await world();
    await put("data/t/a.orc", "ORC whatever");
    expect(await crawl()).toMatchObject({
      Status: "FAILED",
      ErrorMessage: expect.stringMatching(/a\.orc is in the format orc/),
    });
  });
});

describe("a crawl after a crawl", () => {
  test("nothing new changes nothing; a new folder is a new partition", async () => {
    const { name, parquet, crawl, tables, partitions } = await world({ targets: [{ Path: "t/" }] });
    await parquet("t/d=1/a.parquet", "SELECT 1 AS id");
    await crawl();
    const [before] = await tables();
    await crawl();
    expect((await tables())[0]).toEqual(before);
    await parquet("t/d=2/a.parquet", "SELECT 2 AS id");
    await crawl();
    expect(await partitions("t")).toHaveLength(2);
    const { Crawls = [] } = await glue.send(new ListCrawlsCommand({ CrawlerName: name }));
    const counts = Crawls.map(
      (crawl) => JSON.parse(String(JSON.parse(crawl.Summary ?? "{}").PARTITION)).ADD.Count as number,
    );
    expect(counts).toEqual([1, 0, 1]);
  });

  test("UPDATE_IN_DATABASE takes columns away and retypes, MergeNewColumns only adds, LOG leaves all", async () => {
    const second = "SELECT 'text' AS a, 3 AS c";
    const shapeAfter = async (settings: Partial<CreateCrawlerCommandInput>) => {
      const { parquet, crawl, tables } = await world(settings);
      await parquet("data/t/a.parquet", "SELECT 1 AS a, 2 AS b");
      await crawl();
      await parquet("data/t/a.parquet", second);
      await crawl();
      return shape((await tables())[0]);
    };
    expect(await shapeAfter({})).toBe("t(a string, c int | )");
    const merge = { Version: 1, CrawlerOutput: { Tables: { AddOrUpdateBehavior: "MergeNewColumns" } } };
    expect(await shapeAfter({ Configuration: JSON.stringify(merge) })).toBe("t(a int, b int, c int | )");
    expect(await shapeAfter({ SchemaChangePolicy: { UpdateBehavior: "LOG" } })).toBe("t(a int, b int | )");
  });

  test("InheritFromTable gives every partition the table's columns", async () => {
    const Configuration = JSON.stringify({
      Version: 1,
      CrawlerOutput: {
        Partitions: { AddOrUpdateBehavior: "InheritFromTable" },
        Tables: { AddOrUpdateBehavior: "MergeNewColumns" },
      },
      Grouping: { TableGroupingPolicy: "CombineCompatibleSchemas" },
    });
    const { parquet, crawl, partitions } = await world({ Configuration, targets: [{ Path: "t/" }] });
    await parquet("t/d=1/a.parquet", "SELECT 1 AS a");
    await crawl();
    await parquet("t/d=2/a.parquet", "SELECT 1 AS a, 2 AS b");
    await crawl();
    const columns = (await partitions("t")).map((partition) =>
      partition.StorageDescriptor?.Columns?.map((column) => column.Name),
    );
    expect(columns).toEqual([
      ["a", "b"],
      ["a", "b"],
    ]);
  });

  test.each([
    ["LOG", ["t"], undefined],
    ["DEPRECATE_IN_DATABASE", ["t"], expect.stringMatching(/^\d+$/)],
    ["DELETE_FROM_DATABASE", [], undefined],
  ] as const)("a table without objects: %s", async (DeleteBehavior, left, deprecated) => {
    const { parquet, remove, crawl, tables } = await world({ SchemaChangePolicy: { DeleteBehavior } });
    await parquet("data/t/a.parquet", "SELECT 1 AS a");
    await crawl();
    await remove("data/t/a.parquet");
    await crawl();
    const found = await tables();
    expect(found.map((table) => table.Name)).toEqual(left);
    expect(found[0]?.Parameters?.["DEPRECATED_BY_CRAWLER"]).toEqual(deprecated);
  });

  test("CRAWL_NEW_FOLDERS_ONLY does not look into a folder again", async () => {
    const { parquet, crawl, tables, partitions } = await world({
      targets: [{ Path: "t/" }],
      RecrawlPolicy: { RecrawlBehavior: "CRAWL_NEW_FOLDERS_ONLY" },
      SchemaChangePolicy: { UpdateBehavior: "LOG", DeleteBehavior: "LOG" },
    });
    await parquet("t/d=1/a.parquet", "SELECT 1 AS a");
    await crawl();
    await parquet("t/d=1/b.parquet", "SELECT 1 AS a, 2 AS b");
    await parquet("t/d=2/a.parquet", "SELECT 1 AS a");
    await crawl();
    expect(shape((await tables())[0])).toBe("t(a int | d string)");
    expect((await partitions("t")).map((partition) => partition.Parameters?.["objectCount"])).toEqual(["1", "1"]);
  });

  test("a table of the same name somewhere else stays, the found one gets a hash behind its name", async () => {
    const { parquet, crawl, tables } = await world({ targets: [{ Path: "one/t/" }, { Path: "two/t/" }] });
    await parquet("one/t/a.parquet", "SELECT 1 AS a");
    await parquet("two/t/a.parquet", "SELECT 1 AS a");
    await crawl();
    await crawl();
    expect((await tables()).map((table) => table.Name)).toEqual(["t", expect.stringMatching(/^t_[0-9a-f]{32}$/)]);
  });
});

describe("states", () => {
  test("a crawler that runs is not started, changed or deleted; when it ends EventBridge hears of it", async () => {
    const { name, parquet } = await world();
    await parquet("data/t/a.parquet", "SELECT 1 AS a");
    const states: string[] = [];
    const off = local.trace.on((event) => {
      if (event.type === "state" && event.kind === "crawler" && event.name === name) states.push(event.to);
    });
    const release = holdListings();
    const ready = local.trace.waitFor(
      (event) => event.type === "state" && event.kind === "crawler" && event.name === name && event.to === "READY",
    );
    await glue.send(new StartCrawlerCommand({ Name: name }));
    await expect(glue.send(new StartCrawlerCommand({ Name: name }))).rejects.toMatchObject({
      name: "CrawlerRunningException",
      message: `Crawler with name ${name} has already started`,
    });
    await expect(glue.send(new UpdateCrawlerCommand({ Name: name, Description: "d" }))).rejects.toThrow(
      /currently running/,
    );
    const announced = local.trace.waitFor(
      (event) => event.type === "call" && event.service === "events" && event.principal === "glue.amazonaws.com",
    );
    release();
    await ready;
    await announced;
    off();
    expect(states).toEqual(["RUNNING", "STOPPING", "READY"]);
  });

  test("a crawl that a stop of the runtime interrupted begins again at the next start", async () => {
    const { name, parquet, tables } = await world();
    await parquet("data/t/a.parquet", "SELECT 1 AS a");
    const release = holdListings();
    const first = createCrawlers(local.deps);
    await invoke(first.operations.StartCrawler, { Name: name });
    const stopped = first.stop();
    release();
    await stopped;
    expect((await glue.send(new GetCrawlerCommand({ Name: name }))).Crawler?.State).toBe("RUNNING");
    expect(await tables()).toEqual([]);

    const ready = local.trace.waitFor(
      (event) => event.type === "state" && event.kind === "crawler" && event.name === name && event.to === "READY",
    );
    const second = createCrawlers(local.deps);
    second.start();
    await ready;
    expect((await tables()).map(shape)).toEqual(["t(a int | )"]);
    await second.stop();
  });

  test("a role that may not be assumed fails the crawl", async () => {
    const { name } = await world();
    await glue.send(new UpdateCrawlerCommand({ Name: name, Role: "nobody" }));
    const ready = local.trace.waitFor(
      (event) => event.type === "state" && event.kind === "crawler" && event.name === name && event.to === "READY",
    );
    await glue.send(new StartCrawlerCommand({ Name: name }));
    await ready;
    const { Crawler } = await glue.send(new GetCrawlerCommand({ Name: name }));
    expect(Crawler?.LastCrawl?.Status).toBe("FAILED");
  });

  test.each<[string, Partial<CreateCrawlerCommandInput>]>([
    ["CRAWL_EVENT_MODE", { RecrawlPolicy: { RecrawlBehavior: "CRAWL_EVENT_MODE" } }],
    [
      "Targets.JdbcTargets",
      { Targets: { S3Targets: [{ Path: "s3://b/" }], JdbcTargets: [{ ConnectionName: "c", Path: "p" }] } },
    ],
    ["CrawlerOutput: Columns", { Configuration: JSON.stringify({ Version: 1, CrawlerOutput: { Columns: {} } }) }],
  ])("%s is refused by name", async (_what, settings) => {
    const request = { Name: "refused", Role: role, Targets: { S3Targets: [{ Path: "s3://b/" }] }, ...settings };
    await expect(glue.send(new CreateCrawlerCommand(request))).rejects.toThrow(/CRAWL_EVENT_MODE|JdbcTargets|Columns/);
  });
});

/** Lets no listing pass until the returned function is called: a crawl stays RUNNING. */
function holdListings(): () => void {
  const { bus } = local.deps;
  const call = bus.call.bind(bus);
  const { promise, resolve } = Promise.withResolvers<void>();
  bus.call = async (name, input, principal, options) => {
    if (name === "s3:ListObjectsV2") await promise;
    return call(name, input, principal, options);
  };
  return () => {
    bus.call = call;
    resolve();
  };
}
