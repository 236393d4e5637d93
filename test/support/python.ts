import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");
const requirements = path.join(root, "test/support/requirements.txt");

export interface PythonTools {
  /** Paths of programs. */
  readonly python: string;
  readonly aws: string;
  readonly cfnLint: string;
}

/**
 * A Python environment with boto3, the AWS CLI and cfn-lint in `.cache/python`, made on first use.
 * Undefined, with a loud message, where there is no python3; with CI set that is a failure instead.
 */
export async function python(): Promise<PythonTools | undefined> {
  try {
    await run("python3", ["--version"]);
  } catch (error) {
    if (process.env["CI"]) throw new Error("python3 is needed for boto3, the AWS CLI and cfn-lint", { cause: error });
    console.warn("\n*** SKIPPED: no python3 here, so boto3, the AWS CLI and cfn-lint witness nothing. ***\n");
    return undefined;
  }
  const directory = path.join(root, ".cache/python");
  mkdirSync(path.dirname(directory), { recursive: true });
  // Test files run in several processes: one of them sets up, the others wait for the lock.
  const lock = new DatabaseSync(path.join(root, ".cache/python.lock.db"), { timeout: 300_000 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    await setUp(directory);
  } finally {
    lock.close();
  }
  const program = (name: string) => path.join(directory, "bin", name);
  return { python: program("python"), aws: program("aws"), cfnLint: program("cfn-lint") };
}

async function setUp(directory: string): Promise<void> {
  const wanted = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  const stamp = path.join(directory, "requirements.sha256");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  rmSync(directory, { recursive: true, force: true });
  await run("python3", ["-m", "venv", directory]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
  await run(path.join(directory, "bin/python"), pip);
  writeFileSync(stamp, wanted);
}
