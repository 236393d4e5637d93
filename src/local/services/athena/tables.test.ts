import { gzipSync, zstdCompressSync } from "node:zlib";
import { CreatePartitionCommand, CreateTableCommand, type Column, type TableInput } from "@aws-sdk/client-glue";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LAKE, startLake, type Lake } from "../../../../test/support/athena-lake.ts";

const PARQUET = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe";
const LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe";
const OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde";
const OPENX = "org.openx.data.jsonserde.JsonSerDe";
const HCATALOG = "org.apache.hive.hcatalog.data.JsonSerDe";

let lake: Lake;
beforeAll(async () => {
  lake = await startLake();
});
afterAll(() => lake.close());

/** `a int, b string` as columns. */
function columns(text: string): Column[] {
  return text === ""
    ? []
    : text
        .split(/, (?=\w+ )/u)
        .map((column) => ({ Name: column.split(" ")[0], Type: column.slice(column.indexOf(" ") + 1) }));
}

interface Definition {
  serde: string;
  keys?: string;
  serdeParameters?: Record<string, string>;
  parameters?: Record<string, string>;
  location?: string;
}

/** A table as somebody's crawler or template might have made it. */
async function table(name: string, declared: string, definition: Definition): Promise<void> {
  const TableInput: TableInput = {
    Name: name,
    TableType: "EXTERNAL_TABLE",
    PartitionKeys: columns(definition.keys ?? ""),
    Parameters: definition.parameters ?? {},
    StorageDescriptor: {
      Columns: columns(declared),
      Location: definition.location ?? `s3://${LAKE}/${name}/`,
      SerdeInfo: { SerializationLibrary: definition.serde, Parameters: definition.serdeParameters ?? {} },
    },
  };
  await lake.glue.send(new CreateTableCommand({ DatabaseName: "db", TableInput }));
}

async function partition(
  name: string,
  Values: string[],
  folder: string,
  serde = PARQUET,
  declared = "",
): Promise<void> {
  const StorageDescriptor = {
    Location: `s3://${LAKE}/${folder}`,
    Columns: columns(declared),
    SerdeInfo: { SerializationLibrary: serde },
  };
  await lake.glue.send(
    new CreatePartitionCommand({ DatabaseName: "db", TableName: name, PartitionInput: { Values, StorageDescriptor } }),
  );
}

describe("partitions", () => {
  beforeAll(async () => {
    await lake.parquet("sales/year=2025/a.parquet", "SELECT 1 AS id, 10.5::DOUBLE AS amount UNION ALL SELECT 2, 20");
    await lake.parquet("sales/year=2026/b.parquet", "SELECT 3 AS id, 30::DOUBLE AS amount");
    await lake.parquet("sales/year=2027/unregistered.parquet", "SELECT 4 AS id, 40::DOUBLE AS amount");
    await table("sales", "id int, amount double", { serde: PARQUET, keys: "year string" });
    for (const year of ["2025", "2026"]) await partition("sales", [year], `sales/year=${year}/`);
  });

  test("registered ones are read, others are not", async () => {
    expect(await lake.rows("SELECT year, count(*), sum(amount) FROM sales GROUP BY year ORDER BY year")).toEqual([
      ["2025", "2", "30.5"],
      ["2026", "1", "30.0"],
    ]);
  });

  test("a partitioned table without partitions has no rows, and that is no error", async () => {
    await table("unregistered", "id int", { serde: PARQUET, keys: "year string", location: `s3://${LAKE}/sales/` });
    expect(await lake.rows("SELECT * FROM unregistered")).toEqual([]);
  });

  test("a key of type string is compared as text: a number is a TYPE_MISMATCH", async () => {
    expect(await lake.failure("SELECT * FROM sales WHERE year = 2025")).toBe(
      "TYPE_MISMATCH: line 1:32: Cannot apply operator: varchar = integer",
    );
  });

  test.each([
    ["SELECT sum(id) FROM sales WHERE year = '2026'", "3", ["2026"]],
    ["SELECT sum(id) FROM sales s WHERE s.year IN ('2025', '2030') AND id > 0", "3", ["2025"]],
    ["SELECT sum(id) FROM sales WHERE CAST(year AS integer) + 1 > 2026", "3", ["2026"]],
    ["SELECT sum(id) FROM (SELECT * FROM sales) WHERE year = '2025'", "3", ["2025"]],
    [
      "WITH s AS (SELECT id, year AS y FROM sales) SELECT sum(id) FROM s WHERE y BETWEEN '2026' AND '2027'",
      "3",
      ["2026"],
    ],
    [
      "SELECT sum(a.id) FROM sales a JOIN sales b ON a.id = b.id AND a.year = '2026' AND b.year = '2026'",
      "3",
      ["2026"],
    ],
    // The condition is about the rows that the join makes, NULLs included: it must not thin out the right side.
    ["SELECT sum(a.id) FROM sales a LEFT JOIN sales b ON a.id = b.id WHERE b.year = '2026'", "3", ["2025", "2026"]],
    [
      "SELECT count(*) FROM sales a LEFT JOIN sales b ON a.id = b.id AND b.year = '2026' WHERE b.id IS NULL",
      "2",
      ["2025", "2026"],
    ],
    ["SELECT sum(id) FROM sales WHERE year = '2025' OR id = 3", "6", ["2025", "2026"]],
  ])("%s opens only what it needs", async (sql, value, years) => {
    const opened = new Set<string>();
    const { bus } = lake.local.deps;
    const objectFile = bus.objectFile.bind(bus);
    bus.objectFile = (object, principal) => {
      const year = /year=(\d+)/u.exec(object.key)?.[1];
      if (year) opened.add(year);
      return objectFile(object, principal);
    };
    try {
      expect(await lake.rows(sql)).toEqual([[value]]);
    } finally {
      bus.objectFile = objectFile;
    }
    expect([...opened].sort()).toEqual(years);
  });

  test("typed keys are values of their type, and Hive's default partition is NULL", async () => {
    await lake.parquet("typed/a.parquet", "SELECT 1 AS id");
    await table("typed", "id int", { serde: PARQUET, keys: "day date, n int" });
    await partition("typed", ["2026-11-24", "7"], "typed/");
    await partition("typed", ["__HIVE_DEFAULT_PARTITION__", "8"], "typed/");
    expect(await lake.rows("SELECT day + INTERVAL '1' DAY, n + 1 FROM typed ORDER BY n")).toEqual([
      ["2026-11-25", "8"],
      [null, "9"],
    ]);
    expect(await lake.rows("SELECT n FROM typed WHERE day < DATE '2027-01-01'")).toEqual([["7"]]);
  });

  test("hidden columns tell the file of each row", async () => {
    const rows = await lake.rows(`SELECT "$path", "$file_size" > 0 FROM sales WHERE year = '2026'`);
    expect(rows).toEqual([[`s3://${LAKE}/sales/year=2026/b.parquet`, "true"]]);
    expect((await lake.rows("SELECT * FROM sales WHERE year = '2026'"))[0]).toHaveLength(3);
  });
});

describe("partition projection", () => {
  beforeAll(async () => {
    for (const [region, day] of [
      ["eu", "2026-11-22"],
      ["eu", "2026-11-23"],
      ["us", "2026-11-23"],
    ]) {
      await lake.parquet(`projected/${region}/${day}/a.parquet`, `SELECT '${region} ${day}' AS text`);
    }
    await lake.local.clock.advance(0);
  });

  const projected = (name: string, keys: string, projection: Record<string, string>, template?: string) =>
    table(name, "text string", {
      serde: PARQUET,
      keys,
      location: `s3://${LAKE}/projected/`,
      parameters: {
        "projection.enabled": "true",
        ...Object.fromEntries(Object.entries(projection).map(([key, value]) => [`projection.${key}`, value])),
        ...(template && { "storage.location.template": `s3://${LAKE}/${template}` }),
      },
    });

  test("enum and date keys make the partitions; registered ones would not count", async () => {
    await projected(
      "by_enum",
      "region string, day string",
      {
        "region.type": "enum",
        "region.values": "eu,us",
        "day.type": "date",
        "day.range": "2026-11-20,2026-11-23",
        "day.format": "yyyy-MM-dd",
      },
      "projected/${region}/${day}/",
    );
    expect(await lake.rows("SELECT text, region, day FROM by_enum WHERE day >= '2026-11-23' ORDER BY text")).toEqual([
      ["eu 2026-11-23", "eu", "2026-11-23"],
      ["us 2026-11-23", "us", "2026-11-23"],
    ]);
    expect(await lake.rows("SELECT count(*) FROM by_enum")).toEqual([["3"]]);
  });

  test("a date range to NOW goes with the clock", async () => {
    const today = new Date(lake.local.clock.now()).toISOString().slice(0, 10);
    await lake.parquet(`projected/eu/${today}/today.parquet`, "SELECT 'today' AS text");
    await projected(
      "by_now",
      "day string",
      { "day.type": "date", "day.range": "NOW-3DAYS,NOW", "day.format": "yyyy-MM-dd" },
      "projected/eu/${day}/",
    );
    expect(await lake.rows("SELECT text FROM by_now WHERE text = 'today'")).toEqual([["today"]]);
  });

  test("an integer range of any size is looked into only where the query points", async () => {
    await lake.parquet("numbers/n=0042/a.parquet", "SELECT 'found' AS text");
    const range = { "n.type": "integer", "n.range": "0,999999999", "n.digits": "4" };
    await projected("by_number", "n string", range, "numbers/n=${n}/");
    expect(await lake.rows("SELECT text, n FROM by_number WHERE n = '0042'")).toEqual([["found", "0042"]]);
    expect(await lake.failure("SELECT text FROM by_number")).toMatch(
      /can potentially read more than 100000 partitions/,
    );
  });

  test("an injected key needs an equality", async () => {
    await projected(
      "injected",
      "region string, day string",
      {
        "region.type": "injected",
        "day.type": "enum",
        "day.values": "2026-11-22,2026-11-23",
      },
      "projected/${region}/${day}/",
    );
    expect(await lake.rows("SELECT text FROM injected WHERE region = 'us'")).toEqual([["us 2026-11-23"]]);
    expect(await lake.failure("SELECT text FROM injected WHERE region > 'a'")).toMatch(
      /^CONSTRAINT_VIOLATION: For the injected projected partition column region/,
    );
  });

  test("a property that is missing is named", async () => {
    await projected("incomplete", "day string", { "day.type": "date", "day.range": "NOW-1YEAR,NOW" });
    expect(await lake.failure("SELECT * FROM incomplete")).toMatch(/property 'projection.day.format' is missing/);
  });
});

describe("Parquet", () => {
  test("columns are found by name in any case and order; a missing one is NULL", async () => {
    await lake.parquet("names/a.parquet", `SELECT 'x' AS "Name", 1 AS "ID"`);
    await lake.parquet("names/b.parquet", "SELECT 2 AS id, 9 AS other");
    await table("names", "id int, name string, extra double", { serde: PARQUET });
    expect(await lake.rows("SELECT id, name, extra FROM names ORDER BY id")).toEqual([
      ["1", "x", null],
      ["2", null, null],
    ]);
  });

  test("a type that does not fit is HIVE_BAD_DATA, when the query uses the column", async () => {
    await lake.parquet("bad/a.parquet", "SELECT 1 AS id, 'text' AS amount");
    await table("bad", "id int, amount double", { serde: PARQUET });
    expect(await lake.rows("SELECT id FROM bad")).toEqual([["1"]]);
    expect(await lake.failure("SELECT amount FROM bad")).toBe(
      `HIVE_BAD_DATA: Field amount's type BINARY in parquet file s3://${LAKE}/bad/a.parquet is incompatible with type double defined in table schema`,
    );
  });

  test("INT32 widens to bigint, INT64 does not narrow to int", async () => {
    await lake.parquet("widths/a.parquet", "SELECT 1::INT AS small, 2::BIGINT AS big");
    await table("widths", "small bigint, big int", { serde: PARQUET });
    expect(await lake.rows("SELECT small FROM widths")).toEqual([["1"]]);
    expect(await lake.failure("SELECT big FROM widths")).toMatch(/type INT64 .* incompatible with type int/);
  });

  test("every type comes out as Athena shows it", async () => {
    await lake.parquet(
      "types/a.parquet",
      `SELECT TRUE AS b, 1.5::FLOAT AS f, 1.50::DECIMAL(10,2) AS d, DATE '2026-11-24' AS day, TIMESTAMP '2026-11-24 08:00:00.123456' AS ts,
       TIMESTAMPTZ '2026-11-24 08:00:00+02' AS tz, 'ab'::BLOB AS bin, [1, NULL] AS list, {'Y': 'z', 'x': 1} AS s, MAP {'k': [1]} AS m`,
    );
    await table(
      "types",
      "b boolean, f float, d decimal(10,2), day date, ts timestamp, tz timestamp, bin binary, list array<int>, s struct<x:int,y:string,z:double>, m map<string,array<int>>",
      { serde: PARQUET },
    );
    expect(await lake.rows("SELECT * FROM types")).toEqual([
      [
        "true",
        "1.5",
        "1.50",
        "2026-11-24",
        "2026-11-24 08:00:00.123",
        "2026-11-24 06:00:00.000",
        "61 62",
        "[1, null]",
        "{x=1, y=z, z=null}",
        "{k=[1]}",
      ],
    ]);
  });

  test("bytes scanned are those of the used columns", async () => {
    await lake.parquet("wide/a.parquet", "SELECT i AS id, repeat('x', 100) || i AS text FROM range(10000) t(i)");
    await table("wide", "id bigint, text string", { serde: PARQUET });
    const bytes = async (sql: string) => (await lake.run(sql)).Statistics?.DataScannedInBytes ?? 0;
    const [none, one, all] = [
      await bytes("SELECT count(*) FROM wide"),
      await bytes("SELECT max(id) FROM wide"),
      await bytes("SELECT * FROM wide"),
    ];
    expect(none).toBe(0);
    expect(one).toBeGreaterThan(0);
    expect(all).toBeGreaterThan(one * 2);
  });

  test("what is no Parquet file is HIVE_BAD_DATA with its name", async () => {
    await lake.put("broken/a.parquet", "not parquet at all");
    await table("broken", "id int", { serde: PARQUET });
    expect(await lake.failure("SELECT * FROM broken")).toMatch(
      /HIVE_BAD_DATA: Not valid Parquet file: s3:\/\/lake\/broken\/a.parquet/,
    );
  });

  test("hidden and empty objects are not read", async () => {
    await lake.parquet("hidden/a.parquet", "SELECT 1 AS id");
    for (const key of ["_SUCCESS", ".crc", "_temporary/b.parquet", "sub/.staging/c.parquet"])
      await lake.put(`hidden/${key}`, "junk");
    await lake.put("hidden/empty.parquet", "");
    await table("hidden", "id int", { serde: PARQUET });
    expect(await lake.rows("SELECT * FROM hidden")).toEqual([["1"]]);
  });
});

describe("CSV", () => {
  test("LazySimpleSerDe: by position, quotes are data, what does not read is NULL", async () => {
    await lake.put(
      "lazy/a.csv",
      'id,name,amount,day\n1,"x",1.5,2026-11-24\nabc,,n/a,someday\n3\n\\N,\\N,2,2026-01-01,more\n',
    );
    await table("lazy", "id int, name string, amount double, day date", {
      serde: LAZY,
      serdeParameters: { "field.delim": "," },
      parameters: { "skip.header.line.count": "1" },
    });
    expect(await lake.rows("SELECT * FROM lazy")).toEqual([
      ["1", '"x"', "1.5", "2026-11-24"],
      [null, "", null, null],
      ["3", null, null, null],
      [null, null, "2.0", "2026-01-01"],
    ]);
  });

  test("gzip and zstd go by the name; bytes scanned are the stored ones", async () => {
    const body = "1\u0001x\n2\u0001y\n";
    await lake.put("zipped/a.csv.gz", gzipSync(body));
    await lake.put("zipped/b.zst", zstdCompressSync(body));
    await lake.put("zipped/c", body);
    await table("zipped", "id int, name string", { serde: LAZY });
    expect(await lake.rows("SELECT count(*), sum(id), max(name) FROM zipped")).toEqual([["6", "9", "y"]]);
    const { Statistics } = await lake.run("SELECT count(*) FROM zipped");
    expect(Statistics?.DataScannedInBytes).toBe(gzipSync(body).length + zstdCompressSync(body).length + body.length);
  });

  test("a compression that cannot be read is refused by name", async () => {
    await lake.put("bzipped/a.bz2", "BZh");
    await table("bzipped", "id int", { serde: LAZY });
    expect(await lake.failure("SELECT * FROM bzipped")).toMatch(
      /a.bz2 is compressed \(.bz2\) in a way that the local runtime does not read/,
    );
  });

  test("OpenCSVSerde: quoted delimiters and quotes, escapes; empty numbers are HIVE_BAD_DATA", async () => {
    await lake.put("open/a.csv", '"1","a, ""b""",c\\,d,"3"\n"2",,"","x"\n');
    await table("open", "id int, a string, b string, n int", { serde: OPEN_CSV });
    expect(await lake.rows("SELECT id, a, b FROM open")).toEqual([
      ["1", 'a, "b"', "c,d"],
      ["2", "", ""],
    ]);
    expect(await lake.failure("SELECT n FROM open")).toBe("HIVE_BAD_DATA: Error parsing field value 'x'");
  });

  test("a partition whose column does not coerce to the table's is HIVE_PARTITION_SCHEMA_MISMATCH", async () => {
    await lake.put("drift/d=1/a.csv", "1\n");
    await table("drift", "c double", { serde: LAZY, keys: "d string" });
    await partition("drift", ["1"], "drift/d=1/", LAZY, "c boolean");
    expect(await lake.failure("SELECT * FROM drift")).toBe(
      "HIVE_PARTITION_SCHEMA_MISMATCH: There is a mismatch between the table and partition schemas. The types are incompatible and cannot be coerced. The column 'c' in table 'db.drift' is declared as type 'double', but partition 'd=1' declared column 'c' as type 'boolean'.",
    );
  });
});

describe("JSON", () => {
  test.each([
    ["openx", OPENX],
    ["hcatalog", HCATALOG],
  ])("%s: by name in any case, nested types, absent is NULL", async (name, serde) => {
    const lines = [
      '{"Id": 1, "tags": ["a", null], "who": {"Name": "n", "AGE": 7}, "m": {"k": 1.5}}',
      "",
      '{"id": 2, "who": null, "at": "2026-11-24 08:00:00"}',
    ];
    await lake.put(`${name}/a.json`, lines.join("\n"));
    await table(
      name,
      "id int, tags array<string>, who struct<name:string,age:int>, m map<string,double>, at timestamp",
      { serde },
    );
    expect(await lake.rows(`SELECT * FROM ${name} WHERE id IS NOT NULL ORDER BY id`)).toEqual([
      ["1", "[a, null]", "{name=n, age=7}", "{k=1.5}", null],
      ["2", null, null, null, "2026-11-24 08:00:00.000"],
    ]);
    expect(await lake.rows(`SELECT who.name FROM ${name} WHERE id = 1`)).toEqual([["n"]]);
  });

  test("a line that is no JSON is HIVE_CURSOR_ERROR, or ignored when the serde says so", async () => {
    await lake.put("malformed/a.json", '{"id": 1}\n{oops\n');
    await table("malformed", "id int", { serde: OPENX });
    await table("ignoring", "id int", {
      serde: OPENX,
      serdeParameters: { "ignore.malformed.json": "true" },
      location: `s3://${LAKE}/malformed/`,
    });
    expect(await lake.failure("SELECT id FROM malformed")).toBe("HIVE_CURSOR_ERROR: Row is not a valid JSON Object");
    expect(await lake.rows("SELECT id FROM ignoring ORDER BY id")).toEqual([["1"], [null]]);
  });

  test("a value that is not of the type is HIVE_BAD_DATA", async () => {
    await lake.put("badjson/a.json", '{"id": "x"}\n');
    await table("badjson", "id int", { serde: OPENX });
    expect(await lake.failure("SELECT id FROM badjson")).toBe("HIVE_BAD_DATA: Error parsing field value 'x'");
  });
});

describe("tables that cannot be read", () => {
  test("a serde that is not there is refused by name", async () => {
    await lake.put("orc/a.orc", "ORC");
    await table("orc", "id int", { serde: "org.apache.hadoop.hive.ql.io.orc.OrcSerde" });
    expect(await lake.failure("SELECT * FROM orc")).toMatch(
      /NOT_SUPPORTED: db.orc: the local runtime does not read the serde 'org.apache.hadoop.hive.ql.io.orc.OrcSerde'/,
    );
  });

  test("a column that is also a partition key is invalid metadata", async () => {
    await table("twice", "year int", { serde: PARQUET, keys: "year string" });
    expect(await lake.failure("SELECT * FROM twice")).toBe(
      "HIVE_INVALID_METADATA: Hive metadata for table twice is invalid: Table descriptor contains duplicate columns",
    );
  });

  test("a bucket that is not there is named", async () => {
    await table("nowhere", "id int", { serde: PARQUET, location: "s3://no-such-bucket/t/" });
    expect(await lake.failure("SELECT * FROM nowhere")).toMatch(/bucket does not exist/);
  });
});
