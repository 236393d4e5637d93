import { mkdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SparkMissingError, setUpSpark, sparkDirectory } from "../../../src/etl/glue/spark-environment.ts";
import type { SparkEnvironment } from "../../../src/etl/glue/spark-environment.ts";

/**
 * Spark on this machine, made on first use (450 MB from PyPI and Maven Central). Undefined, with a loud message, where
 * Java or Python is missing; with CI set that is a failure instead.
 */
export async function sparkForTests(): Promise<SparkEnvironment | undefined> {
  const directory = sparkDirectory();
  mkdirSync(path.dirname(directory), { recursive: true });
  // Test files run in several processes: one of them sets up, the others wait for the lock.
  const lock = new DatabaseSync(`${directory}.lock.db`, { timeout: 600_000 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return await setUpSpark((line) => console.warn(line), directory);
  } catch (error) {
    if (process.env["CI"] || !(error instanceof SparkMissingError)) throw error;
    console.warn(`\n*** SKIPPED: nothing is compared with Spark. ${error.message} ***\n`);
    return undefined;
  } finally {
    lock.close();
  }
}
