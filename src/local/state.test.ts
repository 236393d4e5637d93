import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openState, STATE_FORMAT, StateError } from "./state.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(path.join(tmpdir(), "millrace-state-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a second runtime on one state is refused, and told who has it", () => {
  const first = openState(directory, 4711);
  expect(() => openState(directory)).toThrow(StateError);
  expect(() => openState(directory)).toThrow(/Another runtime \(process 4711\)/);
  first.close();
  openState(directory).close();
});

test("a runtime that was killed leaves nothing behind that locks the next one out", async () => {
  const program = `
    import { openState } from ${JSON.stringify(path.join(import.meta.dirname, "state.ts"))};
    const state = openState(${JSON.stringify(directory)});
    state.database("things").exec("CREATE TABLE t (x) STRICT".replace("(x)", "(x INTEGER)"));
    state.database("things").exec("INSERT INTO t VALUES (42)");
    process.stdout.write("ready");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program]);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  expect(() => openState(directory)).toThrow(new RegExp(`process ${String(child.pid)}`));
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
  const state = openState(directory);
  expect(state.database("things").prepare("SELECT x FROM t").get()).toEqual({ x: 42 });
  state.close();
});

test("state of another version is refused with both versions", () => {
  openState(directory).close();
  const database = new DatabaseSync(path.join(directory, "runtime.db"));
  database.exec(`PRAGMA user_version = ${STATE_FORMAT + 1}`);
  database.close();
  expect(() => openState(directory)).toThrow(
    `has format ${STATE_FORMAT + 1}, this version reads format ${STATE_FORMAT}`,
  );
});

test("one handle per database, and directories are made when they are asked for", () => {
  const state = openState(directory);
  expect(state.database("a")).toBe(state.database("a"));
  expect(state.database("a").prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  expect(state.directory("x", "y")).toBe(path.join(directory, "x", "y"));
  state.close();
});
