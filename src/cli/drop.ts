import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { Upload } from "@aws-sdk/lib-storage";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { datasetOf } from "../plan/route.ts";
import type { Plan } from "../plan/plan.ts";
import type { DroppedFile } from "./outcome.ts";
import type { Target } from "./target.ts";
import { UserError } from "./user-error.ts";

/** A local file and the key it goes to. */
export interface FileToDrop {
  readonly path: string;
  readonly key: string;
  readonly size: number;
}

/**
 * Finds the files that the arguments name (folders with all that is in them) and their keys: below the dataset given;
 * or of the only dataset; or of the one whose prefix the file's folder names. Others keep their relative path, which
 * no dataset takes, so that the pipeline says so.
 * @throws UserError when an argument names nothing, the dataset is unknown, or two files would have one key.
 */
export async function filesToDrop(plan: Plan, names: readonly string[], dataset?: string): Promise<FileToDrop[]> {
  const datasets = Object.values(plan.datasets);
  if (dataset !== undefined && !plan.datasets[dataset]) {
    throw new UserError(`There is no dataset ${dataset}.`, {
      hint: `Datasets are: ${datasets.map(({ name }) => name).join(", ")}.`,
    });
  }
  const found: FileToDrop[] = [];
  for (const name of names) {
    for (const file of await expand(name)) {
      found.push({
        ...file,
        key: keyOf(plan, file, dataset ?? (datasets.length === 1 ? datasets[0]?.name : undefined)),
      });
    }
  }
  checkKeys(found);
  return found;
}

/** Of two files with one key, the second would replace the rows of the first. */
function checkKeys(files: readonly FileToDrop[]): void {
  for (const [key, [first, second]] of Map.groupBy(files, (file) => file.key)) {
    if (first && second && first.path !== second.path) {
      throw new UserError(`${first.path} and ${second.path} would both be ${key}, and the second replace the first.`, {
        hint: "Drop them one after the other if that is what you want; else give one another name.",
      });
    }
  }
}

interface Found {
  readonly path: string;
  /** The argument's own name, and what is below it. */
  readonly relative: string;
  readonly size: number;
}

async function expand(name: string): Promise<Found[]> {
  const root = path.resolve(name);
  const stats = await stat(root).catch(() => {
    throw new UserError(`There is no file ${name}.`);
  });
  if (!stats.isDirectory()) return [{ path: root, relative: path.basename(root), size: stats.size }];
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  if (files.length === 0) throw new UserError(`There is no file in ${name}.`);
  return Promise.all(
    files.toSorted().map(async (file) => ({
      path: file,
      relative: path.join(path.basename(root), path.relative(root, file)),
      size: (await stat(file)).size,
    })),
  );
}

function keyOf(plan: Plan, file: Found, dataset: string | undefined): string {
  const relative = file.relative.split(path.sep).join("/");
  const base = path.basename(file.path);
  if (dataset !== undefined) return `${plan.datasets[dataset]?.prefix ?? ""}${base}`;
  // The nearest folder that begins a key of a dataset: data/flights/x.csv and ./flights/x.csv are flights/x.csv.
  const folders = path.dirname(file.path).split(path.sep);
  for (let depth = folders.length - 1; depth >= 0; depth--) {
    const key = [...folders.slice(depth), base].join("/");
    const match = datasetOf(plan, key);
    if (match !== undefined && plan.datasets[match]?.prefix !== "") return key;
  }
  return relative;
}

const AT_ONCE = 8;
const ONE_REQUEST = 16 * 1024 * 1024;

/** Puts the files into SourceBucket, several at once; `progress` is told after each. */
export async function dropFiles(
  target: Target,
  plan: Plan,
  files: readonly FileToDrop[],
  progress: (done: number) => void = () => {},
): Promise<DroppedFile[]> {
  const dropped: DroppedFile[] = [];
  let done = 0;
  const queue = files.entries();
  const worker = async () => {
    for (const [index, file] of queue) {
      const version = await put(target, file);
      dropped[index] = { key: file.key, version, dataset: datasetOf(plan, file.key) ?? null };
      progress(++done);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return dropped;
}

async function put({ s3, stack }: Target, file: FileToDrop): Promise<string> {
  const object = { Bucket: stack.sourceBucket, Key: file.key, Body: createReadStream(file.path) };
  const { VersionId } =
    file.size <= ONE_REQUEST
      ? await s3.send(new PutObjectCommand({ ...object, ContentLength: file.size }))
      : await new Upload({ client: s3, params: object }).done();
  if (VersionId === undefined) throw new UserError(`The bucket ${stack.sourceBucket} is not versioned.`);
  return VersionId;
}
