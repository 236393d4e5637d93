import type { DataType } from "../plan/data-type.ts";

/** A definition that has been checked: every default filled in, every quantity a number, every type read. */
export interface Definition {
  readonly name: string;
  readonly alerts: { readonly from: string; readonly to: readonly string[] } | undefined;
  readonly batchingWindowSeconds: number;
  readonly workers: number;
  readonly logRetentionDays: number;
  readonly keepOldVersionsDays: number;
  readonly datasets: readonly DatasetDefinition[];
}

export interface DatasetDefinition {
  readonly name: string;
  /** Ends with `/`, or is empty for the whole bucket. */
  readonly prefix: string;
  readonly source: SourceDefinition;
  readonly columns: readonly ColumnDefinition[];
  readonly rules: readonly { readonly name: string; readonly condition: string }[];
  readonly transform: string;
  readonly partitionBy: readonly string[];
  readonly rejectLimit: number;
  readonly quietRejects: number;
  readonly maxFiles: number;
  readonly maxBytes: number;
}

export interface ColumnDefinition {
  /** As the user wrote it; the catalog's name is its lower case. */
  readonly name: string;
  readonly from: readonly string[];
  readonly type: DataType;
  readonly nullable: boolean;
  readonly format: string | undefined;
}

export type SourceDefinition =
  | {
      readonly format: "csv";
      readonly header: boolean;
      readonly delimiter: string;
      readonly quote: string;
      readonly encoding: "utf-8" | "latin-1";
      readonly nullText: readonly string[];
      readonly unknownColumns: "reject" | "ignore";
      readonly missingColumns: "reject" | "null";
    }
  | {
      readonly format: "json";
      readonly layout: "lines" | "array" | "document";
      readonly recordsPath: readonly string[];
    }
  | { readonly format: "parquet" };
