import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { JobEngine } from "../local/job-engine.ts";
import { type Runtime, startRuntime } from "../local/runtime.ts";
import { StateError } from "../local/state.ts";
import { ProvisionError } from "../local/template/provision.ts";
import type { Report } from "../local/template/findings.ts";
import { TemplateError } from "../local/template/findings.ts";
import type { TraceEvent } from "../local/trace.ts";
import { assemblyOf } from "./assembly.ts";
import type { Project } from "./project.ts";
import { RUNTIME_FILE, type RuntimeFile } from "./target.ts";
import { UserError } from "./user-error.ts";

export type EngineName = "duckdb" | "spark";

export interface LocalOptions {
  readonly port: number;
  /** A name, or an engine of the caller's own. */
  readonly engine: EngineName | JobEngine;
  readonly skipIdle?: boolean;
  /** Where assemblies are kept; default below the project's state. */
  readonly assemblies?: string;
  readonly onTrace?: (event: TraceEvent) => void;
}

/** A project that runs on this machine. */
export interface LocalPipeline {
  readonly runtime: Runtime;
  /** Brings the runtime to a changed project. */
  deploy(project: Project): Promise<readonly Report[]>;
  stop(): Promise<void>;
}

/**
 * Starts the runtime on the project's state and brings its stack there.
 * @throws UserError when the port or the state is taken, or the template cannot be run.
 */
export async function startLocal(project: Project, options: LocalOptions): Promise<LocalPipeline> {
  const engine = await engineOf(options.engine);
  const runtime = await startRuntime({
    stateDirectory: project.stateDirectory,
    port: options.port,
    engine,
    skipIdle: options.skipIdle,
    onTrace: options.onTrace,
  }).catch((error: unknown) => {
    throw startError(error, options.port);
  });
  const deploy = async (changed: Project) => {
    const { directory } = await assemblyOf(changed, options.assemblies);
    return runtime.deploy(directory).catch((error: unknown) => {
      if (!(error instanceof TemplateError || error instanceof ProvisionError)) throw error;
      throw new UserError(error.message, { cause: error, exitCode: 1 });
    });
  };
  const file = path.join(project.stateDirectory, RUNTIME_FILE);
  const stop = async () => {
    await rm(file, { force: true });
    await runtime.stop();
  };
  try {
    await deploy(project);
    await writeFile(file, JSON.stringify(runtimeFileOf(runtime), null, 2), { mode: 0o600 });
  } catch (error) {
    await stop();
    throw error;
  }
  return { runtime, deploy, stop };
}

function runtimeFileOf({ endpoint, region, credentials }: Runtime): RuntimeFile {
  const { accessKeyId, secretAccessKey } = credentials;
  return { pid: process.pid, endpoint, region, accessKeyId, secretAccessKey };
}

async function engineOf(name: EngineName | JobEngine): Promise<JobEngine> {
  if (typeof name !== "string") return name;
  if (name === "duckdb") return (await import("../etl/duckdb/engine.ts")).createDuckDbEngine();
  return (await import("../etl/glue/engine.ts")).createSparkEngine();
}

function startError(error: unknown, port: number): unknown {
  if (error instanceof StateError) {
    const hint = error.reason === "format" ? "`millrace dev --fresh` starts empty: it forgets that state." : undefined;
    return new UserError(error.message, { hint, cause: error });
  }
  if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
    return new UserError(`Port ${port} is taken by another program.`, {
      hint: "Choose another with --port, or --port 0 for a free one.",
      cause: error,
    });
  }
  return error;
}
