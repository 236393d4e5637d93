import type { Command } from "commander";
import { queryAthena } from "../athena-query.ts";
import { type CommonOptions, newCommand, output } from "../options.ts";
import { bytes, dim, seconds } from "../output.ts";
import { connectTo } from "../project.ts";
import { asCsv, asJson, asTable } from "../query-output.ts";

interface QueryOptions extends CommonOptions {
  readonly csv?: boolean;
}

export function command(): Command {
  return newCommand(
    "query",
    "ask Athena: one SQL statement, in the pipeline's database and workgroup",
    "endpoint",
    "json",
  )
    .argument("<sql>", 'for example "select count(*) from flights"')
    .option("--csv", "print CSV")
    .action(query);
}

async function query(sql: string, options: QueryOptions): Promise<void> {
  const target = await connectTo(options);
  try {
    const result = await queryAthena(target, sql);
    if (options.json) return output.json(asJson(result));
    output.result(options.csv ? asCsv(result) : asTable(result));
    output.note(
      dim(`${result.rows.length} rows, ${bytes(result.bytesScanned)} scanned, ${seconds(result.milliseconds)}`),
    );
  } finally {
    target.close();
  }
}
