import type { Column, Table } from "@aws-sdk/client-glue";
import { QueryFailure } from "./errors.ts";

/** Hive's pattern of SHOW: `*` for any characters, `|` between alternatives. */
export function patternOf(pattern: string | undefined): RegExp {
  if (pattern === undefined) return /(?:)/u;
  const source = pattern
    .split("*")
    .map((part) => part.replaceAll(/[\\^$.+?()[\]{}]/gu, String.raw`\$&`))
    .join(".*");
  return new RegExp(`^(?:${source})$`, "iu");
}

/** The query of a view, as it was written. */
export function storedSql(table: Table): string {
  const json = /^\/\* Presto View: ([A-Za-z0-9+/=]+) \*\/$/u.exec(table.ViewOriginalText ?? "")?.[1];
  if (!json)
    throw new QueryFailure(`FAILED: SemanticException ${table.DatabaseName}.${table.Name} is not a view`, 1003);
  return (JSON.parse(Buffer.from(json, "base64").toString()) as { originalSql: string }).originalSql;
}

/** Columns padded as Hive pads them. */
function line(column: Column): string {
  return [column.Name ?? "", column.Type ?? "", column.Comment ?? ""].map((text) => text.padEnd(20)).join("\t");
}

/** https://docs.aws.amazon.com/athena/latest/ug/describe-table.html */
export function describeLines(table: Table, mode: "plain" | "extended" | "formatted"): string[] {
  const columns = table.StorageDescriptor?.Columns ?? [];
  const keys = table.PartitionKeys ?? [];
  const lines = [...columns, ...keys].map(line);
  if (keys.length > 0) {
    const header = ["# col_name", "data_type", "comment"].map((text) => text.padEnd(20)).join("\t");
    lines.push("\t \t ", "# Partition Information\t \t ", header, "\t \t ", ...keys.map(line));
  }
  if (mode === "plain") return lines;
  const { StorageDescriptor: storage, Parameters = {}, CreateTime, Owner, TableType } = table;
  const details: [string, string | undefined][] = [
    ["Database:", table.DatabaseName],
    ["Owner:", Owner],
    ["CreateTime:", CreateTime?.toISOString()],
    ["Location:", storage?.Location],
    ["Table Type:", TableType],
    ["SerDe Library:", storage?.SerdeInfo?.SerializationLibrary],
    ["InputFormat:", storage?.InputFormat],
    ["OutputFormat:", storage?.OutputFormat],
    ...Object.entries(Parameters).map(([name, value]): [string, string] => [`\t${name}`, value]),
  ];
  return [
    ...lines,
    "\t \t ",
    "# Detailed Table Information\t \t ",
    ...details.map(([name, value = ""]) => `${name.padEnd(20)}\t${value}\t `),
  ];
}

/** https://docs.aws.amazon.com/athena/latest/ug/show-create-table.html */
export function showCreateTable(table: Table): string[] {
  if (!table.TableType) throw new QueryFailure("FAILED: NullPointerException Name is null", 1003);
  if (table.TableType === "VIRTUAL_VIEW")
    throw new QueryFailure(
      `FAILED: SemanticException ${table.DatabaseName}.${table.Name} is a view: use SHOW CREATE VIEW`,
      1003,
    );
  const { StorageDescriptor: storage = {}, PartitionKeys: keys = [], Parameters = {} } = table;
  const columns = (list: readonly Column[]) =>
    list.map(
      ({ Name, Type, Comment }, at) =>
        `  \`${Name}\` ${Type}${Comment ? ` COMMENT '${quoted(Comment)}'` : ""}${at < list.length - 1 ? ", " : ")"}`,
    );
  const properties = (entries: [string, string][]) =>
    entries.map(([name, value], at) => `  '${quoted(name)}'='${quoted(value)}'${at < entries.length - 1 ? ", " : ")"}`);
  const lines = [`CREATE EXTERNAL TABLE \`${table.DatabaseName}.${table.Name}\`(`, ...columns(storage.Columns ?? [])];
  if (keys.length > 0) lines.push("PARTITIONED BY ( ", ...columns(keys));
  lines.push("ROW FORMAT SERDE ", `  '${storage.SerdeInfo?.SerializationLibrary ?? ""}' `);
  const serde = Object.entries(storage.SerdeInfo?.Parameters ?? {});
  if (serde.length > 0) lines.push("WITH SERDEPROPERTIES ( ", ...properties(serde));
  lines.push(
    "STORED AS INPUTFORMAT ",
    `  '${storage.InputFormat ?? ""}' `,
    "OUTPUTFORMAT ",
    `  '${storage.OutputFormat ?? ""}'`,
  );
  lines.push("LOCATION", `  '${storage.Location ?? ""}'`);
  const parameters = Object.entries(Parameters);
  if (parameters.length > 0) lines.push("TBLPROPERTIES (", ...properties(parameters));
  return lines;
}

function quoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("'", String.raw`\'`);
}
