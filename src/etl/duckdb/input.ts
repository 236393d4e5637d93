import { access, link, mkdir, symlink } from "node:fs/promises";
import path from "node:path";
import type { FileReason } from "../../plan/reject-reasons.ts";

/** One object version to be loaded. */
export interface SourceFile {
  readonly key: string;
  readonly version: string;
  /** The file on this machine with its bytes, which is only read; or why there is none. */
  readonly content: { readonly path: string; readonly size: number } | FileProblem;
}

/** Why a file is not loaded at all. */
export interface FileProblem {
  readonly reason: FileReason;
  /** For a person; names the file. */
  readonly message: string;
}

/** DuckDB takes these in a path for a pattern. */
const PATTERN = /[*?[\]{}]/;

/** A path to the same bytes that DuckDB does not take for a pattern. */
export async function plainPath(original: string, directory: string, name: string): Promise<string> {
  if (!PATTERN.test(original)) return original;
  await mkdir(directory, { recursive: true });
  const plain = path.join(directory, name);
  if (await exists(plain)) return plain;
  try {
    await symlink(original, plain);
  } catch (error) {
    // Windows lets only privileged users make symbolic links.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
    await link(original, plain);
  }
  return plain;
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}
