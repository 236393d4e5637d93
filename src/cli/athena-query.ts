import { setTimeout as sleep } from "node:timers/promises";
import {
  type ColumnInfo,
  GetQueryExecutionCommand,
  GetQueryResultsCommand,
  type QueryExecution,
  StartQueryExecutionCommand,
} from "@aws-sdk/client-athena";
import type { Target } from "./target.ts";
import { UserError } from "./user-error.ts";

export interface QueryResult {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Values as Athena writes them; null for NULL. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly bytesScanned: number;
  readonly milliseconds: number;
}

const POLL_MS = { local: 15, aws: 500 };

/**
 * Runs one statement in the pipeline's workgroup and waits for its result.
 * @throws UserError with Athena's own words when it fails.
 */
export async function queryAthena(target: Target, sql: string): Promise<QueryResult> {
  const { athena, stack } = target;
  const { QueryExecutionId: id } = await athena
    .send(
      new StartQueryExecutionCommand({
        QueryString: sql,
        WorkGroup: stack.workgroup,
        QueryExecutionContext: { Database: stack.database },
      }),
    )
    .catch((error: unknown) => {
      throw new UserError(`Athena refused the query: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    });
  const execution = await ended(target, id);
  const { State: state, StateChangeReason: reason } = execution.Status ?? {};
  if (state !== "SUCCEEDED") throw new UserError(`The query ended ${state}: ${reason ?? "no reason given"}`);
  const { columns, rows } = await results(target, id, execution);
  return {
    columns,
    rows,
    bytesScanned: execution.Statistics?.DataScannedInBytes ?? 0,
    milliseconds: execution.Statistics?.TotalExecutionTimeInMillis ?? 0,
  };
}

async function ended(target: Target, id: string | undefined): Promise<QueryExecution> {
  for (;;) {
    const answer = await target.athena.send(new GetQueryExecutionCommand({ QueryExecutionId: id }));
    const execution = answer.QueryExecution;
    const state = execution?.Status?.State;
    if (execution && state !== "QUEUED" && state !== "RUNNING") return execution;
    await sleep(POLL_MS[target.kind]);
  }
}

async function results(target: Target, id: string | undefined, execution: QueryExecution) {
  const rows: (string | null)[][] = [];
  let columns: ColumnInfo[] = [];
  let token: string | undefined;
  do {
    const page = await target.athena.send(new GetQueryResultsCommand({ QueryExecutionId: id, NextToken: token }));
    columns = page.ResultSet?.ResultSetMetadata?.ColumnInfo ?? columns;
    for (const row of page.ResultSet?.Rows ?? []) {
      rows.push((row.Data ?? []).map((datum) => datum.VarCharValue ?? null));
    }
    token = page.NextToken;
  } while (token !== undefined);
  // The first row of a SELECT's first page is the header; statements that only tell (SHOW, DESCRIBE) have none.
  if (execution.StatementType === "DML") rows.shift();
  return { columns: columns.map(({ Name, Type }) => ({ name: Name ?? "", type: Type ?? "varchar" })), rows };
}
