import type { TableColumn, TableEntry } from "../../../sql/trino/catalog.ts";
import { parseHiveType } from "../../../sql/trino/hive-type.ts";
import { BIGINT, typeText, VARCHAR } from "../../../sql/trino/types.ts";
import type { CatalogAccess } from "./catalog-access.ts";

const columns = (...names: readonly string[]): TableColumn[] => names.map((name) => ({ name, type: VARCHAR }));

/** Tables of `information_schema`, made from the catalog; null when there is no such table. */
export async function informationSchema(name: string, catalog: CatalogAccess): Promise<TableEntry | null> {
  const entry = (list: TableColumn[], rows: (string | number | null)[][]): TableEntry => {
    return { kind: "rows", name: ["awsdatacatalog", "information_schema", name], columns: list, rows };
  };
  const databases = await catalog.databases();
  switch (name) {
    case "schemata":
      return entry(
        columns("catalog_name", "schema_name"),
        databases.map((database) => ["awsdatacatalog", database]),
      );
    case "tables": {
      const rows: string[][] = [];
      for (const database of databases) {
        for (const table of await catalog.tables(database)) {
          const type = table.TableType === "VIRTUAL_VIEW" ? "VIEW" : "BASE TABLE";
          rows.push(["awsdatacatalog", database, table.Name ?? "", type]);
        }
      }
      return entry(columns("table_catalog", "table_schema", "table_name", "table_type"), rows);
    }
    case "columns": {
      const rows: (string | number | null)[][] = [];
      for (const database of databases) {
        for (const table of await catalog.tables(database)) {
          const keys = table.PartitionKeys ?? [];
          const all = [...(table.StorageDescriptor?.Columns ?? []), ...keys];
          for (const [at, column] of all.entries()) {
            const type = parseHiveType(column.Type ?? "");
            const shown = type ? typeText(type) : (column.Type ?? "");
            const extra = keys.includes(column) ? "partition key" : null;
            rows.push([
              "awsdatacatalog",
              database,
              table.Name ?? "",
              column.Name ?? "",
              at + 1,
              null,
              "YES",
              shown,
              column.Comment ?? null,
              extra,
            ]);
          }
        }
      }
      const list = columns(
        "table_catalog",
        "table_schema",
        "table_name",
        "column_name",
        "ordinal_position",
        "column_default",
        "is_nullable",
        "data_type",
        "comment",
        "extra_info",
      );
      return entry(
        list.map((column) => (column.name === "ordinal_position" ? { ...column, type: BIGINT } : column)),
        rows,
      );
    }
    default:
      return null;
  }
}
