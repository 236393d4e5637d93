import type { Principal, ServiceDeps } from "../../../service.ts";
import type { JobRun, RunState } from "./store.ts";

/**
 * "Glue Job State Change" events exist for these states only
 * (https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html).
 */
const EVENTS: Partial<Record<RunState, { severity: string; message: string }>> = {
  SUCCEEDED: { severity: "INFO", message: "Job run succeeded" },
  FAILED: { severity: "ERROR", message: "Job run failed" },
  TIMEOUT: { severity: "WARN", message: "Job run timed out" },
  STOPPED: { severity: "INFO", message: "Job run stopped" },
};

/** Announces on the default bus how a run ended: best effort, as on AWS. */
export async function announceRun(deps: ServiceDeps, principal: Principal, run: JobRun): Promise<void> {
  const event = EVENTS[run.state];
  if (!event) return;
  const detail = {
    jobName: run.jobName,
    severity: event.severity,
    state: run.state,
    jobRunId: run.id,
    message: run.state === "FAILED" ? (run.errorMessage ?? event.message) : event.message,
  };
  const entry = {
    Source: "aws.glue",
    DetailType: "Glue Job State Change",
    Detail: JSON.stringify(detail),
    Resources: [],
  };
  try {
    await deps.bus.call("events:PutEvents", { Entries: [entry] }, principal);
  } catch (error) {
    deps.trace.emit({ type: "internal-error", where: `event of job run ${run.id}`, error: String(error) });
  }
}
