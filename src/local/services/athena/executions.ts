import type {
  BatchGetQueryExecutionCommandInput,
  BatchGetQueryExecutionCommandOutput,
  GetQueryExecutionCommandInput,
  GetQueryRuntimeStatisticsCommandInput,
  GetQueryRuntimeStatisticsCommandOutput,
  ListQueryExecutionsCommandInput,
  QueryExecution,
  QueryExecutionStatistics,
  ResultConfiguration,
  StartQueryExecutionCommandInput,
  StopQueryExecutionCommandInput,
} from "@aws-sdk/client-athena";
import type { CallContext, ServiceDeps } from "../../service.ts";
import { classify } from "../../../sql/trino/statement.ts";
import type { Announcer } from "./announce.ts";
import { Cancelled, failureOf, invalidRequest } from "./errors.ts";
import type { Failure } from "./errors.ts";
import { parseLocation } from "./location.ts";
import { resultTarget } from "./result-target.ts";
import type { Outcome, StatementRunner } from "./statement-runner.ts";
import type { AthenaStore, StoredExecution } from "./store.ts";
import type { Workgroups } from "./workgroups.ts";

/** Queries that run side by side; others wait in QUEUED. */
const PARALLEL = 4;
const MAX_QUERY_BYTES = 262_144;

/** The life of query executions: QUEUED, RUNNING, then SUCCEEDED, FAILED or CANCELLED. */
export class Executions {
  readonly #deps: ServiceDeps;
  readonly #store: AthenaStore;
  readonly #workgroups: Workgroups;
  readonly #runner: StatementRunner;
  readonly #announcer: Announcer;
  readonly #waiting: string[] = [];
  readonly #running = new Map<string, { controller: AbortController; done: Promise<void> }>();
  #stopping = false;

  constructor(
    deps: ServiceDeps,
    store: AthenaStore,
    workgroups: Workgroups,
    runner: StatementRunner,
    announcer: Announcer,
  ) {
    this.#deps = deps;
    this.#store = store;
    this.#workgroups = workgroups;
    this.#runner = runner;
    this.#announcer = announcer;
  }

  async start(input: StartQueryExecutionCommandInput, context: CallContext): Promise<{ QueryExecutionId: string }> {
    const sql = input.QueryString ?? "";
    if (sql.trim() === "") throw invalidRequest("Query string cannot be empty");
    if (Buffer.byteLength(sql) > MAX_QUERY_BYTES)
      throw invalidRequest(`QueryString must not be longer than ${MAX_QUERY_BYTES} bytes`);
    const catalog = input.QueryExecutionContext?.Catalog;
    if (catalog !== undefined && catalog.toLowerCase() !== "awsdatacatalog") {
      throw invalidRequest(`Data catalog ${catalog} was not found`, "DATA_CATALOG_NOT_FOUND");
    }
    const workgroup = this.#workgroups.find(input.WorkGroup);
    if (workgroup.State === "DISABLED") throw invalidRequest(`WorkGroup ${workgroup.Name} is disabled`);

    const id = this.#deps.ids.uuid();
    const kind = classify(sql);
    const result = resultTarget(input.ResultConfiguration, workgroup, `${id}${kind.isQuery ? ".csv" : ".txt"}`);
    await this.#checkBucket(result, context);

    const { ClientRequestToken: token, ...described } = input;
    const request = JSON.stringify(described);
    const earlier = token === undefined ? undefined : this.#store.token(token);
    if (earlier) {
      if (earlier.request !== request) throw invalidRequest("Idempotent parameters do not match");
      return { QueryExecutionId: earlier.id };
    }

    const database = input.QueryExecutionContext?.Database;
    const execution: QueryExecution = {
      QueryExecutionId: id,
      Query: sql,
      StatementType: kind.type,
      SubstatementType: kind.subtype,
      ResultConfiguration: result,
      ResultReuseConfiguration: input.ResultReuseConfiguration ?? { ResultReuseByAgeConfiguration: { Enabled: false } },
      QueryExecutionContext: {
        ...(database === undefined ? {} : { Database: database }),
        Catalog: catalog?.toLowerCase() ?? "awsdatacatalog",
      },
      Status: { State: "QUEUED", SubmissionDateTime: new Date(this.#deps.clock.now()) },
      Statistics: {},
      WorkGroup: workgroup.Name,
      EngineVersion: { SelectedEngineVersion: "AUTO", EffectiveEngineVersion: "Athena engine version 3" },
      ...(input.ExecutionParameters && { ExecutionParameters: input.ExecutionParameters }),
    };
    this.#save({ execution, principal: context.principal }, undefined);
    if (token !== undefined) this.#store.putToken(token, request, id);
    this.#enqueue(id);
    return { QueryExecutionId: id };
  }

  get(input: GetQueryExecutionCommandInput): { QueryExecution: QueryExecution } {
    return { QueryExecution: this.find(input.QueryExecutionId).execution };
  }

  batchGet(input: BatchGetQueryExecutionCommandInput): Omit<BatchGetQueryExecutionCommandOutput, "$metadata"> {
    const ids = input.QueryExecutionIds ?? [];
    const found = ids.map((id) => this.#store.execution(id)?.execution).filter((execution) => execution !== undefined);
    const missing = ids.filter((id) => !found.some((execution) => execution.QueryExecutionId === id));
    return {
      QueryExecutions: found,
      UnprocessedQueryExecutionIds: missing.map((QueryExecutionId) => ({
        QueryExecutionId,
        ErrorCode: "INVALID_INPUT",
        ErrorMessage: `QueryExecution ${QueryExecutionId} was not found`,
      })),
    };
  }

  list(input: ListQueryExecutionsCommandInput): { QueryExecutionIds: string[]; NextToken?: string } {
    const { Name = "" } = this.#workgroups.find(input.WorkGroup);
    const limit = input.MaxResults ?? 50;
    const page = this.#store.executionIds(
      Name,
      limit + 1,
      input.NextToken === undefined ? undefined : Number(input.NextToken),
    );
    const shown = page.slice(0, limit);
    return {
      QueryExecutionIds: shown.map(({ id }) => id),
      NextToken: page.length > limit ? String(shown.at(-1)?.number) : undefined,
    };
  }

  /** What has ended stays as it ended. */
  stop(input: StopQueryExecutionCommandInput): object {
    const stored = this.find(input.QueryExecutionId);
    const id = stored.execution.QueryExecutionId ?? "";
    const running = this.#running.get(id);
    if (running) {
      running.controller.abort(new Cancelled());
    } else if (stored.execution.Status?.State === "QUEUED") {
      const at = this.#waiting.indexOf(id);
      if (at !== -1) this.#waiting.splice(at, 1);
      this.#end(stored, { state: "CANCELLED", reason: "Query cancelled by user" }, {});
    }
    return {};
  }

  runtimeStatistics(
    input: GetQueryRuntimeStatisticsCommandInput,
  ): Omit<GetQueryRuntimeStatisticsCommandOutput, "$metadata"> {
    const { Statistics = {} } = this.find(input.QueryExecutionId).execution;
    return {
      QueryRuntimeStatistics: {
        Timeline: {
          QueryQueueTimeInMillis: Statistics.QueryQueueTimeInMillis,
          QueryPlanningTimeInMillis: Statistics.QueryPlanningTimeInMillis,
          EngineExecutionTimeInMillis: Statistics.EngineExecutionTimeInMillis,
          ServiceProcessingTimeInMillis: Statistics.ServiceProcessingTimeInMillis,
          TotalExecutionTimeInMillis: Statistics.TotalExecutionTimeInMillis,
        },
        Rows: { InputBytes: Statistics.DataScannedInBytes },
      },
    };
  }

  find(id: string | undefined): StoredExecution {
    const stored = this.#store.execution(id ?? "");
    if (!stored) throw invalidRequest(`QueryExecution ${id} was not found`);
    return stored;
  }

  /**
   * Takes up what a stop of the runtime interrupted: queries run (again: they only read), DDL that had begun may have
   * happened in part and fails.
   */
  resume(): void {
    for (const stored of this.#store.unfinished()) {
      const { execution } = stored;
      if (execution.Status?.State === "RUNNING" && execution.StatementType === "DDL") {
        const failure: Failure = {
          reason: "The local runtime was stopped while this statement ran",
          category: 1,
          type: 100,
          retryable: true,
        };
        this.#end(stored, { state: "FAILED", failure }, {});
      } else {
        this.#enqueue(execution.QueryExecutionId ?? "");
      }
    }
  }

  async close(): Promise<void> {
    this.#stopping = true;
    for (const { controller } of this.#running.values()) controller.abort(new Stopped());
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** The caller must be able to see the bucket that results go to: s3:GetBucketLocation. */
  async #checkBucket(
    { OutputLocation: location = "" }: ResultConfiguration,
    { principal }: CallContext,
  ): Promise<void> {
    const { bucket } = parseLocation(location);
    try {
      await this.#deps.bus.call("s3:GetBucketLocation", { Bucket: bucket }, principal);
    } catch {
      throw invalidRequest(`Unable to verify/create output bucket ${bucket}`);
    }
  }

  #enqueue(id: string): void {
    this.#waiting.push(id);
    this.#next();
  }

  #next(): void {
    while (!this.#stopping && this.#running.size < PARALLEL) {
      const id = this.#waiting.shift();
      if (id === undefined) return;
      const controller = new AbortController();
      const release = this.#deps.clock.hold();
      const done = this.#run(id, controller.signal).finally(() => {
        this.#running.delete(id);
        release();
        this.#next();
      });
      this.#running.set(id, { controller, done });
    }
  }

  async #run(id: string, signal: AbortSignal): Promise<void> {
    const queued = this.find(id);
    const submitted = Number(queued.execution.Status?.SubmissionDateTime);
    const started = this.#deps.clock.now();
    const stored: StoredExecution = {
      ...queued,
      execution: { ...queued.execution, Status: { ...queued.execution.Status, State: "RUNNING" } },
    };
    // A query that was interrupted is RUNNING already.
    if (queued.execution.Status?.State !== "RUNNING") this.#save(stored, "QUEUED");
    const statistics: QueryExecutionStatistics = { QueryQueueTimeInMillis: started - submitted };
    try {
      const workgroup = this.#workgroups.find(stored.execution.WorkGroup);
      const outcome = await this.#runner.run(stored, workgroup, signal, statistics);
      this.#end(stored, { state: "SUCCEEDED", outcome }, statistics);
    } catch (error) {
      const reason: unknown = signal.reason;
      if (reason instanceof Stopped) return;
      if (reason instanceof Cancelled) this.#end(stored, { state: "CANCELLED", reason: reason.message }, statistics);
      else if (error instanceof Cancelled) this.#end(stored, { state: "CANCELLED", reason: error.message }, statistics);
      else this.#end(stored, { state: "FAILED", failure: failureOf(error) }, statistics);
    }
  }

  #end(stored: StoredExecution, end: End, statistics: QueryExecutionStatistics): void {
    const now = this.#deps.clock.now();
    const { execution } = stored;
    const previous = execution.Status?.State;
    const total = now - Number(execution.Status?.SubmissionDateTime);
    const {
      QueryQueueTimeInMillis: queued = 0,
      EngineExecutionTimeInMillis: engine = 0,
      QueryPlanningTimeInMillis: planning = 0,
    } = statistics;
    const ended: StoredExecution = {
      ...stored,
      ...(end.state === "SUCCEEDED" && { columns: end.outcome.columns, hasHeader: end.outcome.hasHeader }),
      execution: {
        ...execution,
        Status: {
          ...execution.Status,
          State: end.state,
          CompletionDateTime: new Date(now),
          ...(end.state === "CANCELLED" && { StateChangeReason: end.reason }),
          ...(end.state === "FAILED" && {
            StateChangeReason: end.failure.reason,
            AthenaError: {
              ErrorCategory: end.failure.category,
              ErrorType: end.failure.type,
              Retryable: end.failure.retryable,
              ErrorMessage: end.failure.reason,
            },
          }),
        },
        Statistics: {
          EngineExecutionTimeInMillis: engine,
          DataScannedInBytes: 0,
          ...statistics,
          TotalExecutionTimeInMillis: total,
          ServiceProcessingTimeInMillis: Math.max(0, total - queued - engine - planning),
          ResultReuseInformation: { ReusedPreviousResult: false },
        },
      },
    };
    this.#save(ended, previous);
    const workgroup = this.#store.workgroup(execution.WorkGroup ?? "");
    if (workgroup?.Configuration?.PublishCloudWatchMetricsEnabled) this.#announcer.metrics(ended.execution);
  }

  #save(stored: StoredExecution, previous: string | undefined): void {
    this.#store.putExecution(stored);
    this.#announcer.state(stored.execution, previous);
  }
}

type End =
  | { state: "SUCCEEDED"; outcome: Outcome }
  | { state: "FAILED"; failure: Failure }
  | { state: "CANCELLED"; reason: string };

/** The runtime stops: the query stays as it is and goes on after the next start. */
class Stopped extends Error {}
