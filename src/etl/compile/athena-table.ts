import type { DatasetPlan } from "../../plan/plan.ts";
import { LINEAGE_COLUMNS } from "../../plan/plan.ts";

/** A dataset's table as the crawler declares it and Athena shows it. Types are spelled as the catalog spells them. */
export interface AthenaTable {
  readonly name: string;
  /** What stands in the files: the output columns that are no folders, then lineage. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Strings whatever they were: a crawler sees only the folders' names. */
  readonly partitions: readonly { readonly name: string; readonly type: "string" }[];
}

export function athenaTable(dataset: DatasetPlan): AthenaTable {
  const inFiles = dataset.output.filter(({ name }) => !dataset.partitionBy.includes(name));
  return {
    name: dataset.table,
    columns: [...inFiles, ...LINEAGE_COLUMNS.map((name) => ({ name, type: "string" }))],
    partitions: dataset.partitionBy.map((name) => ({ name, type: "string" })),
  };
}
