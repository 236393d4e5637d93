import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Command, Option } from "commander";
import { ASSEMBLIES } from "../assembly.ts";
import { type QueryResult, queryAthena } from "../athena-query.ts";
import { dropFiles, filesToDrop } from "../drop.ts";
import { Journal } from "../journal.ts";
import { type EngineName, startLocal } from "../local.ts";
import { type CommonOptions, newCommand, output } from "../options.ts";
import { type FileOutcome, followFiles, ledgerOf } from "../outcome.ts";
import { count, dim } from "../output.ts";
import { connectProject, openProject } from "../project.ts";
import { asJson, asTable } from "../query-output.ts";
import type { Target } from "../target.ts";
import { EXIT, UserError } from "../user-error.ts";

interface RunOptions extends CommonOptions {
  readonly dataset?: string;
  readonly query?: string;
  readonly engine: EngineName;
}

export function command(): Command {
  return newCommand("run", "load files once, in a fresh local pipeline, and say what became of them", "json")
    .argument("<files...>", "files, or folders with files")
    .option("--dataset <name>", "the dataset they belong to (default: the only one, or the one their folder names)")
    .option("--query <sql>", "ask this when they are loaded")
    .addOption(new Option("--engine <name>", "what runs EtlJob").choices(["duckdb", "spark"]).default("duckdb"))
    .action(run);
}

/** The state of a run is its own and goes with it; the assembly cache is the project's. */
async function run(names: string[], options: RunOptions): Promise<void> {
  const project = await openProject(options);
  const files = await filesToDrop(project.plan, names, options.dataset);
  const stateDirectory = await mkdtemp(path.join(tmpdir(), "millrace-run-"));
  let journal: Journal | undefined;
  // A job that died is tried again when more files come; in a single run none will.
  const dead = new AbortController();
  try {
    const local = await startLocal(
      { ...project, stateDirectory },
      {
        port: 0,
        engine: options.engine,
        skipIdle: true,
        onTrace(event) {
          journal?.see(event);
          if (event.type === "state" && event.kind === "job-run" && DEAD.has(event.to)) dead.abort();
        },
        assemblies: path.join(project.stateDirectory, ASSEMBLIES),
      },
    );
    try {
      const target = await connectProject({ ...project, stateDirectory }, {});
      journal = new Journal(output, ledgerOf(target));
      const dropped = await dropFiles(target, project.plan, files);
      const outcomes = await followFiles(target, dropped, () => {}, dead.signal);
      await journal.settled();
      const answer = options.query === undefined ? undefined : await ask(target, options.query);
      target.close();
      report(outcomes, answer instanceof UserError ? undefined : answer, options);
      process.exitCode = outcomes.every(isClean) ? EXIT.ok : EXIT.notAllLoaded;
      // After the report: that files were rejected is often why there is no table to ask.
      if (answer instanceof UserError)
        throw new UserError(answer.message, { exitCode: process.exitCode || EXIT.usage });
    } finally {
      await local.stop();
    }
  } finally {
    await rm(stateDirectory, { recursive: true, force: true });
  }
}

function ask(target: Target, sql: string): Promise<QueryResult | UserError> {
  return queryAthena(target, sql).catch((error: unknown) => {
    if (error instanceof UserError) return error;
    throw error;
  });
}

const DEAD: ReadonlySet<string> = new Set(["FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED"]);

/** Loaded whole: nothing of it was rejected. */
function isClean(outcome: FileOutcome): boolean {
  return outcome.state === "committed" && outcome.rowsRejected === 0;
}

function report(outcomes: readonly FileOutcome[], answer: QueryResult | undefined, options: RunOptions): void {
  if (options.json) {
    return output.json({ files: outcomes, query: answer ? asJson(answer) : null });
  }
  const rows = outcomes.reduce((sum, outcome) => sum + (outcome.rowsOut ?? 0), 0);
  const clean = outcomes.filter(isClean).length;
  output.note(dim(`${clean} of ${count(outcomes.length, "file")} loaded whole, ${count(rows, "row")}`));
  if (answer) output.result(asTable(answer));
}
