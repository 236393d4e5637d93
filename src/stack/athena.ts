import { CfnNamedQuery, CfnWorkGroup } from "aws-cdk-lib/aws-athena";
import { Construct } from "constructs";
import type { Plan } from "../plan/plan.ts";
import type { Names } from "./names.ts";

export interface AthenaProps {
  readonly names: Names;
  readonly plan: Plan;
}

/** The workgroup, which fixes where results go, and the saved queries. */
export class Athena extends Construct {
  constructor(scope: Construct, id: string, props: AthenaProps) {
    super(scope, id);
    const { names } = props;
    const workgroup = new CfnWorkGroup(this, "WorkGroup", {
      name: names.workgroup,
      description: `Queries over the pipeline ${props.plan.pipeline}`,
      state: "ENABLED",
      recursiveDeleteOption: true,
      workGroupConfiguration: {
        enforceWorkGroupConfiguration: true,
        publishCloudWatchMetricsEnabled: true,
        engineVersion: { selectedEngineVersion: "Athena engine version 3" },
        resultConfiguration: {
          outputLocation: `s3://${names.targetBucket}/athena-results/`,
          encryptionConfiguration: { encryptionOption: "SSE_S3" },
        },
      },
    });
    for (const query of savedQueries(props.plan)) {
      const saved = new CfnNamedQuery(this, query.id, {
        name: query.name,
        description: query.description,
        database: names.database,
        workGroup: names.workgroup,
        queryString: query.sql,
      });
      saved.addResourceDependency(workgroup);
    }
  }
}

function savedQueries(plan: Plan): { id: string; name: string; description: string; sql: string }[] {
  const general = [
    {
      id: "NotLoadedToday",
      name: "What was not loaded today",
      description: "Files of today that were rejected or failed, newest first",
      sql: [
        "SELECT dataset, key, outcome, error_reason, error_message, run, committed_at",
        "FROM loads",
        "WHERE day = cast(current_date AS varchar) AND outcome <> 'committed'",
        "ORDER BY committed_at DESC",
      ].join("\n"),
    },
    {
      id: "LagPerHour",
      name: "Lag per hour",
      description: "Seconds from the event to the first query that can see the rows, of the last week",
      sql: [
        "SELECT dataset, date_trunc('hour', received_at) AS hour, count(*) AS files,",
        "  approx_percentile(date_diff('millisecond', received_at, queryable_at), 0.5) / 1000.0 AS median_seconds,",
        "  max(date_diff('millisecond', received_at, queryable_at)) / 1000.0 AS max_seconds",
        "FROM loads",
        "WHERE day >= cast(current_date - interval '7' day AS varchar) AND queryable_at IS NOT NULL",
        "GROUP BY 1, 2",
        "ORDER BY 2 DESC, 1",
      ].join("\n"),
    },
    {
      id: "RejectsByReason",
      name: "Rejects by reason",
      description: "Records of the last week that were not loaded, by reason and column",
      sql: [
        "SELECT dataset, reason, column_name, count(*) AS records, min(message) AS example",
        "FROM rejects",
        "WHERE day >= cast(current_date - interval '7' day AS varchar)",
        "GROUP BY 1, 2, 3",
        "ORDER BY records DESC",
      ].join("\n"),
    },
  ];
  const samples = Object.values(plan.datasets)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((dataset) => ({
      id: `Sample-${dataset.name}`,
      name: `Sample of ${dataset.table}`,
      description: `Some rows of ${dataset.table}, with the file each came from`,
      sql: `SELECT * FROM "${dataset.table}" LIMIT 100`,
    }));
  return [...general, ...samples];
}
