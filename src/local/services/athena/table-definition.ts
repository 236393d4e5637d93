import type { Column, StorageDescriptor, Table, TableInput } from "@aws-sdk/client-glue";
import { parseHiveType } from "../../../sql/trino/hive-type.ts";
import type { ColumnDefinition, TableDefinition } from "../../../sql/trino/ddl.ts";
import { QueryFailure } from "./errors.ts";
import { parseLocation } from "./location.ts";

interface Storage {
  readonly input: string;
  readonly output: string;
  readonly serde: string;
}

const TEXT: Storage = {
  input: "org.apache.hadoop.mapred.TextInputFormat",
  output: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
  serde: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
};

/** What STORED AS stands for. */
const STORED_AS: Readonly<Record<string, Storage>> = {
  TEXTFILE: TEXT,
  PARQUET: {
    input: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    output: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    serde: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
  },
  ORC: {
    input: "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
    output: "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
    serde: "org.apache.hadoop.hive.ql.io.orc.OrcSerde",
  },
  AVRO: {
    input: "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
    output: "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
    serde: "org.apache.hadoop.hive.serde2.avro.AvroSerDe",
  },
};

/** The catalog's definition of what CREATE EXTERNAL TABLE says. Refuses what Athena refuses. */
export function tableInputOf(name: string, definition: TableDefinition, now: Date): TableInput {
  const failed = (message: string) => new QueryFailure(`FAILED: SemanticException ${message}`, 1003);
  if (!definition.external) {
    if (definition.properties["table_type"]?.toUpperCase() === "ICEBERG") {
      throw new QueryFailure("NOT_SUPPORTED: Iceberg tables are not supported by the local runtime", 1200);
    }
    throw new QueryFailure(
      "FAILED: SemanticException CREATE TABLE is for Iceberg tables; write CREATE EXTERNAL TABLE",
      1003,
    );
  }
  if (definition.location === undefined)
    throw failed("no LOCATION is specified for table. Please ensure a valid S3 path is given");
  checkLocation(definition.location);
  const keys = definition.partitionKeys.map((key) => key.name);
  const repeated = definition.columns.find((column) => keys.includes(column.name));
  if (repeated) throw failed("[Error 10035]: Column repeated in partitioning columns");
  const names = definition.columns.map((column) => column.name);
  const twice = names.find((column, at) => names.indexOf(column) !== at);
  if (twice) throw failed(`[Error 10036]: Duplicate column name: ${twice}`);

  const storage = STORED_AS[definition.storedAs ?? "TEXTFILE"];
  if (!storage)
    throw new QueryFailure(
      `FAILED: SemanticException Unrecognized file format in STORED AS clause: '${definition.storedAs}'`,
      1003,
    );
  const descriptor: StorageDescriptor = {
    Columns: definition.columns.map(columnOf),
    Location: definition.location,
    InputFormat: definition.inputFormat ?? storage.input,
    OutputFormat: definition.outputFormat ?? storage.output,
    Compressed: false,
    NumberOfBuckets: -1,
    SerdeInfo: {
      SerializationLibrary: definition.serde ?? storage.serde,
      Parameters: { "serialization.format": "1", ...definition.serdeProperties },
    },
    BucketColumns: [],
    SortColumns: [],
    Parameters: {},
    StoredAsSubDirectories: false,
  };
  return {
    Name: name,
    Owner: "hadoop",
    Retention: 0,
    TableType: "EXTERNAL_TABLE",
    PartitionKeys: definition.partitionKeys.map(columnOf),
    StorageDescriptor: descriptor,
    Parameters: {
      EXTERNAL: "TRUE",
      transient_lastDdlTime: String(Math.floor(now.getTime() / 1000)),
      ...(definition.comment !== undefined && { comment: definition.comment }),
      ...definition.properties,
    },
  };
}

function columnOf({ name, type, comment }: ColumnDefinition): Column {
  if (!parseHiveType(type))
    throw new QueryFailure(
      `FAILED: ParseException cannot recognize input near '${type}' in column type of ${name}`,
      1006,
    );
  return { Name: name, Type: type, ...(comment !== undefined && { Comment: comment }) };
}

/** https://docs.aws.amazon.com/athena/latest/ug/tables-location-format.html */
function checkLocation(location: string): void {
  parseLocation(location);
  if (/[*?]/u.test(location))
    throw new QueryFailure(`FAILED: SemanticException the location may not hold a glob: ${location}`, 1003);
}

/** A table as UpdateTable takes it. */
export function withoutReadOnly(table: Table): TableInput & { Name: string } {
  const {
    Name = "",
    Description,
    Owner,
    LastAccessTime,
    LastAnalyzedTime,
    Retention,
    StorageDescriptor,
    PartitionKeys,
  } = table;
  const { ViewOriginalText, ViewExpandedText, TableType, Parameters } = table;
  return {
    Name,
    Description,
    Owner,
    LastAccessTime,
    LastAnalyzedTime,
    Retention,
    StorageDescriptor,
    PartitionKeys,
    ViewOriginalText,
    ViewExpandedText,
    TableType,
    Parameters,
  };
}
