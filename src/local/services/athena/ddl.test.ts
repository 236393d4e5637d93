import { GetTableCommand } from "@aws-sdk/client-glue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LAKE, startLake, type Lake } from "../../../../test/support/athena-lake.ts";

let lake: Lake;
beforeAll(async () => {
  lake = await startLake();
});
afterAll(() => lake.close());

async function definition(Name: string) {
  return (await lake.glue.send(new GetTableCommand({ DatabaseName: "db", Name }))).Table;
}

describe("tables", () => {
  test("CREATE EXTERNAL TABLE is in the catalog as Athena writes it, and readable", async () => {
    await lake.put("orders/day=1/a.csv", "1|x\n2|y\n");
    await lake.rows(`
      CREATE EXTERNAL TABLE IF NOT EXISTS \`db\`.\`Orders\` (
        id int COMMENT 'the key', -- a comment
        name string,
        nested struct<a:int, b:array<string>>)
      COMMENT 'orders'
      PARTITIONED BY (day string)
      ROW FORMAT DELIMITED FIELDS TERMINATED BY '|' ESCAPED BY '\\\\'
      STORED AS TEXTFILE
      LOCATION 's3://${LAKE}/orders/'
      TBLPROPERTIES ("skip.header.line.count"="0", 'note'='it\\'s');`);
    expect(await definition("orders")).toMatchObject({
      TableType: "EXTERNAL_TABLE",
      PartitionKeys: [{ Name: "day", Type: "string" }],
      Parameters: { EXTERNAL: "TRUE", comment: "orders", "skip.header.line.count": "0", note: "it's" },
      StorageDescriptor: {
        Columns: [
          { Name: "id", Type: "int", Comment: "the key" },
          { Name: "name", Type: "string" },
          { Name: "nested", Type: "struct<a:int,b:array<string>>" },
        ],
        InputFormat: "org.apache.hadoop.mapred.TextInputFormat",
        SerdeInfo: {
          SerializationLibrary: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
          Parameters: { "field.delim": "|", "escape.delim": "\\", "serialization.format": "|" },
        },
      },
    });
    await lake.rows("ALTER TABLE orders ADD PARTITION (day = '1')");
    expect(await lake.rows("SELECT id, name, day FROM orders ORDER BY id")).toEqual([
      ["1", "x", "1"],
      ["2", "y", "1"],
    ]);
  });

  test.each([
    ["PARQUET", "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"],
    ["ORC", "org.apache.hadoop.hive.ql.io.orc.OrcSerde"],
  ])("STORED AS %s", async (format, serde) => {
    await lake.rows(`CREATE EXTERNAL TABLE stored_${format} (a int) STORED AS ${format} LOCATION 's3://${LAKE}/x/'`);
    expect(
      (await definition(`stored_${format}`.toLowerCase()))?.StorageDescriptor?.SerdeInfo?.SerializationLibrary,
    ).toBe(serde);
  });

  test("a serde with properties", async () => {
    await lake.rows(`CREATE EXTERNAL TABLE quoted (a string) ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.OpenCSVSerde'
      WITH SERDEPROPERTIES ("separatorChar" = "\\t", "quoteChar" = "\\"", "escapeChar" = "\\\\") LOCATION 's3://${LAKE}/q'`);
    expect((await definition("quoted"))?.StorageDescriptor?.SerdeInfo?.Parameters).toMatchObject({
      separatorChar: "\t",
      quoteChar: '"',
      escapeChar: "\\",
    });
  });

  test.each([
    ["CREATE EXTERNAL TABLE x (a int)", "no LOCATION is specified"],
    ["CREATE TABLE x (a int) LOCATION 's3://b/'", "CREATE TABLE is for Iceberg tables"],
    [
      "CREATE EXTERNAL TABLE x (a int) PARTITIONED BY (a string) LOCATION 's3://b/x/'",
      "Column repeated in partitioning columns",
    ],
    ["CREATE EXTERNAL TABLE x (a varchar2) LOCATION 's3://b/x/'", "varchar2"],
    [
      "CREATE EXTERNAL TABLE x (a int LOCATION 's3://b/x/'",
      "FAILED: ParseException line 1:32: mismatched input 'LOCATION'.",
    ],
    ["DROP TABLE nowhere", "FAILED: SemanticException [Error 10001]: Table not found db.nowhere"],
    ["ALTER TABLE orders ADD PARTITION (month = '1')", "does not name exactly the partition columns (day)"],
    ["ALTER TABLE orders ADD PARTITION (day = '1')", "Partition already exists."],
    ["DROP DATABASE db", "Database db is not empty"],
    ["CREATE EXTERNAL TABLE x (a int) CLUSTERED BY (a) INTO 4 BUCKETS", "CLUSTERED BY … INTO BUCKETS is not supported"],
    ["CREATE TABLE x AS SELECT 1 AS a", "NOT_SUPPORTED: CREATE TABLE AS SELECT is not supported by the local runtime"],
    ["INSERT INTO orders VALUES (1)", "NOT_SUPPORTED: INSERT INTO is not supported"],
    ["UNLOAD (SELECT 1) TO 's3://b/' WITH (format = 'PARQUET')", "NOT_SUPPORTED: UNLOAD is not supported"],
    ["EXPLAIN SELECT 1", "NOT_SUPPORTED: EXPLAIN is not supported"],
    ["GRANT ALL TO x", "mismatched input 'GRANT'"],
  ])("%s is refused", async (sql, reason) => {
    expect(await lake.failure(sql)).toContain(reason);
  });

  test("columns, location and properties can be altered", async () => {
    await lake.rows(`CREATE EXTERNAL TABLE altered (a int) STORED AS PARQUET LOCATION 's3://${LAKE}/a/'`);
    await lake.rows("ALTER TABLE altered ADD COLUMNS (b string COMMENT 'new', c double)");
    await lake.rows(`ALTER TABLE altered SET LOCATION 's3://${LAKE}/elsewhere/'`);
    await lake.rows("ALTER TABLE altered SET TBLPROPERTIES ('k' = 'v')");
    expect(await definition("altered")).toMatchObject({
      VersionId: "3",
      Parameters: { k: "v" },
      StorageDescriptor: {
        Location: `s3://${LAKE}/elsewhere/`,
        Columns: [{ Name: "a" }, { Name: "b", Type: "string", Comment: "new" }, { Name: "c" }],
      },
    });
    await lake.rows("ALTER TABLE altered REPLACE COLUMNS (z bigint)");
    expect((await definition("altered"))?.StorageDescriptor?.Columns).toEqual([{ Name: "z", Type: "bigint" }]);
    await lake.rows("DROP TABLE altered");
    await lake.rows("DROP TABLE IF EXISTS altered");
  });
});

describe("partitions", () => {
  beforeAll(async () => {
    for (const key of ["d=1/n=a/x.csv", "d=1/n=b%3Ac/x.csv", "d=2/n=a/x.csv", "D=3/n=a/x.csv", "other/x.csv"])
      await lake.put(`parts/${key}`, "1\n");
    await lake.rows(
      `CREATE EXTERNAL TABLE parts (v int) PARTITIONED BY (d string, n string) LOCATION 's3://${LAKE}/parts/'`,
    );
    await lake.rows(
      "ALTER TABLE parts ADD IF NOT EXISTS PARTITION (d='1', n='a') PARTITION (n='gone', d='9') LOCATION 's3://lake/nothing/'",
    );
  });

  test("MSCK REPAIR TABLE registers key=value folders that are missing, and removes none", async () => {
    expect(await lake.rows("MSCK REPAIR TABLE parts")).toEqual([
      ["Partitions not in metastore:\tparts:d=1/n=b%3Ac\tparts:d=2/n=a"],
      ["Repair: Added partition to metastore parts:d=1/n=b%3Ac"],
      ["Repair: Added partition to metastore parts:d=2/n=a"],
    ]);
    expect(await lake.rows("MSCK REPAIR TABLE parts")).toEqual([]);
    expect(await lake.rows("SHOW PARTITIONS parts")).toEqual([
      ["d=1/n=a"],
      ["d=1/n=b%3Ac"],
      ["d=2/n=a"],
      ["d=9/n=gone"],
    ]);
    expect(await lake.rows("SELECT d, n FROM parts ORDER BY 1, 2")).toEqual([
      ["1", "a"],
      ["1", "b:c"],
      ["2", "a"],
    ]);
  });

  test("they are dropped, renamed and moved", async () => {
    await lake.rows("ALTER TABLE parts DROP IF EXISTS PARTITION (d='9', n='gone'), PARTITION (d='8', n='never')");
    await lake.rows("ALTER TABLE parts PARTITION (d='2', n='a') RENAME TO PARTITION (d='two', n='a')");
    await lake.rows(`ALTER TABLE parts PARTITION (d='1', n='a') SET LOCATION 's3://${LAKE}/nothing/'`);
    expect(await lake.rows("SELECT d, n FROM parts ORDER BY 1, 2")).toEqual([
      ["1", "b:c"],
      ["two", "a"],
    ]);
    expect(await lake.failure("ALTER TABLE parts DROP PARTITION (d='8', n='never')")).toMatch(/Cannot find partition/);
  });
});

describe("views", () => {
  beforeAll(async () => {
    await lake.parquet("base/a.parquet", "SELECT 1 AS id, 'x' AS name UNION ALL SELECT 2, 'y'");
    await lake.rows(`CREATE EXTERNAL TABLE base (id int, name string) STORED AS PARQUET LOCATION 's3://${LAKE}/base/'`);
  });

  test("a view is stored as Presto stores it, and read with its own columns", async () => {
    await lake.rows(
      "CREATE OR REPLACE VIEW named AS SELECT name, count(*) AS n, array_agg(id) ids FROM base GROUP BY name",
    );
    const table = await definition("named");
    expect(table).toMatchObject({
      TableType: "VIRTUAL_VIEW",
      Parameters: { presto_view: "true" },
      ViewExpandedText: "/* Presto View */",
    });
    const json = /^\/\* Presto View: (.*) \*\/$/.exec(table?.ViewOriginalText ?? "")?.[1] ?? "";
    expect(JSON.parse(Buffer.from(json, "base64").toString())).toEqual({
      originalSql: "SELECT name, count(*) AS n, array_agg(id) ids FROM base GROUP BY name",
      catalog: "awsdatacatalog",
      schema: "db",
      columns: [
        { name: "name", type: "varchar" },
        { name: "n", type: "bigint" },
        { name: "ids", type: "array(integer)" },
      ],
    });
    expect(await lake.rows("SELECT * FROM named v WHERE v.n = 1 ORDER BY 1")).toEqual([
      ["x", "1", "[1]"],
      ["y", "1", "[2]"],
    ]);
    expect(await lake.rows("SHOW CREATE VIEW named")).toEqual([
      ["CREATE VIEW db.named AS"],
      ["SELECT name, count(*) AS n, array_agg(id) ids FROM base GROUP BY name"],
    ]);
  });

  test("a view over a view; names in it belong to its own database", async () => {
    await lake.rows("CREATE VIEW ids AS SELECT id FROM base");
    await lake.rows("CREATE VIEW more AS SELECT id + 1 AS next FROM ids");
    expect(
      await lake.rows("SELECT next FROM db.more ORDER BY 1", { QueryExecutionContext: { Database: "default" } }),
    ).toEqual([["2"], ["3"]]);
  });

  test("what is there already, or is no view, is refused", async () => {
    await lake.rows("CREATE VIEW taken AS SELECT 1 AS one");
    expect(await lake.failure("CREATE VIEW taken AS SELECT 2 AS two")).toContain(
      "View already exists: awsdatacatalog.db.taken",
    );
    expect(await lake.failure("CREATE VIEW broken AS SELECT nope FROM base")).toContain(
      "Column 'nope' cannot be resolved",
    );
    expect(await lake.failure("DROP VIEW base")).toContain("Cannot drop a base table with DROP VIEW");
    await lake.rows("DROP VIEW taken");
  });

  test("a view whose table has changed under it is stale", async () => {
    await lake.rows(`CREATE EXTERNAL TABLE changing (a int) STORED AS PARQUET LOCATION 's3://${LAKE}/nothing/'`);
    await lake.rows("CREATE VIEW over_changing AS SELECT * FROM changing");
    await lake.rows("ALTER TABLE changing REPLACE COLUMNS (a string)");
    expect(await lake.failure("SELECT * FROM over_changing")).toMatch(/is stale or in invalid state/);
  });
});

describe("what there is", () => {
  beforeAll(async () => {
    await lake.rows("CREATE DATABASE IF NOT EXISTS shown COMMENT 'for SHOW'");
    await lake.rows(`CREATE EXTERNAL TABLE shown.t (a int COMMENT 'first', b string) PARTITIONED BY (d string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
      LOCATION 's3://${LAKE}/t/' TBLPROPERTIES ('k'='v')`);
    await lake.rows("CREATE VIEW shown.v AS SELECT 1 AS one");
  });

  test.each<[string, string[]]>([
    ["SHOW DATABASES LIKE 's*'", ["shown"]],
    ["SHOW TABLES IN shown", ["t", "v"]],
    ["SHOW TABLES IN shown '*t*'", ["t"]],
    ["SHOW VIEWS IN shown", ["v"]],
    ["SHOW COLUMNS IN shown.t", ["a                   ", "b                   ", "d                   "]],
    ["SHOW TBLPROPERTIES shown.t('k')", ["v"]],
    ["DESCRIBE shown.v", ["one                 \tint                 \t                    "]],
  ])("%s", async (sql, lines) => {
    expect(await lake.rows(sql)).toEqual(lines.map((line) => [line]));
  });

  test("DESCRIBE lists columns, then the partition information", async () => {
    const lines = (await lake.rows("DESCRIBE shown.t")).map(([line]) => line?.replaceAll(/\s+/g, " ").trim());
    expect(lines).toEqual([
      "a int first",
      "b string",
      "d string",
      "",
      "# Partition Information",
      "# col_name data_type comment",
      "",
      "d string",
    ]);
  });

  test("SHOW CREATE TABLE gives a statement that makes the same table", async () => {
    const statement = (await lake.rows("SHOW CREATE TABLE shown.t")).map(([line]) => line).join("\n");
    await lake.rows("DROP TABLE shown.t");
    await lake.rows(statement.replace("`shown.t`", "`shown`.`t`"));
    expect((await lake.rows("SHOW CREATE TABLE shown.t")).map(([line]) => line).join("\n")).toBe(statement);
  });

  test("information_schema is made from the catalog", async () => {
    expect(
      await lake.rows(
        "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'shown' ORDER BY 1",
      ),
    ).toEqual([
      ["t", "BASE TABLE"],
      ["v", "VIEW"],
    ]);
    expect(
      await lake.rows(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'shown' AND table_name = 't' ORDER BY ordinal_position",
      ),
    ).toEqual([
      ["a", "integer"],
      ["b", "varchar"],
      ["d", "varchar"],
    ]);
  });

  test("DROP DATABASE … CASCADE takes the tables along", async () => {
    await lake.rows("CREATE SCHEMA gone");
    await lake.rows("CREATE VIEW gone.v AS SELECT 1 AS one");
    await lake.rows("DROP DATABASE gone CASCADE");
    expect(await lake.failure("SELECT * FROM gone.v")).toBe("SCHEMA_NOT_FOUND: Schema 'gone' does not exist");
  });
});
