import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inspectAssembly } from "../local/runtime.ts";
import type { Report } from "../local/template/findings.ts";

/** What the local runtime makes of an assembly, without running it. */
export async function reportOf(assemblyDirectory: string): Promise<readonly Report[]> {
  const stateDirectory = await mkdtemp(path.join(tmpdir(), "millrace-check-"));
  try {
    return await inspectAssembly(assemblyDirectory, stateDirectory);
  } finally {
    await rm(stateDirectory, { recursive: true, force: true });
  }
}
