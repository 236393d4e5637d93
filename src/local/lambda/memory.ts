import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

const PAGE_SIZE = 4096;

/**
 * Resident memory of a process in bytes, or undefined when it is gone. From /proc where there is one, else from `ps`
 * (macOS).
 */
export async function residentMemory(pid: number): Promise<number | undefined> {
  if (process.platform === "linux") {
    try {
      const [, resident] = (await readFile(`/proc/${pid}/statm`, "utf8")).split(" ");
      return Number(resident) * PAGE_SIZE;
    } catch {
      return undefined;
    }
  }
  return new Promise((resolve) => {
    execFile("ps", ["-o", "rss=", "-p", String(pid)], (error, stdout) => {
      const kibibytes = Number.parseInt(stdout, 10);
      resolve(error || Number.isNaN(kibibytes) ? undefined : kibibytes * 1024);
    });
  });
}

/** The most memory a process ever had, in bytes; undefined when it is gone, or where there is no /proc. */
export function peakMemory(pid: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}
