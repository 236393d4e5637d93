import type { Bus } from "../../bus.ts";
import type { Principal } from "../../service.ts";
import { parseLocation } from "./location.ts";

/** An object that a query reads, and where its bytes are. */
export interface DataFile {
  /** `s3://bucket/key` */
  readonly uri: string;
  readonly path: string;
  readonly size: number;
  readonly lastModified: Date;
}

/** How many objects are asked for at once. */
const CONCURRENCY = 32;

/**
 * The objects under a location that hold rows: at any depth, but none of a name or folder that begins with `_` or `.`,
 * and none without bytes.
 */
export async function listFiles(bus: Bus, principal: Principal, location: string): Promise<DataFile[]> {
  const { bucket, prefix } = parseLocation(location);
  const keys: string[] = [];
  for (let token: string | undefined; ;) {
    const page = await bus.call(
      "s3:ListObjectsV2",
      { Bucket: bucket, Prefix: prefix, ContinuationToken: token },
      principal,
    );
    for (const { Key: key = "", Size: size = 0 } of page.Contents ?? []) {
      if (size > 0 && !isHidden(key.slice(prefix.length))) keys.push(key);
    }
    token = page.NextContinuationToken;
    if (!token) break;
  }
  return mapConcurrently(keys, async (key) => {
    const { path, size, lastModified } = await bus.objectFile({ bucket, key }, principal);
    return { uri: `s3://${bucket}/${key}`, path, size, lastModified };
  });
}

function isHidden(path: string): boolean {
  return path.split("/").some((name) => name.startsWith("_") || name.startsWith("."));
}

/** `work` for each item, some at a time; results in the items' order. */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = Array.from({ length: items.length });
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as Item);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, items.length) }, worker));
  return results;
}
