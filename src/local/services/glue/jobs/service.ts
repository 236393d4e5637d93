import type { JobEngine } from "../../../job-engine.ts";
import type { Operations, Service, ServiceDeps } from "../../../service.ts";
import { createMetricsPublisher } from "../../cloudwatch/metrics-publisher.ts";
import { JobDefinitions } from "./definitions.ts";
import { createJobResources } from "./resources.ts";
import { JobRunner } from "./runner.ts";
import { JobRuns } from "./runs.ts";
import { JobStore } from "./store.ts";

/** The jobs' part of AWS Glue: definitions and runs. `engine` runs the scripts. */
export function createJobs(
  deps: ServiceDeps,
  engine: JobEngine,
): Required<Pick<Service, "operations" | "resources" | "start" | "stop">> {
  const store = new JobStore(deps.state.database("glue-jobs"));
  const metrics = createMetricsPublisher(deps, { service: "glue.amazonaws.com", namespace: "Glue" });
  const runner = new JobRunner(deps, store, engine, metrics);
  const definitions = new JobDefinitions(deps, store, runner);
  const runs = new JobRuns(deps, store, definitions, runner);
  return {
    operations: { ...definitions.operations, ...runs.operations } satisfies Operations,
    resources: createJobResources(definitions),
    start: () => runner.start(),
    async stop() {
      await runner.stop();
      await metrics.flush();
    },
  };
}
