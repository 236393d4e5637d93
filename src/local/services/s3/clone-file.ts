import { copyFile, link } from "node:fs/promises";

/** Versions never change, so a copy shares the source's bytes; an asset is copied, for it may change. */
export async function cloneFile(source: { file: string; immutable: boolean }, file: string): Promise<void> {
  if (source.immutable) {
    try {
      await link(source.file, file);
      return;
    } catch (error) {
      // File systems without hard links, or with no more of them for this file.
      if (!["EMLINK", "EPERM", "ENOTSUP", "EXDEV"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
  await copyFile(source.file, file);
}
