import type { Command } from "commander";
import { assemblyOf } from "../assembly.ts";
import { type CommonOptions, newCommand, output } from "../options.ts";
import { bytes, count, dim, renderTable, strong } from "../output.ts";
import { type Project, openProject } from "../project.ts";
import { reportOf } from "../template-report.ts";
import { UserError } from "../user-error.ts";
import { athenaTable } from "../../etl/compile/athena-table.ts";
import { type DatasetPlan, LINEAGE_COLUMNS } from "../../plan/plan.ts";

interface CheckOptions extends CommonOptions {
  readonly verbose?: boolean;
}

export function command(): Command {
  return newCommand(
    "check",
    "check the definition, and show the tables and what the local runtime makes of the template",
    "json",
  )
    .option("--verbose", "also print the SQL for both engines, and every ignored property")
    .action(check);
}

async function check(options: CheckOptions): Promise<void> {
  const project = await openProject(options);
  const { directory } = await assemblyOf(project);
  const reports = await reportOf(directory);
  const refused = reports.flatMap((report) => report.refused);
  if (options.json) {
    output.json({ file: project.file, plan: project.plan, tables: tablesOf(project), template: reports });
  } else {
    print(project, options);
    for (const report of reports) {
      output.result(
        `${strong("template")}  ${report.stack}: ${count(report.supported.length, "resource")}, ` +
          `${count(report.ignored.length, "property", "properties")} without local effect, ${report.refused.length} refused`,
      );
      const reasons = options.verbose
        ? report.ignored.map(({ where, message }) => `${where}: ${message}`)
        : byReason(report.ignored);
      for (const reason of reasons) output.result(dim(`  ${reason}`));
    }
  }
  if (refused.length > 0) {
    const lines = refused.map(({ where, message }) => `  ${where}: ${message}`);
    throw new UserError(`The local runtime cannot run this template:\n${lines.join("\n")}`);
  }
}

/** Ignored properties by reason: the same property of many resources is one line. */
function byReason(ignored: readonly { where: string; message: string }[]): string[] {
  const reasons = new Map<string, { properties: Set<string>; times: number }>();
  for (const { where, message } of ignored) {
    const known = reasons.get(message) ?? { properties: new Set(), times: 0 };
    known.properties.add(where.split(".").slice(3).join(".").replaceAll(/\.\d+/g, ""));
    known.times++;
    reasons.set(message, known);
  }
  return [...reasons].map(([message, { properties, times }]) => `${[...properties].join(", ")} (${times}): ${message}`);
}

/** The columns of a table as Athena will show it, each with what it is for. */
function tableOf(dataset: DatasetPlan): { name: string; type: string; note: string }[] {
  const { columns, partitions } = athenaTable(dataset);
  const lineage: readonly string[] = LINEAGE_COLUMNS;
  return [
    ...columns.map((column) => ({ ...column, note: lineage.includes(column.name) ? "lineage" : "" })),
    ...partitions.map((column) => ({ ...column, note: "partition" })),
  ];
}

function tablesOf(project: Project): Record<string, ReturnType<typeof tableOf>> {
  return Object.fromEntries(Object.values(project.plan.datasets).map((dataset) => [dataset.table, tableOf(dataset)]));
}

function print({ file, plan }: Project, options: CheckOptions): void {
  output.result(`${strong("definition")}  ${file}: ${count(Object.keys(plan.datasets).length, "dataset")}`);
  for (const dataset of Object.values(plan.datasets)) {
    const { limits, rules, source, prefix } = dataset;
    output.result(
      `\n${strong(dataset.name)}  ${source.format} files under "${prefix}"; ${count(rules.length, "rule")}; ` +
        `a run takes up to ${count(limits.maxFiles, "file")} or ${bytes(limits.maxBytes)}`,
    );
    const rows = tableOf(dataset).map(({ name, type, note }) => [name, type, note]);
    output.result(renderTable([`table ${dataset.table}`, "type", ""], rows));
    if (!options.verbose) continue;
    output.result(dim(`Spark   ${dataset.transform.spark}\nDuckDB  ${dataset.transform.duckdb}`));
  }
  output.result("");
}
