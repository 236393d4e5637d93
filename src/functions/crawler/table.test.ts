import type { Table } from "@aws-sdk/client-glue";
import { describe, expect, test } from "vitest";
import { csvPlan } from "../../../test/support/small-plans.ts";
import { partitionPath } from "../../plan/partition-path.ts";
import { compareTable, partitionsOf } from "./table.ts";

const dataset = csvPlan({
  output: [
    { name: "id", type: "int" },
    { name: "tags", type: "array<struct<Name:string,n:bigint>>" },
    { name: "day", type: "date" },
    { name: "shop", type: "string" },
  ],
  partitionBy: ["day", "shop"],
});
const lineage = ["_source", "_version", "_run"].map((Name) => ({ Name, Type: "string" }));
const crawled: Table = {
  Name: "orders",
  StorageDescriptor: {
    Columns: [{ Name: "id", Type: "int" }, { Name: "tags", Type: "array<struct<name:string,n:bigint>>" }, ...lineage],
    Location: "s3://target/data/orders/",
    SerdeInfo: { SerializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe" },
  },
  PartitionKeys: [
    { Name: "day", Type: "string" },
    { Name: "shop", Type: "string" },
  ],
};

describe("a table of the catalog", () => {
  test("is what a crawler makes of the plan's files: lower case, partition columns of type string", () => {
    expect(compareTable(crawled, dataset)).toEqual({ missing: [], different: [] });
  });

  test("may lack columns, which a crawl adds, and may have more", () => {
    const wider = csvPlan({
      ...dataset,
      output: [{ name: "price", type: "decimal(10,2)" }, ...dataset.output.slice(1)],
    });
    expect(compareTable(crawled, wider)).toEqual({ missing: ["price"], different: [] });
  });

  test("may have a column in another type, which no crawl mends", () => {
    const retyped = csvPlan({ ...dataset, output: [{ name: "id", type: "bigint" }, ...dataset.output.slice(1)] });
    expect(compareTable(crawled, retyped).different).toEqual(["id: int in the table, bigint in the plan"]);
  });
});

describe("partitions of a run's files", () => {
  const root = "data/orders/";
  const output = (day: string | null, shop: string, file: string) =>
    `${root}${partitionPath(["day", "shop"], [day, shop])}${file}`;

  test("are each named once, by their values, with the table's own description and their own place", () => {
    const outputs = [output("2026-11-24", "a/b=c %", "1.parquet"), output("2026-11-24", "a/b=c %", "2.parquet")];
    expect(partitionsOf(crawled, "target", root, outputs)).toEqual([
      {
        Values: ["2026-11-24", "a/b=c %"],
        StorageDescriptor: {
          ...crawled.StorageDescriptor,
          Location: "s3://target/data/orders/day=2026-11-24/shop=a%2Fb%3Dc %25/",
        },
      },
    ]);
  });

  test("have Hive's name for NULL as their value", () => {
    const [partition] = partitionsOf(crawled, "target", root, [output(null, "x", "1.parquet")]);
    expect(partition?.Values).toEqual(["__HIVE_DEFAULT_PARTITION__", "x"]);
  });

  test("do not exist for a table without partition columns", () => {
    expect(partitionsOf({ ...crawled, PartitionKeys: [] }, "target", root, [`${root}1.parquet`])).toEqual([]);
  });

  test("that lack a partition column of the table are an error", () => {
    expect(() => partitionsOf(crawled, "target", root, [`${root}day=1/1.parquet`])).toThrow("no value for");
  });
});
