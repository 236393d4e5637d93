import type { Column, PartitionInput, StorageDescriptor, TableInput } from "@aws-sdk/client-glue";
import { partitionKeys } from "./folders.ts";
import type { CrawledFile, Folder, FoundTable } from "./folders.ts";
import { mergeColumns, typeText } from "./hive-schema.ts";

export interface TableContext {
  readonly bucket: string;
  /** The include path's prefix: empty, or with a slash at its end. */
  readonly prefix: string;
  readonly tablePrefix: string;
  readonly crawlerName: string;
  readonly crawlId: string;
  readonly exclusions: readonly string[];
}

/** What the crawl will write for a table: its definition, and its partitions' own. */
export interface CrawledTable {
  readonly input: TableInput & { Name: string };
  readonly partitions: readonly (PartitionInput & { Values: string[] })[];
}

const MAX_NAME = 128;

export function describeTable(table: FoundTable, context: TableContext): CrawledTable {
  const files = table.folders.flatMap((folder) => folder.files);
  const location = locationOf(table.root, context) + (table.file ?? "");
  const keys = partitionKeys(table);
  const input: CrawledTable["input"] = {
    Name: tableName(table, context),
    Owner: "owner",
    Retention: 0,
    TableType: "EXTERNAL_TABLE",
    StorageDescriptor: descriptor(files, location, context),
    PartitionKeys: keys.names.map((Name): Column => ({ Name, Type: "string" })),
    Parameters: parameters(files, context),
  };
  if (context.exclusions.length > 0) {
    const exclusions = JSON.stringify(
      context.exclusions.map((glob) => `s3://${context.bucket}/${context.prefix}${glob}`),
    );
    input.Parameters = { ...input.Parameters, exclusions };
  }
  const partitions =
    keys.names.length === 0 ? [] : table.folders.map((folder) => partition(folder, keys.values(folder), context));
  return { input, partitions };
}

function partition(folder: Folder, Values: string[], context: TableContext): PartitionInput & { Values: string[] } {
  const { files } = folder;
  return {
    Values,
    StorageDescriptor: descriptor(files, locationOf(folder.path, context), context),
    Parameters: parameters(files, context),
  };
}

function locationOf(path: readonly string[], { bucket, prefix }: TableContext): string {
  return `s3://${bucket}/${prefix}${path.map((name) => `${name}/`).join("")}`;
}

function descriptor(files: readonly CrawledFile[], Location: string, context: TableContext): StorageDescriptor {
  const [first] = files as [CrawledFile, ...CrawledFile[]];
  const { inputFormat, outputFormat, serde, serdeParameters, compression } = first.classification;
  const columns = files.map((file) => file.classification.columns).reduce(mergeColumns, []);
  const paths: Record<string, string> =
    serdeParameters["paths"] === undefined ? {} : { paths: columns.map((column) => column.name).join(",") };
  return {
    Columns: columns.map(({ name, type }): Column => ({ Name: name, Type: typeText(type) })),
    Location,
    InputFormat: inputFormat,
    OutputFormat: outputFormat,
    Compressed: compression !== "none",
    NumberOfBuckets: -1,
    SerdeInfo: { SerializationLibrary: serde, Parameters: { ...serdeParameters, ...paths } },
    BucketColumns: [],
    SortColumns: [],
    Parameters: parameters(files, context),
    StoredAsSubDirectories: false,
  };
}

/** The parameters that crawlers write; numbers are text. */
function parameters(files: readonly CrawledFile[], context: TableContext): Record<string, string> {
  const [first] = files as [CrawledFile, ...CrawledFile[]];
  const { classification, compression, parameters: own } = first.classification;
  const records = files.reduce((sum, file) => sum + file.classification.records, 0);
  const size = files.reduce((sum, file) => sum + file.size, 0);
  return {
    CrawlerSchemaDeserializerVersion: "1.0",
    CrawlerSchemaSerializerVersion: "1.0",
    UPDATED_BY_CRAWLER: context.crawlerName,
    CRAWL_RUN_ID: context.crawlId,
    averageRecordSize: String(records === 0 ? 0 : Math.max(1, Math.round(size / records))),
    classification,
    compressionType: compression,
    objectCount: String(files.length),
    recordCount: String(records),
    sizeKey: String(size),
    typeOfData: "file",
    ...own,
  };
}

/** The folder's name (or the file's, or the bucket's), in letters, digits and underscores. */
function tableName(table: FoundTable, { bucket, prefix, tablePrefix }: TableContext): string {
  const source = table.file ?? table.root.at(-1) ?? prefix.split("/").findLast((name) => name !== "") ?? bucket;
  return `${tablePrefix}${source}`
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]/gu, "_")
    .slice(0, MAX_NAME);
}

/** Parameters that say how much there is, and not what it is: they differ after each crawl. */
export const STATISTICS: ReadonlySet<string> = new Set([
  "CRAWL_RUN_ID",
  "averageRecordSize",
  "objectCount",
  "recordCount",
  "sizeKey",
]);
