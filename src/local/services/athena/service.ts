import type { GetQueryResultsCommandInput } from "@aws-sdk/client-athena";
import type { CallContext, Operations, Service, ServiceDeps } from "../../service.ts";
import { Announcer } from "./announce.ts";
import { createMetadataOperations } from "./metadata.ts";
import { Executions } from "./executions.ts";
import { QueryEngine } from "./query-engine.ts";
import { getQueryResults } from "./query-results.ts";
import { createAthenaResources } from "./resources.ts";
import { SavedQueries } from "./saved-queries.ts";
import { StatementRunner } from "./statement-runner.ts";
import { AthenaStore } from "./store.ts";
import { Workgroups } from "./workgroups.ts";

/** Amazon Athena over the Data Catalog: Trino's SQL, run by DuckDB on the files that the catalog names. */
export function createAthena(deps: ServiceDeps): Service {
  const store = new AthenaStore(deps.state.database("athena"));
  const workgroups = new Workgroups(deps, store);
  const saved = new SavedQueries(deps, store, workgroups);
  const engine = new QueryEngine(deps);
  const executions = new Executions(
    deps,
    store,
    workgroups,
    new StatementRunner(deps, engine, store),
    new Announcer(deps),
  );
  const operations = {
    StartQueryExecution: executions.start.bind(executions),
    GetQueryExecution: executions.get.bind(executions),
    BatchGetQueryExecution: executions.batchGet.bind(executions),
    ListQueryExecutions: executions.list.bind(executions),
    StopQueryExecution: executions.stop.bind(executions),
    GetQueryRuntimeStatistics: executions.runtimeStatistics.bind(executions),
    GetQueryResults: (input: GetQueryResultsCommandInput, context: CallContext) =>
      getQueryResults(input, context, executions, deps),
    CreateWorkGroup: workgroups.create.bind(workgroups),
    GetWorkGroup: workgroups.get.bind(workgroups),
    UpdateWorkGroup: workgroups.update.bind(workgroups),
    DeleteWorkGroup: workgroups.delete.bind(workgroups),
    ListWorkGroups: workgroups.list.bind(workgroups),
    CreateNamedQuery: saved.createNamedQuery.bind(saved),
    GetNamedQuery: saved.getNamedQuery.bind(saved),
    UpdateNamedQuery: saved.updateNamedQuery.bind(saved),
    DeleteNamedQuery: saved.deleteNamedQuery.bind(saved),
    ListNamedQueries: saved.listNamedQueries.bind(saved),
    BatchGetNamedQuery: saved.batchGetNamedQuery.bind(saved),
    CreatePreparedStatement: saved.createPreparedStatement.bind(saved),
    GetPreparedStatement: saved.getPreparedStatement.bind(saved),
    UpdatePreparedStatement: saved.updatePreparedStatement.bind(saved),
    DeletePreparedStatement: saved.deletePreparedStatement.bind(saved),
    ListPreparedStatements: saved.listPreparedStatements.bind(saved),
    ...createMetadataOperations(deps),
  } satisfies Operations;
  return {
    name: "athena",
    sdk: () => import("@aws-sdk/client-athena"),
    operations,
    resources: createAthenaResources(deps, workgroups, saved),
    start: () => executions.resume(),
    async stop() {
      await executions.close();
      await engine.close();
    },
  };
}
