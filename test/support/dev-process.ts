import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { connectProject, openProject } from "../../src/cli/project.ts";
import type { Target } from "../../src/cli/target.ts";
import { ASSEMBLIES } from "./pipeline.ts";

const MAIN = path.resolve(import.meta.dirname, "..", "..", "src", "cli", "main.ts");

/** What a `millrace` command printed, and how it ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): { child: ChildProcess; result: CommandResult } {
  // No color, no credentials and no account of whoever runs the tests.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(AWS_|FORCE_COLOR)/.test(name));
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", AWS_EC2_METADATA_DISABLED: "true", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const result = { code: null as number | null, stdout: "", stderr: "" };
  child.stdout.on("data", (bytes: Buffer) => (result.stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (result.stderr += bytes.toString()));
  child.on("close", (code) => (result.code = code));
  return { child, result };
}

/** Runs a `millrace` command in a process of its own to its end. */
export async function millrace(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<CommandResult> {
  const { child, result } = start(args, env);
  await once(child, "close");
  return result;
}

/** A directory of assemblies that all tests share, so that only a changed definition is synthesized. */
export async function shareAssemblies(stateDirectory: string): Promise<void> {
  await mkdir(ASSEMBLIES, { recursive: true });
  await mkdir(stateDirectory, { recursive: true });
  const link = path.join(stateDirectory, "assemblies");
  await rm(link, { recursive: true, force: true });
  await symlink(ASSEMBLIES, link);
}

/** A running `millrace dev`. */
export interface DevProcess extends AsyncDisposable {
  readonly pid: number;
  readonly target: Target;
  /** Everything it printed so far. */
  readonly output: CommandResult;
  /** `kill -9`; resolves when the process is gone. */
  kill(): Promise<void>;
}

/** Starts `millrace dev` on a free port; resolves when it runs. */
export async function startDev(directory: string, stateDirectory: string): Promise<DevProcess> {
  const options = ["--config", directory, "--stage", "test", "--state", stateDirectory];
  const { child, result } = start(["dev", ...options, "--port", "0"]);
  const ended = once(child, "close");
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on("data", () => {
      if (result.stderr.includes(" runs at http")) resolve();
    });
    child.on("close", () => reject(new Error(`millrace dev ended: ${result.stderr}`)));
  });
  const project = await openProject({ config: directory, stage: "test", state: stateDirectory });
  const target = await connectProject(project, {});
  const end = async (signal: NodeJS.Signals) => {
    target.close();
    child.kill(signal);
    await ended;
  };
  return {
    pid: child.pid ?? 0,
    target,
    output: result,
    kill: () => end("SIGKILL"),
    [Symbol.asyncDispose]: () =>
      child.exitCode === null && child.signalCode === null ? end("SIGTERM") : Promise.resolve(),
  };
}
