import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { assemblyOf } from "../src/cli/assembly.ts";
import { medianFigure, timed } from "./support/measure.ts";
import { ASSEMBLIES, benchProject } from "./support/pipeline.ts";
import type { Question } from "./support/question.ts";
import { TRIPS_PIPELINE } from "./support/trips.ts";

const MiB = 1024 * 1024;
/** How long a runtime is left alone before its size counts. */
const IDLE_MS = 5000;
const WARM_INVOCATIONS = 20;

interface Connection {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export const question: Question = {
  asks: "How soon is the runtime ready when it has an assembly, how big is it when idle, how fast does it invoke?",
  async ask({ small, rounds = small ? 2 : 5 }) {
    const project = await benchProject(TRIPS_PIPELINE);
    try {
      const { directory: assembly } = await assemblyOf(project, ASSEMBLIES);
      const empty: number[] = [];
      const again: number[] = [];
      const bare: number[] = [];
      const idle: number[] = [];
      const family: number[] = [];
      const cold: number[] = [];
      const warm: number[] = [];
      for (let round = 0; round < rounds; round++) {
        await rm(project.stateDirectory, { recursive: true, force: true });
        bare.push(await timed(() => once(fork(path.join(import.meta.dirname, "support", "nothing.ts")), "exit")));
        const first = await start(project.stateDirectory, assembly);
        empty.push(first.ms);
        await sleep(IDLE_MS);
        idle.push((await sizeOf(first.child)) / MiB);
        family.push(sizeOfFamily(first.child.pid ?? 0) / MiB);
        const invocations = await invoke(first.connection);
        cold.push(invocations.cold);
        warm.push(invocations.warm);
        await stop(first.child);
        const second = await start(project.stateDirectory, assembly);
        again.push(second.ms);
        await stop(second.child);
      }
      return [
        medianFigure("ready, from an empty state", "ms", empty),
        medianFigure("ready, from the state of before", "ms", again),
        medianFigure("a Node process that does nothing, start to end", "ms", bare),
        medianFigure("size when idle", "MiB", idle),
        medianFigure("size when idle, with its processes", "MiB", family),
        medianFigure("Invoke, cold", "ms", cold),
        medianFigure(`Invoke, warm (median of ${WARM_INVOCATIONS})`, "ms", warm),
      ];
    } finally {
      await rm(project.directory, { recursive: true, force: true });
    }
  },
};

async function start(stateDirectory: string, assembly: string) {
  const startedAt = performance.now();
  const child = fork(path.join(import.meta.dirname, "support", "runtime-process.ts"), [stateDirectory, assembly], {
    execArgv: ["--expose-gc"],
  });
  const connection = await answer<Connection>(child);
  return { child, connection, ms: performance.now() - startedAt };
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.send("stop");
  await ended;
}

async function sizeOf(child: ChildProcess): Promise<number> {
  child.send("size");
  return (await answer<{ rss: number }>(child)).rss;
}

/** What a child says next. */
async function answer<T>(child: ChildProcess): Promise<T> {
  const ended = new AbortController();
  const died = once(child, "exit", { signal: ended.signal }).then(([code]) => {
    throw new Error(`the runtime's process ended (exit code ${String(code)})`);
  });
  const said = once(child, "message", { signal: ended.signal }).then(([message]) => message as T);
  try {
    return await Promise.race([said, died]);
  } finally {
    ended.abort();
    await Promise.allSettled([said, died]);
  }
}

/** Resident size of a process and its children: functions' processes and the job's that waits ready. In bytes. */
function sizeOfFamily(pid: number): number {
  return execFileSync("ps", ["-A", "-o", "pid=,ppid=,rss="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([one, parent]) => one === pid || parent === pid)
    .reduce((sum, [, , kibibytes = 0]) => sum + kibibytes * 1024, 0);
}

/** EtlFunction with no message: what an invocation itself costs. */
async function invoke(connection: Connection): Promise<{ cold: number; warm: number }> {
  const lambda = new LambdaClient(connection);
  try {
    const { Functions = [] } = await lambda.send(new ListFunctionsCommand());
    const FunctionName = Functions.map((one) => one.FunctionName ?? "").find((name) => name.endsWith("-etl"));
    const command = new InvokeCommand({ FunctionName, Payload: Buffer.from('{"Records":[]}') });
    const once = () =>
      timed(async () => {
        const { FunctionError } = await lambda.send(command);
        if (FunctionError !== undefined) throw new Error(`the function failed: ${FunctionError}`);
      });
    const cold = await once();
    const times: number[] = [];
    for (let number = 0; number < WARM_INVOCATIONS; number++) times.push(await once());
    return { cold, warm: medianFigure("", "", times).value };
  } finally {
    lambda.destroy();
  }
}
