import type { JobEngine } from "../../job-engine.ts";
import type { Service, ServiceDeps } from "../../service.ts";
import { createCatalog } from "./catalog/service.ts";
import { createCrawlers } from "./crawlers/service.ts";
import { createJobs } from "./jobs/service.ts";

/** AWS Glue: the catalog, crawlers and jobs, which are one service on the wire and three things to build. */
export function createGlue(deps: ServiceDeps, engine: JobEngine): Service {
  const parts: Pick<Service, "operations" | "resources" | "start" | "stop">[] = [
    createCatalog(deps),
    createCrawlers(deps),
    createJobs(deps, engine),
  ];
  return {
    name: "glue",
    sdk: () => import("@aws-sdk/client-glue"),
    operations: Object.assign({}, ...parts.map((part) => part.operations)),
    resources: Object.assign({}, ...parts.map((part) => part.resources)),
    async start() {
      for (const part of parts) await part.start?.();
    },
    async stop() {
      for (const part of parts.toReversed()) await part.stop?.();
    },
  };
}
