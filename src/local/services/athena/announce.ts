import type { QueryExecution } from "@aws-sdk/client-athena";
import type { Principal, ServiceDeps } from "../../service.ts";

/** Tells EventBridge, CloudWatch and the trace of a query's states. Best effort, as on AWS. */
export class Announcer {
  readonly #deps: ServiceDeps;
  readonly #sequence = new Map<string, number>();

  constructor(deps: ServiceDeps) {
    this.#deps = deps;
  }

  /** https://docs.aws.amazon.com/athena/latest/ug/athena-events.html */
  state(execution: QueryExecution, previous: string | undefined): void {
    const { QueryExecutionId: id = "", Status, WorkGroup, StatementType } = execution;
    const state = Status?.State ?? "";
    this.#deps.trace.emit({
      type: "state",
      kind: "query",
      name: WorkGroup ?? "",
      id,
      from: previous,
      to: state,
      reason: Status?.StateChangeReason,
    });
    const sequence = (this.#sequence.get(id) ?? 0) + 1;
    if (["SUCCEEDED", "FAILED", "CANCELLED"].includes(state)) this.#sequence.delete(id);
    else this.#sequence.set(id, sequence);
    const error = Status?.AthenaError;
    const detail = {
      versionId: "0",
      currentState: state,
      ...(previous === undefined ? {} : { previousState: previous }),
      statementType: StatementType,
      queryExecutionId: id,
      workgroupName: WorkGroup,
      sequenceNumber: String(sequence),
      ...(error && {
        athenaError: {
          errorCategory: error.ErrorCategory,
          errorType: error.ErrorType,
          errorMessage: error.ErrorMessage,
          retryable: error.Retryable ? "true" : "false",
        },
      }),
    };
    const entry = {
      Source: "aws.athena",
      DetailType: "Athena Query State Change",
      Detail: JSON.stringify(detail),
      Resources: [],
    };
    this.#send("events", this.#deps.bus.call("events:PutEvents", { Entries: [entry] }, this.#principal(WorkGroup)));
  }

  /** https://docs.aws.amazon.com/athena/latest/ug/query-metrics-viewing.html */
  metrics(execution: QueryExecution): void {
    const { Statistics = {}, Status, WorkGroup = "", StatementType = "" } = execution;
    const state = Status?.State === "CANCELLED" ? "CANCELED" : (Status?.State ?? "");
    const dimensions = [
      { Name: "QueryState", Value: state },
      { Name: "QueryType", Value: StatementType },
      { Name: "WorkGroup", Value: WorkGroup },
    ];
    const values: [name: string, value: number | undefined, unit: "Milliseconds" | "Bytes"][] = [
      ["TotalExecutionTime", Statistics.TotalExecutionTimeInMillis, "Milliseconds"],
      ["EngineExecutionTime", Statistics.EngineExecutionTimeInMillis, "Milliseconds"],
      ["QueryQueueTime", Statistics.QueryQueueTimeInMillis, "Milliseconds"],
      ["QueryPlanningTime", Statistics.QueryPlanningTimeInMillis, "Milliseconds"],
      ["ServiceProcessingTime", Statistics.ServiceProcessingTimeInMillis, "Milliseconds"],
      ["ProcessedBytes", StatementType === "DDL" ? undefined : Statistics.DataScannedInBytes, "Bytes"],
    ];
    const Timestamp = new Date(this.#deps.clock.now());
    const MetricData = values.flatMap(([MetricName, Value, Unit]) =>
      Value === undefined ? [] : [{ MetricName, Value, Unit, Timestamp, Dimensions: dimensions }],
    );
    const call = this.#deps.bus.call(
      "monitoring:PutMetricData",
      { Namespace: "AWS/Athena", MetricData },
      this.#principal(WorkGroup),
    );
    this.#send("metrics", call);
  }

  #send(what: string, call: Promise<unknown>): void {
    const release = this.#deps.clock.hold();
    call
      .catch((error: unknown) =>
        this.#deps.trace.emit({ type: "internal-error", where: `athena ${what}`, error: String(error) }),
      )
      .finally(release);
  }

  #principal(workgroup: string | undefined): Principal {
    const { region, account } = this.#deps.environment;
    return {
      kind: "service",
      service: "athena.amazonaws.com",
      sourceArn: `arn:aws:athena:${region}:${account}:workgroup/${workgroup}`,
    };
  }
}
