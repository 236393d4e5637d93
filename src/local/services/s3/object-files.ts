import { mkdirSync, readdirSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import type { StateDirectory } from "../../service.ts";
import type { Store } from "./store.ts";

const MAX_DIRECTORIES = 12;
const MAX_NAME_BYTES = 120;
const KNOWN_DIRECTORIES = 10_000;

/**
 * Where objects' bytes are. A version has a file of its own, made complete elsewhere and moved to its place when the
 * version is in the store; from then on it does not change. So a path can be handed to another process to read.
 *
 * The path resembles the key, for people who look; the store knows which file is whose. It holds no character that is
 * a glob, a quote or hidden to some engine, whatever the key is.
 */
export class ObjectFiles {
  readonly #objects: string;
  readonly #temporary: string;
  readonly #parts: string;
  /** Directories that exist, so that a thousand objects in one of them cost one mkdir. */
  readonly #made = new Set<string>();

  constructor(state: StateDirectory) {
    this.#objects = state.directory("s3", "objects");
    this.#temporary = state.directory("s3", "incoming");
    this.#parts = state.directory("s3", "parts");
  }

  /** The absolute path of a version's file. */
  absolute(path: string): string {
    return join(this.#objects, path);
  }

  /** Where the file with this number is written until its version is committed. */
  temporary(id: number): string {
    return join(this.#temporary, String(id));
  }

  /** Where an uploaded part is, from its first byte on. */
  part(file: number): string {
    return join(this.#parts, String(file));
  }

  /** Makes sure that `place` cannot fail for want of a directory. */
  prepare(path: string): void {
    const directory = dirname(this.absolute(path));
    if (this.#made.has(directory)) return;
    mkdirSync(directory, { recursive: true });
    if (this.#made.size >= KNOWN_DIRECTORIES) this.#made.clear();
    this.#made.add(directory);
  }

  /** Moves a finished file to its version's place. The version is committed already: a crash here is made good at start. */
  place(id: number, path: string): void {
    renameSync(this.temporary(id), this.absolute(path));
  }

  remove(path: string): void {
    removeFile(this.absolute(path));
  }

  removeBucket(bucket: string): void {
    rmSync(join(this.#objects, bucket), { recursive: true, force: true });
    this.#made.clear();
  }

  /**
   * Puts right what a crash left: moves the files of committed versions to their places, and removes those of requests
   * that never committed and of versions that were deleted.
   */
  recover(store: Store): void {
    for (const name of readdirSync(this.#temporary)) {
      const version = store.versions.byId(Number(name));
      if (version) {
        this.prepare(version.path);
        this.place(version.id, version.path);
      } else {
        rmSync(join(this.#temporary, name), { force: true });
      }
    }
    for (const name of readdirSync(this.#parts)) {
      if (!store.uploads.hasFile(Number(name))) rmSync(join(this.#parts, name), { force: true });
    }
    for (const path of store.garbage()) {
      this.remove(path);
      store.removeGarbage(path);
    }
  }
}

/** Removes a file that may be gone already. */
export function removeFile(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/**
 * `flights/year=2001/part 0.csv.gz` -> `<bucket>/flights/year=2001/000000000042-part_0.csv.gz`.
 * The number makes it unique, so everything else may be shortened and replaced: names that the file system holds to be
 * the same, `a` beside `a/b`, keys of a thousand characters. A name keeps its end, for readers that go by extension.
 */
export function pathOf(bucket: string, key: string, id: number): string {
  const segments = key.toWellFormed().split("/");
  const name = segments.pop() ?? "";
  const directories = segments.slice(0, MAX_DIRECTORIES).map((segment) => {
    const plain = firstBytes(plainName(segment));
    // Never the name of a file: those begin with their number. Never hidden or special: `.`, `..`, `_x`.
    return plain === "" || /^(\d{12}-|[._])/.test(plain) ? `+${plain}` : plain;
  });
  const file = `${String(id).padStart(12, "0")}-${lastBytes(plainName(name))}`;
  return [bucket, ...directories, file].join("/");
}

function plainName(segment: string): string {
  return segment.replaceAll(/[^\p{L}\p{N}=+@,._-]/gu, "_");
}

/** As many whole characters from the start as fit into a name. */
function firstBytes(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_NAME_BYTES) return text;
  let end = MAX_NAME_BYTES;
  while (isContinuation(bytes[end])) end--;
  return bytes.toString("utf8", 0, end);
}

/** As many whole characters from the end as fit into a name. */
function lastBytes(text: string): string {
  const bytes = Buffer.from(text);
  let start = Math.max(0, bytes.length - MAX_NAME_BYTES);
  while (isContinuation(bytes[start])) start++;
  return bytes.toString("utf8", start);
}

/** Is this byte of UTF-8 inside a character? */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
