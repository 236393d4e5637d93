import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, "..", "..");

let directory: string;
/** The environment of a user: `node` is the version that the package asks for, and nothing of this repository is set. */
const env = {
  ...process.env,
  PATH: `${path.dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
  NODE_OPTIONS: "",
};

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "millrace-package-"));
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", directory], { cwd: ROOT, env });
  const tarball = stdout.trim().split("\n").at(-1) ?? "";
  const project = path.join(directory, "project");
  await mkdir(path.join(project, "orders"), { recursive: true });
  await writeFile(path.join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  const install = ["install", "--no-audit", "--no-fund", "--prefer-offline", path.join(directory, tarball)];
  await run("npm", install, { cwd: project, env });
  await writeFile(
    path.join(project, "millrace.config.ts"),
    `import { definePipeline } from "millrace";
export default definePipeline({ name: "user", datasets: { orders: { columns: { id: "int", amount: "decimal(10,2)" } } } });
`,
  );
  await writeFile(path.join(project, "orders", "one.csv"), "id,amount\n1,10.50\n2,0.25\n");
}, 400_000);
afterAll(() => rm(directory, { recursive: true, force: true }));

test("a packed tarball, installed elsewhere, loads a file and answers a query", async () => {
  const query = "select count(*) as orders, sum(amount) as total from orders";
  const { stdout } = await run("npx", ["millrace", "run", "orders/one.csv", "--query", query, "--json"], {
    cwd: path.join(directory, "project"),
    env,
  });
  const result = JSON.parse(stdout) as { files: object[]; query: { rows: unknown[][] } };
  expect(result.files).toMatchObject([{ key: "orders/one.csv", state: "committed", rowsOut: 2 }]);
  expect(result.query.rows).toEqual([[2, "10.75"]]);
}, 120_000);
