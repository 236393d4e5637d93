import type { GetQueryResultsCommandInput, GetQueryResultsCommandOutput, Row } from "@aws-sdk/client-athena";
import type { CallContext, ServiceDeps } from "../../service.ts";
import { invalidRequest } from "./errors.ts";
import type { Executions } from "./executions.ts";
import { readCsvPage, readTextPage } from "./results.ts";

const MAX_ROWS = 1000;

/**
 * A page of a query's result, read from the result object as the caller. The first row of a query's first page is the
 * column names, and it counts; DDL output has no such row.
 */
export async function getQueryResults(
  input: GetQueryResultsCommandInput,
  context: CallContext,
  executions: Executions,
  deps: ServiceDeps,
): Promise<Omit<GetQueryResultsCommandOutput, "$metadata">> {
  const { execution, columns = [], hasHeader } = executions.find(input.QueryExecutionId);
  const state = execution.Status?.State ?? "";
  if (state === "QUEUED" || state === "RUNNING") {
    throw invalidRequest(`Query has not yet finished. Current state: ${state}`);
  }
  if (state !== "SUCCEEDED") throw invalidRequest(`Query did not finish successfully. Final query state: ${state}`);
  if (input.QueryResultType === "DATA_MANIFEST") {
    throw invalidRequest(
      "QueryResultType DATA_MANIFEST is for statements that write data, which the local Athena does not run.",
    );
  }
  const count = input.MaxResults ?? MAX_ROWS;
  if (count < 1 || count > MAX_ROWS)
    throw invalidRequest(`MaxResults is more than maximum allowed length ${MAX_ROWS}.`);
  const start = input.NextToken === undefined ? 0 : Number(input.NextToken);
  if (!Number.isSafeInteger(start)) throw invalidRequest("Invalid NextToken");

  const location = execution.ResultConfiguration?.OutputLocation ?? "";
  const { bucket = "", key = "" } = /^s3:\/\/(?<bucket>[^/]+)\/(?<key>.*)$/u.exec(location)?.groups ?? {};
  const { path } = await deps.bus.objectFile({ bucket, key }, context.principal).catch((error: unknown) => {
    throw invalidRequest(`Could not find results: ${String(error)}`);
  });
  const page = await (hasHeader ? readCsvPage : readTextPage)(path, start, count);
  const rows = page.rows.map((row): Row => ({
    Data: row.map((value) => (value === null ? {} : { VarCharValue: value })),
  }));
  return {
    UpdateCount: 0,
    ResultSet: { Rows: rows, ResultSetMetadata: { ColumnInfo: columns } },
    NextToken: page.next === undefined ? undefined : String(page.next),
  };
}
