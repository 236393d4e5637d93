import type { Classifier } from "@aws-sdk/client-glue";
import type { Classification } from "./classification.ts";
import { classifyCsv } from "./csv-classifier.ts";
import { classifyJson } from "./json-classifier.ts";
import { classifyParquet } from "./parquet-classifier.ts";
import { readStart } from "./sample.ts";

/** A file of a format that this crawler cannot read, though AWS's can. */
export class UnsupportedFormat extends Error {
  constructor(format: string) {
    super(
      `is in the format ${format}, which the local runtime's crawler does not read (it reads Parquet, CSV and JSON)`,
    );
    this.name = "UnsupportedFormat";
  }
}

/**
 * Custom classifiers in their order, then the built-in ones in AWS's order; the first that is certain wins. Undefined:
 * nobody knows the file.
 */
export async function classifyFile(
  path: string,
  size: number,
  custom: readonly Classifier[],
): Promise<Classification | undefined> {
  const start = await readStart(path, size);
  if (start.kind === "parquet") return classifyParquet(path, size);
  if (start.kind === "unread") throw new UnsupportedFormat(start.format);
  for (const classifier of custom) {
    const found = classifier.CsvClassifier
      ? classifyCsv(start.sample, {
          custom: true,
          delimiter: classifier.CsvClassifier.Delimiter,
          quote: classifier.CsvClassifier.QuoteSymbol,
          header: classifier.CsvClassifier.ContainsHeader,
          names: classifier.CsvClassifier.Header?.length ? classifier.CsvClassifier.Header : undefined,
          allowSingleColumn: classifier.CsvClassifier.AllowSingleColumn,
          keepSpaces: classifier.CsvClassifier.DisableValueTrimming,
          serde: classifier.CsvClassifier.Serde,
        })
      : classifyJson(start.sample, { splitArray: classifier.JsonClassifier?.JsonPath === "$[*]" });
    if (found) return found;
  }
  return classifyJson(start.sample) ?? classifyCsv(start.sample);
}
