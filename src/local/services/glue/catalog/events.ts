import type { ServiceDeps } from "../../../service.ts";

/**
 * "Glue Data Catalog … State Change" events on the default bus, best effort as on AWS.
 * https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
 */
export type CatalogChange =
  | {
      typeOfChange: "CreateDatabase" | "DeleteDatabase" | "CreateTable" | "DeleteTable" | "BatchDeleteTable";
      databaseName: string;
      changedTables: string[];
    }
  | {
      typeOfChange:
        "UpdateTable" | "CreatePartition" | "BatchCreatePartition" | "DeletePartition" | "BatchDeletePartition";
      databaseName: string;
      tableName: string;
      changedPartitions: string[];
    };

/** Names of tables or partitions in one event. */
const MAX_NAMES = 100;

export type Announce = (change: CatalogChange) => void;

export function createAnnouncer(deps: ServiceDeps): Announce {
  const { account, region } = deps.environment;
  return (change) => {
    const release = deps.clock.hold();
    const ofTable = "tableName" in change;
    const detail = ofTable
      ? { ...change, changedPartitions: change.changedPartitions.slice(0, MAX_NAMES) }
      : { ...change, changedTables: change.changedTables.slice(0, MAX_NAMES) };
    const resource = ofTable ? `table/${change.databaseName}/${change.tableName}` : `database/${change.databaseName}`;
    deps.bus
      .call(
        "events:PutEvents",
        {
          Entries: [
            {
              Source: "aws.glue",
              DetailType: ofTable ? "Glue Data Catalog Table State Change" : "Glue Data Catalog Database State Change",
              Detail: JSON.stringify(detail),
              Resources: [`arn:aws:glue:${region}:${account}:${resource}`],
            },
          ],
        },
        { kind: "service", service: "glue.amazonaws.com", sourceArn: `arn:aws:glue:${region}:${account}:catalog` },
      )
      .catch((error: unknown) => {
        deps.trace.emit({ type: "internal-error", where: "glue catalog events", error: String(error) });
      })
      .finally(release);
  };
}
