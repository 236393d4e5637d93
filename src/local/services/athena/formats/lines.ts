import { QueryFailure } from "../errors.ts";
import type { DataFile } from "../files.ts";
import { fileList } from "./format.ts";
import type { ReadRequest } from "./format.ts";

/** A delimiter that no text has, so that a line is one column. */
const NO_DELIMITER = String.raw`E'\x1f\x1e\x1d'`;

/** Compression goes by the file's name, as Hadoop chooses a codec. */
const COMPRESSION: Readonly<Record<string, string>> = { gz: "gzip", gzip: "gzip", zst: "zstd" };
const UNREADABLE = /\.(?:bz2|snappy|lz4|lzo|deflate|xz|zip)$/iu;

/**
 * SELECTs of the lines of text files: `line` (never NULL) and `file`. The first `skip.header.line.count` lines of each
 * file are left out.
 */
export function lines(request: ReadRequest): string[] {
  const skip = Number(
    request.tableParameters["skip.header.line.count"] ?? request.serdeParameters["skip.header.line.count"] ?? 0,
  );
  return [...Map.groupBy(request.files, compressionOf)].map(([compression, files]) => {
    const options = [
      "columns = {'line': 'VARCHAR'}",
      `delim = ${NO_DELIMITER}`,
      "quote = ''",
      "escape = ''",
      "header = false",
      "auto_detect = false",
      "strict_mode = false",
      "filename = true",
      "hive_partitioning = false",
      `compression = '${compression}'`,
      `skip = ${skip}`,
    ];
    return `SELECT coalesce(line, '') AS line, filename AS file FROM read_csv(${fileList(files)}, ${options.join(", ")})`;
  });
}

function compressionOf(file: DataFile): string {
  const unreadable = UNREADABLE.exec(file.uri);
  if (unreadable) {
    throw new QueryFailure(
      `NOT_SUPPORTED: ${file.uri} is compressed (${unreadable[0]}) in a way that the local runtime does not read; gzip (.gz) and zstd (.zst) work`,
      1200,
    );
  }
  const extension = /\.(\w+)$/u.exec(file.uri)?.[1]?.toLowerCase() ?? "";
  return COMPRESSION[extension] ?? "none";
}
