import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { mapConcurrently } from "../../ledger/concurrency.ts";

const run = promisify(execFile);

/** What Glue 6.0 runs: Spark 4.1.1. Its own boto3 is older or newer, which must not matter. */
const PYTHON_PACKAGES = ["pyspark==4.1.1", "boto3==1.43.127"];

const MAVEN = "https://repo1.maven.org/maven2/";

/**
 * hadoop-aws of Spark's Hadoop, and what S3A needs of the AWS SDK: its own dependency is the whole SDK, half a gigabyte.
 * What Spark brings itself (netty, slf4j, Apache's HTTP client) is left out.
 */
const JARS = new URL("s3a-jars.json", import.meta.url);

/** A Spark that can run the Glue script on this machine. */
export interface SparkEnvironment {
  readonly java: string;
  readonly python: string;
  /** PySpark's own directory. */
  readonly sparkHome: string;
  /** Directory of the jars for S3A. */
  readonly jars: string;
}

/** Spark, or something that it needs, is not there. The message says what to do. */
export class SparkMissingError extends Error {
  override readonly name = "SparkMissingError";
}

/** MILLRACE_SPARK_HOME, or `.cache/spark` of this package. */
export function sparkDirectory(): string {
  const given = process.env["MILLRACE_SPARK_HOME"];
  return given ? path.resolve(given) : fileURLToPath(new URL("../../../.cache/spark", import.meta.url));
}

/** The environment that `setUpSpark` has made. Throws `SparkMissingError`. */
export async function findSpark(directory = sparkDirectory()): Promise<SparkEnvironment> {
  const java = await findJava();
  const sparkHome = await pysparkOf(directory);
  const stamp = await readFile(path.join(directory, STAMP), "utf8").catch(() => undefined);
  if (sparkHome === undefined || stamp !== (await wantedStamp())) {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const program = fileURLToPath(new URL(`set-up-spark.${extension}`, import.meta.url));
    throw new SparkMissingError(
      `Spark is not set up in ${directory}. Run \`node ${program}\` (downloads about 450 MB), or use the DuckDB engine.`,
    );
  }
  return { java, python: path.join(directory, "venv/bin/python"), sparkHome, jars: path.join(directory, "jars") };
}

/**
 * Makes the environment, unless it is there: PySpark and boto3 from PyPI in a virtual environment, jars from Maven
 * Central, each checked by its SHA-256. Throws `SparkMissingError` when Java or Python is absent.
 */
export async function setUpSpark(log: (line: string) => void, directory = sparkDirectory()): Promise<SparkEnvironment> {
  await findJava();
  const python = await findPython();
  const stamp = path.join(directory, STAMP);
  const wanted = await wantedStamp();
  if ((await readFile(stamp, "utf8").catch(() => undefined)) !== wanted) {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    log(`Installing ${PYTHON_PACKAGES.join(" and ")} into ${directory}`);
    await run(python, ["-m", "venv", path.join(directory, "venv")]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PYTHON_PACKAGES];
    await run(path.join(directory, "venv/bin/python"), pip);
    log(`Fetching the jars of S3A from ${MAVEN}`);
    await fetchJars(path.join(directory, "jars"));
    await writeFile(stamp, wanted);
  }
  return await findSpark(directory);
}

const STAMP = "environment.sha256";

async function wantedStamp(): Promise<string> {
  return createHash("sha256")
    .update(await readFile(JARS))
    .update(PYTHON_PACKAGES.join("\n"))
    .digest("hex");
}

async function fetchJars(directory: string): Promise<void> {
  const jars = JSON.parse(await readFile(JARS, "utf8")) as { path: string; sha256: string }[];
  const temporary = await mkdtemp(`${directory}.`);
  await mapConcurrently(jars, 6, async (jar) => {
    const response = await fetch(MAVEN + jar.path);
    if (!response.ok) throw new Error(`${MAVEN}${jar.path}: ${response.status} ${response.statusText}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    const found = createHash("sha256").update(bytes).digest("hex");
    if (found !== jar.sha256) throw new Error(`${MAVEN}${jar.path} has the SHA-256 ${found}, not ${jar.sha256}`);
    await writeFile(path.join(temporary, path.basename(jar.path)), bytes);
  });
  await rename(temporary, directory);
}

async function pysparkOf(directory: string): Promise<string | undefined> {
  const lib = path.join(directory, "venv/lib");
  const versions = await readdir(lib).catch((): string[] => []);
  return versions.map((version) => path.join(lib, version, "site-packages/pyspark")).find((home) => existsSync(home));
}

async function findJava(): Promise<string> {
  const home = process.env["JAVA_HOME"];
  const java = home ? path.join(home, "bin/java") : "java";
  try {
    // Java prints its version on stderr, and Spark 4 needs 17 or 21.
    const { stderr } = await run(java, ["-version"]);
    const version = Number(/version "(\d+)/.exec(stderr)?.[1]);
    if (version >= 17) return java;
    throw new SparkMissingError(`Spark needs Java 17 or 21, and this is ${stderr.split("\n")[0]}. Set JAVA_HOME.`);
  } catch (error) {
    if (error instanceof SparkMissingError) throw error;
    throw new SparkMissingError("Spark needs Java 17 or 21, and there is none here. Install one, or set JAVA_HOME.", {
      cause: error,
    });
  }
}

async function findPython(): Promise<string> {
  try {
    await run("python3", ["-c", "import sys, venv; sys.exit(sys.version_info < (3, 11))"]);
    return "python3";
  } catch (error) {
    throw new SparkMissingError("The Glue script needs Python 3.11 or newer, with venv, as `python3`.", {
      cause: error,
    });
  }
}
