import { z } from "zod";
import { jsonText } from "../../properties.ts";
import type { ResourceProvider } from "../../service.ts";
import { defineResource } from "../../service.ts";
import type { Dashboards } from "./dashboards.ts";

export function createDashboardResource(dashboards: Dashboards): ResourceProvider {
  return defineResource({
    schema: z.strictObject({ DashboardName: z.string().optional(), DashboardBody: jsonText }),
    attributes: [],
    provision({ properties, physicalId, generatedName }) {
      const name = properties.DashboardName ?? physicalId ?? generatedName(255);
      dashboards.put(name, properties.DashboardBody);
      return { physicalId: name, attributes: {} };
    },
    delete: (name) => dashboards.delete(name),
  });
}
