import { open } from "node:fs/promises";
import { parquetMetadata } from "hyparquet";
import type { FileMetaData, SchemaElement } from "hyparquet";
import type { Classification } from "./classification.ts";
import { scalar } from "./hive-schema.ts";
import type { HiveColumn, HiveType } from "./hive-schema.ts";

/** Read at once: footers of ordinary files are shorter. */
const TAIL_BYTES = 64 * 1024;

/** The schema of a Parquet file from its footer. Rejects when the file has none. */
export async function classifyParquet(path: string, size: number): Promise<Classification> {
  const metadata = await readFooter(path, size);
  const [root] = trees(metadata.schema);
  return {
    classification: "parquet",
    columns: (root?.children ?? []).map(columnOf),
    compression: "none",
    inputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    outputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    serde: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    serdeParameters: { "serialization.format": "1" },
    parameters: {},
    records: Number(metadata.num_rows),
  };
}

async function readFooter(path: string, size: number): Promise<FileMetaData> {
  const handle = await open(path);
  try {
    let length = Math.min(size, TAIL_BYTES);
    for (;;) {
      const buffer = Buffer.alloc(length);
      await handle.read(buffer, 0, length, size - length);
      const footer = length < 8 ? 0 : buffer.readUInt32LE(length - 8) + 8;
      if (footer <= length || length === size) {
        return parquetMetadata(buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + length));
      }
      length = Math.min(size, footer);
    }
  } finally {
    await handle.close();
  }
}

interface Node {
  readonly element: SchemaElement;
  readonly children: readonly Node[];
}

/** The schema comes as a list in depth-first order. */
function trees(schema: readonly SchemaElement[]): Node[] {
  let next = 0;
  const read = (): Node => {
    const element = schema[next++] as SchemaElement;
    return { element, children: Array.from({ length: element.num_children ?? 0 }, read) };
  };
  return schema.length > 0 ? [read()] : [];
}

function columnOf(node: Node): HiveColumn {
  const type = typeOf(node);
  // A repeated member outside a LIST is a list of the older kind.
  return {
    name: node.element.name.toLowerCase(),
    type: node.element.repetition_type === "REPEATED" ? { kind: "array", element: type } : type,
  };
}

function typeOf({ element, children }: Node): HiveType {
  if (element.type === undefined) return groupOf(element, children);
  const { converted_type: converted, logical_type: logical } = element;
  if (converted === "DECIMAL" || logical?.type === "DECIMAL") {
    return scalar(`decimal(${element.precision ?? 10},${element.scale ?? 0})`);
  }
  switch (element.type) {
    case "BOOLEAN":
      return scalar("boolean");
    case "INT32":
      if (converted === "DATE" || logical?.type === "DATE") return scalar("date");
      if (converted === "INT_8") return scalar("tinyint");
      return scalar(converted === "INT_16" ? "smallint" : "int");
    case "INT64":
      return scalar(converted?.startsWith("TIMESTAMP") || logical?.type === "TIMESTAMP" ? "timestamp" : "bigint");
    case "INT96":
      return scalar("timestamp");
    case "FLOAT":
      return scalar("float");
    case "DOUBLE":
      return scalar("double");
    case "BYTE_ARRAY":
      return scalar(
        ["UTF8", "ENUM", "JSON"].includes(converted ?? "") || ["STRING", "ENUM", "JSON"].includes(logical?.type ?? "")
          ? "string"
          : "binary",
      );
    default:
      return scalar("binary");
  }
}

function groupOf(element: SchemaElement, children: readonly Node[]): HiveType {
  const [first] = children;
  if (element.converted_type === "LIST" && first) {
    const [only] = first.children;
    const item = first.element.type === undefined && first.children.length === 1 && only ? only : first;
    return { kind: "array", element: typeOf(item) };
  }
  if ((element.converted_type === "MAP" || element.converted_type === "MAP_KEY_VALUE") && first) {
    const [key, value] = first.children;
    if (key && value) return { kind: "map", key: typeOf(key), value: typeOf(value) };
  }
  return { kind: "struct", fields: children.map(columnOf) };
}
