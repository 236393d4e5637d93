import type { TableInput } from "@aws-sdk/client-glue";
import * as fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { ACCOUNT, DirectBus, invoke } from "../../../../../test/support/direct-bus.ts";
import type { Handler } from "../../../service.ts";
import { createCatalog } from "./service.ts";
import { parsePartitionFilter } from "./partition-expression.ts";

const DatabaseName = "lake";

function start(bus = new DirectBus()) {
  bus.stub("events:PutEvents", () => ({ FailedEntryCount: 0, Entries: [] }));
  const { operations, resources } = createCatalog(bus.deps);
  type Table = typeof operations;
  const call = async <Name extends keyof Table>(name: Name, input: Parameters<Table[Name]>[0]) =>
    (await invoke(operations[name] as Handler, input as never)) as ReturnType<Table[Name]>;
  return { bus, operations, resources, call };
}

const table = (name: string, more: Partial<TableInput> = {}): TableInput => ({
  Name: name,
  TableType: "EXTERNAL_TABLE",
  StorageDescriptor: { Columns: [{ Name: "id", Type: "bigint" }], Location: `s3://b/${name}/` },
  ...more,
});

describe("the Data Catalog", () => {
  let { bus, call, resources } = start();
  beforeEach(async () => {
    ({ bus, call, resources } = start());
    await call("CreateDatabase", { DatabaseInput: { Name: "Lake", Description: "d" } });
  });

  test("names are folded to lower case, and found in any case", async () => {
    await call("CreateTable", { DatabaseName: "LAKE", TableInput: table("Orders") });
    const { Table } = await call("GetTable", { DatabaseName: "Lake", Name: "ORDERS" });
    expect(Table).toMatchObject({
      Name: "orders",
      DatabaseName: "lake",
      VersionId: "0",
      CreatedBy: `arn:aws:iam::${ACCOUNT}:user/admin`,
    });
    expect(Table.CreateTime).toEqual(new Date("2026-11-24T08:00:00Z"));
  });

  test("what exists twice or not at all is answered with AWS's errors", async () => {
    await call("CreateTable", { DatabaseName, TableInput: table("orders") });
    const refused: [Promise<unknown>, string, string][] = [
      [
        call("CreateDatabase", { DatabaseInput: { Name: "lake" } }),
        "AlreadyExistsException",
        "Database already exists.",
      ],
      [
        call("CreateTable", { DatabaseName, TableInput: table("orders") }),
        "AlreadyExistsException",
        "Table already exists.",
      ],
      [call("GetDatabase", { Name: "nope" }), "EntityNotFoundException", "Database nope not found."],
      [call("GetTable", { DatabaseName, Name: "nope" }), "EntityNotFoundException", "Entity Not Found"],
      [call("DeleteTable", { DatabaseName, Name: "nope" }), "EntityNotFoundException", "Table nope not found."],
    ];
    for (const [promise, code, message] of refused) await expect(promise).rejects.toMatchObject({ code, message });
  });

  test("each update makes a version, and a stale VersionId is refused", async () => {
    await call("CreateTable", { DatabaseName, TableInput: table("orders") });
    await call("UpdateTable", { DatabaseName, TableInput: table("orders", { Description: "1" }), VersionId: "0" });
    await expect(
      call("UpdateTable", { DatabaseName, TableInput: table("orders", { Description: "2" }), VersionId: "0" }),
    ).rejects.toMatchObject({
      code: "ConcurrentModificationException",
      message: "Update table failed due to concurrent modifications.",
    });
    const { Table } = await call("GetTable", { DatabaseName, Name: "orders" });
    expect(Table).toMatchObject({ VersionId: "1", Description: "1" });
    const { TableVersions } = await call("GetTableVersions", { DatabaseName, TableName: "orders" });
    expect(TableVersions.map((version) => version.VersionId)).toEqual(["1", "0"]);
  });

  test("SkipArchive leaves no trace of the definition that it replaces", async () => {
    await call("CreateTable", { DatabaseName, TableInput: table("orders") });
    await call("UpdateTable", { DatabaseName, TableInput: table("orders"), SkipArchive: true });
    const { TableVersions } = await call("GetTableVersions", { DatabaseName, TableName: "orders" });
    expect(TableVersions.map((version) => version.VersionId)).toEqual(["1"]);
  });

  test("GetTables matches whole names by regular expression, in pages", async () => {
    for (const name of ["orders", "orders_2025", "orders_2026", "returns"]) {
      await call("CreateTable", { DatabaseName, TableInput: table(name) });
    }
    const names = async (Expression?: string, NextToken?: string): Promise<(string | undefined)[]> => {
      const page = await call("GetTables", { DatabaseName, Expression, NextToken, MaxResults: 2 });
      const found = page.TableList.map((found) => found.Name);
      return page.NextToken ? [...found, ...(await names(Expression, page.NextToken))] : found;
    };
    expect(await names()).toEqual(["orders", "orders_2025", "orders_2026", "returns"]);
    expect(await names("orders")).toEqual(["orders"]);
    expect(await names("orders_.*|returns")).toEqual(["orders_2025", "orders_2026", "returns"]);
  });

  test("a member that would change the answer and is not supported is refused by name", async () => {
    await expect(
      call("CreateTable", { DatabaseName, TableInput: table("t"), OpenTableFormatInput: { IcebergInput: undefined } }),
    ).rejects.toThrow(/OpenTableFormatInput is not supported/);
  });

  test("everything is where it was after a restart", async () => {
    await call("CreateTable", { DatabaseName, TableInput: table("orders") });
    const again = start(bus);
    expect(await again.call("GetTable", { DatabaseName, Name: "orders" })).toEqual(
      await call("GetTable", { DatabaseName, Name: "orders" }),
    );
  });

  test("a table of a template that did not change stays as a crawler left it", async () => {
    const provider = resources["AWS::Glue::Table"];
    const request = { logicalId: "T", stackName: "s", generatedName: () => "x", physicalId: "orders" };
    const provision = (description: string) =>
      provider?.provision({
        ...request,
        properties: { DatabaseName, TableInput: table("orders", { Description: description }) },
      } as never);
    await provision("one");
    await call("UpdateTable", { DatabaseName, TableInput: table("orders", { Description: "crawled" }) });
    await provision("one");
    expect((await call("GetTable", { DatabaseName, Name: "orders" })).Table.Description).toBe("crawled");
    await provision("two");
    expect((await call("GetTable", { DatabaseName, Name: "orders" })).Table.Description).toBe("two");
    await provider?.delete("orders");
    await expect(call("GetTable", { DatabaseName, Name: "orders" })).rejects.toThrow("Entity Not Found");
  });
});

describe("partitions", () => {
  let { bus, call } = start();
  const of = { DatabaseName, TableName: "orders" };
  const PartitionKeys = [
    { Name: "year", Type: "int" },
    { Name: "region", Type: "string" },
  ];
  beforeEach(async () => {
    ({ bus, call } = start());
    await call("CreateDatabase", { DatabaseInput: { Name: DatabaseName } });
    await call("CreateTable", { DatabaseName, TableInput: table("orders", { PartitionKeys }) });
  });

  test("a batch creates what it can and reports the rest", async () => {
    await call("CreatePartition", { ...of, PartitionInput: { Values: ["2026", "eu"] } });
    const { Errors } = await call("BatchCreatePartition", {
      ...of,
      PartitionInputList: [{ Values: ["2026", "eu"] }, { Values: ["2026", "us"] }, { Values: ["2026"] }],
    });
    expect(Errors).toEqual([
      {
        PartitionValues: ["2026", "eu"],
        ErrorDetail: { ErrorCode: "AlreadyExistsException", ErrorMessage: "Partition already exists." },
      },
      {
        PartitionValues: ["2026"],
        ErrorDetail: {
          ErrorCode: "InvalidInputException",
          ErrorMessage: "The number of partition keys do not match the number of partition values",
        },
      },
    ]);
    const { Partitions } = await call("GetPartitions", of);
    expect(Partitions.map((partition) => partition.Values)).toEqual([
      ["2026", "eu"],
      ["2026", "us"],
    ]);
    const events = bus.calls.filter((record) => record.name === "events:PutEvents");
    expect(JSON.stringify(events.at(-1)?.input)).toContain(String.raw`\"changedPartitions\":[\"2026,us\"]`);
  });

  test("an update can move a partition to other values, but not onto another one", async () => {
    await call("BatchCreatePartition", { ...of, PartitionInputList: [{ Values: ["1", "a"] }, { Values: ["2", "a"] }] });
    await call("UpdatePartition", { ...of, PartitionValueList: ["1", "a"], PartitionInput: { Values: ["3", "a"] } });
    await expect(
      call("UpdatePartition", { ...of, PartitionValueList: ["3", "a"], PartitionInput: { Values: ["2", "a"] } }),
    ).rejects.toThrow("Partition already exists.");
    await expect(call("GetPartition", { ...of, PartitionValues: ["1", "a"] })).rejects.toThrow(
      "Cannot find partition.",
    );
  });

  test("pages and segments together give every partition exactly once", async () => {
    const all = Array.from({ length: 250 }, (_, n) => [String(n), "eu"]);
    for (let at = 0; at < all.length; at += 100) {
      const PartitionInputList = all.slice(at, at + 100).map((Values) => ({ Values }));
      await call("BatchCreatePartition", { ...of, PartitionInputList });
    }
    const seen: string[] = [];
    for (let SegmentNumber = 0; SegmentNumber < 3; SegmentNumber++) {
      let NextToken: string | undefined;
      do {
        const page = await call("GetPartitions", {
          ...of,
          MaxResults: 20,
          NextToken,
          Segment: { SegmentNumber, TotalSegments: 3 },
        });
        seen.push(...page.Partitions.map((partition) => String(partition.Values)));
        NextToken = page.NextToken;
      } while (NextToken);
    }
    expect(seen.toSorted()).toEqual(all.map(String).toSorted());
  });

  test.each<[expression: string, matches: string[]]>([
    ["year = 2026", ["2026,eu", "2026,us"]],
    ["year > 999 AND year < '10000'", ["2025,eu", "2026,eu", "2026,us"]],
    ["year BETWEEN 2025 AND 2025", ["2025,eu"]],
    ["region IN ('us', 'it''s')", ["2026,us", "10000,it's"]],
    ["region LIKE '_u' OR year=10000", ["2025,eu", "2026,eu", "10000,it's"]],
    ["NOT (region = 'eu')", ["2026,us", "10000,it's"]],
    ["region NOT IN ('eu') and year <> 10000", ["2026,us"]],
    ["region IS NULL", []],
    ["`year` >= 2026 and \"region\" = 'eu'", ["2026,eu"]],
  ])("%s compares by the keys' types", (expression, matches) => {
    const filter = parsePartitionFilter(expression, PartitionKeys);
    const all = ["2025,eu", "2026,eu", "2026,us", "10000,it's"];
    expect(all.filter((values) => filter(values.split(",")))).toEqual(matches);
  });

  test.each(["year =", "month = 1", "year ~ 2", "year = 'x'", "year = 1 year = 2", "(year = 1", "lower(region) = 'a'"])(
    "the expression %s is refused",
    (expression) => {
      expect(() => parsePartitionFilter(expression, PartitionKeys)).toThrow(
        expect.objectContaining({ code: "InvalidInputException" }),
      );
    },
  );

  test("any text in quotes is a value, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const filter = parsePartitionFilter(`region = '${text.replaceAll("'", "''")}'`, PartitionKeys);
        expect(filter(["1", text])).toBe(text !== "__HIVE_DEFAULT_PARTITION__");
        expect(filter(["1", `${text}x`])).toBe(false);
      }),
    );
  });
});
