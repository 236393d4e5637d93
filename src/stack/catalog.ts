import { Aws, Fn } from "aws-cdk-lib";
import { CfnDatabase, CfnTable } from "aws-cdk-lib/aws-glue";
import { Construct } from "constructs";
import type { Plan } from "../plan/plan.ts";
import {
  type Column,
  COMMIT_COLUMNS,
  LOADS_COLUMNS,
  loadsSql,
  PUBLISHED_COLUMNS,
  REJECT_COLUMNS,
} from "./history-tables.ts";
import type { Names } from "./names.ts";

export interface CatalogProps {
  readonly names: Names;
  readonly plan: Plan;
}

/** The first day that the history tables project partitions for. */
const FIRST_DAY = "2026-01-01";

/**
 * The Glue database. Tables of data come from the crawler; the load history and the rejects are declared here, with
 * partition projection, so that a row can be queried the moment its file is there.
 */
export class Catalog extends Construct {
  readonly database: CfnDatabase;

  constructor(scope: Construct, id: string, props: CatalogProps) {
    super(scope, id);
    const { names } = props;
    const datasets = Object.keys(props.plan.datasets).toSorted();
    this.database = new CfnDatabase(this, "Database", {
      catalogId: Aws.ACCOUNT_ID,
      databaseInput: { name: names.database, description: `Tables of the pipeline ${props.plan.pipeline}` },
    });
    const history = { names, datasets };
    this.#table("LoadCommits", "load_commits", {
      description: "One row per object version with an outcome, written when its run was decided",
      columns: COMMIT_COLUMNS,
      location: "ledger/commits/",
      format: JSON_FORMAT,
      ...history,
    });
    this.#table("LoadPublished", "load_published", {
      description: "When the rows of a run could be queried",
      columns: PUBLISHED_COLUMNS,
      location: "ledger/published/",
      format: JSON_FORMAT,
      ...history,
    });
    this.#table("Rejects", "rejects", {
      description: "One row per record that was not loaded: where it stood, why, and its text",
      columns: REJECT_COLUMNS,
      location: "rejects/",
      format: PARQUET_FORMAT,
      ...history,
    });
    this.#view(names);
  }

  #table(id: string, name: string, props: TableProps): void {
    const location = `s3://${props.names.targetBucket}/${props.location}`;
    const table = new CfnTable(this, id, {
      catalogId: Aws.ACCOUNT_ID,
      databaseName: props.names.database,
      tableInput: {
        name,
        description: props.description,
        tableType: "EXTERNAL_TABLE",
        partitionKeys: [
          { name: "dataset", type: "string" },
          { name: "day", type: "string" },
        ],
        storageDescriptor: {
          columns: props.columns.map(({ name: column, type, comment }) => ({ name: column, type, comment })),
          location,
          ...props.format,
        },
        parameters: {
          EXTERNAL: "TRUE",
          ...props.format.parameters,
          "projection.enabled": "true",
          "projection.dataset.type": "enum",
          "projection.dataset.values": props.datasets.join(","),
          "projection.day.type": "date",
          "projection.day.format": "yyyy-MM-dd",
          "projection.day.range": `${FIRST_DAY},NOW`,
          // Athena's placeholders, not ours.
          "storage.location.template": location + "${dataset}/day=${day}/",
        },
      },
    });
    table.addResourceDependency(this.database);
  }

  /** A view, stored as Athena stores it: base64 of a JSON document inside a comment. */
  #view(names: Names): void {
    const document = {
      originalSql: loadsSql(names.database),
      catalog: "awsdatacatalog",
      schema: names.database,
      columns: LOADS_COLUMNS.map(({ name, trino }) => ({ name, type: trino })),
    };
    const view = new CfnTable(this, "Loads", {
      catalogId: Aws.ACCOUNT_ID,
      databaseName: names.database,
      tableInput: {
        name: "loads",
        description: "Load history: one row per object version, from the event to the first query that can see it",
        tableType: "VIRTUAL_VIEW",
        viewOriginalText: Fn.join("", [
          "/* Presto View: ",
          Buffer.from(JSON.stringify(document)).toString("base64"),
          " */",
        ]),
        viewExpandedText: "/* Presto View */",
        parameters: { presto_view: "true", comment: "Presto View" },
        partitionKeys: [],
        storageDescriptor: {
          columns: LOADS_COLUMNS.map(({ name, type }) => ({ name, type })),
          location: "",
          serdeInfo: {},
        },
      },
    });
    view.addResourceDependency(this.database);
  }
}

interface TableProps {
  readonly names: Names;
  readonly datasets: readonly string[];
  readonly description: string;
  readonly columns: readonly Column[];
  readonly location: string;
  readonly format: Format;
}

type Format = Pick<CfnTable.StorageDescriptorProperty, "inputFormat" | "outputFormat" | "serdeInfo"> & {
  readonly parameters: Record<string, string>;
};

const JSON_FORMAT: Format = {
  inputFormat: "org.apache.hadoop.mapred.TextInputFormat",
  outputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
  serdeInfo: { serializationLibrary: "org.openx.data.jsonserde.JsonSerDe" },
  parameters: { classification: "json" },
};

const PARQUET_FORMAT: Format = {
  inputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
  outputFormat: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
  serdeInfo: {
    serializationLibrary: "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    parameters: { "serialization.format": "1" },
  },
  parameters: { classification: "parquet" },
};
