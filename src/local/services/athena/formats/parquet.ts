import { fieldKey, duckdbType } from "../../../../sql/trino/types.ts";
import type { Type } from "../../../../sql/trino/types.ts";
import { DuckDbError } from "../../../../sql/duckdb/process.ts";
import { QueryFailure } from "../errors.ts";
import type { DataFile } from "../files.ts";
import { fileList, identifier, usedColumns } from "./format.ts";
import type { DeclaredColumn, Format, ReadRequest } from "./format.ts";
import type { ParquetFooter, ParquetNode } from "./parquet-schema.ts";

/**
 * Parquet by column name, without regard to case: a column that a file lacks is NULL in its rows, one whose type does
 * not fit the table's is HIVE_BAD_DATA. Of the bytes, only those of the used columns are read.
 */
export const parquet: Format = async (request) => {
  const footers = await footersOf(request);
  const used = usedColumns(request);
  let bytes = 0;
  const groups = new Map<string, { files: DataFile[]; footer: ParquetFooter }>();
  for (const [at, file] of request.files.entries()) {
    const footer = footers[at] as ParquetFooter;
    for (const column of used) {
      const node = footer.columns.get(column.name);
      if (node) check(node, column, file);
      bytes += footer.bytes.get(column.name) ?? 0;
    }
    // Files of one shape are read together, so that none decides about another's columns.
    const shape = JSON.stringify(used.map((column) => footer.columns.get(column.name) ?? null));
    const group = groups.get(shape);
    if (group) group.files.push(file);
    else groups.set(shape, { files: [file], footer });
  }
  const selects = [...groups.values()].map(({ files, footer }) => {
    const columns = used.map((column) => {
      const node = footer.columns.get(column.name);
      const sql = node ? convert(identifier(node.name), node, column.type) : `CAST(NULL AS ${duckdbType(column.type)})`;
      return `${sql} AS ${identifier(column.name)}`;
    });
    return `SELECT ${[...columns, "filename AS file"].join(", ")} FROM read_parquet(${fileList(files)}, filename = true, hive_partitioning = false)`;
  });
  return { selects, bytes };
};

async function footersOf({ duckdb, footers, files }: ReadRequest): Promise<ParquetFooter[]> {
  try {
    return await footers.read(duckdb, files);
  } catch (error) {
    if (!(error instanceof DuckDbError)) throw error;
    // DuckDB does not say which file it was.
    for (const file of files) {
      await footers.read(duckdb, [file]).catch((cause: unknown) => {
        throw new QueryFailure(`HIVE_BAD_DATA: Not valid Parquet file: ${file.uri}: ${String(cause)}`, 1001);
      });
    }
    throw error;
  }
}

/** Which Trino types each physical type may be read as; `checkSchemaMatch` of Presto's Parquet reader. */
const READABLE: Readonly<Record<string, readonly string[]>> = {
  BOOLEAN: ["boolean"],
  INT32: ["tinyint", "smallint", "integer", "bigint", "date", "decimal"],
  INT64: ["bigint", "decimal", "timestamp"],
  INT96: ["timestamp"],
  FLOAT: ["real"],
  DOUBLE: ["double"],
  BINARY: ["varchar", "char", "varbinary", "decimal"],
  FIXED_LEN_BYTE_ARRAY: ["decimal"],
};

function check(node: ParquetNode, column: DeclaredColumn, file: DataFile): void {
  const wrong = mismatch(node, column.type);
  if (!wrong) return;
  throw new QueryFailure(
    `HIVE_BAD_DATA: Field ${column.name}'s type ${wrong.physical ?? "group"} in parquet file ${file.uri} is incompatible with type ${column.hiveType} defined in table schema`,
    1001,
  );
}

/** The part of the column that cannot be read as the declared type. */
function mismatch(node: ParquetNode, type: Type): ParquetNode | undefined {
  switch (type.kind) {
    case "array": {
      const element = elementOf(node);
      return element ? mismatch(element, type.element) : node;
    }
    case "map": {
      const [key, value] = node.children[0]?.children ?? [];
      return key && value ? (mismatch(key, type.key) ?? mismatch(value, type.value)) : node;
    }
    case "row": {
      if (node.physical !== undefined) return node;
      for (const field of type.fields) {
        const child = childOf(node, field.name ?? "");
        const wrong = child && mismatch(child, field.type);
        if (wrong) return wrong;
      }
      return undefined;
    }
    default:
      return READABLE[node.physical ?? ""]?.includes(type.kind) ? undefined : node;
  }
}

/** The item of a list, in the three-level form and in the older two-level one. */
function elementOf(node: ParquetNode): ParquetNode | undefined {
  if (node.repeated && node.physical !== undefined) return { ...node, repeated: false };
  const [repeated] = node.children;
  if (!repeated?.repeated) return undefined;
  const [only] = repeated.children;
  return repeated.physical === undefined && repeated.children.length === 1 && only ? only : repeated;
}

function childOf(node: ParquetNode, name: string): ParquetNode | undefined {
  return node.children.find((child) => child.name.toLowerCase() === name.toLowerCase());
}

/** The file's value as the declared type. Trino reads time stamps of a Hive table to the millisecond. */
function convert(sql: string, node: ParquetNode, type: Type): string {
  switch (type.kind) {
    case "timestamp":
      return node.fineTimestamp ? `trino_milliseconds(CAST(${sql} AS TIMESTAMP))` : `CAST(${sql} AS TIMESTAMP)`;
    case "array": {
      const item = convert("e", elementOf(node) as ParquetNode, type.element);
      return item === "e" ? sql : `list_transform(${sql}, lambda e: ${item})`;
    }
    case "map": {
      const [key, value] = (node.children[0]?.children ?? []) as [ParquetNode, ParquetNode];
      const entry = [convert("e.key", key, type.key), convert("e.value", value, type.value)];
      if (entry[0] === "e.key" && entry[1] === "e.value") return sql;
      return `map_from_entries(list_transform(map_entries(${sql}), lambda e: {'k': ${entry[0]}, 'v': ${entry[1]}}))`;
    }
    case "row": {
      const members = type.fields.map((field, at) => {
        const child = childOf(node, field.name ?? "");
        const member = child
          ? convert(`(${sql}).${identifier(child.name)}`, child, field.type)
          : `CAST(NULL AS ${duckdbType(field.type)})`;
        return `"${fieldKey(field, at)}" := ${member}`;
      });
      return `CASE WHEN ${sql} IS NOT NULL THEN struct_pack(${members.join(", ")}) END`;
    }
    case "varchar":
    case "char":
      // Text without the UTF8 annotation comes as bytes.
      return node.annotation === undefined && node.physical === "BINARY" ? `decode(${sql})` : sql;
    case "varbinary":
      return node.annotation === undefined ? sql : `encode(${sql})`;
    case "boolean":
    case "double":
    case "real":
      return sql;
    default:
      return `CAST(${sql} AS ${duckdbType(type)})`;
  }
}
