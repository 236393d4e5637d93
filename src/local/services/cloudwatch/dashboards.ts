import type * as CloudWatch from "@aws-sdk/client-cloudwatch";
import type { DatabaseSync } from "node:sqlite";
import type { ServiceDeps } from "../../service.ts";
import { AwsError } from "../../service.ts";
import { unsupported } from "./errors.ts";
import { page } from "./metric-operations.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS dashboards (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
`;

const WIDGETS = ["metric", "text", "log", "alarm", "explorer", "custom"];
const PAGE = 1_000;

interface Dashboard {
  readonly name: string;
  readonly body: string;
  readonly updatedAt: number;
}

/** Dashboards: kept as their JSON text, checked for what CloudWatch would refuse. */
export class Dashboards {
  readonly #deps: ServiceDeps;
  readonly #database: DatabaseSync;

  constructor(deps: ServiceDeps, database: DatabaseSync) {
    this.#deps = deps;
    this.#database = database;
    database.exec(SCHEMA);
  }

  get(name: string): Dashboard | undefined {
    const row = this.#database.prepare("SELECT * FROM dashboards WHERE name = ?").get(name);
    return row && { name, body: String(row["body"]), updatedAt: Number(row["updated_at"]) };
  }

  /** Replaces the whole dashboard; throws with the places that are wrong. */
  put(name: string, body: string): void {
    const problems = validate(name, body);
    if (problems.length > 0) {
      throw new AwsError("DashboardInvalidInputError", problems.map((problem) => problem.Message).join("; "), {
        fields: { dashboardValidationMessages: problems },
      });
    }
    this.#database
      .prepare("INSERT OR REPLACE INTO dashboards VALUES (?, ?, ?)")
      .run(name, body, this.#deps.clock.now());
  }

  delete(name: string): void {
    this.#database.prepare("DELETE FROM dashboards WHERE name = ?").run(name);
  }

  list(): Dashboard[] {
    return this.#database
      .prepare("SELECT * FROM dashboards ORDER BY name")
      .all()
      .map((row) => ({ name: String(row["name"]), body: String(row["body"]), updatedAt: Number(row["updated_at"]) }));
  }

  operations() {
    const find = (name: string | undefined): Dashboard => {
      const dashboard = this.get(name ?? "");
      if (!dashboard) throw new AwsError("DashboardNotFoundError", `Dashboard ${name ?? ""} does not exist`);
      return dashboard;
    };
    // Dashboards belong to the account, not to a Region.
    const { partition, account } = this.#deps.environment;
    const arn = (name: string) => `arn:${partition}:cloudwatch::${account}:dashboard/${name}`;
    return {
      PutDashboard: (input: CloudWatch.PutDashboardCommandInput) => {
        if (input.Tags) throw unsupported("Tags of a dashboard", "leave them out.");
        this.put(input.DashboardName ?? "", input.DashboardBody ?? "");
        return { DashboardValidationMessages: [] };
      },
      GetDashboard: (input: CloudWatch.GetDashboardCommandInput) => {
        const { name, body } = find(input.DashboardName);
        return { DashboardArn: arn(name), DashboardName: name, DashboardBody: body };
      },
      DeleteDashboards: (input: CloudWatch.DeleteDashboardsCommandInput) => {
        const dashboards = (input.DashboardNames ?? []).map((name) => find(name));
        for (const { name } of dashboards) this.delete(name);
        return {};
      },
      ListDashboards: (input: CloudWatch.ListDashboardsCommandInput) => {
        const matching = this.list().filter(({ name }) => name.startsWith(input.DashboardNamePrefix ?? ""));
        const { items, NextToken } = page(matching, PAGE, input.NextToken);
        return {
          DashboardEntries: items.map(({ name, body, updatedAt }) => ({
            DashboardName: name,
            DashboardArn: arn(name),
            LastModified: new Date(updatedAt),
            Size: Buffer.byteLength(body),
          })),
          NextToken,
        };
      },
    };
  }
}

interface Problem {
  readonly DataPath: string;
  readonly Message: string;
}

function validate(name: string, text: string): Problem[] {
  if (!/^[\w-]{1,255}$/.test(name)) {
    return [{ DataPath: "/", Message: `The dashboard name ${name} must have 1 to 255 of A-Z, a-z, 0-9, - and _` }];
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return [{ DataPath: "/", Message: "The field DashboardBody must be a valid JSON object" }];
  }
  const { widgets } = (typeof body === "object" && body !== null ? body : {}) as { widgets?: unknown };
  if (!Array.isArray(widgets)) return [{ DataPath: "/widgets", Message: "Should have property widgets, a list" }];
  return widgets.flatMap((widget: unknown, index): Problem[] => {
    const DataPath = `/widgets/${index}`;
    if (typeof widget !== "object" || widget === null) return [{ DataPath, Message: "Should be object" }];
    const { type, properties } = widget as { type?: unknown; properties?: unknown };
    if (!WIDGETS.includes(String(type))) {
      return [{ DataPath: `${DataPath}/type`, Message: `Should be one of ${WIDGETS.join(", ")}` }];
    }
    if (typeof properties !== "object" || properties === null) {
      return [{ DataPath, Message: "Should have required property 'properties'" }];
    }
    return [];
  });
}
