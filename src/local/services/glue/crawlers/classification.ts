import type { HiveColumn } from "./hive-schema.ts";

/** What a classifier found in a file. */
export interface Classification {
  /** `csv`, `json`, `parquet`. */
  readonly classification: string;
  readonly columns: readonly HiveColumn[];
  /** Of the whole file: `none`, `gzip`, `zstd`… */
  readonly compression: string;
  readonly inputFormat: string;
  readonly outputFormat: string;
  readonly serde: string;
  readonly serdeParameters: Readonly<Record<string, string>>;
  /** Table parameters beside the usual ones: delimiter, header… */
  readonly parameters: Readonly<Record<string, string>>;
  /** Exactly, or estimated from the part that was read. */
  readonly records: number;
}

/** The start of a file, decompressed, for classifiers that read text. */
export interface Sample {
  readonly text: string;
  /** The text is the whole file. */
  readonly complete: boolean;
  readonly compression: string;
  /** Bytes of the file, as stored. */
  readonly size: number;
}

export const TEXT_FORMATS = {
  inputFormat: "org.apache.hadoop.mapred.TextInputFormat",
  outputFormat: "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
} as const;

/** How many records the whole file holds, if it goes on as it began. Compressed sizes are all that is known of those. */
export function estimateRecords(sample: Sample, records: number): number {
  if (sample.complete || sample.compression !== "none" || sample.text.length === 0) return records;
  return Math.max(records, Math.round((records * sample.size) / Buffer.byteLength(sample.text)));
}
