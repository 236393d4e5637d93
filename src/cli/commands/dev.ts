import { once } from "node:events";
import { watch } from "node:fs";
import { readFile, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { type Command, Option } from "commander";
import { ASSEMBLIES } from "../assembly.ts";
import { queryAthena } from "../athena-query.ts";
import { dropFiles, filesToDrop } from "../drop.ts";
import { Journal } from "../journal.ts";
import { type EngineName, type LocalPipeline, startLocal } from "../local.ts";
import { type CommonOptions, newCommand, output } from "../options.ts";
import { count, dim, seconds, strong } from "../output.ts";
import { followFiles, ledgerOf } from "../outcome.ts";
import { connectProject, openProject, type Project } from "../project.ts";
import { asTable } from "../query-output.ts";
import { type Target, findRuntime } from "../target.ts";
import { EXIT, UserError } from "../user-error.ts";

interface DevOptions extends CommonOptions {
  readonly port: string;
  readonly fresh?: boolean;
  readonly engine: EngineName;
  readonly put?: string[];
  readonly query?: string;
}

export function command(): Command {
  return newCommand("dev", "run the pipeline on this machine, and follow the definition as it changes")
    .option("-p, --port <number>", "port on 127.0.0.1; 0 takes a free one", "4566")
    .option("--fresh", "start empty: forget the state of earlier runs")
    .addOption(new Option("--engine <name>", "what runs EtlJob").choices(["duckdb", "spark"]).default("duckdb"))
    .option("--put <files...>", "drop these files once it runs")
    .option("--query <sql>", "when those files are loaded, ask this; @FILE reads the question from a file")
    .action(dev);
}

async function dev(options: DevOptions): Promise<void> {
  const project = await openProject(options);
  // From here on Ctrl-C stops in order, also in the middle of the demonstration.
  const stopped = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  if (options.fresh) await forget(project);
  output.progress("starting");
  const startedAt = performance.now();
  let journal: Journal | undefined;
  const local = await startLocal(project, {
    port: portOf(options.port),
    engine: options.engine,
    onTrace: (event) => journal?.see(event),
  });
  try {
    const target = await connectProject(project, {});
    journal = new Journal(output, ledgerOf(target));
    output.progress("");
    greet(project, target, performance.now() - startedAt);
    followDefinition(project, options, local);
    const shown = options.put ? demonstrate(project, target, options.put, options.query) : undefined;
    await Promise.race([stopped, shown]);
    await stopped;
    output.note(dim("stopping; what was going on is taken up by the next start"));
    target.close();
  } finally {
    await local.stop();
  }
  process.exit(EXIT.ok);
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new UserError(`--port: ${text} is not a port.`);
  return port;
}

/** Every state has it (src/local/state.ts). */
const STATE_FILE = "runtime.db";

/** Empties the state, but keeps the assemblies: they are a cache, and say nothing about data. */
async function forget({ stateDirectory }: Project): Promise<void> {
  const running = await findRuntime(stateDirectory);
  if (running) {
    throw new UserError(`--fresh: a runtime (process ${running.pid}) is using ${stateDirectory}.`, {
      hint: "Stop it first, or give this one another folder with --state.",
    });
  }
  const entries = await readdir(stateDirectory).catch((): string[] => []);
  if (entries.length > 0 && !entries.includes(STATE_FILE) && entries.some((name) => name !== ASSEMBLIES)) {
    throw new UserError(`--fresh: ${stateDirectory} holds something else than the state of a runtime.`, {
      hint: "Name another folder with --state; nothing was deleted.",
    });
  }
  for (const entry of entries.filter((name) => name !== ASSEMBLIES)) {
    await rm(path.join(stateDirectory, entry), { recursive: true, force: true });
  }
}

function greet(project: Project, target: Target, ms: number): void {
  const { pipeline, stage } = project.settings;
  output.note(`${strong(`millrace ${pipeline}`)} (${stage}) runs at ${target.endpoint}  ${dim(seconds(ms))}`);
  output.note(dim(`  drop files    millrace put FILES, or any S3 client: s3://${target.stack.sourceBucket}/`));
  output.note(dim(`  ask           millrace query "select * from loads"`));
  output.note(
    dim(
      `  other tools   AWS_ENDPOINT_URL=${target.endpoint}; keys in ${path.relative(".", project.stateDirectory)}/runtime.json`,
    ),
  );
}

async function demonstrate(
  project: Project,
  target: Target,
  names: string[],
  query: string | undefined,
): Promise<void> {
  const files = await filesToDrop(project.plan, names);
  output.note(`dropping ${count(files.length, "file")} into s3://${target.stack.sourceBucket}/`);
  const startedAt = performance.now();
  const dropped = await dropFiles(target, project.plan, files);
  const outcomes = await followFiles(target, dropped, () => {});
  const rows = outcomes.reduce((sum, outcome) => sum + (outcome.rowsOut ?? 0), 0);
  output.note(
    `${count(outcomes.length, "file")} settled, ${count(rows, "row")} to query, ${seconds(performance.now() - startedAt)} after the first was dropped`,
  );
  if (query === undefined) return;
  const sql = query.startsWith("@") ? await readFile(query.slice(1), "utf8") : query;
  output.note(`\n${dim(sql.trim())}`);
  output.result(asTable(await queryAthena(target, sql)));
  output.note(dim("It stays up for more files; Ctrl-C stops it."));
}

/** Editors write a file in several steps: changes are taken together. */
const SETTLE_MS = 150;

function followDefinition(project: Project, options: DevOptions, local: LocalPipeline): void {
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> = Promise.resolve();
  const changed = async () => {
    try {
      const next = await openProject(options);
      const before = performance.now();
      await local.deploy(next);
      output.note(dim(`${path.basename(project.file)} changed: deployed in ${seconds(performance.now() - before)}`));
    } catch (error) {
      output.note(error instanceof UserError ? error.message : String(error));
      output.note(dim("the pipeline runs on as it was"));
    }
  };
  watch(project.directory, (_, name) => {
    if (name !== path.basename(project.file)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      working = working.then(changed);
    }, SETTLE_MS);
  }).unref();
}
