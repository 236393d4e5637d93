import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Interface, createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { prepareSpark } from "../../../src/etl/glue/engine.ts";
import type { SparkEnvironment } from "../../../src/etl/glue/spark-environment.ts";
import type { JobEngine, JobEngineResult, JobEngineRun } from "../../../src/local/job-engine.ts";

/** An engine for tests with many runs of one pipeline: they share one Spark session, and go one after the other. */
export class SharedSparkEngine implements JobEngine, AsyncDisposable {
  readonly #spark: SparkEnvironment;
  #server: Promise<Server> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(spark: SparkEnvironment) {
    this.#spark = spark;
  }

  run(run: JobEngineRun): Promise<JobEngineResult> {
    const result = this.#last.then(() => this.#run(run));
    this.#last = result.catch(() => {});
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const server = await this.#server;
    if (!server) return;
    const { child } = server;
    if (child.exitCode === null && child.pid !== undefined) {
      const ended = once(child, "close");
      // Nothing in there is worth an end in good order; S3A would go on asking a runtime that has gone.
      process.kill(-child.pid, "SIGKILL");
      await ended;
    }
    await rm(server.directory, { recursive: true, force: true });
  }

  async #run(run: JobEngineRun): Promise<JobEngineResult> {
    if (run.signal.aborted) return { succeeded: false, errorMessage: "The run was stopped before it began." };
    this.#server ??= startServer(this.#spark, run);
    const server = await this.#server;
    server.log = (line) => run.log("error", line);
    const script = run.scriptPath;
    const given = Object.entries({ ...run.arguments, "--JOB_RUN_ID": run.jobRunId }).flat();
    const request = { script, arguments: given, environment: run.environment };
    server.child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await server.answers.next();
    if (done) return { succeeded: false, errorMessage: "The shared Spark ended." };
    const { error } = JSON.parse(value) as { error: string | null };
    return error === null ? { succeeded: true } : { succeeded: false, errorMessage: error };
  }
}

interface Server {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly answers: NodeJS.AsyncIterator<string>;
  readonly directory: string;
  log: (line: string) => void;
}

async function startServer(spark: SparkEnvironment, first: JobEngineRun): Promise<Server> {
  const directory = await mkdtemp(path.join(tmpdir(), "millrace-spark-"));
  const env = await prepareSpark(spark, { ...first, workDirectory: directory, clockOffset: 0 });
  const program = path.join(import.meta.dirname, "job_server.py");
  // A group of its own, with the JVM in it.
  const child = spawn(spark.python, [program], {
    cwd: directory,
    env,
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  const lines: Interface = createInterface({ input: child.stdout });
  const server: Server = { child, answers: lines[Symbol.asyncIterator](), directory, log: () => {} };
  createInterface({ input: child.stderr }).on("line", (line) => server.log(line));
  return server;
}
