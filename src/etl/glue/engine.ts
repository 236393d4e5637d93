import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { totalmem } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { type SparkEnvironment, SparkMissingError, findSpark } from "./spark-environment.ts";

/** A run as the runtime hands it over: what of `JobEngineRun` (src/local/job-engine.ts) this engine looks at. */
export interface SparkRun {
  readonly jobRunId: string;
  readonly scriptPath: string;
  readonly arguments: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly clockOffset: number;
  readonly workDirectory: string;
  readonly memoryMiB: number;
  log(stream: "output" | "error", line: string): void;
  readonly signal: AbortSignal;
}

export type SparkRunResult = { succeeded: true } | { succeeded: false; errorMessage: string };

export interface SparkEngine {
  run(run: SparkRun): Promise<SparkRunResult>;
}

/**
 * The engine that runs a Glue job's own script with Spark on this machine: slower than the DuckDB engine, and what Glue
 * does. The processes are killed when the run is aborted.
 */
export function createSparkEngine(): SparkEngine {
  return { run };
}

async function run(run: SparkRun): Promise<SparkRunResult> {
  if (run.signal.aborted) return { succeeded: false, errorMessage: "The run was stopped before it began." };
  let spark: SparkEnvironment;
  try {
    spark = await findSpark();
  } catch (error) {
    if (!(error instanceof SparkMissingError)) throw error;
    return { succeeded: false, errorMessage: error.message };
  }
  const environment = await prepareSpark(spark, run);
  const given = Object.entries({ ...run.arguments, "--JOB_RUN_ID": run.jobRunId }).flat();
  // Python starts the JVM, not spark-submit Python: that would send the script's errors to its output. A group of its
  // own, so that both can be killed.
  const child = spawn(spark.python, [run.scriptPath, ...given], {
    cwd: run.workDirectory,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const kill = () => killGroup(child);
  run.signal.addEventListener("abort", kill, { once: true });
  try {
    const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    let lastError = "";
    const output = readLines(child.stdout, (line) => run.log("output", line));
    const errors = readLines(child.stderr, (line) => {
      if (line.trim() !== "" && !LOG_LINE.test(line)) lastError = line.trim();
      run.log("error", line);
    });
    const { code, signal } = await ended;
    await Promise.all([output, errors]);
    if (code === 0) return { succeeded: true };
    if (run.signal.aborted) return { succeeded: false, errorMessage: "The run was stopped." };
    const how = signal === null ? `exit code ${code}` : signal;
    const errorMessage =
      code === 1 && lastError !== ""
        ? lastError
        : `Spark ended unexpectedly (${how}).${lastError === "" ? "" : ` It last said: ${lastError}`}`;
    return { succeeded: false, errorMessage };
  } finally {
    run.signal.removeEventListener("abort", kill);
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // It ended by itself just now.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Lines of log4j, by the pattern below. */
const LOG_LINE = /^\d\d:\d\d:\d\d /;

const LOGGING = `
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n
# That Hadoop has no native libraries here, and that S3A's metrics have no configuration, is nobody's concern.
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
logger.metrics.name = org.apache.hadoop.metrics2
logger.metrics.level = error
# Fields are read by place: which column each is has been decided by the script.
logger.header.name = org.apache.spark.sql.catalyst.csv.CSVHeaderChecker
logger.header.level = error
`;

/** Writes Spark's configuration into the run's directory; returns the environment of its processes. */
export async function prepareSpark(spark: SparkEnvironment, run: SparkRun): Promise<NodeJS.ProcessEnv> {
  const { environment, workDirectory, clockOffset } = run;
  const configuration = path.join(workDirectory, "conf");
  await mkdir(configuration, { recursive: true });
  const lines = Object.entries(properties(spark, run)).map(([name, value]) => `${name} ${value}\n`);
  await writeFile(path.join(configuration, "spark-defaults.conf"), lines.join(""));
  await writeFile(path.join(configuration, "log4j2.properties"), LOGGING);
  // Python imports this module at its start, if there is one. Signatures carry the machine's time, which S3 takes.
  const clock = `import time\n_time = time.time\ntime.time = lambda: _time() + ${clockOffset / 1000}\n`;
  await writeFile(path.join(configuration, "sitecustomize.py"), clock);
  const inherited = Object.fromEntries(
    ["PATH", "JAVA_HOME", "HOME", "LANG", "TMPDIR"].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  return {
    ...inherited,
    ...environment,
    PYSPARK_PYTHON: spark.python,
    PYSPARK_DRIVER_PYTHON: spark.python,
    PYTHONPATH: configuration,
    PYTHONDONTWRITEBYTECODE: "1",
    SPARK_HOME: spark.sparkHome,
    SPARK_CONF_DIR: configuration,
    SPARK_LOCAL_IP: "127.0.0.1",
    SPARK_LOCAL_DIRS: path.join(workDirectory, "spark"),
  };
}

function properties(spark: SparkEnvironment, { environment, workDirectory, memoryMiB }: SparkRun) {
  const endpoint = environment["AWS_ENDPOINT_URL"];
  const heap = Math.floor(Math.max(512, Math.min(memoryMiB, 4096, totalmem() / 4 / 1024 / 1024)));
  const s3a = "spark.hadoop.fs.s3a";
  return {
    "spark.master": "local[2]",
    "spark.driver.memory": `${heap}m`,
    "spark.driver.extraClassPath": path.join(spark.jars, "*"),
    "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.warehouse.dir": path.join(workDirectory, "warehouse"),
    "spark.sql.shuffle.partitions": "4",
    // Glue's Spark knows s3:// as S3A.
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    [`${s3a}.aws.credentials.provider`]:
      "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider",
    [`${s3a}.buffer.dir`]: path.join(workDirectory, "s3a"),
    [`${s3a}.endpoint.region`]: environment["AWS_REGION"] ?? "us-east-1",
    ...(endpoint === undefined
      ? {}
      : {
          [`${s3a}.endpoint`]: endpoint,
          [`${s3a}.path.style.access`]: "true",
          [`${s3a}.connection.ssl.enabled`]: String(endpoint.startsWith("https:")),
        }),
  };
}

async function readLines(stream: Readable, take: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) take(line);
}
