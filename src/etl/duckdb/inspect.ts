import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import type { DatasetPlan } from "../../plan/plan.ts";
import { type Compression, type Encoding, compressionOf, foreignMark, openText, readHead } from "../text/bytes.ts";
import type { Database } from "./database.ts";
import { mayLoseSpace } from "./csv-doubts.ts";
import { type Layout, readLayout } from "./csv-input.ts";
import { type ParquetColumn, readParquetColumns } from "./parquet-input.ts";
import { type FileProblem, type SourceFile, plainPath } from "./input.ts";

/** A file that can be scanned, or cleaned and then scanned. */
export interface Readable {
  /** Its place among the run's files. */
  readonly file: number;
  readonly key: string;
  /** The object's own bytes, or a decompressed and converted copy of them. */
  readonly text: string;
  /** What DuckDB is to scan: the same, or a cleaned copy. */
  readonly path: string;
  /** CSV only; empty for the other formats. */
  readonly layout: Layout;
  /** Parquet only. */
  readonly columns: readonly ParquetColumn[];
  /** Only the tokenizer reads this file as specified. */
  readonly mustClean: boolean;
}

const HEAD = 4096;

/**
 * Looks at a file before it is scanned: is there anything in it, does it decompress to its end, is its encoding the
 * declared one, does its header fit? A file that is not plain UTF-8 is copied into `directory` as that.
 */
export async function inspect(
  database: Database,
  plan: DatasetPlan,
  source: SourceFile,
  file: number,
  directory: string,
): Promise<Readable | FileProblem> {
  const { key, content } = source;
  if ("reason" in content) return content;
  if (content.size === 0) return { reason: "empty", message: `${key}: it has no bytes` };
  const own = await plainPath(content.path, directory, `${file}.link`);
  if (plan.source.format === "parquet") {
    const columns = await readParquetColumns(database, plan, key, own);
    if ("reason" in columns) return columns;
    return { file, key, text: own, path: own, layout: [], columns, mustClean: false };
  }
  const compression = compressionOf(key);
  const encoding = plan.source.format === "csv" ? plan.source.encoding : "utf-8";
  let plain = own;
  if (compression !== "none" || encoding !== "utf-8") {
    const copy = path.join(directory, `${file}.text`);
    const problem = await convert(key, content.path, compression, encoding, copy);
    if (problem) return problem;
    plain = copy;
  }
  const head = readHead(plain, HEAD);
  const problem = openingProblem(key, head, compression);
  if (problem) return problem;

  const marked = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
  if (plan.source.format === "json") {
    return {
      file,
      key,
      text: plain,
      path: plain,
      layout: [],
      columns: [],
      mustClean: marked || plan.source.layout !== "lines",
    };
  }
  const layout = await readLayout(plan, plan.source, key, plain);
  if ("reason" in layout) return layout;
  const mustClean =
    // DuckDB takes an empty first line for the header, and keeps the mark when there is none.
    startsBlank(head, marked) ||
    (marked && !plan.source.header) ||
    // With one column DuckDB cannot tell a record of an empty field from an empty line.
    layout.length === 1 ||
    (head.includes(CR) && mayLoseSpace(plain));
  return { file, key, text: plain, path: plain, layout, columns: [], mustClean };
}

const CR = 0x0d;
const LF = 0x0a;

function startsBlank(head: Buffer, marked: boolean): boolean {
  const first = head[marked ? 3 : 0];
  return first === LF || first === CR;
}

async function convert(
  key: string,
  original: string,
  compression: Compression,
  encoding: Encoding,
  target: string,
): Promise<FileProblem | undefined> {
  try {
    await pipeline(openText(original, compression, encoding), createWriteStream(target));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // The codes of node:zlib: Z_DATA_ERROR, Z_BUF_ERROR, ZSTD_error_….
    if (compression === "none" || !/^Z(STD)?_/.test(code ?? "")) throw error;
    return { reason: "compression", message: `${key}: it does not decompress as ${compression}: ${message}` };
  }
  if ((await stat(target)).size > 0) return undefined;
  return { reason: "empty", message: `${key}: there is nothing in it once it is decompressed` };
}

function openingProblem(key: string, head: Buffer, compression: Compression): FileProblem | undefined {
  const foreign = foreignMark(head);
  if (foreign) return { reason: "encoding", message: `${key}: it is ${foreign}; only UTF-8 and latin-1 can be read` };
  const found = compressedAs(head);
  if (!found) return undefined;
  const again = compression === "none" ? `it is compressed as ${found.name}` : `it is compressed twice`;
  return {
    reason: "unreadable",
    message: `${key}: ${again}; such a file is named ${found.ending}, once for each time`,
  };
}

function compressedAs(head: Buffer): { name: string; ending: string } | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return { name: "gzip", ending: ".gz" };
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2fb528) return { name: "zstd", ending: ".zst" };
  return undefined;
}
