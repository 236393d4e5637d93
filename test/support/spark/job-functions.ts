import { execFileSync } from "node:child_process";
import path from "node:path";

const DRIVER = path.join(import.meta.dirname, "job_functions.py");

/**
 * Calls functions of the Glue script with plain Python: no Spark is needed for them. Undefined, with a loud message,
 * where there is no python3; with CI set that is a failure instead.
 */
export function jobFunctions(): ((calls: readonly [string, readonly unknown[]][]) => unknown[]) | undefined {
  try {
    execFileSync("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"], { stdio: "ignore" });
  } catch (error) {
    if (process.env["CI"])
      throw new Error("python3, at least 3.11, is needed to test the Glue script", { cause: error });
    console.warn(
      "\n*** SKIPPED: no python3 of at least 3.11 here, so the Glue script's functions are not tested. ***\n",
    );
    return undefined;
  }
  return (calls) => {
    const input = JSON.stringify(calls);
    const output = execFileSync("python3", [DRIVER], { input, encoding: "utf8", maxBuffer: 256 * 1024 * 1024 });
    return JSON.parse(output) as unknown[];
  };
}
