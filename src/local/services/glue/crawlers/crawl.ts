import type { Classifier, Crawler, S3Target } from "@aws-sdk/client-glue";
import type { Bus } from "../../../bus.ts";
import { AwsError } from "../../../service.ts";
import type { Principal } from "../../../service.ts";
import { CatalogWriter } from "./catalog-writer.ts";
import type { CrawlSummary } from "./catalog-writer.ts";
import { classifyFile, UnsupportedFormat } from "./classify.ts";
import type { CrawlerConfiguration } from "./configuration.ts";
import { groupTables } from "./folders.ts";
import type { CrawledFile, Folder } from "./folders.ts";
import { globPattern } from "./globs.ts";
import type { KnownFiles } from "./known-files.ts";
import { describeTable } from "./table-input.ts";
import type { CrawledTable } from "./table-input.ts";

export interface CrawlRequest {
  readonly bus: Bus;
  readonly principal: Principal;
  readonly crawler: Crawler;
  readonly configuration: CrawlerConfiguration;
  readonly classifiers: readonly Classifier[];
  readonly known: KnownFiles;
  readonly crawlId: string;
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly log: (message: string) => void;
  /** Folders that earlier crawls have seen, for CRAWL_NEW_FOLDERS_ONLY; undefined: all are crawled. */
  readonly seen: ReadonlySet<string> | undefined;
}

/** A crawl that ends in FAILED. */
export class CrawlFailure extends Error {}

const CONCURRENCY = 16;

/** Crawls every target of a crawler once. Writes to the catalog only after everything has been classified. */
export async function crawl(
  request: CrawlRequest,
  written: () => void,
): Promise<{ summary: CrawlSummary; folders: string[] }> {
  const { crawler, log } = request;
  const found: CrawledTable[] = [];
  const folders: string[] = [];
  for (const target of crawler.Targets?.S3Targets ?? []) {
    const crawled = await crawlTarget(target, request);
    found.push(...crawled.tables);
    folders.push(...crawled.folders);
  }
  const threshold = request.configuration.tableThreshold;
  if (threshold !== undefined && found.length > threshold) {
    throw new CrawlFailure(
      `The number of tables detected by crawler: ${found.length} is greater than the table threshold value provided: ${threshold}.`,
    );
  }
  log(`BENCHMARK : Classification complete, writing results to database ${crawler.DatabaseName}`);
  written();
  const writer = new CatalogWriter(request);
  await writer.write(found);
  return { summary: writer.summary, folders };
}

async function crawlTarget(
  target: S3Target,
  request: CrawlRequest,
): Promise<{ tables: CrawledTable[]; folders: string[] }> {
  const { crawler, configuration, crawlId } = request;
  const match = /^s3:\/\/(?<bucket>[^/]+)\/?(?<path>.*)$/u.exec(target.Path ?? "");
  const { bucket = "", path = "" } = match?.groups ?? {};
  const prefix = path === "" || path.endsWith("/") ? path : `${path}/`;
  const exclusions = target.Exclusions ?? [];
  const listed = await listObjects(bucket, prefix, exclusions, request);
  const byFolder = Map.groupBy(listed, ({ key }) => key.slice(prefix.length, key.lastIndexOf("/") + 1));
  const fresh = [...byFolder].filter(([folder]) => !request.seen?.has(`s3://${bucket}/${prefix}${folder}`));

  const folders = await Promise.all(
    fresh.map(async ([folder, objects]): Promise<Folder> => {
      const sampled = target.SampleSize === undefined ? objects : objects.slice(0, target.SampleSize);
      const files = await classifyAll(bucket, sampled, request);
      return { path: folder.split("/").filter((name) => name !== ""), files };
    }),
  );
  const tableDepth =
    configuration.tableLevel === undefined
      ? undefined
      : Math.max(0, configuration.tableLevel - 1 - prefix.split("/").filter(Boolean).length);
  const withFiles = folders.filter((folder) => folder.files.length > 0);
  const tables = groupTables(withFiles, { combine: configuration.combine, tableDepth });
  const context = {
    bucket,
    prefix,
    tablePrefix: crawler.TablePrefix ?? "",
    crawlerName: crawler.Name ?? "",
    crawlId,
    exclusions,
  };
  return {
    tables: tables.map((table) => describeTable(table, context)),
    folders: [...byFolder.keys()].map((folder) => `s3://${bucket}/${prefix}${folder}`),
  };
}

interface Listed {
  readonly key: string;
  readonly size: number;
  readonly eTag: string;
}

async function listObjects(
  bucket: string,
  prefix: string,
  exclusions: readonly string[],
  request: CrawlRequest,
): Promise<Listed[]> {
  const patterns = exclusions.map(globPattern);
  const objects: Listed[] = [];
  for (let token: string | undefined; ;) {
    request.signal.throwIfAborted();
    const page = await request.bus.call(
      "s3:ListObjectsV2",
      { Bucket: bucket, Prefix: prefix, ContinuationToken: token },
      request.principal,
    );
    for (const { Key: key = "", Size: size = 0, ETag: eTag = "" } of page.Contents ?? []) {
      if (size > 0 && !patterns.some((pattern) => pattern.test(key.slice(prefix.length))))
        objects.push({ key, size, eTag });
    }
    token = page.NextContinuationToken;
    if (!token) return objects;
  }
}

async function classifyAll(bucket: string, objects: readonly Listed[], request: CrawlRequest): Promise<CrawledFile[]> {
  const files: CrawledFile[] = [];
  for (let at = 0; at < objects.length; at += CONCURRENCY) {
    request.signal.throwIfAborted();
    const batch = await Promise.all(
      objects.slice(at, at + CONCURRENCY).map((object) => classify(bucket, object, request)),
    );
    files.push(...batch.filter((file) => file !== undefined));
  }
  return files;
}

async function classify(
  bucket: string,
  { key, size, eTag }: Listed,
  request: CrawlRequest,
): Promise<CrawledFile | undefined> {
  const uri = `s3://${bucket}/${key}`;
  const classification = await request.known.find([uri, eTag], request.classifiers, async () => {
    const { path } = await request.bus.objectFile({ bucket, key }, request.principal);
    try {
      return await classifyFile(path, size, request.classifiers);
    } catch (error) {
      if (error instanceof UnsupportedFormat) throw new CrawlFailure(`${uri} ${error.message}`);
      request.log(`WARN : ${uri} cannot be read: ${String(error)}`);
      return undefined;
    }
  });
  if (classification) return { key, size, classification };
  request.log(`WARN : ${uri} is of an unknown format (UNKNOWN): no classifier recognized it, so it makes no table`);
  return undefined;
}

/** The message of whatever ended a crawl. */
export function failureMessage(error: unknown): string {
  if (error instanceof CrawlFailure) return error.message;
  if (error instanceof AwsError) return `${error.message} (Error Code: ${error.code})`;
  return `Internal Service Exception: ${String(error)}`;
}
