import type { ColumnInfo, QueryExecutionStatistics, WorkGroup } from "@aws-sdk/client-athena";
import type { Readable } from "node:stream";
import type { Principal, ServiceDeps } from "../../service.ts";
import { classify } from "../../../sql/trino/statement.ts";
import { runDdl } from "./ddl.ts";
import { Cancelled, QueryFailure } from "./errors.ts";
import type { QueryEngine } from "./query-engine.ts";
import { columnInfo, csvBody, metadataBody } from "./results.ts";
import type { AthenaStore, StoredExecution } from "./store.ts";

/** What a statement left behind. */
export interface Outcome {
  readonly columns: ColumnInfo[];
  readonly hasHeader: boolean;
}

/** Statements that change data, which this runtime refuses by name. */
const WRITES: Readonly<Record<string, string>> = {
  CREATE_TABLE_AS_SELECT: "CREATE TABLE AS SELECT",
  INSERT: "INSERT INTO",
  UNLOAD: "UNLOAD",
  UPDATE: "UPDATE",
  DELETE: "DELETE",
  MERGE: "MERGE",
  OPTIMIZE: "OPTIMIZE",
  VACUUM: "VACUUM",
  EXPLAIN: "EXPLAIN",
};

/** Runs one statement to its end and stores its result. */
export class StatementRunner {
  readonly #deps: ServiceDeps;
  readonly #engine: QueryEngine;
  readonly #store: AthenaStore;

  constructor(deps: ServiceDeps, engine: QueryEngine, store: AthenaStore) {
    this.#deps = deps;
    this.#engine = engine;
    this.#store = store;
  }

  /** Fills in `statistics` as it learns them, so that a failed query has them too. */
  async run(
    stored: StoredExecution,
    workgroup: WorkGroup,
    signal: AbortSignal,
    statistics: QueryExecutionStatistics,
  ): Promise<Outcome> {
    const { execution, principal } = stored;
    const kind = classify(execution.Query ?? "");
    const refused = WRITES[kind.subtype];
    if (refused) {
      throw new QueryFailure(
        `NOT_SUPPORTED: ${refused} is not supported by the local runtime, which only reads data`,
        1200,
      );
    }
    const request = {
      sql: execution.Query ?? "",
      database: execution.QueryExecutionContext?.Database,
      parameters: execution.ExecutionParameters ?? [],
      principal,
      now: execution.Status?.SubmissionDateTime ?? new Date(this.#deps.clock.now()),
      signal,
    };
    const location = execution.ResultConfiguration?.OutputLocation ?? "";
    const began = this.#deps.clock.now();
    if (kind.isQuery) return this.#query(request, location, workgroup, statistics);
    if (kind.type === "DML") return this.#prepared(request, location, workgroup, statistics);

    const { columns, lines } = await runDdl(request, { deps: this.#deps, engine: this.#engine });
    statistics.EngineExecutionTimeInMillis = this.#deps.clock.now() - began;
    await this.#write(location, lines.map((line) => `${line}\n`).join(""), principal);
    await this.#write(`${location}.metadata`, metadataBody(columns), principal);
    return { columns, hasHeader: false };
  }

  async #query(
    request: Parameters<QueryEngine["prepare"]>[0],
    location: string,
    workgroup: WorkGroup,
    statistics: QueryExecutionStatistics,
  ): Promise<Outcome> {
    const began = this.#deps.clock.now();
    const query = await this.#engine.prepare(request);
    const planned = this.#deps.clock.now();
    statistics.QueryPlanningTimeInMillis = planned - began;
    statistics.DataScannedInBytes = query.bytesScanned;
    const cutoff = workgroup.Configuration?.BytesScannedCutoffPerQuery;
    if (cutoff !== undefined && query.bytesScanned > cutoff) {
      throw new Cancelled(`Query cancelled! : Bytes scanned limit was exceeded`);
    }
    // What goes wrong in the rows reaches PutObject as a broken stream: the cause says more.
    let cause: unknown;
    async function* rows() {
      try {
        yield* query.rows();
      } catch (error) {
        cause = error;
        throw error;
      }
    }
    const body = csvBody(
      query.columns.map((column) => column.name),
      rows(),
    );
    try {
      await this.#write(location, body, request.principal);
    } catch (error) {
      throw cause ?? error;
    } finally {
      statistics.EngineExecutionTimeInMillis = this.#deps.clock.now() - planned;
    }
    const columns = query.columns.map((column) => columnInfo(column.name, column.type));
    await this.#write(`${location}.metadata`, metadataBody(columns), request.principal);
    return { columns, hasHeader: true };
  }

  /** EXECUTE runs a prepared statement; PREPARE and DEALLOCATE as SQL are refused. */
  async #prepared(
    request: Parameters<QueryEngine["prepare"]>[0],
    location: string,
    workgroup: WorkGroup,
    statistics: QueryExecutionStatistics,
  ): Promise<Outcome> {
    const match = /^\s*EXECUTE\s+(?<name>\w+)(?:\s+USING\s+(?<values>[\s\S]+?))?\s*;?\s*$/iu.exec(request.sql)?.groups;
    if (!match) {
      throw new QueryFailure(
        "NOT_SUPPORTED: PREPARE and DEALLOCATE as SQL are not supported by the local runtime; use CreatePreparedStatement",
        1200,
      );
    }
    const { name = "", values } = match;
    if (values !== undefined) {
      throw new QueryFailure(
        "NOT_SUPPORTED: EXECUTE … USING is not supported by the local runtime; give ExecutionParameters to StartQueryExecution",
        1200,
      );
    }
    const statement = this.#store.preparedStatement(workgroup.Name ?? "", name);
    if (!statement) throw new QueryFailure(`NOT_FOUND: Prepared statement not found: ${name}`, 1301);
    return this.#query({ ...request, sql: statement.QueryStatement ?? "" }, location, workgroup, statistics);
  }

  async #write(location: string, body: Readable | Buffer | string, principal: Principal): Promise<void> {
    const { bucket = "", key = "" } = /^s3:\/\/(?<bucket>[^/]+)\/(?<key>.*)$/u.exec(location)?.groups ?? {};
    const ContentType = key.endsWith(".csv") ? "text/csv" : "application/octet-stream";
    await this.#deps.bus.call("s3:PutObject", { Bucket: bucket, Key: key, Body: body, ContentType }, principal);
  }
}
